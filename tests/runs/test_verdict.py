import math

import pytest

from gprior_jax.runs.verdict import verdict


def told(*figures, criteria=("psnr", "ssim", "loss"), **more):
    rows = [{"method": name} | figure for name, figure in zip("abcdefgh", figures, strict=False)]
    return verdict(rows, "method", criteria, **more)


def test_the_best_and_why():
    assert told({"psnr": 20.0, "loss": 0.3}, {"psnr": 22.25, "loss": 0.1}, {"psnr": 21.0, "loss": 0.2}) == (
        "b is best: its psnr of 22.25 is the highest, 1.25 ahead of c (21). So it is by loss."
    )
    assert told({"loss": 0.3}, {"loss": 0.1}) == "b is best: its loss of 0.1 is the lowest, 0.2 ahead of a (0.3)."


def test_other_criteria_that_disagree_are_told():
    assert told({"psnr": 20.0, "ssim": 0.9, "loss": 0.3}, {"psnr": 22.0, "ssim": 0.8, "loss": 0.1}) == (
        "b is best: its psnr of 22 is the highest, 2 ahead of a (20). So it is by loss. "
        "Best by ssim: a (0.9; 0.8 for b)."
    )


def test_ties():
    both = ({"psnr": 22.0, "ssim": 0.5}, {"psnr": 22.0, "ssim": 0.6}, {"psnr": 20.0, "ssim": 0.4})
    assert told(*both, criteria=["psnr"]) == (
        "a and b are best together: their psnr of 22 is the highest, 2 ahead of c (20)."
    )
    # Where the first criterion does not tell any apart, the next one does.
    assert told({"psnr": 22.0, "loss": 0.2}, {"psnr": 22.0, "loss": 0.1}) == (
        "All are equal in psnr. b is best: its loss of 0.1 is the lowest, 0.1 ahead of a (0.2)."
    )
    assert told({"psnr": 22.0}, {"psnr": 22.0}) == "None is best: all are equal in psnr."
    many = [{"psnr": 22.0}] * 5 + [{"psnr": 1.0}]
    assert told(*many).startswith("5 of 6 are best together")


def test_numbers_that_are_none():
    assert told({"psnr": math.nan}, {"psnr": 20.0}, {"psnr": 19.0}).startswith("b is best: its psnr of 20")
    assert told({"psnr": math.inf}, {"psnr": 20.0}) == (
        "a is best: its psnr of \N{INFINITY} is the highest; next is b (20)."
    )
    assert told({"psnr": None}, {"psnr": 20.0}) == "None is best: only one has numbers to compare."
    assert told({"psnr": math.nan}, {"psnr": None}) == "None is best: there are no numbers to compare."
    assert told({"status": "x"}, {"status": "y"}) == "None is best: there are no numbers to compare."
    assert told({"loss": math.inf}, {"loss": 0.2}, {"loss": math.inf}).startswith(
        "b is best: its loss of 0.2 is the lowest; next"
    )


@pytest.mark.parametrize("figures", [(), ({"psnr": 20.0},)])
def test_one_alone_is_compared_with_nothing(figures):
    assert told(*figures) == ""


def test_columns_of_other_names_say_which_way_is_better():
    assert told({"gain": 1.0}, {"gain": 2.0}, criteria=["gain"]) == "None is best: there are no numbers to compare."
    assert told({"gain": 1.0}, {"gain": 2.0}, criteria=["gain"], higher={"gain": True}).startswith("b is best")

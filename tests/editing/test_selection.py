"""Which codes a boundary is trained on."""

import numpy as np
import pytest

from gprior_jax.editing.selection import select
from gprior_jax.errors import ArgumentError


def chosen(scores, number, split=0.7, seed=0):
    return select(np.asarray(scores, np.float64), number, split, np.random.default_rng(seed))


def ends(found):
    """Rows of the higher and of the lower end, trained on or kept out."""
    half = len(found.validation) // 2
    return {*found.positive, *found.validation[:half]}, {*found.negative, *found.validation[half:]}


@pytest.mark.parametrize("number", [10, 0.1])
def test_the_most_confident_of_each_end_are_chosen_and_split(number):
    scores = np.random.default_rng(3).normal(size=100)
    found = chosen(scores, number)
    order = np.argsort(scores)
    assert ends(found) == ({*order[-10:]}, {*order[:10]})
    assert len(found.positive) == len(found.negative) == 7
    assert {*found.rest} == {*order[10:-10]}
    assert found.threshold == pytest.approx((scores[order[:10]].mean() + scores[order[-10:]].mean()) / 2)
    np.testing.assert_array_equal(found.labels[found.rest], scores[found.rest] >= found.threshold)


@pytest.mark.parametrize(("count", "wanted"), [(100, 33), (6000, 1000), (100_000, 2000)])
def test_the_default_number(count, wanted):
    found = chosen(np.random.default_rng(0).normal(size=count), None)
    assert len(found.positive) + len(found.validation) // 2 == wanted


@pytest.mark.parametrize("rare", [0, 1])
def test_no_class_is_at_both_ends(rare):
    scores = np.full(50, 1.0 - rare)
    scores[[3, 17, 30, 41]] = rare
    found = chosen(scores, None)
    high, low = ends(found)
    assert {scores[i] for i in high} == {1.0}
    assert {scores[i] for i in low} == {0.0}
    assert len(high) == len(low) == 4


def test_half_of_each_class_is_all_of_them():
    high, low = ends(chosen(np.repeat([0, 1], 20), None))
    assert high == {*range(20, 40)}
    assert low == {*range(20)}


def test_equal_scores_are_chosen_by_chance_and_the_seed():
    scores = np.repeat([0, 1], 500)
    first, same, other = (ends(chosen(scores, 20, seed=seed)) for seed in (1, 1, 2))
    assert first == same != other
    assert max(first[0]) > 900  # Not the first of the file.


@pytest.mark.parametrize(
    ("scores", "number", "sentence"),
    [
        ([2, 2, 2], None, "all 3 scores are 2: a boundary needs two classes"),
        ([0, 0, 0, 1], None, "1 of 4 codes at each end are too few"),
        ([1, 2, 3, 4], 1, "1 of 4 codes at each end are too few"),
        ([1, 2, 3, 4], 0.1, "0 of 4 codes at each end are too few"),
        ([1, 2, 3, 4], 0.7, "chosen=0.7: use a part of all codes up to 0.5"),
        ([1, 2, 3, 4], -1, "chosen=-1"),
        ([1, 2, 3, 4], float("nan"), "chosen=nan"),
    ],
)
def test_refusals(scores, number, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        chosen(scores, number)

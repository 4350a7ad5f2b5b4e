import math

import pytest

from gprior_jax.runs.tables import MISSING, best_rows, more_is_better, table
from runs.pages import parsed


def cells_of(root, row=0):
    return [cell.whole_text for cell in root.one("tbody").all("tr")[row].all("td")]


def test_table_shows_four_digits_and_what_is_missing():
    assert table([]) == ""
    root = parsed(table([{"a <b>": 0.12345678, "c": "x"}, {"a <b>": math.inf, "d": 3}, {"a <b>": math.nan}]))
    assert [head.text for head in root.all("th")] == ["a <b>", "c", "d"]
    assert cells_of(root) == ["0.1235", "x", MISSING]
    assert cells_of(root, 1) == ["\N{INFINITY}", MISSING, "3"]
    assert cells_of(root, 2) == ["nan", MISSING, MISSING]
    assert [head.attributes["class"] for head in root.all("th")] == ["number", "text", "number"]
    assert [cell.attributes.get("data-value") for cell in root.all("td")[:6:3]] == ["0.12345678", "Infinity"]


def test_only_tables_of_several_rows_are_sorted():
    assert parsed(table([{"a": 1}, {"a": 2}])).one("table").attributes == {"class": "sortable"}
    assert parsed(table([{"a": 1}])).one("table").attributes == {}


def test_means_are_in_the_foot_and_names_lead_to_their_images():
    root = parsed(table([{"image": "a"}, {"image": "b"}], {"image": "mean"}, {"a": "image-a"}))
    assert root.one("tfoot").whole_text == "mean"
    assert [(a.text, a.attributes["href"]) for a in root.all("a")] == [("a", "#image-a")]


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("psnr", [20.0, 21.0, 19.0], [1]),
        ("PSNR (dB)", [20.0, 21.0, 19.0], [1]),
        ("ssim", [0.5, math.nan, 0.4], [0]),
        ("consistency", [math.inf, 50.0, None], [0]),
        ("loss", [0.3, 0.1, 0.2], [1]),
        ("lpips", [math.inf, math.nan, 0.2], [2]),
        ("seconds, with compilation", [3, 2, None], [1]),
        ("psnr", [20.0, 20.0, 19.0], [0, 1]),
        ("psnr", [20.00001, 20.00002, 19.0], [0, 1]),  # They read the same.
        ("psnr", [20.0, 20.0, 20.0], []),
        ("psnr", [20.0, None, None], []),
        ("psnr", [math.nan, math.nan, math.nan], []),
        ("psnr", [-3.0, -2.0, -4.0], [1]),
        ("best step", [1, 2, 3], []),
        ("missing", [0.1, 0.2, 0.3], []),
    ],
)
def test_the_best_of_a_column_is_marked(name, values, best):
    rows = [{"image": f"{i}", name: value} for i, value in enumerate(values)]
    assert best_rows(rows, name) == best
    root = parsed(table(rows, best=True))
    lines = root.one("tbody").all("tr")
    marked = [i for i, line in enumerate(lines) if "best" in line.all("td")[1].attributes["class"]]
    assert marked == best
    assert not any("best" in (line.all("td")[0].attributes.get("class") or "") for line in lines)
    assert "best of this column" not in table(rows)


def test_which_way_is_better():
    assert [more_is_better(name) for name in ("SSIM", "ms_ssim", "auc", "portraits, PSNR (dB)")] == [True] * 4
    assert [more_is_better(name) for name in ("loss", "lpips", "l1", "fid", "pixel_mse")] == [False] * 5
    assert [more_is_better(name) for name in ("status", "distance", "steps", "probability")] == [None] * 4

import math

import numpy as np
import pytest

from benchmarks.experiments import tables
from gprior_jax.errors import GPriorError

ROWS = [
    {"factor": 4, "method": "codes, mean of 4", "image": "cat", "psnr": 21.25, "ssim": 0.5},
    {"factor": 4, "method": "codes, mean of 4", "image": "dog", "psnr": 22.75, "ssim": 0.7},
    {"factor": 8, "method": 'the "plain" one', "image": "cat", "psnr": 1 / 3, "ssim": math.inf},
]


def test_rows_come_back(tmp_path):
    tables.write_csv(tmp_path / "a.csv", ROWS)
    found = tables.read_csv(tmp_path / "a.csv")
    assert [list(row) for row in found] == [list(row) for row in ROWS]
    for row, wanted in zip(found, ROWS, strict=True):
        assert row | {"psnr": 0} == wanted | {"psnr": 0}
        assert row["psnr"] == pytest.approx(wanted["psnr"], rel=1e-5)
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "factor,method,image,psnr,ssim"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "run the experiment first"),
        (b"", "holds no rows: remove it"),
        (b"method,psnr\n", "holds no rows: remove it"),
        (b"method,psnr\na\n", "cannot be read"),
        (b"method,psnr\na,1,2\n", "cannot be read"),
        (b"method\n\xff\xfe\n", "cannot be read"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, told):
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GPriorError, match=told) as caught:
        tables.read_csv(path)
    assert str(path) in str(caught.value)


def test_figures_of_every_image():
    rows = tables.figures_of({"psnr": np.array([1.0, 2.0], np.float32)}, ["cat", "dog"], codes=5)
    assert rows == [{"codes": 5, "image": "cat", "psnr": 1.0}, {"codes": 5, "image": "dog", "psnr": 2.0}]


def test_means_are_over_images_and_leave_out_what_is_not_finite():
    means = tables.means(ROWS, ["factor", "method"])
    assert [list(row) for row in means] == [["factor", "method", "psnr", "ssim"]] * 2
    assert (means[0]["factor"], means[0]["psnr"]) == (4, 22.0)
    assert means[0]["ssim"] == pytest.approx(0.6)
    assert math.isnan(means[1]["ssim"])
    assert [row["factor"] for row in tables.means(ROWS[::-1], ["factor"])] == [8, 4]


def test_markdown():
    text = tables.markdown(
        [{"codes": 20.0, "method": "one", "psnr": 21.23456}, {"codes": 1, "method": "b", "psnr": 2.0}]
    )
    assert text == "| codes | method | psnr |\n|---|---|---|\n| 20 | one | 21.23 |\n| 1 | b | 2 |\n"

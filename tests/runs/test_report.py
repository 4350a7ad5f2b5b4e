import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from runs.test_folder import record

from gprior_jax.errors import CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.runs import report
from gprior_jax.runs.folder import Item, OutputFolder


class Balance(HTMLParser):
    """Fails on a tag that is closed in the wrong order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in {"line", "polyline"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "cat.jpg"
    source.write_bytes(b"pixels")
    item = Item(0, source, "cat <b>")
    out = OutputFolder(tmp_path / "out", {"model": "tiny", "recipe": {"steps": 3}})
    out.write(item, record("cat <b>"))
    out.finish([item], {"bad.png": "it is damaged"}, {})
    return tmp_path / "out"


def test_report_is_whole_and_self_contained(folder):
    path = report.write_report(folder)
    text = path.read_text()
    parser = Balance()
    parser.feed(text)
    assert not parser.open
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "cat &lt;b&gt;" in text
    assert "<b>" not in text
    for expected in ("12.50 dB", "CONVERGED", "pixel_mse", "recipe.steps", "bad.png", "it is damaged"):
        assert expected in text


def test_pictures_are_those_of_the_record(folder):
    text = report.write_report(folder).read_text()
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", text)]
    shown = [np.asarray(Image.open(io.BytesIO(data))) for data in pictures]
    stored = record()
    expected = [stored.target, im.to_uint8(stored.image), stored.pictures["mean"], *stored.samples]
    for actual, wanted in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)


def test_inversions_show_their_error_and_restorations_theirs_against_the_truth():
    plain = record()._replace(pictures={}, samples=np.zeros((0, 8, 8, 3), np.uint8), sample_losses=np.zeros(0))
    assert report.record_block(plain).count("<img") == 3  # Input, result, error.
    measured = plain._replace(pictures={"measured": plain.target})
    assert report.record_block(measured).count("<img") == 2  # There is nothing to compare with.
    truth = plain._replace(pictures={"measured": plain.target, "truth": plain.target})
    assert report.record_block(truth).count("<img") == 4


def test_means_of_metrics_leave_out_what_is_missing():
    records = [record()._replace(metrics=m) for m in ({"psnr": 10.0}, {"psnr": 20.0, "ssim": 0.5}, {})]
    assert report.mean_metrics(records) == {"psnr": 15.0, "ssim": 0.5}


def test_report_of_another_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"run\.json"):
        report.write_report(tmp_path)


def test_error_map_from_black_to_white():
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert (report.error_map(black, black) == 0).all()
    assert (report.error_map(black, white) == 255).all()
    half = np.full((2, 2, 3), round(255 * report.ERROR_RANGE / 2), np.uint8)
    pixel = report.error_map(black, half)[0, 0]
    assert pixel[0] == 255
    assert pixel[2] == 0


def test_curves_leave_out_what_a_logarithm_cannot_show():
    assert report.curves({"loss": np.array([np.nan, -1.0, 0.0])}) == ""
    drawn = report.curves({"loss": np.array([1.0, np.nan, 0.01])})
    points = re.search(r'polyline points="([^"]+)"', drawn)
    assert points is not None
    assert len(points.group(1).split()) == 2
    heights = [float(point.split(",")[1]) for point in points.group(1).split()]
    assert heights[0] < heights[1]  # SVG counts downwards.


def test_table_shows_four_digits():
    assert "<td>0.1235</td>" in report.table([{"value": 0.12345678}])
    assert report.table([]) == ""

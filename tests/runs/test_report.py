import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.runs import report
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import entry_of
from gprior_jax.runs.folder import OutputFolder
from runs.records import record


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
def folder(tmp_path, item):
    out = OutputFolder(tmp_path / "out", {"model": "tiny", "recipe": {"steps": 3}})
    named = item._replace(name="cat <b>")
    out.write(named, record("cat <b>"))
    entries = {"cat <b>": entry_of(record("cat <b>"), report.record_block(record("cat <b>")))}
    facts, blocks = {"versions": {"jax": "1.2.3"}}, ["<p>first of all</p>"]
    end(out, [named], entries, {"bad.png": "it is damaged"}, facts, lambda entries: blocks)
    return tmp_path / "out"


def test_report_is_whole_and_self_contained(folder):
    text = (folder / "report.html").read_text()
    parser = Balance()
    parser.feed(text)
    assert not parser.open
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "cat &lt;b&gt;" in text
    assert "<b>" not in text
    for expected in ("12.50 dB", "CONVERGED", "pixel_mse", "recipe.steps", "bad.png", "it is damaged", "versions.jax"):
        assert expected in text
    assert "1 images. Means: psnr 12.5." in text
    assert text.index("first of all") < text.index("recipe.steps")


def test_a_report_is_written_again_from_what_is_stored(folder):
    text = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    assert report.rewrite_report(folder) == folder / "report.html"
    assert (folder / "report.html").read_text() == text.replace("<p>first of all</p>", "")
    report.rewrite_report(folder, lambda entries: [f"<p>first of all {len(entries)}</p>"])
    assert (folder / "report.html").read_text() == text.replace("first of all", "first of all 1")


def test_pictures_are_those_of_the_record(folder):
    text = (folder / "report.html").read_text()
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


def entries_with(*metrics):
    return [entry_of(record()._replace(metrics=each), "") for each in metrics]


def test_means_of_metrics_leave_out_what_is_missing():
    entries = entries_with({"psnr": 10.0}, {"psnr": 20.0, "ssim": 0.5}, {})
    assert report.mean_metrics(entries) == {"psnr": 15.0, "ssim": 0.5}
    assert report.mean_metrics(entries_with({"psnr": 10.0}, {"psnr": np.inf})) == {"psnr": np.inf}


def test_a_report_of_many_says_how_many_it_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MAX_IMAGES", 2)
    entries = [
        entry._replace(block=f"<p>block {i}</p>" if i < 2 else "") for i, entry in enumerate(entries_with({}, {}, {}))
    ]
    text = report.write_report(tmp_path, {}, entries).read_text()
    assert "The first 2 of 3 images are shown" in text
    assert re.findall(r"block \d", text) == ["block 0", "block 1"]


def test_report_of_another_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"run\.json"):
        report.rewrite_report(tmp_path)

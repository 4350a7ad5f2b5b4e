import re

import numpy as np
import pytest

from gprior_jax.errors import CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.runs import html, report
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import entry_of
from gprior_jax.runs.folder import OutputFolder
from runs.pages import compared, parsed, pixels_of
from runs.records import record


@pytest.fixture
def folder(tmp_path, item):
    out = OutputFolder(tmp_path / "out", {"model": "tiny", "recipe": {"steps": 3}})
    named = item._replace(name="cat <b>")
    out.write(named, record("cat <b>"))
    entries = {"cat <b>": entry_of(record("cat <b>"), report.record_block(record("cat <b>")))}
    facts, blocks = {"versions": {"jax": "1.2.3"}}, ["<p>first of all</p>"]
    end(out, [named], entries, {"bad.png": "it is damaged"}, facts, lambda entries: blocks)
    return tmp_path / "out"


def test_report_is_whole_and_says_all(folder):
    text = (folder / "report.html").read_text()
    root = parsed(text)
    assert [heading.text for heading in root.all("h2")] == ["Failed", "cat <b>"]
    assert "<b>" not in text
    for expected in ("12.50 dB", "CONVERGED", "pixel_mse", "recipe.steps", "bad.png", "it is damaged", "versions.jax"):
        assert expected in text
    assert "1 image. Means: psnr 12.5." in text
    assert text.index("first of all") < text.index("recipe.steps")
    (link,) = root.all("a")
    assert link.text == "cat <b>"
    assert link.attributes["href"] == "#" + root.one("section", class_="image").attributes["id"]
    assert all(img.attributes["alt"] for img in root.all("img"))


def test_a_report_is_written_again_from_what_is_stored(folder):
    text = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    assert report.rewrite_report(folder) == folder / "report.html"
    assert (folder / "report.html").read_text() == text.replace("<p>first of all</p>\n", "")
    report.rewrite_report(folder, lambda entries: [f"<p>first of all {len(entries)}</p>"])
    assert (folder / "report.html").read_text() == text.replace("first of all", "first of all 1")


def test_pictures_are_those_of_the_record(folder):
    root = parsed((folder / "report.html").read_text())
    stored = record()
    expected = [stored.target, im.to_uint8(stored.image), stored.pictures["mean"], *stored.samples]
    for img, wanted in zip(root.all("img"), expected, strict=True):
        np.testing.assert_array_equal(pixels_of(img), wanted)


def plain(**pictures):
    own = {"pictures": pictures, "samples": np.zeros((0, 8, 8, 3), np.uint8), "sample_losses": np.zeros(0)}
    return record()._replace(**own)


def columns(block):
    return [figure.attributes["data-column"] for figure in parsed(block).one("div", class_="images").all("figure")]


def test_inversions_show_their_error_and_restorations_theirs_against_the_truth():
    target = record().target
    assert columns(report.record_block(plain())) == ["input", "result", "error"]
    # There is nothing to compare with.
    assert columns(report.record_block(plain(measured=target))) == ["input", "result"]
    block = report.record_block(plain(measured=target, truth=target[::-1]))
    assert columns(block) == ["input", "result", "truth", "error"]
    error = parsed(block).all("figure", data_column="error")[0].one("img")
    np.testing.assert_array_equal(pixels_of(error), html.error_map(im.to_uint8(record().image), target[::-1]))


@pytest.mark.parametrize("kind", ["inversion", "restoration"])
def test_a_result_is_slid_to_the_truth_or_else_to_the_input(kind):
    target, truth = record().target, record().target[::-1]
    pictures = {} if kind == "inversion" else {"measured": target, "truth": truth}
    ((result, other),) = compared(parsed(report.record_block(plain(**pictures))))
    np.testing.assert_array_equal(pixels_of(result), im.to_uint8(record().image))
    np.testing.assert_array_equal(pixels_of(other), truth if pictures else target)
    assert pixels_of(result).shape == pixels_of(other).shape
    assert not np.array_equal(pixels_of(result), pixels_of(other))


def test_no_picture_is_stored_twice():
    result = im.to_uint8(record().image)
    own = record()._replace(pictures={"reconstruction": result}, samples=np.stack([result, record().target[::-1]]))
    block = report.record_block(own)
    sources = [img.attributes["src"] for img in parsed(block).all("img")]
    assert len(sources) == len(set(sources)) == 3
    assert "Sample 1 is best: its loss of 0.5 is the lowest, 0.25 ahead of sample 2 (0.75)." in block
    assert "Sample 1 is the result." in block
    assert [caption.text for caption in parsed(block).all("figcaption")][-1] == "sample 2, loss 0.75"


def test_images_of_other_kinds_stand_in_the_same_columns(tmp_path):
    """The ground truth of one of them could not be read."""
    target = record().target
    first, second = plain(measured=target, mean=target), plain(measured=target, truth=target, mean=target)
    entries = [entry_of(each, report.record_block(each)) for each in (first, second)]
    text = report.write_report(tmp_path, {}, entries).read_text()
    places = re.findall(r'^\[data-column="(\w+)"\] { grid-area: 1 / (\d); }', text, re.MULTILINE)
    assert places == [
        ("input", "1"),
        ("result", "2"),
        ("truth", "3"),
        ("error", "4"),
        ("mean", "5"),
    ]


def test_the_table_says_which_is_best(tmp_path):
    entries = [
        entry_of(record(name)._replace(metrics={"psnr": psnr}, terms={"loss": loss}), "")
        for name, psnr, loss in (("a", 20.0, 0.3), ("b", np.inf, 0.5), ("c", np.nan, np.nan))
    ]
    text = report.write_report(tmp_path, {}, entries).read_text()
    root = parsed(text)
    verdict = root.one("p", class_="verdict").text
    assert (
        verdict
        == "b is best: its psnr of \N{INFINITY} is the highest; next is a (20). Best by loss: a (0.3; 0.5 for b)."
    )
    lines = root.all("table")[-1].one("tbody").all("tr")
    marked = [[cell.text for cell in line.all("td") if "best" in cell.attributes["class"]] for line in lines]
    assert marked == [["0.3"], ["\N{INFINITY}"], []]
    assert root.all("tfoot")[0].whole_text.startswith("mean of 3")


def test_metrics_count_more_than_losses_and_those_more_than_their_parts(tmp_path):
    """Also where the first image has no metrics."""
    terms = [{"pixel_mse": 0.1, "loss": 0.5}, {"pixel_mse": 0.2, "loss": 0.4}, {"pixel_mse": 0.3, "loss": 0.3}]
    found = []
    for metrics in ([{}, {"psnr": 9.0}, {"psnr": 8.0}], [{}, {}, {}]):
        entries = [
            entry_of(record(name)._replace(metrics=own, terms=term), "")
            for name, own, term in zip("abc", metrics, terms, strict=True)
        ]
        text = report.write_report(tmp_path, {}, entries).read_text()
        found.append(parsed(text).one("p", class_="verdict").text)
    assert found[0].startswith(
        "b is best: its psnr of 9 is the highest, 1 ahead of c (8). Best by loss: c (0.3; 0.4 for"
    )
    assert found[1].startswith("c is best: its loss of 0.3 is the lowest, 0.1 ahead of b (0.4). Best by pixel_mse: a")


def test_projections_that_are_judged_otherwise_are_not_called_best(tmp_path):
    text = report.write_report(tmp_path, {}, entries_with({"distance": 0.1}, {"distance": 0.2})).read_text()
    assert parsed(text).all("p", class_="verdict") == []


def test_curves_of_several_stages_are_said_to_be_of_the_last(tmp_path):
    recipe = {"kind": "Recipe", "then": {"kind": "Recipe", "then": None}}
    for settings, told in (({"recipe": recipe}, True), ({"recipe": recipe["then"]}, False), ({}, False)):
        text = report.write_report(tmp_path, {"settings": settings}, entries_with({})).read_text()
        assert ("Of 2 stages, curves and steps are those of the last one." in text) == told


def test_a_report_of_many_stays_small(tmp_path):
    """200 images: pictures once, curves thinned, and next to nothing around them."""
    long = {name: np.geomspace(1, 0.01, 1000) for name in ("loss", "pixel_mse")}
    block = report.record_block(plain()._replace(history=long))
    pictures = sum(len(img.attributes["src"]) for img in parsed(block).all("img"))
    assert len(block) - pictures < 14_000


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

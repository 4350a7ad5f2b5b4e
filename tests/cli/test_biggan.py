"""The commands on BigGAN-deep: its truncation, and classes that are searched for or move."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
from batteries import random_prior
from PIL import Image

from cli.codes import drawn, run
from cli.restoring import pixels, told
from gprior_jax import editing, zoo
from gprior_jax.cli.main import main
from gprior_jax.generators.prior import prepare
from gprior_jax.generators.truncation import with_truncation
from gprior_jax.images import arrays as im
from gprior_jax.inversion.classes import ClassSearch
from gprior_jax.runs.record import read_record
from gprior_jax.runs.sources import read_points
from gprior_jax.summary import summarise

PRIOR = prepare(dataclasses.replace(random_prior("biggan_deep"), label=None, name="deep"))


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """Its folder: three classes, 8 px, at a truncation of 0.7."""
    folder = tmp_path_factory.mktemp("models") / "deep"
    zoo.save(PRIOR, folder)
    return folder


@pytest.fixture(scope="module")
def found(deep, tmp_path_factory):
    """A folder of two pictures, and beside it ``out``: inverted in classes that were searched for."""
    folder = tmp_path_factory.mktemp("found") / "in"
    folder.mkdir()
    for number, name in enumerate("ab"):
        Image.fromarray(np.full((8, 8, 3), 60 + 90 * number, np.uint8)).save(folder / f"{name}.png")
    assert invert(folder, deep, folder.parent / "out", "--labels", "search:2") == 0
    return folder


def invert(pictures, model, out, *words):
    command = ["invert", str(pictures), "--model", str(model), "--out", str(out), "--method", "z", "--steps", "2"]
    return main([*command, "--perceptual", "none", "--batch-size", "2", "--devices", "1", *map(str, words)])


def test_images_of_a_truncation(deep, tmp_path):
    """Codes reach two truncations, and statistics are those of it."""
    assert run("generate", deep, tmp_path, "--num", 4, "--label", 1, "--truncation", 0.4) == 0
    with np.load(tmp_path / "samples.npz") as arrays:
        z, images = arrays["z"], arrays["images"]
    assert 0.5 < np.abs(z).max() <= 0.8
    small = with_truncation(PRIOR, 0.4)
    np.testing.assert_allclose(images, drawn(small, z, np.full(4, 1)), rtol=1e-4, atol=1e-4)
    # The commands on codes draw the same; from one code to the next on a line of styles.
    assert run("morph", deep, tmp_path / "m.png", "seed:0,1@1", "--truncation", 0.4) == 0
    points = read_points(small, "seed:0,1@1")
    ends = im.to_uint8(drawn(small, np.stack([point.variables["z"] for point in points]), np.full(2, 1)))
    strip = pixels(tmp_path / "m.png").astype(int)
    np.testing.assert_allclose(np.stack([strip[:, :8], strip[:, -8:]]), ends, atol=1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--label", 1, "--truncation", 1.5], "--truncation 1.5: use a number above 0 and up to 1"),
        (["--label", 3], "label 3: deep has classes 0 to 2"),
        ([], "deep is conditional: give a label, a class from 0 to 2"),
    ],
)
def test_what_cannot_be_drawn(deep, tmp_path, capsys, words, sentence):
    assert sentence in told(capsys, 2, run("generate", deep, tmp_path / "out", *words))
    assert not (tmp_path / "out").exists()


def test_classes_that_are_searched_for(found, deep, tmp_path, capsys):
    run_of = json.loads((found.parent / "out" / "run.json").read_text())
    assert run_of["settings"]["label"] == "each"
    assert run_of["settings"]["class_search"] == summarise(ClassSearch(2))
    labels = [read_record(found.parent / "out" / f"{name}.npz").variables["label"] for name in "ab"]
    assert all(label.shape == (3,) and sorted(label) == [0, 0, 1] for label in labels)
    assert "class" in (found.parent / "out" / "report.html").read_text()
    # The same search, one picture alone.
    assert invert(found / "b.png", deep, tmp_path / "alone", "--labels", "search:2") == 0
    np.testing.assert_array_equal(read_record(tmp_path / "alone" / "b.npz").variables["label"], labels[1])
    assert "with another class_search.keep (2 there, 3 now)" in told(
        capsys, 2, invert(found, deep, found.parent / "out", "--labels", "search:3")
    )


def test_codes_of_a_class_that_moves(found, deep, tmp_path, capsys):
    assert invert(found / "a.png", deep, tmp_path / "out", "--free-label") == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["settings"]["label"] == pytest.approx([1 / 3] * 3)
    record = read_record(tmp_path / "out" / "a.npz")
    label = record.variables["label"]
    assert label.shape == (3,)
    assert len({*label}) == 3
    (point,) = read_points(PRIOR, str(tmp_path / "out"))
    np.testing.assert_allclose(
        editing.render(PRIOR, editing.stack([point]), point.parametrization)[0], record.image, atol=1e-4
    )
    # Its styles hold the class: what works on w needs nothing else.
    styles = editing.codes(PRIOR, [point])["w_plus"]
    np.testing.assert_array_equal(styles[0], record.styles)
    np.testing.assert_allclose(editing.render(PRIOR, {"w_plus": styles})[0], record.image, atol=1e-4)
    held = tmp_path / "held"
    zoo.save(random_prior("biggan_deep"), held)
    sentence = told(capsys, 2, run("morph", held, tmp_path / "m.png", tmp_path / "out", "seed:1"))
    assert "has a class of its own, and tiny biggan_deep is held to one: name any class to free it" in sentence


def test_inversions_keep_their_statistics(found, deep, tmp_path, capsys):
    morph = partial(run, "morph", deep, tmp_path / "m.png", found.parent / "out", "--frames", 2)
    sentence = told(capsys, 2, morph("--truncation", 0.4))
    assert "--truncation 0.4 would draw" in sentence
    assert "with other statistics than it was found with: leave it out" in sentence
    assert morph() == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--labels", "search:0"], "--labels search:0: use at least search:1"),
        (["--labels", "search", "--label", "1"], "leave one of them out"),
        ([], "deep has classes: give --label 0 to 2 (see its card), or --labels with one for each image, or --labels"),
        (["--label", "7"], "label 7: deep has classes 0 to 2"),
    ],
)
def test_classes_that_are_missing(found, deep, tmp_path, capsys, words, sentence):
    assert sentence in told(capsys, 2, invert(found, deep, tmp_path / "out", *words))
    assert not (tmp_path / "out").exists()


def test_classes_of_a_prior_without(found, tmp_path, capsys):
    words = ["--labels", "search"]
    assert "--labels search: builtin has no classes" in told(
        capsys, 2, invert(found, "builtin", tmp_path / "x", *words)
    )
    sentence = told(capsys, 2, invert(found, "builtin", tmp_path / "x", "--free-label"))
    assert "builtin has no classes that could move: leave free_label out" in sentence


def test_restoration_in_a_class_that_is_searched_for(found, deep, tmp_path):
    words = ["colorize", str(found / "a.png"), "--simulate", "--model", str(deep), "--out", str(tmp_path / "out")]
    words += ["--codes", "2", "--layer", "1", "--steps", "2", "--batch-size", "2", "--devices", "1"]
    assert main([*words, "--labels", "search:1"]) == 0
    label = read_record(tmp_path / "out" / "a.npz").variables["label"]
    assert sorted(label.reshape(-1).tolist()) == [0, 0, 1]

"""``gprior morph`` on tiny priors: what it writes, and what it says to bad input."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image, ImageSequence

from cli import priors
from cli.restoring import pixels, told
from gprior_jax import editing, zoo
from gprior_jax.cli.main import main
from gprior_jax.cli.morph import strip
from gprior_jax.editing import Point
from gprior_jax.images import arrays as im
from gprior_jax.latents import Z
from gprior_jax.runs.sources import read_points


@pytest.fixture(scope="module")
def model(little):
    """The plain prior of these tests."""
    return little


@pytest.fixture(scope="module")
def inverted(model, inputs, tmp_path_factory):
    """Folder with inversions of three pictures."""
    out = tmp_path_factory.mktemp("inverted") / "out"
    words = ["--model", str(model), "--codes", "2", "--layer", "2", "--steps", "2", "--perceptual", "none"]
    assert main(["invert", str(inputs), "--out", str(out), *words, "--batch-size", "3", "--devices", "1"]) == 0
    return out


def morph(model, out, *words):
    return main(["morph", *map(str, words), "--model", str(model), "--out", str(out), "--batch-size", "4"])


def read(path):
    with Image.open(path) as image:
        found = [(np.asarray(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(image)]
    return np.stack([picture for picture, _ in found]), [time for _, time in found]


def expected(prior, sources, steps, **options):
    """Pictures of a path."""
    points = [point for source in sources for point in read_points(prior, source)]
    path = editing.morph_variables(prior, editing.codes(prior, points), steps, **options)
    return im.to_uint8(editing.render(prior, path, batch_size=4))


def test_animated_webp_of_a_path_through_z(model, tmp_path, capsys):
    out = tmp_path / "new" / "m.webp"
    assert morph(model, out, "seed:1", "draw:2", "seed:3", "--frames", 3, "--fps", 20) == 0
    pictures, times = read(out)
    wanted = expected(priors.plain(), ["seed:1", "draw:2", "seed:3"], 3)
    assert pictures.shape == (7, 8, 8, 3)
    assert times == [50] * 7
    np.testing.assert_allclose(pictures.astype(int), wanted, atol=1)
    assert [path.name for path in out.parent.iterdir()] == ["m.webp"]
    assert "7 pictures through 3 codes" in capsys.readouterr().out


def test_closed_path_through_styles_with_a_strip(styled, tmp_path, capsys):
    out = tmp_path / "m.gif"
    assert morph(styled, out, "seed:1,2", "--frames", 4, "--fps", 25, "--loop", "--ease", "--strip", 3, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["frames"] == 8
    assert facts["codes"] == ["seed:1", "seed:2"]
    assert facts["variables"] == ["w_plus"]
    assert facts["strip"] == str(tmp_path / "m.png")
    wanted = expected(priors.styled(), ["seed:1,2"], 4, closed=True, ease=True)
    assert read(out)[1] == [40] * 8
    rows = np.stack([wanted[[0, 2, 4]], wanted[[4, 6, 0]]])
    sheet = rows.transpose(0, 2, 1, 3, 4).reshape(16, 24, 3)
    np.testing.assert_allclose(pixels(tmp_path / "m.png").astype(int), sheet, atol=1)


def test_png_is_a_strip(styled, tmp_path):
    assert morph(styled, tmp_path / "m.png", "seed:1,2,3", "--space", "z", "--size", 6) == 0
    assert pixels(tmp_path / "m.png").shape == (2 * 6, 8 * 6, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]


def test_mp4(model, tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    assert morph(model, tmp_path / "m.mp4", "seed:1,2", "--frames", 3) == 0
    assert (tmp_path / "m.mp4").read_bytes()[4:8] == b"ftyp"


def test_inversions_are_morphed_by_all_that_they_consist_of(inverted, model, tmp_path, capsys):
    a, c = inverted / "a.npz", inverted / "c.npz"
    assert morph(model, tmp_path / "m.webp", a, c, "--frames", 3, "--json") == 0
    assert json.loads(capsys.readouterr().out)["variables"] == ["alpha", "codes"]
    found, _ = read(tmp_path / "m.webp")
    for path, picture in ((a, found[0]), (c, found[3])):
        np.testing.assert_allclose(picture.astype(int), pixels(path.with_suffix(".png")), atol=1)
    assert morph(model, tmp_path / "n.webp", inverted) == 0
    error = told(capsys, 2, morph(model, tmp_path / "o.webp", a, "seed:1"))
    assert "a.npz holds the variables of MultiCode, no single code" in error


@pytest.mark.parametrize("other", ["copy", "slash", "link"])
def test_inversions_of_the_model_by_another_name(inverted, model, tmp_path, capsys, other):
    if other == "copy":
        shutil.copytree(model, tmp_path / "copy")
    elif other == "link":
        (tmp_path / "link").symlink_to(model)
    name = f"{model}/" if other == "slash" else tmp_path / other
    assert morph(name, tmp_path / "m.png", inverted) == 0
    assert "gprior: " not in capsys.readouterr().err


def test_inversions_of_another_model(inverted, model, tmp_path, capsys):
    prior = priors.plain()
    changed = jax.tree.map(lambda leaf: leaf + 0.01, prior.params)
    zoo.save(dataclasses.replace(prior, params=changed, weights=None), tmp_path / "other")
    error = told(capsys, 0, morph(tmp_path / "other", tmp_path / "m.png", inverted))
    assert f"made with --model {model}" in error


@pytest.mark.parametrize(
    ("out", "words", "sentence"),
    [
        ("m.webp", ["seed:1"], "1 code is no path: name at least two"),
        ("m.webp", [], "0 code is no path"),
        ("m.avi", ["seed:1,2"], "ends in .webp, .gif, .mp4"),
        ("m.webp", ["seed:1,2", "--frames", 0], "--frames 0: use at least 1"),
        ("m.webp", ["seed:1,2", "--fps", 0], "0 frames a second"),
        ("m.webp", ["seed:1,2", "--strip", 1], "--strip 1: use at least 2"),
        ("m.webp", ["seed:1,2", "--size", 0], "--size 0"),
        ("m.webp", ["seed:1,2", "--space", "w"], "no styles"),
        ("m.webp", ["seed:1,2", "--truncation", 0.5], "has no styles to truncate"),
        ("m.webp", ["seed:1,2", "--noise", "none"], "has no noise"),
        ("m.webp", ["seed:1,2", "--label", 1], "has no classes"),
        ("m.webp", ["seed:1", "nothing.npz"], "nothing.npz does not exist"),
        (".", ["seed:1,2"], "ends in .webp"),
    ],
)
def test_wrong_use(model, tmp_path, capsys, out, words, sentence):
    assert sentence in told(capsys, 2, morph(model, tmp_path / out, *words))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_a_folder_without_a_name_is_no_file(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "name a file that ends in .webp" in told(capsys, 2, main(["morph", "seed:1,2", "--out", out]))


def test_sources_are_not_written_over(model, tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros((2, 8), np.float32))
    (tmp_path / "a.npy").rename(tmp_path / "a.webp")
    error = told(capsys, 2, morph(model, tmp_path / "a.webp", tmp_path / "a.webp", "seed:1"))
    assert "a.webp would be written over" in error


def test_results_are_not_written_over(model, tmp_path, capsys):
    (tmp_path / "run.json").write_text("{}")
    for out in ("cat.png", "cat.webp"):
        assert f"{out} would lie among a run's results" in told(capsys, 2, morph(model, tmp_path / out, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_inversions_are_not_truncated(styled, tmp_path, capsys, monkeypatch):
    points = [Point("a", {"z": np.ones(8)}), Point("b", {"z": np.ones(8)}, Z())]
    monkeypatch.setattr("gprior_jax.cli.codes.read_points", lambda *_: points)
    error = told(capsys, 2, morph(styled, tmp_path / "m.png", "a", "--space", "z", "--truncation", 0.5))
    assert "--truncation 0.5 would change b" in error
    assert not list(tmp_path.iterdir())


def test_strips_show_what_there_is():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 1, 3), np.uint8)
    np.testing.assert_array_equal(strip(pictures, 2, 2, 8)[..., 0], [[0, 1, 2], [2, 3, 4]])
    np.testing.assert_array_equal(strip(pictures[:4], 2, 2, 2)[..., 0], [[0, 2], [2, 0]])

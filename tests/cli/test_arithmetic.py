"""``gprior arithmetic`` on tiny priors."""

import json
from functools import partial

import numpy as np
import pytest

from cli import priors
from cli.codes import codes_of, drawn, mapped, run, same
from cli.restoring import pixels, told
from gprior_jax.editing import Point
from gprior_jax.images import arrays as im
from gprior_jax.latents import Z
from gprior_jax.runs.sources import read_points

arithmetic = partial(run, "arithmetic")


def test_means_in_z(little, tmp_path, capsys):
    prior, out = priors.plain(), tmp_path / "new" / "x.png"
    words = ["--positive", "seed:1,2,3", "seed:4", "--negative", "seed:5,6", "--strength", 0.5]
    assert arithmetic(little, out, *words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["space"] == "z"
    wanted = codes_of(prior, "seed:1-3").mean(0) + 0.5 * (
        codes_of(prior, "seed:4")[0] - codes_of(prior, "seed:5,6").mean(0)
    )
    (point,) = read_points(prior, str(out.with_suffix(".npz")))
    np.testing.assert_allclose(point.variables["z"], wanted, atol=1e-5)
    same(out, drawn(prior, wanted[None])[None])
    assert arithmetic(little, tmp_path / "y.png", "--positive", out.with_suffix(".npz")) == 0
    np.testing.assert_array_equal(pixels(tmp_path / "y.png"), pixels(out))


def test_expression_transfer_in_w(styled, tmp_path):
    out = tmp_path / "x.png"
    assert arithmetic(styled, out, "--positive", "seed:1", "seed:3", "--negative", "seed:2", "--strength", 2) == 0
    w1, w2, w3 = mapped("seed:1-3")
    same(out, drawn(priors.styled(), (w1 + 2 * (w3 - w2))[None], space="w_plus")[None])
    with np.load(out.with_suffix(".npz")) as arrays:  # As NVIDIA's projector writes it.
        np.testing.assert_array_equal(arrays["w"], arrays["w_plus"])
        assert arrays["w"].shape == (1, 4, 5)


def test_neighbours_around_the_result(little, tmp_path):
    out = tmp_path / "x.png"
    assert arithmetic(little, out, "--positive", "seed:1", "--scatter", 0.25) == 0
    assert pixels(out).shape == (24, 24, 3)
    (middle,) = drawn(priors.plain(), codes_of(priors.plain(), "seed:1"))
    np.testing.assert_allclose(pixels(out)[8:16, 8:16].astype(int), im.to_uint8(middle), atol=1)
    assert len({pixels(out)[r : r + 8, c : c + 8].tobytes() for r in (0, 8, 16) for c in (0, 8, 16)}) == 9


def test_classes_in_z(conditional, tmp_path):
    out = tmp_path / "x.png"
    words = ["--positive", "seed:1@2", "seed:2", "--negative", "seed:3", "--label", 0, "--space", "z"]
    assert arithmetic(conditional, out, *words, "--scatter", 0.1) == 0
    with np.load(out.with_suffix(".npz")) as arrays:
        np.testing.assert_array_equal(arrays["label"], [[0, 0, 1]])
        (image,) = drawn(priors.conditional(), arrays["z"], arrays["label"])
    np.testing.assert_allclose(pixels(out)[8:16, 8:16].astype(int), im.to_uint8(image), atol=1)


@pytest.mark.parametrize(
    ("out", "words", "sentence"),
    [
        ("x.webp", ["--positive", "seed:1"], "ends in .png"),
        ("x.png", ["--positive"], "nothing to add up"),
        ("x.png", ["--positive", "seed:1", "--scatter", -1], "scatter from 0"),
        ("x.png", ["--positive", "seed:1", "--strength", "nan"], "--strength nan: use a finite number"),
    ],
)
def test_wrong_use(little, tmp_path, capsys, out, words, sentence):
    assert sentence in told(capsys, 2, arithmetic(little, tmp_path / out, *words))
    assert not list(tmp_path.iterdir())


def test_it_does_not_write_over_its_source(little, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", z=np.zeros(8, np.float32))
    error = told(capsys, 2, arithmetic(little, tmp_path / "x.png", "--positive", tmp_path / "x.npz"))
    assert "would be written over" in error


def test_it_does_not_write_over_an_inversion(little, tmp_path, capsys):
    np.savez(tmp_path / "cat.npz", about="{}")
    error = told(capsys, 2, arithmetic(little, tmp_path / "cat.png", "--positive", "seed:1"))
    assert "cat.npz holds an inversion and would be written over: give another --out" in error
    assert [path.name for path in tmp_path.iterdir()] == ["cat.npz"]


def test_it_does_not_truncate_inversions(styled, tmp_path, capsys, monkeypatch):
    points = {"a": [Point("a", {"z": np.ones(8)})], "b": [Point("b", {"z": np.ones(8)}, Z())]}
    monkeypatch.setattr("gprior_jax.cli.codes.read_points", lambda prior, source, *_: points[source])
    words = ["--positive", "a", "--negative", "b", "--space", "z", "--truncation", 0.5]
    error = told(capsys, 2, arithmetic(styled, tmp_path / "x.png", *words))
    assert "--truncation 0.5 would change b" in error
    assert not list(tmp_path.iterdir())


def test_results_are_not_written_over(little, tmp_path, capsys):
    (tmp_path / "run.json").write_text("{}")
    for source in (tmp_path, "seed:1"):
        error = told(capsys, 2, arithmetic(little, tmp_path / "cat.png", "--positive", source))
        assert "cat.png would lie among a run's results (run.json): name a file in another folder" in error
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]

"""``gprior mix`` and ``gprior arithmetic`` on tiny priors, and ``gprior generate`` of conditional ones."""

import json
from functools import partial

import jax
import numpy as np
import pytest

from cli import priors
from cli.restoring import pixels, told
from gprior_jax.cli.main import main
from gprior_jax.editing import Point
from gprior_jax.generators.synthesis import map_latents, sample_z, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.inversion.devices import in_batches
from gprior_jax.latents import Z
from gprior_jax.runs.sources import read_points

ONE, FIVE = ("--batch-size", 1), ("--batch-size", 5)
"""Batches that several commands and their checks have in common."""


@pytest.fixture(scope="module")
def model(little):
    """The plain prior of these tests."""
    return little


def run(command, model, out, *words):
    return main([command, "--model", str(model), "--out", str(out), *map(str, words)])


def z(prior, source):
    return np.stack([point.variables["z"] for point in read_points(prior, source)])


def mapped(source, **options):
    """Styles of codes, one by one."""
    return np.stack([np.asarray(map_latents(priors.styled(), code, **options)) for code in z(priors.styled(), source)])


def drawn(prior, *arrays, size=1, **options):
    """Images of codes (and labels)."""
    return in_batches(lambda z, label=None: synthesize(prior, z, label=label, **options), size, *arrays)


def same(path, images):
    """Whether a picture holds these, row by row, up to rounding."""
    rows, columns, side = images.shape[:3]
    sheet = images.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    np.testing.assert_allclose(pixels(path).astype(int), im.to_uint8(sheet), atol=1)


def test_grid_of_mixed_styles(styled, tmp_path, capsys):
    out = tmp_path / "mix.png"
    words = ["--rows", "seed:1", "seed:2", "--columns", "seed:3,4,5", "--layers", "0-2", "--truncation", 0.7, "--json"]
    assert run("mix", styled, out, *words, *ONE) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["styles"] == [0, 2]
    assert facts["columns"] == ["seed:3", "seed:4", "seed:5"]
    rows, columns = (mapped(source, truncation_psi=0.7) for source in ("seed:1,2", "seed:3-5"))
    styles = np.empty((3, 4, 4, 5), np.float32)
    styles[0, 0] = 0
    styles[0, 1:], styles[1:, 0] = columns, rows
    for i in range(2):
        for j in range(3):
            styles[i + 1, j + 1] = np.concatenate([columns[j, :3], rows[i, 3:]])
    images = drawn(priors.styled(), styles.reshape(12, 4, 5), space="w_plus").reshape(3, 4, 8, 8, 3)
    images[0, 0] = 1.0  # The corner is white.
    same(out, images)


@pytest.mark.parametrize(
    ("out", "words", "sentence"),
    [
        ("m.png", ["--rows", "seed:1", "--columns", "seed:2", "--layers", "fine"], "styles 0 to 3"),
        ("m.png", ["--rows", "seed:1", "--columns", "seed:2", "--layers", "top"], "use coarse, middle, fine"),
        ("m.webp", ["--rows", "seed:1", "--columns", "seed:2"], "ends in .png"),
        ("m.png", ["--rows", "seed:1", "--columns", "--layers", "0"], "nothing to mix"),
    ],
)
def test_wrong_mixtures(styled, tmp_path, capsys, out, words, sentence):
    assert sentence in told(capsys, 2, run("mix", styled, tmp_path / out, *words))
    assert not list(tmp_path.iterdir())


def test_mixtures_of_a_prior_without_styles(model, tmp_path, capsys):
    assert "no styles to mix" in told(capsys, 2, run("mix", model, tmp_path / "m.png", "--rows", "a", "--columns", "b"))


def test_arithmetic_of_means_in_z(model, tmp_path, capsys):
    prior, out = priors.plain(), tmp_path / "new" / "x.png"
    words = ["--positive", "seed:1,2,3", "seed:4", "--negative", "seed:5,6", "--strength", 0.5]
    assert run("arithmetic", model, out, *words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["space"] == "z"
    wanted = z(prior, "seed:1-3").mean(0) + 0.5 * (z(prior, "seed:4")[0] - z(prior, "seed:5,6").mean(0))
    (point,) = read_points(prior, str(out.with_suffix(".npz")))
    np.testing.assert_allclose(point.variables["z"], wanted, atol=1e-5)
    same(out, drawn(prior, wanted[None])[None])
    assert run("arithmetic", model, tmp_path / "y.png", "--positive", out.with_suffix(".npz")) == 0
    np.testing.assert_array_equal(pixels(tmp_path / "y.png"), pixels(out))


def test_expression_transfer_in_w(styled, tmp_path):
    out = tmp_path / "x.png"
    assert (
        run("arithmetic", styled, out, "--positive", "seed:1", "seed:3", "--negative", "seed:2", "--strength", 2) == 0
    )
    w1, w2, w3 = mapped("seed:1-3")
    same(out, drawn(priors.styled(), (w1 + 2 * (w3 - w2))[None], space="w_plus")[None])


def test_neighbours_around_the_result(model, tmp_path):
    out = tmp_path / "x.png"
    assert run("arithmetic", model, out, "--positive", "seed:1", "--scatter", 0.25, *ONE) == 0
    assert pixels(out).shape == (24, 24, 3)
    (middle,) = drawn(priors.plain(), z(priors.plain(), "seed:1"))
    np.testing.assert_allclose(pixels(out)[8:16, 8:16].astype(int), im.to_uint8(middle), atol=1)
    assert len({pixels(out)[r : r + 8, c : c + 8].tobytes() for r in (0, 8, 16) for c in (0, 8, 16)}) == 9


def test_arithmetic_of_classes_in_z(conditional, tmp_path):
    out = tmp_path / "x.png"
    words = ["--positive", "seed:1@2", "seed:2", "--negative", "seed:3", "--label", 0, "--space", "z"]
    assert run("arithmetic", conditional, out, *words, "--scatter", 0.1, *FIVE) == 0
    with np.load(out.with_suffix(".npz")) as arrays:
        np.testing.assert_array_equal(arrays["label"], [[0, 0, 1]])
        (image,) = drawn(priors.conditional(), arrays["z"], arrays["label"], size=5)
    np.testing.assert_allclose(pixels(out)[8:16, 8:16].astype(int), im.to_uint8(image), atol=1)


@pytest.mark.parametrize(
    ("out", "words", "sentence"),
    [
        ("x.webp", ["--positive", "seed:1"], "ends in .png"),
        ("x.png", ["--positive"], "nothing to add up"),
        ("x.png", ["--positive", "seed:1", "--scatter", -1], "scatter from 0"),
        ("x.png", ["--positive", "seed:1", "--strength", "nan"], "finite numbers"),
    ],
)
def test_wrong_arithmetic(model, tmp_path, capsys, out, words, sentence):
    assert sentence in told(capsys, 2, run("arithmetic", model, tmp_path / out, *words))
    assert not list(tmp_path.iterdir())


def test_arithmetic_does_not_write_over_its_source(model, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", z=np.zeros(8, np.float32))
    error = told(capsys, 2, run("arithmetic", model, tmp_path / "x.png", "--positive", tmp_path / "x.npz"))
    assert "would be written over" in error


@pytest.mark.parametrize(("command", "words"), [("arithmetic", ["--positive"]), ("mix", ["--columns", "a", "--rows"])])
def test_results_are_not_written_over(model, tmp_path, capsys, command, words):
    (tmp_path / "run.json").write_text("{}")
    for source in (tmp_path, "seed:1"):
        error = told(capsys, 2, run(command, model, tmp_path / "cat.png", *words, source))
        assert "cat.png would lie among a run's results (run.json): name a file in another folder" in error
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_arithmetic_does_not_write_over_an_inversion(model, tmp_path, capsys):
    np.savez(tmp_path / "cat.npz", about="{}")
    error = told(capsys, 2, run("arithmetic", model, tmp_path / "cat.png", "--positive", "seed:1"))
    assert "cat.npz holds an inversion and would be written over: give another --out" in error
    assert [path.name for path in tmp_path.iterdir()] == ["cat.npz"]


def test_arithmetic_does_not_truncate_inversions(styled, tmp_path, capsys, monkeypatch):
    points = {"a": [Point("a", {"z": np.ones(8)})], "b": [Point("b", {"z": np.ones(8)}, Z())]}
    monkeypatch.setattr("gprior_jax.cli.codes.read_points", lambda prior, source, *_: points[source])
    words = ["--positive", "a", "--negative", "b", "--space", "z", "--truncation", 0.5]
    error = told(capsys, 2, run("arithmetic", styled, tmp_path / "x.png", *words))
    assert "--truncation 0.5 would change b" in error
    assert not list(tmp_path.iterdir())


def generated(model, out, *words):
    assert run("generate", model, out, *words) == 0
    with np.load(out / "samples.npz") as arrays:
        return dict(arrays)


def test_generate_a_row_for_every_class(conditional, tmp_path):
    found = generated(conditional, tmp_path, "--num", 4, "--label", "each", "--truncation", 0.5, *FIVE)
    np.testing.assert_array_equal(found["label"], np.repeat([0, 1, 2], 4))
    codes = np.tile(sample_z(priors.conditional(), jax.random.key(0), 4), (3, 1))
    np.testing.assert_array_equal(found["z"], codes)
    wanted = drawn(priors.conditional(), codes, found["label"], size=5, truncation_psi=0.5)
    np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)
    assert pixels(tmp_path / "grid.png").shape == (3 * 8, 4 * 8, 3)
    named = read_points(priors.conditional(), str(tmp_path / "samples.npz"))
    np.testing.assert_array_equal([point.variables["label"].argmax() for point in named], found["label"])


def test_generate_one_class(conditional, tmp_path):
    found = generated(conditional, tmp_path, "--num", 4, "--label", 1, *FIVE)
    wanted = drawn(priors.conditional(), found["z"], np.full(4, 1), size=5)
    np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)


def test_generate_with_noise_of_every_image_s_own(styled, tmp_path):
    generate = partial(generated, styled, tmp_path, "--noise")
    runs = [generate("random", "--num", n, "--batch-size", b) for n, b in ((4, 2), (3, 3))]
    np.testing.assert_allclose(runs[0]["images"][:3], runs[1]["images"], rtol=1e-4, atol=1e-4)
    quiet = generate("none", "--num", 3, "--batch-size", 3)
    wanted = drawn(priors.styled(), quiet["z"], size=3, noise="none")
    np.testing.assert_allclose(quiet["images"], wanted, rtol=1e-4, atol=1e-4)
    assert np.abs(quiet["images"] - runs[1]["images"]).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("conditional", [], "is conditional: give a label, a class from 0 to 2"),
        ("conditional", ["--label", 3], "has classes 0 to 2"),
        ("styled", ["--label", "each"], "has no classes, leave it out"),
        ("model", ["--truncation", 0.5], "has neither noise nor truncation"),
        ("model", ["--noise", "random"], "has no styles"),
    ],
)
def test_generate_what_the_prior_does_not_have(request, tmp_path, capsys, name, words, sentence):
    folder = request.getfixturevalue(name)
    assert sentence in told(capsys, 2, run("generate", folder, tmp_path / "out", *words))
    assert not (tmp_path / "out").exists()

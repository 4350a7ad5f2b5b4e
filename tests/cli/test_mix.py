"""``gprior mix`` and ``gprior arithmetic`` on tiny priors, and ``gprior generate`` of conditional ones."""

import json

import jax
import numpy as np
import pytest
from batteries import random_params, random_prior

from cli.restoring import pixels, told
from gprior_jax import geometry, models
from gprior_jax import image as im
from gprior_jax.cli.main import main
from gprior_jax.generators.base import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import map_latents, sample_z, synthesize

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3)
CONDITIONAL, STYLED = Prior(random_params(MODULE, 0), MODULE), random_prior("stylegan2")


@pytest.fixture(scope="session")
def styled(tmp_path_factory):
    """Folder of a tiny StyleGAN2, 16 px."""
    folder = tmp_path_factory.mktemp("models") / "styled"
    models.save(STYLED, folder)
    return folder


@pytest.fixture(scope="session")
def conditional(tmp_path_factory):
    """Folder of a tiny StyleGAN2 with three classes, 8 px."""
    folder = tmp_path_factory.mktemp("models") / "conditional"
    models.save(CONDITIONAL, folder)
    return folder


def run(command, model, out, *words):
    return main([command, "--model", str(model), "--out", str(out), *map(str, words)])


def z(prior, source):
    return np.stack([point.variables["z"] for point in geometry.read_points(prior, source)])


def same(path, images):
    """Whether a picture holds these, row by row, up to rounding."""
    rows, columns, side = images.shape[:3]
    sheet = images.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    np.testing.assert_allclose(pixels(path).astype(int), im.to_uint8(sheet), atol=1)


def test_grid_of_mixed_styles(styled, tmp_path, capsys):
    out = tmp_path / "mix.png"
    words = ["--rows", "seed:1", "seed:2", "--columns", "seed:3,4,5", "--layers", "0-3", "--truncation", 0.7, "--json"]
    assert run("mix", styled, out, *words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["styles"] == [0, 3]
    assert facts["columns"] == ["seed:3", "seed:4", "seed:5"]
    rows, columns = (
        np.asarray(map_latents(STYLED, z(STYLED, s), truncation_psi=0.7)) for s in ("seed:1,2", "seed:3-5")
    )
    styles = np.empty((3, 4, 6, 6), np.float32)
    styles[0, 0] = 0
    styles[0, 1:], styles[1:, 0] = columns, rows
    for i in range(2):
        for j in range(3):
            styles[i + 1, j + 1] = np.concatenate([columns[j, :4], rows[i, 4:]])
    images = np.array(synthesize(STYLED, styles, space="w_plus"))
    images[0, 0] = 1.0  # The corner is white.
    same(out, images)


@pytest.mark.parametrize(
    ("out", "words", "sentence"),
    [
        ("m.png", ["--rows", "seed:1", "--columns", "seed:2", "--layers", "fine"], "styles 0 to 5"),
        ("m.png", ["--rows", "seed:1", "--columns", "seed:2", "--layers", "top"], "use coarse, middle, fine"),
        ("m.webp", ["--rows", "seed:1", "--columns", "seed:2"], "ends in .png"),
        ("m.png", ["--rows", "seed:1", "--columns"], "nothing to mix"),
    ],
)
def test_wrong_mixtures(styled, tmp_path, capsys, out, words, sentence):
    assert sentence in told(capsys, 2, run("mix", styled, tmp_path / out, *words))
    assert not list(tmp_path.iterdir())


def test_mixtures_of_a_prior_without_styles(model, tmp_path, capsys):
    assert "no styles to mix" in told(capsys, 2, run("mix", model, tmp_path / "m.png", "--rows", "a", "--columns", "b"))


def test_arithmetic_of_means_in_z(model, tmp_path, capsys):
    prior, out = random_prior("pggan"), tmp_path / "new" / "x.png"
    words = ["--positive", "seed:1,2,3", "seed:4", "--negative", "seed:5,6", "--strength", 0.5]
    assert run("arithmetic", model, out, *words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["space"] == "z"
    wanted = z(prior, "seed:1-3").mean(0) + 0.5 * (z(prior, "seed:4")[0] - z(prior, "seed:5,6").mean(0))
    (point,) = geometry.read_points(prior, str(out.with_suffix(".npz")))
    np.testing.assert_allclose(point.variables["z"], wanted, atol=1e-5)
    same(out, np.asarray(synthesize(prior, wanted))[None, None])
    assert run("arithmetic", model, tmp_path / "y.png", "--positive", out.with_suffix(".npz")) == 0
    np.testing.assert_array_equal(pixels(tmp_path / "y.png"), pixels(out))


def test_expression_transfer_in_w(styled, tmp_path):
    out = tmp_path / "x.png"
    assert (
        run("arithmetic", styled, out, "--positive", "seed:1", "seed:3", "--negative", "seed:2", "--strength", 2) == 0
    )
    w1, w2, w3 = np.asarray(map_latents(STYLED, z(STYLED, "seed:1-3")))
    same(out, np.asarray(synthesize(STYLED, w1 + 2 * (w3 - w2), space="w_plus"))[None, None])


def test_neighbours_around_the_result(model, tmp_path):
    out = tmp_path / "x.png"
    assert run("arithmetic", model, out, "--positive", "seed:1", "--scatter", 0.25) == 0
    assert pixels(out).shape == (48, 48, 3)
    middle = np.asarray(synthesize(random_prior("pggan"), z(random_prior("pggan"), "seed:1")[0]))
    np.testing.assert_allclose(pixels(out)[16:32, 16:32].astype(int), im.to_uint8(middle), atol=1)
    assert len({pixels(out)[r : r + 16, c : c + 16].tobytes() for r in (0, 16, 32) for c in (0, 16, 32)}) == 9


def test_arithmetic_of_classes_in_z(conditional, tmp_path):
    out = tmp_path / "x.png"
    words = ["--positive", "seed:1@2", "seed:2", "--negative", "seed:3", "--label", 0, "--space", "z"]
    assert run("arithmetic", conditional, out, *words, "--scatter", 0.1) == 0
    with np.load(out.with_suffix(".npz")) as arrays:
        np.testing.assert_array_equal(arrays["label"], [[0, 0, 1]])
        image = np.asarray(synthesize(CONDITIONAL, arrays["z"], label=arrays["label"]))[0]
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


def generated(model, out, *words):
    assert run("generate", model, out, *words) == 0
    with np.load(out / "samples.npz") as arrays:
        return dict(arrays)


def test_generate_a_row_for_every_class(conditional, tmp_path):
    found = generated(conditional, tmp_path, "--num", 4, "--label", "each", "--truncation", 0.5, "--batch-size", 5)
    np.testing.assert_array_equal(found["label"], np.repeat([0, 1, 2], 4))
    codes = np.tile(sample_z(CONDITIONAL, jax.random.key(0), 4), (3, 1))
    np.testing.assert_array_equal(found["z"], codes)
    wanted = synthesize(CONDITIONAL, codes, label=found["label"], truncation_psi=0.5)
    np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)
    assert pixels(tmp_path / "grid.png").shape == (3 * 8, 4 * 8, 3)
    named = geometry.read_points(CONDITIONAL, str(tmp_path / "samples.npz"))
    np.testing.assert_array_equal([point.variables["label"].argmax() for point in named], found["label"])


def test_generate_one_class(conditional, tmp_path):
    found = generated(conditional, tmp_path, "--num", 2, "--label", 1)
    np.testing.assert_allclose(found["images"], synthesize(CONDITIONAL, found["z"], label=1), rtol=1e-4, atol=1e-4)


def test_generate_with_noise_of_every_image_s_own(styled, tmp_path):
    runs = [
        generated(styled, tmp_path, "--num", n, "--noise", "random", "--batch-size", b) for n, b in ((5, 2), (3, 3))
    ]
    np.testing.assert_allclose(runs[0]["images"][:3], runs[1]["images"], rtol=1e-4, atol=1e-4)
    quiet = generated(styled, tmp_path, "--num", 2, "--noise", "none")
    np.testing.assert_allclose(quiet["images"], synthesize(STYLED, quiet["z"], noise="none"), rtol=1e-4, atol=1e-4)
    assert np.abs(quiet["images"] - runs[0]["images"][:2]).max() > 1e-3


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

"""``gprior generate`` of a plain, a style-based and a conditional prior."""

import json
from functools import partial

import jax
import numpy as np
import pytest

from cli import priors
from cli.codes import codes_of, drawn, run
from cli.restoring import pixels, told
from gprior_jax import zoo
from gprior_jax.cli.flags import PriorFlags
from gprior_jax.cli.model_facts import recommended_truncation
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.synthesis import sample_z
from gprior_jax.images import arrays as im
from gprior_jax.runs.sources import read_points

generate = partial(run, "generate")


def generated(model, out, *words):
    assert generate(model, out, *words) == 0
    with np.load(out / "samples.npz") as arrays:
        return dict(arrays)


def test_grid_and_arrays(little, tmp_path, capsys):
    found = generated(little, tmp_path / "out", "--num", 5)
    assert found["images"].shape == (5, 8, 8, 3)
    assert found["z"].shape == (5, 8)
    capsys.readouterr()
    fewer = generated(little, tmp_path / "out", "--num", 3, "--columns", 1, "--json")
    assert json.loads(capsys.readouterr().out)["grid"] == str(tmp_path / "out" / "grid.png")
    np.testing.assert_allclose(fewer["images"], found["images"][:3], atol=1e-5)
    assert pixels(tmp_path / "out" / "grid.png").shape == (3 * 8, 8, 3)


def test_a_row_for_every_class(conditional, tmp_path):
    found = generated(conditional, tmp_path, "--num", 4, "--label", "each", "--truncation", 0.5)
    np.testing.assert_array_equal(found["label"], np.repeat([0, 1, 2], 4))
    codes = np.tile(sample_z(priors.conditional(), jax.random.key(0), 4), (3, 1))
    np.testing.assert_array_equal(found["z"], codes)
    wanted = drawn(priors.conditional(), codes, found["label"], truncation_psi=0.5)
    np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)
    assert pixels(tmp_path / "grid.png").shape == (3 * 8, 4 * 8, 3)
    named = read_points(priors.conditional(), str(tmp_path / "samples.npz"))
    np.testing.assert_array_equal([point.variables["label"].argmax() for point in named], found["label"])


def test_one_class(conditional, tmp_path):
    found = generated(conditional, tmp_path, "--num", 4, "--label", 1, "--truncation", 0.5)
    wanted = drawn(priors.conditional(), found["z"], np.full(4, 1), truncation_psi=0.5)
    np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)


def test_a_class_instead_of_the_one_that_a_folder_is_held_to(tmp_path):
    zoo.save(with_label(priors.conditional(), 2), tmp_path / "held")
    for words, label in (((), 2), (("--label", 1), 1)):
        found = generated(tmp_path / "held", tmp_path / "out", "--num", 2, *words)
        wanted = drawn(priors.conditional(), found["z"], np.full(2, label))
        np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)
    assert PriorFlags(model=str(tmp_path / "held"), label=0).load_prior().label.tolist() == [1, 0, 0]
    with pytest.raises(ArgumentError, match="label 3: classes has classes 0 to 2"):
        PriorFlags(model=str(tmp_path / "held"), label=3).load_prior()


def test_noise_of_every_image_s_own(styled, tmp_path):
    maps = partial(generated, styled, tmp_path, "--noise")
    runs = [maps("random", "--num", n, "--batch-size", b) for n, b in ((4, 4), (3, 2))]
    np.testing.assert_allclose(runs[0]["images"][:3], runs[1]["images"], rtol=1e-4, atol=1e-4)
    quiet = maps("none", "--num", 3)
    wanted = drawn(priors.styled(), quiet["z"], noise="none")
    np.testing.assert_allclose(quiet["images"], wanted, rtol=1e-4, atol=1e-4)
    assert np.abs(quiet["images"] - runs[1]["images"]).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("conditional", [], "is conditional: give a label, a class from 0 to 2"),
        ("conditional", ["--label", 3], "has classes 0 to 2"),
        ("styled", ["--label", "each"], "has no classes, leave it out"),
        ("little", ["--truncation", 0.5], "has no styles to truncate, leave it out"),
        ("little", ["--noise", "random"], "has no noise"),
        ("little", ["--num", 0], "--num 0: use at least 1"),
    ],
)
def test_what_the_prior_does_not_have(request, tmp_path, capsys, name, words, sentence):
    folder = request.getfixturevalue(name)
    assert sentence in told(capsys, 2, generate(folder, tmp_path / "out", *words))
    assert not (tmp_path / "out").exists()


def test_the_truncation_that_a_folder_recommends(tmp_path):
    zoo.save(priors.styled(), tmp_path / "model", provenance={"truncation": 0.5})
    codes = generated(tmp_path / "model", tmp_path / "own", "--num", 2)
    for words, psi in (((), 0.5), (("--truncation", 1), 1.0)):
        found = generated(tmp_path / "model", tmp_path / "out", "--num", 2, *words)
        wanted = drawn(priors.styled(), codes["z"], truncation_psi=psi)
        np.testing.assert_allclose(found["images"], wanted, rtol=1e-4, atol=1e-4)
    assert recommended_truncation("builtin:portraits") == recommended_truncation("builtin:cells") == 0.8
    assert recommended_truncation("builtin") == 1.0


def test_codes_z_are_not_truncated_by_a_recommendation(tmp_path):
    """They may have been inverted as they are."""
    zoo.save(priors.styled(), tmp_path / "model", provenance={"truncation": 0.5})
    for words, psi in (("z", 1.0), ("w", 0.5)):
        assert run("arithmetic", tmp_path / "model", tmp_path / "a.png", "--positive", "seed:3", "--space", words) == 0
        code = codes_of(priors.styled(), "seed:3")
        wanted = im.to_uint8(drawn(priors.styled(), code, truncation_psi=psi)[0])
        np.testing.assert_allclose(pixels(tmp_path / "a.png").astype(int), wanted, atol=1)

"""``gprior geometry`` on tiny priors."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import gprior_jax as gp
from cli import priors
from cli.restoring import told
from gprior_jax import geometry
from gprior_jax.cli.main import main

SMALL = ["--segments", "4", "--steps", "1", "--directions", "2", "--cells", "3"]


def run(capsys, model, out, *words):
    assert main(["geometry", "seed:1", "seed:2", "--model", str(model), "--out", str(out), *SMALL, *words]) == 0
    return capsys.readouterr().out


def size_of(path):
    with Image.open(path) as opened:
        return opened.size


@pytest.mark.slow
def test_between_two_codes(styled, tmp_path, capsys):
    out = tmp_path / "out"
    content = json.loads(run(capsys, styled, out, "--truncation", "1", "--json"))
    assert json.loads((out / "geometry.json").read_text()) == {k: v for k, v in content.items() if k != "out"}
    assert content["space"] == "w"
    assert content["codes"] == ["seed:1", "seed:2"]
    prior = priors.styled()
    w = [np.asarray(gp.map_latents(prior, gp.sample_z(prior, gp.keys.seeded(s), 1)))[0, 0] for s in (1, 2)]
    function = geometry.outputs(prior)
    wanted = jax.jit(geometry.measure)(function, geometry.line(*map(jnp.asarray, w), 4))
    np.testing.assert_allclose(content["line"]["distances"], wanted.distances, rtol=1e-3)
    assert content["line"]["energy"] == pytest.approx(float(wanted.energy), rel=1e-3)
    assert content["geodesic"]["energy"] <= content["line"]["energy"]
    values = geometry.singular_values(jax.jit(geometry.metric)(function, jnp.asarray(w[0])))
    np.testing.assert_allclose(content["start"]["singular_values"], values, rtol=1e-3)
    assert 1 <= content["start"]["effective_rank"] <= 5
    side = prior.resolution
    assert size_of(out / "strips.png") == (5 * side, 2 * side)
    assert size_of(out / "directions.png") == (5 * side, 2 * side)
    assert size_of(out / "slice.png") == (24, 24)
    with np.load(out / "curves.npz") as arrays:
        assert arrays["geodesic"].shape == (5, 5)
        np.testing.assert_allclose(arrays["line"][[0, -1]], w, rtol=1e-4)
        np.testing.assert_allclose(arrays["geodesic"][[0, -1]], w, rtol=1e-4)
        assert arrays["area"].shape == (3, 3)
    page = (out / "report.html").read_text()
    assert page.count('<figure class="chart"') == 3
    assert "<h2>Slice</h2>" in page


@pytest.mark.slow
def test_features_of_codes_z(little, tmp_path, capsys):
    said = run(capsys, little, tmp_path / "out", "--perceptual", "default", "--cells", "0")
    assert "of the line's energy" in said
    content = json.loads((tmp_path / "out" / "geometry.json").read_text())
    assert content["space"] == "z"
    assert not (tmp_path / "out" / "slice.png").exists()


@pytest.mark.parametrize(
    ("sources", "words", "sentence"),
    [
        (["seed:1"], [], "1 codes: name two, as in gprior geometry seed:1 seed:2"),
        (["seed:1", "seed:2"], ["--segments", "1"], "--segments 1, --cells 3: use 2 or more, and 0 or more"),
        (["seed:1", "seed:2"], ["--directions", "5"], "--directions 5: a code has 5 numbers, use fewer"),
        (["seed:1", "seed:2"], ["--space", "z", "--truncation", "0.5"], "curves in z are not truncated"),
    ],
)
def test_wrong_use(styled, tmp_path, capsys, sources, words, sentence):
    out = tmp_path / "out"
    code = main(["geometry", *sources, "--model", str(styled), "--out", str(out), *SMALL, *words])
    assert sentence in told(capsys, 2, code)
    assert not out.exists()

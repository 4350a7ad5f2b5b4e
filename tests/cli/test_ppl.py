"""``gprior ppl`` on a tiny prior."""

import json

import jax
import numpy as np
import pytest

from cli import priors
from cli.restoring import told
from gprior_jax import geometry
from gprior_jax.cli.main import main
from gprior_jax.perceptual import network

SMALL = ["--samples", "3", "--batch-size", "3", "--epsilon", "1e-2"]


@pytest.mark.slow
def test_path_lengths(styled, tmp_path, capsys):
    out = tmp_path / "ppl.json"
    assert (
        main(["ppl", "--model", str(styled), "--variants", "zend", "wfull", *SMALL, "--out", str(out), "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)["path_length"]
    assert json.loads(out.read_text())["path_length"] == found
    prior = priors.styled()
    options = {"num_samples": 3, "batch_size": 3, "epsilon": 1e-2}
    wanted = geometry.perceptual_path_length(
        prior, network.default(prior), jax.random.key(0), space="w", sampling="full", **options
    )
    assert found["wfull"] == pytest.approx(wanted.mean, rel=1e-5)
    assert np.isfinite(found["zend"])


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("little", ["--variants", "wend"], "has no styles"),
        ("little", ["--perceptual", "none"], "paths are measured by a network"),
        ("conditional", [], "comes without a discriminator"),
        ("little", ["--epsilon", "0"], "--epsilon 0.0: use a number above 0"),
        ("little", ["--label", "1"], "--label 1: tiny pggan has no classes, leave it out"),
        ("little", ["--samples", "0"], "--samples 0: use at least 1"),
    ],
)
def test_wrong_use(request, tmp_path, capsys, name, words, sentence):
    model, out = request.getfixturevalue(name), tmp_path / "ppl.json"
    code = main(["ppl", "--model", str(model), "--out", str(out), *SMALL, *words])
    assert sentence in told(capsys, 2, code)
    assert not out.exists()

"""The names that scripts outside rely on."""

import inspect
import operator

import jax
import numpy as np
import pytest
from batteries import random_prior

import gprior_jax as gp


def test_the_design_s_script_runs(tmp_path):
    """As :mod:`gprior_jax` has it in its documentation, whose own lines run on the bundled prior."""
    gp.save(random_prior("pggan", "pggan"), tmp_path / "folder")
    prior = gp.load(tmp_path / "folder")
    key = jax.random.key(0)
    z = gp.sample_z(prior, key, 2)
    x = gp.synthesize(prior, z, space="z")
    f = gp.features(prior, z, 4)
    np.testing.assert_allclose(gp.from_features(prior, f, 4), x, atol=1e-5)
    recipe = gp.recipes.mganprior(num_codes=3, layer=4, preset="fast", num_steps=3, perceptual="default")
    result = gp.invert(prior, x, recipe, key=key)
    assert result.images.shape == x.shape
    assert result.variables["codes"].shape == (2, 3, prior.z_dim)
    assert set(result.terms) == {"pixel_mse", "perceptual"}
    assert result.history["loss"].shape == (2, 3)
    assert (result.loss <= result.history["loss"][:, 0]).all()
    assert gp.Status(int(result.status[0])) == gp.Status.MAX_STEPS


def test_public_functions_are_documented_with_shapes_or_errors():
    for name in ("load", "save", "sample_z", "synthesize", "features", "from_features", "invert"):
        documentation = inspect.getdoc(getattr(gp, name))
        assert documentation
        assert "Args:" in documentation or ">>>" in documentation


NAMES = """
load save sample_z synthesize map_latents features from_features invert load_image save_image
latents objectives operators recipes tasks editing geometry metrics runs zoo SolverConfig Optimizer Recipe Prior Status
recipes.mganprior tasks.colorize tasks.upscale tasks.inpaint tasks.denoise tasks.deblur
load_translator save_translator translate Translator
latents.Parametrization objectives.Term runs.run runs.Inversion runs.Restoring recipes.register zoo.register
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_names_that_scripts_use(name):
    assert operator.attrgetter(name)(gp) is not None

"""A recipe's stages made ready: what is compiled, and when."""

import jax
import numpy as np
from batteries import own_images
from latents.priors import tiny_prior

from gprior_jax.compiling import programs
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER

KEY = jax.random.key(5)
PRIOR = tiny_prior()
RECIPE = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 6))


def test_steps_are_compiled_while_the_start_is(tmp_path):
    """Once: what stands for the first states is told as they are."""
    images = own_images(PRIOR, 5)
    reference = invert(PRIOR, images, RECIPE, key=KEY)
    programs.keep_in(tmp_path)
    try:
        found = invert(PRIOR, images, RECIPE, key=KEY)
    finally:
        programs.keep_in(None)
    np.testing.assert_allclose(found.images, reference.images, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.loss, reference.loss, rtol=1e-5, atol=1e-5)
    assert len(list(tmp_path.iterdir())) == 4  # What prepares, starts, steps and finishes.

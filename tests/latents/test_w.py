"""One w for all layers: what it starts from and what it draws."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal

from gprior_jax.generators.styles import mean_styles
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import W, WPlus
from gprior_jax.objectives import Pixel
from latents.priors import styled_prior

PRIOR = styled_prior(1)
KEY = jax.random.key(0)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def test_starts_from_the_mean():
    assert PRIOR.params["w_avg"].any()
    np.testing.assert_allclose(W().init(PRIOR, KEY)["w"], mean_styles(PRIOR)[0], **CLOSE)


def test_starts_from_uniform_numbers():
    drawn = jax.jit(jax.vmap(lambda key: W("uniform").init(PRIOR, key)["w"]))(jax.random.split(KEY, 50))
    assert drawn.shape == (50, 5)
    assert float(jnp.abs(drawn).max()) <= 1
    # Not their mean over the styles, which would lie near zero.
    assert float(drawn.std()) == pytest.approx(3**-0.5, rel=0.1)


def test_starts_from_a_random_code():
    init = jax.jit(W("random").init)
    first, second = (init(PRIOR, jax.random.key(seed))["w"] for seed in (0, 1))
    assert float(jnp.abs(first - second).max()) > 1e-3
    image = jax.jit(W("random").render)(PRIOR, {"w": first})
    np.testing.assert_allclose(image, synthesize(PRIOR, first, space="w"), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("parametrization", [W(), WPlus(noise="free", noise_weight=1.0)], ids=["w", "w_plus_noise"])
def test_inversion_makes_progress(parametrization):
    images = np.asarray(synthesize(PRIOR, normal(4, 2, 8)))
    recipe = Recipe("test", parametrization, (Pixel(),), SolverConfig(Optimizer(optax.adam, 0.05), 40))
    result = invert(PRIOR, images, recipe, key=KEY)
    assert (result.loss < 0.5 * result.history["loss"][:, 0]).all()

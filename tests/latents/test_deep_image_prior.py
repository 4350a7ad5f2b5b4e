"""The weights of an untrained network."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal

from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import CODE_RATE, DeepImagePrior
from gprior_jax.objectives import Pixel
from latents.priors import tiny_prior

PRIOR = tiny_prior()
init = jax.jit(DeepImagePrior().init)
render = jax.jit(DeepImagePrior().render)


@pytest.mark.slow
def test_untrained_weights_are_fitted_and_the_code_is_not():
    code, target = normal(4, 1, 8), np.full((1, 8, 8, 3), 0.5, np.float32)
    solver = SolverConfig(Optimizer(optax.adam, 0.01, rates=CODE_RATE), 8)
    recipe = Recipe("deep_image_prior", DeepImagePrior(), (Pixel(),), solver)
    result = invert(PRIOR, target, recipe, key=jax.random.key(0), init={"code": code})
    assert float(result.loss[0]) < 0.9 * result.history["loss"][0, 0]
    assert int(result.step[0]) > 0
    np.testing.assert_array_equal(result.variables["code"], code)
    # The image is that of the weights that are returned.
    variables = {name: jnp.asarray(value[0]) for name, value in result.variables.items()}
    np.testing.assert_allclose(render(PRIOR, variables), result.images[0], rtol=1e-3, atol=1e-4)


def test_deep_image_prior_is_the_module_under_its_own_weights():
    variables = init(PRIOR, jax.random.key(0))
    params: dict = {}
    for name, leaf in variables.items():
        if name != "code":
            _, layer, rest = name.split("/", 2)
            params.setdefault(layer, {})[rest] = leaf
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, PRIOR.params)
    image = jax.jit(lambda params, code: PRIOR.module.apply({"params": params}, code))(params, variables["code"])
    np.testing.assert_allclose(render(PRIOR, variables), image, rtol=1e-4, atol=1e-5)
    # The trained weights have no part in it.
    np.testing.assert_array_equal(render(tiny_prior(seed=5), variables), render(PRIOR, variables))


def test_untrained_weights_differ_by_key():
    first, again, other = (init(PRIOR, jax.random.key(seed)) for seed in (1, 1, 2))
    for name, leaf in first.items():
        np.testing.assert_array_equal(leaf, again[name])
        if name == "code" or name.endswith("/kernel"):
            assert (leaf != other[name]).any(), name

"""Conditional priors held to one class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_params

from gprior_jax.generators.base import Prior, astype, prepare
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.styles import w_statistics, with_label
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Z
from gprior_jax.objectives import Pixel

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3)
PRIOR = Prior(random_params(MODULE, 0), MODULE, name="tiny classes")
CODES = normal(1, 2, 8)


@pytest.mark.parametrize("label", [0, 2, [0.5, 0.5, 0.0]])
def test_it_is_the_prior_with_that_label(label):
    label = jnp.asarray(label)
    held = with_label(PRIOR, label)
    np.testing.assert_array_equal(map_latents(held, CODES), map_latents(PRIOR, CODES, label=label))
    np.testing.assert_array_equal(synthesize(held, CODES), synthesize(PRIOR, CODES, label=label))
    key, one_hot = jax.random.key(0), label if label.ndim else jax.nn.one_hot(label, 3)
    for found, expected in zip(w_statistics(held, key, 50), w_statistics(PRIOR, key, 50, one_hot), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_it_is_used_like_an_unconditional_one():
    held = prepare(with_label(PRIOR, 1))
    assert held.num_classes == 0
    assert not np.allclose(map_latents(held, CODES), map_latents(with_label(held, 2), CODES))
    assert synthesize(astype(held, "bfloat16"), CODES).dtype == jnp.bfloat16
    recipe = Recipe("test", Z(), (Pixel(),), SolverConfig(Optimizer("adam", 0.05), 5))
    with pytest.raises(ValueError, match="tiny classes is conditional: give a label, a class from 0 to 2"):
        invert(PRIOR, np.zeros((1, 8, 8, 3)), recipe, key=jax.random.key(0))
    result = invert(held, np.zeros((1, 8, 8, 3)), recipe, key=jax.random.key(0))
    drawn = synthesize(PRIOR, result.variables["z"], label=jnp.array([1]))
    np.testing.assert_allclose(drawn, result.images, atol=1e-4)


@pytest.mark.parametrize("label", [3, -1])
def test_classes_that_are_not_there(label):
    with pytest.raises(ValueError, match="has classes 0 to 2"):
        with_label(PRIOR, label)


def test_priors_without_classes():
    plain = StyleGAN2((4,), 8, 4, mapping_layers=1)
    with pytest.raises(ValueError, match="has no classes"):
        with_label(Prior({}, plain), 0)

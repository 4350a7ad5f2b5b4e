"""PULSE: the published constants, its loss, and a whole run."""

import jax
import numpy as np
import optax
import pytest
from batteries import normal
from latents.priors import styled_prior

from gprior_jax import tasks
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import one_cycle_drop
from gprior_jax.latents import Sphere
from gprior_jax.objectives import Observation
from gprior_jax.operators import Downsample, broadcast
from gprior_jax.recipes import pulse


def test_official():
    recipe = pulse(preset="official")
    assert recipe.parametrization == Sphere(False, 5, (17,), 0.05, 1_000_000)
    assert recipe.solver.optimizer == Optimizer(optax.adam, 0.4, schedule=one_cycle_drop)
    assert recipe.solver.num_steps == 100
    assert pulse().parametrization == Sphere(False, 5, (17,), 0.05, 20_000)
    with pytest.raises(ArgumentError, match="preset 'slow'"):
        pulse(preset="slow")


def test_the_loss_is_the_published_one():
    term = pulse().terms[0]
    a, b = np.clip(0.5 * normal(1, 8, 8, 3), -1, 1), np.clip(0.5 * normal(2, 8, 8, 3), -1, 1)
    measure = jax.jit(lambda x: term.weight * term.loss(x, x, term.target(Observation(b, None)), {}))
    for scale in (1.0, 0.05):  # Above epsilon, and below it.
        near = b + scale * (a - b)
        published = 100 * max(np.mean(((near + 1) / 2 - (b + 1) / 2) ** 2), 2e-3)
        assert float(measure(near)) == pytest.approx(published, rel=1e-4)


@pytest.mark.slow
def test_pulse_upscales_and_tells_its_distance():
    prior, key, reduce = styled_prior(1), jax.random.key(0), Downsample(2, "pulse")
    operator, small = broadcast(reduce, 2), 0.5 * normal(3, 2, 2, 2, 3)
    recipe = pulse(num_steps=15, epsilon=0.0)
    result = invert(prior, small, recipe, key=key, operator=operator)
    again = np.asarray(jax.jit(jax.vmap(reduce))(result.images))
    np.testing.assert_allclose(np.mean((again - small) ** 2, axis=(1, 2, 3)), result.terms["pixel_mse"], rtol=1e-3)
    # XLA may compute the loss twice, for the history and to compare with the best: one rounding apart.
    np.testing.assert_allclose(result.loss, result.history["loss"].min(axis=1), rtol=1e-6)
    restored = tasks.upscale(prior, small, key=key, recipe=recipe, filter="pulse", consistent=False)
    np.testing.assert_allclose(restored.images, np.clip(result.images, -1, 1), atol=1e-4)

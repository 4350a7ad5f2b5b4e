"""Pivotal tuning: the published constants, and a whole run."""

import jax
import numpy as np
import optax
import pytest
from batteries import normal
from latents.priors import styled_prior, tiny_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion import schedules
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.result import Result
from gprior_jax.latents import Projector, Tuning
from gprior_jax.recipes import latent, projector, pti, tuned_prior
from recipes.networks import lpips

PRIOR = styled_prior(1).replace(critic=tiny_prior(critic=True).critic)
KEY = jax.random.key(0)


def test_official():
    recipe = pti(preset="official", perceptual=lpips())
    pivot, tuning = recipe.stages
    assert pivot.parametrization == Projector(450, "w", 1e5, statistics_samples=600)
    assert pivot.solver.optimizer == Optimizer(optax.adam, 0.01, schedule=schedules.projector)
    assert tuning.parametrization == Tuning()
    assert (tuning.solver.optimizer, tuning.solver.num_steps) == (Optimizer(optax.adam, 3e-4), 350)
    assert tuning.solver.goal == ("perceptual", 0.06)
    assert [term.weight for term in tuning.terms] == [1.0, 1.0]
    # The threshold means nothing in the features of a discriminator.
    assert pti(preset="official").then.solver.goal is None
    assert pti(pivot=latent("w_plus")).parametrization == latent("w_plus").parametrization
    with pytest.raises(ArgumentError, match="has several stages"):
        pti(pivot=recipe)


@pytest.fixture(scope="module")
def images():
    return np.asarray(synthesize(PRIOR, normal(3, 2, 5), space="w"))


PIVOT = projector(num_steps=10, statistics_samples=200, learning_rate=0.02, perceptual="default")
RECIPE = pti(pivot=PIVOT, num_steps=8, learning_rate=0.01, perceptual="default")


@pytest.fixture(scope="module")
def pivot(images) -> Result:
    return invert(PRIOR, images, PIVOT, key=KEY)


@pytest.mark.slow
def test_projector_with_the_prior_s_own_discriminator(pivot):
    assert set(pivot.terms) == {"pixel_mse", "perceptual", "noise"}
    assert (pivot.loss < pivot.history["loss"][:, 0]).all()


@pytest.mark.slow
def test_pti_from_pivot_to_prior(images, pivot):
    result = invert(PRIOR, images, RECIPE, key=KEY)
    np.testing.assert_array_equal(result.variables["_w_plus"][:, 0], pivot.variables["w"])
    assert (result.loss < 0.95 * result.history["loss"][:, 0]).all()
    one = tuned_prior(PRIOR, result, 1)
    drawn = synthesize(one, result.variables["_w_plus"][1], space="w_plus")
    np.testing.assert_allclose(drawn, result.images[1], atol=1e-4)
    sampled = invert(PRIOR, images, RECIPE, key=KEY, samples=1)
    drawn = synthesize(tuned_prior(PRIOR, sampled, (1, 0)), sampled.variables["_w_plus"][1, 0], space="w_plus")
    np.testing.assert_allclose(drawn, sampled.images[1, 0], atol=1e-4)
    with pytest.raises(ArgumentError, match=r"but no weights: invert with"):
        tuned_prior(PRIOR, pivot)

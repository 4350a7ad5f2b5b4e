"""The projector and pivotal tuning: the published constants, and whole runs."""

import functools

import jax
import numpy as np
import pytest
from batteries import normal, random_params, random_prior, random_vgg

from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.latents import Projector, Tuning
from gprior_jax.objectives import Pixel
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork, difference
from gprior_jax.recipes import latent, projector, pti, tuned_prior

PRIOR = random_prior("stylegan2_plain", "dcgan")
KEY = jax.random.key(0)


@functools.cache
def lpips():
    module = LPIPSNetwork("alexnet")
    params = random_params(module, 3)
    return LPIPS(params | {"linear": jax.tree.map(abs, params["linear"])}, module)


def test_official_projector():
    recipe = projector(preset="official", perceptual=random_vgg())
    assert recipe.parametrization == Projector(1000, "w", 1e5, 0.05, 0.75, 10_000)
    optimizer = recipe.solver.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.schedule) == ("adam", 0.1, "projector")
    assert (optimizer.beta1, optimizer.beta2, recipe.solver.num_steps) == (0.9, 0.999, 1000)
    # Features alone, their squared differences, at most 256 px.
    (features,) = recipe.terms
    assert (features.name, features.weight, features.kind, features.max_side) == ("perceptual", 1.0, "mse", 256)


def test_with_lpips_the_distance_is_the_published_sum_of_squares():
    (term,) = projector(perceptual=lpips()).terms
    a, b = 0.5 * normal(1, 33, 33, 3), 0.5 * normal(2, 33, 33, 3)
    embed = jax.jit(lpips().embed)
    expected = float(difference(embed(a), embed(b)))
    assert float(jax.jit(lambda a, b: term.loss(a, term.target(b)))(a, b)) == pytest.approx(expected, rel=1e-4)


def test_a_discriminator_has_pixels_beside_it():
    pixel, features = projector("w_plus", num_steps=30).terms
    assert (pixel.weight, features.kind, features.max_side) == (1.0, "mse", None)
    assert projector(num_steps=30).parametrization.num_steps == 30
    assert len(projector(pixel_weight=0.0).terms) == 1
    assert projector(perceptual=None).terms == (Pixel(1.0),)
    assert projector(perceptual=random_vgg(), pixel_weight=0.3).terms[0].weight == 0.3


def test_official_pti():
    recipe = pti(preset="official", perceptual=lpips())
    pivot, tuning = recipe.stages
    assert pivot.parametrization == Projector(450, "w", 1e5, statistics_samples=600)
    assert pivot.solver.optimizer.learning_rate == 0.01
    assert tuning.parametrization == Tuning()
    assert (tuning.solver.optimizer.learning_rate, tuning.solver.num_steps) == (3e-4, 350)
    assert tuning.solver.goal == ("perceptual", 0.06)
    assert [term.weight for term in tuning.terms] == [1.0, 1.0]
    # The threshold means nothing in the features of a discriminator.
    assert pti(preset="official").then.solver.goal is None
    assert pti(pivot=latent("w_plus")).parametrization == latent("w_plus").parametrization
    with pytest.raises(ValueError, match="has several stages"):
        pti(pivot=recipe)


def pivot_recipe():
    return projector(num_steps=10, statistics_samples=200, learning_rate=0.02)


@pytest.fixture(scope="module")
def images():
    return np.stack([synthesize(PRIOR, w, space="w") for w in normal(3, 2, 5)])


@pytest.fixture(scope="module")
def pivot(images):
    return invert(PRIOR, images, pivot_recipe(), key=KEY)


@pytest.mark.slow
def test_projector_with_the_prior_s_own_discriminator(pivot):
    assert set(pivot.terms) == {"pixel_mse", "perceptual", "noise"}
    assert (pivot.loss < pivot.history["loss"][:, 0]).all()


@pytest.mark.slow
def test_pti_from_pivot_to_prior(images, pivot):
    recipe = pti(pivot=pivot_recipe(), num_steps=8, learning_rate=0.01)
    result = invert(PRIOR, images, recipe, key=KEY)
    np.testing.assert_array_equal(result.variables["_w_plus"][:, 0], pivot.variables["w"])
    assert (result.loss < 0.95 * result.history["loss"][:, 0]).all()
    one = tuned_prior(PRIOR, result, 1)
    drawn = synthesize(one, result.variables["_w_plus"][1], space="w_plus")
    np.testing.assert_allclose(drawn, result.images[1], atol=1e-4)
    sampled = invert(PRIOR, images[:1], recipe, key=KEY, samples=2)
    drawn = synthesize(tuned_prior(PRIOR, sampled, (0, 1)), sampled.variables["_w_plus"][0, 1], space="w_plus")
    np.testing.assert_allclose(drawn, sampled.images[0, 1], atol=1e-4)
    with pytest.raises(ValueError, match="but no weights: invert with"):
        tuned_prior(PRIOR, pivot)

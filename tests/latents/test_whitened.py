"""Styles in coordinates in which every direction changes the image about as much."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, own_images, random_prior

from gprior_jax import recipes
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.driver import invert
from gprior_jax.latents import AS_THEY_ARE, W, WhitenedStyles, WPlus


@pytest.fixture(scope="module")
def measured():
    """A prior with a metric of known eigenvalues."""
    prior = random_prior("stylegan2_residual")
    vectors = np.linalg.qr(normal(1, prior.num_styles, prior.w_dim, prior.w_dim))[0]
    values = np.logspace(2, -2, prior.w_dim)
    metric = np.einsum("lij,j,lkj->lik", vectors, values, vectors)
    return dataclasses.replace(prior, metric=jnp.asarray(metric, jnp.float32)), vectors, values


def test_steps_are_measured_by_the_root_of_the_metric(measured):
    prior, vectors, values = measured
    own, search = WhitenedStyles(0.1), WPlus()
    start = jnp.asarray(normal(2, prior.num_styles, prior.w_dim))
    steps, constants = own.begin(search, prior, {"w_plus": start})
    assert steps.keys() == {"steps"}
    assert not steps["steps"].any()
    np.testing.assert_array_equal(own.end(steps, constants)["w_plus"], start)
    damped = values + 0.1 * values.mean()
    for index in (0, prior.w_dim - 1):  # A unit step along an eigenvector.
        moved = own.end({"steps": jnp.asarray(vectors[:, :, index], jnp.float32)}, constants)["w_plus"] - start
        length = np.sqrt(damped.max() / damped[index])
        np.testing.assert_allclose(moved, length * vectors[:, :, index], atol=2e-3 * length)


def test_other_variables_stay_as_they_are(measured):
    prior, *_ = measured
    search, own = WPlus(noise="fitted"), WhitenedStyles()
    variables = search.init(prior, jax.random.key(0))
    steps, constants = own.begin(search, prior, variables)
    assert own.end(steps, constants).keys() == variables.keys()
    image = own.render(search, prior, steps, constants)
    np.testing.assert_allclose(image, search.render(prior, variables), rtol=1e-5, atol=1e-5)


def test_are_for_styles_of_every_layer_and_priors_with_a_metric(measured):
    prior, *_ = measured
    own = WhitenedStyles()
    assert own.fit(WPlus(), prior) is own
    assert own.fit(WPlus(), random_prior("stylegan2_residual")) == AS_THEY_ARE
    for other in (W(), WPlus(noise="free")):
        with pytest.raises(ArgumentError, match="whitened styles are those of W"):
            own.fit(other, prior)
    with pytest.raises(ArgumentError, match="damping"):
        WhitenedStyles(0.0)


def test_the_preset_takes_them_where_the_prior_has_a_metric(measured):
    prior, *_ = measured
    recipe = recipes.latent("w_plus", num_steps=3)
    assert isinstance(recipe.fit(prior).coordinates, WhitenedStyles)
    assert recipe.fit(random_prior("stylegan2_residual")).coordinates == AS_THEY_ARE
    result = invert(prior, np.tanh(own_images(prior, 2)), recipe, key=jax.random.key(0))
    assert result.variables.keys() == {"w_plus"}
    rendered = jax.vmap(lambda styles: WPlus().render(prior, {"w_plus": styles}))(result.variables["w_plus"])
    np.testing.assert_allclose(rendered, result.images, atol=1e-3)

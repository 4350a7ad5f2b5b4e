"""W+ and an offset to the features at a layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax import recipes
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.running import run_layers
from gprior_jax.inversion.driver import invert
from gprior_jax.latents import Features, WPlus
from gprior_jax.latents.features import default_feature_layer


def variables_of(prior, layer, seed=1):
    styles = jnp.asarray(normal(seed, prior.num_styles, prior.w_dim))
    return {"w_plus": styles, "offset": jnp.asarray(0.1 * normal(seed + 1, *prior.feature_shape(layer)))}


def test_draws_what_layers_make_of_moved_features():
    prior = random_prior("stylegan2")
    search, variables = Features(layer=2), variables_of(prior, 2)
    first = run_layers(prior, None, stop=2, styles=variables["w_plus"])
    expected = run_layers(prior, first + variables["offset"], start=2, styles=variables["w_plus"])
    np.testing.assert_allclose(search.render(prior, variables), expected, rtol=1e-5, atol=1e-5)
    none = variables | {"offset": jnp.zeros_like(variables["offset"])}
    plain = WPlus().render(prior, {"w_plus": variables["w_plus"]})
    np.testing.assert_allclose(search.render(prior, none), plain, rtol=1e-5, atol=1e-5)


def test_an_edit_moves_the_features_as_it_does_without_the_offset():
    prior, search = random_prior("stylegan2"), Features(layer=2)
    variables, edit = variables_of(prior, 2), jnp.asarray(0.3 * normal(9, prior.num_styles, prior.w_dim))

    def features(styles):
        return run_layers(prior, None, stop=2, styles=styles)

    moved = variables | {"w_plus": variables["w_plus"] + edit}
    there = features(variables["w_plus"]) + variables["offset"]
    change = features(moved["w_plus"]) - features(variables["w_plus"])
    expected = run_layers(prior, there + change, start=2, styles=moved["w_plus"])
    np.testing.assert_allclose(search.render(prior, moved), expected, rtol=1e-4, atol=1e-4)


def test_starts_without_an_offset_from_styles_that_were_found():
    prior, key = random_prior("stylegan2"), jax.random.key(0)
    styles = normal(3, prior.num_styles, prior.w_dim)
    found = Features(layer=2).init(prior, key, {"w_plus": styles})
    np.testing.assert_array_equal(found["w_plus"], styles)
    assert not found["offset"].any()
    again = Features(layer=2).init(prior, key, found | {"offset": found["offset"] + 1})
    assert again["offset"].all()


def test_layer_is_the_priors_unless_given():
    prior = random_prior("stylegan2")  # 4, 8 and 16 px.
    sides = [prior.feature_shape(layer)[0] for layer in range(prior.num_layers)]
    layer = default_feature_layer(prior)
    assert Features().fit(prior).layer == layer
    assert sides[layer] == 8
    assert sides[layer - 1] == 4
    with pytest.raises(ArgumentError, match="layer 99 is out of range"):
        Features(layer=99).fit(prior)
    with pytest.raises(ArgumentError, match="call fit"):
        Features().init(prior, jax.random.key(0))


def test_reconstructs_what_no_styles_draw():
    prior = random_prior("stylegan2")
    layer = default_feature_layer(prior)
    image = Features(layer=layer).render(prior, variables_of(prior, layer))[None]
    results = [
        invert(prior, image, recipe, key=jax.random.key(1))
        for recipe in (recipes.latent("w_plus", num_steps=60), recipes.features(style_steps=20, num_steps=40))
    ]
    plain, both = (float(result.loss[0]) for result in results)
    assert both < 0.2 * plain

"""Local edits: two target images under a mask, and copied activations."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, own_images, random_params, random_prior

from gprior_jax import recipes
from gprior_jax.editing.local import Weighted, _weighted, composite, copy_activations, local_edit
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.objectives import Observation, Pixel
from gprior_jax.operators import Mask

PRIOR = random_prior("stylegan2_residual")
KEY = jax.random.key(2)
MASK = np.ones((8, 8, 1), np.float32)
MASK[2:6, 3:7] = 0
RECIPE = recipes.image2stylegan_pp(perceptual=None, num_steps=12, noise_steps=6)


def test_two_targets_are_a_weighted_composite():
    image, x1, x2 = normal(1, 8, 8, 3), normal(2, 8, 8, 3), normal(3, 8, 8, 3)
    a, b = 2.0, 0.5
    published = a * np.sum((MASK * (image - x1)) ** 2) + b * np.sum(((1 - MASK) * (image - x2)) ** 2)
    operator = Weighted(jnp.asarray(a * MASK + b * (1 - MASK)))
    term, target = Pixel(), composite(x1, x2, MASK)
    found = float(term.loss(image, operator(image), term.target(Observation(target, operator)), {}))
    mean_weight = np.mean(a * MASK + b * (1 - MASK))
    assert found == pytest.approx(published / (8 * 8 * 3) / mean_weight, rel=1e-4)


@pytest.fixture(scope="module")
def images():
    return np.tanh(0.3 * own_images(PRIOR, 2)) + 0.1 * normal(5, 2, 8, 8, 3)


@pytest.fixture(scope="module")
def free(images):
    """What the prior makes of the holes on its own."""
    return local_edit(PRIOR, images, MASK, key=KEY, recipe=RECIPE)


@pytest.mark.slow
def test_what_the_mask_hides_is_the_prior_s(images, free):
    unseen = local_edit(PRIOR, np.where(MASK > 0, images, 9.0), MASK, key=KEY, recipe=RECIPE)
    np.testing.assert_array_equal(free.images, unseen.images)
    assert {"w_plus", "noise_0", "noise_2"} <= free.variables.keys()
    # Everything known: the same as without an operator, in the program of the first stage.
    everything = Mask(jnp.ones((2, 8, 8, 1)))
    first = invert(PRIOR, images, dataclasses.replace(RECIPE, then=None), key=KEY, operator=everything)
    # The noise brings the photograph nearer, and keeps the filling near what w drew.
    known = [np.mean(((found - images) * MASK) ** 2) for found in (free.images, first.images)]
    assert known[0] < known[1]


@pytest.mark.slow
def test_a_scribble_is_followed(images, free):
    colors = np.array([0.8, 0.6])[:, None, None, None]
    edited = np.where(MASK > 0, 9.0, colors) + np.zeros(3)
    drawn = local_edit(PRIOR, images, MASK, key=KEY, recipe=RECIPE, edited=edited)
    error = [np.mean(((found.images - colors) * (1 - MASK)) ** 2) for found in (drawn, free)]
    assert error[0] < error[1]
    assert np.abs(drawn.images).max() < 9
    turned = local_edit(PRIOR, images[::-1], MASK, key=KEY, recipe=RECIPE, edited=edited[::-1], ids=np.array([1, 0]))
    np.testing.assert_allclose(turned.images[::-1], drawn.images, atol=1e-3)


def test_weights_reach_every_pixel_term():
    official = recipes.image2stylegan_pp(preset="official", perceptual=None).then
    assert not official.terms[0].masked
    assert _weighted(official).terms[0].masked


def test_refusals(images):
    with pytest.raises(ValueError, match="has no styles"):
        local_edit(random_prior("pggan"), images, MASK, key=KEY)
    with pytest.raises(ValueError, match="has not two stages"):
        local_edit(PRIOR, images, MASK, key=KEY, recipe=recipes.image2stylegan())
    with pytest.raises(ValueError, match=r"masks of shape \(4, 4, 1\) for images of 8x8"):
        local_edit(PRIOR, images, MASK[:4, :4], key=KEY)
    with pytest.raises(ValueError, match="mask 0 has values between"):
        local_edit(PRIOR, images, 0.5 * MASK, key=KEY)


@pytest.mark.parametrize(
    ("module", "layer"),
    [(StyleGAN2((6, 4), 8, 5, mapping_layers=2), 2), (StyleGAN((6, 4), 8, 5, mapping_layers=2), 3)],
)
def test_copied_activations(module, layer):
    prior = Prior(random_params(module, 0), module)
    own, source = normal(6, 2, 4, 5)
    copy = jax.jit(lambda region: copy_activations(prior, own, source, layer, region))
    draw = jax.jit(lambda styles: synthesize(prior, styles, space="w_plus"))
    nothing, everything = np.zeros((8, 8, 1)), np.ones((8, 8, 1))
    plain = draw(own)
    np.testing.assert_allclose(copy(nothing), plain, rtol=1e-4, atol=1e-5)
    # All of them is the source up to the layer, and the own styles from there on.
    np.testing.assert_allclose(
        copy(everything), draw(np.concatenate([source[:layer], own[layer:]])), rtol=1e-3, atol=1e-4
    )
    left = np.array(nothing)
    left[:, :4] = 1
    mixed = copy(left)
    assert np.abs(mixed - plain).max() > 1e-2
    if isinstance(module, StyleGAN2):  # Later layers reach some pixels to the side; instance norms reach everywhere.
        np.testing.assert_allclose(mixed[:, -1], plain[:, -1], rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="layer 0 is out of range"):
        copy_activations(prior, own, source, 0, everything)
    with pytest.raises(ValueError, match="a w for every layer"):
        copy_activations(prior, own[:3], source, layer, everything)

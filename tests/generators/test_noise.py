"""Maps of noise: the stored ones, none, drawn ones of every image's own, and given ones."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from generators.toys import Classes, Styles, toy_prior
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.noise import as_noise, draw_noise, draw_own_noise, stored_noise
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.synthesis import features, from_features, synthesize
from gprior_jax.keys import purpose

NOISY, SILENT = toy_prior(Classes(num_classes=0, noisy=True)), toy_prior(Styles())
KEY = jax.random.key(0)
Z = normal(1, 3, 4)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.mark.parametrize("name", ["stylegan_w_per_layer", "stylegan2_plain"])
def test_stored_maps_and_no_maps(name):
    prior, styles = random_prior(name), normal(2, 4, 5)
    stored = stored_noise(prior)
    assert [each.shape for each in stored] == [(size, size) for size in prior.noise_sizes]
    noise = ("const", stored, "none", tuple(jnp.zeros_like(each) for each in stored))
    run = jax.jit(lambda styles: [run_layers(prior, None, styles=styles, noise=each) for each in noise])
    const, given, none, zeros = run(styles)
    np.testing.assert_allclose(given, const, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(zeros, none, rtol=1e-4, atol=1e-5)
    assert float(jnp.abs(const - none).max()) > 1e-3
    for layer in range(len(stored)):
        own = prior.params[prior.layer_names[layer]]["noise"]
        np.testing.assert_array_equal(stored[layer], own)


def test_noise_of_batches_is_stored_none_or_given():
    """The toy adds its maps: after two layers an image is that without noise, and what its maps add."""
    silent = synthesize(NOISY, Z, noise="none")
    first, second = (np.asarray(NOISY.params[f"noise{size}"]) for size in (2, 4))
    channels = np.asarray(NOISY.params["image"]).sum(0)
    added = first.repeat(2, 0).repeat(2, 1)[..., None] * channels + second[..., None]
    np.testing.assert_allclose(synthesize(NOISY, Z), silent + added, **CLOSE)
    np.testing.assert_allclose(synthesize(NOISY, Z, noise=(first, second)), silent + added, **CLOSE)
    # Maps of one image for all, or of each image.
    each = (np.zeros((3, 2, 2), np.float32), np.arange(3, dtype=np.float32)[:, None, None] * np.ones((4, 4)))
    shifted = silent + np.arange(3)[:, None, None, None]
    np.testing.assert_allclose(synthesize(NOISY, Z, noise=each), shifted, **CLOSE)
    zeros = tuple(jnp.zeros((size, size)) for size in (2, 4))
    np.testing.assert_allclose(synthesize(NOISY, Z, noise=zeros), silent, **CLOSE)


def test_drawn_maps_are_every_image_s_own():
    z = np.stack([Z[0]] * 4)
    drawn = synthesize(NOISY, z, noise=KEY)
    assert float(jnp.abs(drawn[0] - drawn[1]).max()) > 1e-3, "every image has noise of its own"
    np.testing.assert_allclose(synthesize(NOISY, z[:2], noise=KEY), drawn[:2], **CLOSE)
    maps = draw_noise(NOISY, jax.random.fold_in(purpose(KEY, "noise"), 1))
    np.testing.assert_allclose(synthesize(NOISY, z, noise=maps)[1], drawn[1], **CLOSE)


def test_drawn_maps_belong_to_ids():
    whole = draw_own_noise(NOISY, KEY, np.arange(4))
    for found, maps in zip(draw_own_noise(NOISY, KEY, np.array([3, 1])), whole, strict=True):
        np.testing.assert_array_equal(found, maps[np.array([3, 1])])
    assert len(np.unique(np.concatenate([np.ravel(each) for each in whole]))) == 4 * (4 + 16)
    assert abs(float(draw_noise(random_prior("stylegan2"), KEY)[-1].std()) - 1) < 0.15
    # Several axes of images count through.
    for found, maps in zip(as_noise(NOISY, KEY, (2, 2)), whole, strict=True):
        np.testing.assert_array_equal(found.reshape(maps.shape), maps)


def test_both_halves_take_noise():
    z = Z[:2]
    for noise in ("none", KEY):
        f = features(NOISY, z, 1, noise=noise)
        whole = synthesize(NOISY, z, noise=noise)
        np.testing.assert_allclose(from_features(NOISY, f, 1, noise=noise), whole, **CLOSE)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: synthesize(NOISY, Z, noise="loud"), "noise='loud': use 'const', 'none', a key, or a map for every"),
        (lambda: synthesize(NOISY, Z, noise=(jnp.zeros((4, 4)),)), "noise has maps of shapes [(4, 4)]: give one [..."),
        (lambda: synthesize(NOISY, Z, noise=(jnp.zeros((4, 4)),) * 2), "give one [..., S, S] for every S of (2, 4)"),
        (lambda: synthesize(NOISY, Z, noise=(jnp.zeros((5, 2, 2)), jnp.zeros((5, 4, 4)))), "of shape (5, 2, 2) for ("),
        (lambda: synthesize(SILENT, Z, noise="none"), "toy has no noise: leave noise='const'."),
        (lambda: synthesize(SILENT, Z, noise=KEY), "toy has no noise: leave noise='const'."),
        (lambda: synthesize(SILENT, Z, noise=(jnp.zeros((4, 4)),)), "toy has no noise: leave noise='const'."),
        (lambda: features(SILENT, Z, 1, noise="none"), "toy has no noise: leave noise='const'."),
        (lambda: stored_noise(SILENT), "toy has no noise: leave noise='const'."),
        (lambda: draw_noise(SILENT, KEY), "toy has no noise: leave noise='const'."),
        (
            lambda: synthesize(random_prior("pggan"), normal(1, 8), noise="none"),
            "tiny pggan has no noise: leave noise='const'.",
        ),
    ],
)
def test_noise_that_cannot_be(call, told):
    with pytest.raises(ArgumentError, match=re.escape(told)):
        call()

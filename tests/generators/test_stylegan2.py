"""StyleGAN2 against the numbers of stylegan2-ada-pytorch: images, derivatives, and noise."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gprior_converters.stylegan2 import convert_generator

from gprior_jax.generators.noise import stored_noise
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.stylegan2 import StyleGAN2, published_channels
from gprior_jax.training.losses import path_lengths

SALTS = {"stylegan2_64": 3, "stylegan2_cond_32": 4}
over_networks = pytest.mark.parametrize("name", SALTS)


@pytest.fixture(autouse=True)
def _highest_precision():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(scope="module")
def network(golden, golden_weights):
    """The generator of a golden file, the file's arrays, and images of styles with given maps of noise.

    Compiled by itself, the forward and the backward pass serve all tests that derive it.
    """

    @functools.cache
    def load(name):
        state = golden_weights.state_dict(golden / f"{name}.generator.layout.json")
        module, params, _ = convert_generator(state, name, {})
        prior = Prior(params, module)

        def render(noise, w_plus):
            return run_layers(prior, None, styles=w_plus, noise=noise)

        with np.load(golden / f"{name}.npz") as arrays:
            return prior, dict(arrays), jax.jit(jax.vmap(render, (None, 0)))

    return load


def assert_close(actual, expected, part):
    assert actual.shape == expected.shape
    assert np.abs(np.asarray(actual) - expected).max() <= part * np.abs(expected).max()


def nchw(images):
    return np.moveaxis(np.asarray(images), -1, 1)


def noise_of(golden_weights, name, word, arrays):
    """Reproducible images of noise."""
    return np.moveaxis(golden_weights.normal(word, arrays["image"].shape, salt=SALTS[name]), 1, -1)


@pytest.mark.slow
@over_networks
def test_golden_images_and_path_lengths(network, golden_weights, name):
    """With the stored noise and without any; ``test_noise.py`` has the words for them."""
    prior, arrays, render = network(name)
    styles = jnp.broadcast_to(arrays["w"][:, None], arrays["w_plus_random"].shape)
    noise = stored_noise(prior)
    for maps, key in ((noise, "image"), (tuple(map(jnp.zeros_like, noise)), "image_no_noise")):
        images, _ = jax.vjp(functools.partial(render, maps), styles)
        assert_close(nchw(images), arrays[key], 1e-4)
    directions = noise_of(golden_weights, name, "path_noise", arrays)
    lengths = path_lengths(functools.partial(render, noise), styles, directions)
    assert_close(lengths, arrays["path_lengths"], 1e-3)


@pytest.mark.slow
@over_networks
def test_golden_images_of_w_plus_and_gradient(network, golden_weights, name):
    prior, arrays, render = network(name)
    cotangent = noise_of(golden_weights, name, "cotangent", arrays)
    images, pull = jax.vjp(functools.partial(render, stored_noise(prior)), jnp.asarray(arrays["w_plus_random"]))
    assert_close(nchw(images), arrays["image_w_plus_random"], 1e-4)
    # Of the mean of the images times the cotangent.
    found = pull(jnp.asarray(cotangent, jnp.float32) / cotangent.size)[0]
    assert_close(found, arrays["grad_w_plus_of_mean_image_times_cotangent"], 1e-3)


def test_shapes_and_names():
    module = StyleGAN2((8, 6, 4), z_dim=5, w_dim=7)
    assert module.layer_names == tuple(f"layer{k}" for k in range(5))
    assert module.num_styles == 6
    assert module.noise_sizes == (4, 8, 8, 16, 16)
    shapes = [module.feature_shape(layer) for layer in range(6)]
    assert shapes == [(5,), (4, 4, 11), (8, 8, 9), (8, 8, 9), (16, 16, 7), (16, 16, 3)]
    residual = module.clone(architecture="residual")
    assert [residual.feature_shape(layer)[-1] for layer in range(6)] == [5, 8, 12, 6, 8, 3]


def test_published_channels():
    assert published_channels(1024) == (512, 512, 512, 512, 512, 256, 128, 64, 32)
    assert StyleGAN2(published_channels(1024)).num_styles == 18

"""StyleGAN2 against the numbers of stylegan2-ada-pytorch: derivatives, noise, and the discriminator's penalty."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gprior_converters.stylegan2 import convert_generator
from gprior_converters.stylegan2_discriminator import convert_discriminator

from gprior_jax.discriminators.stylegan2 import logits
from gprior_jax.generators.base import Prior, run_layers
from gprior_jax.generators.stylegan2 import StyleGAN2, published_channels
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.training.losses import path_lengths, r1_penalty

SALTS = {"stylegan2_64": 3, "stylegan2_cond_32": 4}
over_networks = pytest.mark.parametrize("name", SALTS)


@pytest.fixture(autouse=True)
def _highest_precision():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(scope="module")
def network(golden, golden_weights):
    """The generator, the discriminator and the arrays of a golden file."""

    @functools.cache
    def load(name):
        states = [golden_weights.state_dict(golden / f"{name}.{part}.layout.json") for part in PARTS]
        module, params, _ = convert_generator(states[0], name, {})
        with np.load(golden / f"{name}.npz") as arrays:
            return Prior(params, module), convert_discriminator(states[1], name, {}), dict(arrays)

    return load


PARTS = ("generator", "discriminator")


def assert_close(actual, expected, part):
    assert actual.shape == expected.shape
    assert np.abs(np.asarray(actual) - expected).max() <= part * np.abs(expected).max()


@pytest.mark.slow
@over_networks
def test_golden_without_noise(network, name):
    prior, _, arrays = network(name)
    images = synthesize(prior, jnp.broadcast_to(arrays["w"][:, None], arrays["w_plus_truncated"].shape), space="w_plus")
    assert_close(np.moveaxis(np.asarray(images), -1, 1), arrays["image"], 1e-4)
    silent = synthesize(prior, arrays["w"], space="w", noise="none")
    assert_close(np.moveaxis(np.asarray(silent), -1, 1), arrays["image_no_noise"], 1e-4)


def gradient(prior, styles, cotangent):
    """Gradient to W+ of the mean of the image times the cotangent."""

    def value(w_plus, cotangent):
        return jnp.mean(run_layers(prior, None, styles=w_plus) * cotangent)

    return jax.jit(jax.vmap(jax.grad(value)))(styles, cotangent)


@pytest.mark.slow
@over_networks
def test_golden_gradients_and_path_lengths(network, golden_weights, name):
    prior, _, arrays = network(name)
    shape = arrays["image"].shape
    cotangent, noise = (
        np.moveaxis(golden_weights.normal(word, shape, salt=SALTS[name]), 1, -1) for word in ("cotangent", "path_noise")
    )
    # The mean of the golden file is over both images.
    found = gradient(prior, arrays["w_plus_random"], cotangent) / len(cotangent)
    expected = arrays["grad_w_plus_of_mean_image_times_cotangent"]
    assert_close(found, expected, 1e-3)
    styles = jnp.broadcast_to(arrays["w"][:, None], expected.shape)
    render = jax.vmap(lambda w_plus: run_layers(prior, None, styles=w_plus))
    lengths = jax.jit(lambda styles, noise: path_lengths(render, styles, noise))(styles, noise)
    assert_close(lengths, arrays["path_lengths"], 1e-3)


@pytest.mark.slow
@over_networks
def test_golden_r1(network, golden_weights, name):
    _, (module, params, _), arrays = network(name)
    side = module.resolution
    images = np.tanh(golden_weights.normal("disc_input", (4, 3, side, side), 0.7, 0, SALTS[name]))
    labels = np.concatenate([arrays["c"], arrays["c"]]) if module.num_classes else None

    def critic(x):
        return logits(module, params, x, labels)

    x = jnp.asarray(images.transpose(0, 2, 3, 1))
    expected = arrays["r1_penalty_per_image"]
    gradients, mean = jax.jit(lambda x: (jax.grad(lambda x: critic(x).sum())(x), r1_penalty(critic, x)))(x)
    assert_close(jnp.square(gradients).sum((1, 2, 3)), expected, 1e-3)
    assert float(mean) == pytest.approx(float(expected.mean()), rel=1e-3)


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

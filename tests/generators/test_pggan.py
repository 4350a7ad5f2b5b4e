"""PGGAN against the numbers of the published implementation (golden/pggan_64.npz)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_params, random_prior

from gprior_jax.generators.base import Prior, prepare
from gprior_jax.generators.pggan import PGGAN, published_channels
from gprior_jax.generators.synthesis import features, from_features, synthesize
from gprior_jax.latents import MultiCode
from gprior_jax.nn.layers import leaky_relu, nearest_up2, pixel_norm

LAYERS = (1, 3, 4, 6, 8)


@pytest.fixture(autouse=True)
def _highest_precision():
    with jax.default_matmul_precision("highest"):
        yield


def assert_golden(actual, expected_nchw: np.ndarray):
    """Within 1e-4 of the largest value."""
    expected = np.moveaxis(expected_nchw, -3, -1)
    assert actual.shape == expected.shape
    assert np.abs(np.asarray(actual) - expected).max() <= 1e-4 * np.abs(expected).max()


def test_golden_image(golden_prior, golden_pggan):
    assert golden_prior.module == PGGAN((64, 64, 64, 32, 16), z_dim=64)
    assert_golden(synthesize(golden_prior, golden_pggan["z"]), golden_pggan["image"])
    assert_golden(synthesize(prepare(golden_prior), golden_pggan["z"]), golden_pggan["image"])


@pytest.mark.parametrize("layer", LAYERS)
def test_golden_features(golden_prior, golden_pggan, layer):
    f = features(golden_prior, golden_pggan["z"], layer)
    size, channels = f.shape[1], f.shape[-1]
    every, channel = max(1, size // 16), max(1, channels // 16)
    assert_golden(f[:, ::every, ::every, ::channel], golden_pggan[f"features_{layer}"])


@pytest.mark.parametrize("layer", LAYERS)
def test_golden_composition(golden_prior, golden_pggan, layer):
    # alpha is what the published code multiplies with; it divides the sum by N once more.
    codes, alpha = golden_pggan["codes"][0], golden_pggan[f"alpha_{layer}"][0]
    image = MultiCode(3, layer, average=True).render(golden_prior, {"codes": codes, "alpha": alpha})
    assert_golden(image, golden_pggan[f"composed_{layer}"][0])


@pytest.mark.parametrize("path", ["direct", "phases", "winograd"])
def test_conv_paths_agree(path):
    prior, z = random_prior("pggan"), normal(1, 2, 8)
    other = prior.replace(module=prior.module.clone(conv_path=path))
    np.testing.assert_allclose(synthesize(other, z), synthesize(prior, z), rtol=1e-4, atol=1e-5)


def test_final_tanh():
    prior, z = random_prior("pggan"), normal(1, 2, 8)
    squashed = prior.replace(module=prior.module.clone(final_tanh=True))
    np.testing.assert_allclose(synthesize(squashed, z), np.tanh(synthesize(prior, z)), rtol=1e-4, atol=1e-6)


def test_shapes_and_names():
    module = PGGAN((8, 6, 4), z_dim=5, image_channels=1)
    assert module.layer_names == ("layer0", "layer1", "layer2", "layer3", "layer4", "layer5", "output")
    shapes = [module.feature_shape(layer) for layer in range(8)]
    assert shapes == [(5,), (4, 4, 8), (4, 4, 8), (8, 8, 6), (8, 8, 6), (16, 16, 4), (16, 16, 4), (16, 16, 1)]


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [(4, (512,)), (64, (512, 512, 512, 512, 256)), (1024, (512, 512, 512, 512, 256, 128, 64, 32, 16))],
)
def test_published_channels(resolution, expected):
    assert published_channels(resolution) == expected
    assert PGGAN(expected).resolution == resolution


class TestGrow:
    """Growing, layer by layer in the words of the paper."""

    module = PGGAN((8, 6), z_dim=5)
    params = random_params(module, 3)

    def grow(self, z, level, fade=1.0):
        return self.module.apply({"params": self.params}, z, level, fade, method="grow")

    def test_full_level_is_the_network(self):
        z = normal(1, 5)
        prior = Prior(self.params, self.module)
        np.testing.assert_allclose(self.grow(z, 1), synthesize(prior, z), rtol=1e-5, atol=1e-6)

    def test_fade_mixes_with_the_enlarged_level_below(self):
        z = normal(1, 5)
        below, whole, mixed = self.grow(z, 0), self.grow(z, 1), self.grow(z, 1, 0.3)
        assert below.shape == (4, 4, 3)
        np.testing.assert_allclose(mixed, 0.3 * whole + 0.7 * nearest_up2(below), rtol=1e-5, atol=1e-6)

    def test_order_within_a_layer(self):
        f = jnp.asarray(normal(2, 8, 8, 6))
        prior = Prior(self.params, self.module)
        kernel = self.params["output1"]["kernel"][0, 0] / np.sqrt(6)
        expected = jnp.dot(pixel_norm(f), kernel) + self.params["output1"]["bias"]
        np.testing.assert_allclose(from_features(prior, f, 4), expected, rtol=1e-4, atol=1e-5)
        scaled = features(prior, normal(1, 5), 1)
        first = (
            jnp.tensordot(pixel_norm(normal(1, 5)), self.params["layer0"]["kernel"], 1) * np.sqrt(2) / 4 / np.sqrt(5)
        )
        np.testing.assert_allclose(scaled, leaky_relu(first + self.params["layer0"]["bias"]), rtol=1e-4, atol=1e-5)

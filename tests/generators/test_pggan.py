"""PGGAN against the numbers of the published implementation (golden/pggan_64.npz)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_params

from gprior_jax.generators.pggan import PGGAN, published_channels
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.synthesis import features, from_features, synthesize
from gprior_jax.latents import MultiCode
from gprior_jax.nn.layers import leaky_relu, nearest_up2, pixel_norm

LAYERS = (1, 3, 4, 6, 8)


@pytest.fixture(autouse=True)
def _highest_precision():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(scope="module")
def computed(golden_prior, golden_pggan):
    """Features of the golden codes at every layer (the last are images) and compositions, in one program."""

    @jax.jit
    def run(prior, z, codes, alphas):
        found = {layer: features(prior, z, layer) for layer in (*LAYERS, prior.num_layers)}
        # alpha is what the published code multiplies with; it divides the sum by N once more.
        composed = {
            layer: MultiCode(3, layer, average=True).render(prior, {"codes": codes, "alpha": alphas[layer]})
            for layer in LAYERS
        }
        return found, composed

    with jax.default_matmul_precision("highest"):
        alphas = {layer: golden_pggan[f"alpha_{layer}"][0] for layer in LAYERS}
        return run(golden_prior, golden_pggan["z"], golden_pggan["codes"][0], alphas)


def assert_golden(actual, expected_nchw: np.ndarray):
    """Within 1e-4 of the largest value."""
    expected = np.moveaxis(expected_nchw, -3, -1)
    assert actual.shape == expected.shape
    assert np.abs(np.asarray(actual) - expected).max() <= 1e-4 * np.abs(expected).max()


def test_golden_image(golden_prior, golden_pggan, computed):
    assert golden_prior.module == PGGAN((64, 64, 64, 32, 16), z_dim=64)
    assert_golden(computed[0][golden_prior.num_layers], golden_pggan["image"])
    ready = prepare(golden_prior)
    assert_golden(synthesize(ready, golden_pggan["z"]), golden_pggan["image"])
    # Prepared weights follow params no longer, which shows that they are what runs.
    stale = ready.replace(params=jax.tree.map(lambda leaf: 2 * np.asarray(leaf), ready.params))
    assert_golden(synthesize(stale, golden_pggan["z"]), golden_pggan["image"])


@pytest.mark.parametrize("layer", LAYERS)
def test_golden_features(golden_pggan, computed, layer):
    f = computed[0][layer]
    size, channels = f.shape[1], f.shape[-1]
    every, channel = max(1, size // 16), max(1, channels // 16)
    assert_golden(f[:, ::every, ::every, ::channel], golden_pggan[f"features_{layer}"])


@pytest.mark.parametrize("layer", LAYERS)
def test_golden_composition(golden_pggan, computed, layer):
    assert_golden(computed[1][layer], golden_pggan[f"composed_{layer}"][0])


MODULE = PGGAN((8, 6), z_dim=5)
PARAMS = random_params(MODULE, 3)
PRIOR = Prior(PARAMS, MODULE)
Z = jnp.asarray(normal(1, 5))


@pytest.fixture(scope="module")
def variants():
    """Images of a code in every formulation of the convolutions, and with a final tanh."""
    modules = {path: MODULE.clone(conv_path=path) for path in ("auto", "direct", "phases", "winograd")}
    modules["tanh"] = MODULE.clone(final_tanh=True)
    run = jax.jit(lambda params, z: {name: module.apply({"params": params}, z) for name, module in modules.items()})
    with jax.default_matmul_precision("highest"):
        return run(PARAMS, Z)


@pytest.mark.parametrize("path", ["direct", "phases", "winograd"])
def test_conv_paths_agree(variants, path):
    np.testing.assert_allclose(variants[path], variants["auto"], rtol=1e-4, atol=1e-5)


def test_final_tanh(variants):
    np.testing.assert_allclose(variants["tanh"], np.tanh(variants["auto"]), rtol=1e-4, atol=1e-6)


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


# Growing, layer by layer in the words of the paper.


@pytest.fixture(scope="module")
def grown():
    """Images of level 0, of level 1, and of level 1 while it fades in."""
    places = ((0, 1.0), (1, 1.0), (1, 0.3))
    run = jax.jit(lambda params, z: [MODULE.apply({"params": params}, z, *place, method="grow") for place in places])
    with jax.default_matmul_precision("highest"):
        return run(PARAMS, Z)


def test_full_level_is_the_network(grown, variants):
    np.testing.assert_allclose(grown[1], variants["auto"], rtol=1e-5, atol=1e-6)


def test_fade_mixes_with_the_enlarged_level_below(grown):
    below, whole, mixed = grown
    assert below.shape == (4, 4, 3)
    np.testing.assert_allclose(mixed, 0.3 * whole + 0.7 * nearest_up2(below), rtol=1e-5, atol=1e-6)


def test_order_within_a_layer():
    f = jnp.asarray(normal(2, 8, 8, 6))
    kernel = PARAMS["output1"]["kernel"][0, 0] / np.sqrt(6)
    expected = jnp.dot(pixel_norm(f), kernel) + PARAMS["output1"]["bias"]
    np.testing.assert_allclose(from_features(PRIOR, f, 4), expected, rtol=1e-4, atol=1e-5)
    first = jnp.tensordot(pixel_norm(Z), PARAMS["layer0"]["kernel"], 1) * np.sqrt(2) / 4 / np.sqrt(5)
    expected = leaky_relu(first + PARAMS["layer0"]["bias"])
    np.testing.assert_allclose(features(PRIOR, Z, 1), expected, rtol=1e-4, atol=1e-5)

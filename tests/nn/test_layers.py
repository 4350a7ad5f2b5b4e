"""Elementwise layers and equalised layers against torch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal

from gprior_jax.nn.layers import (
    EqualizedConv,
    EqualizedDense,
    average_down2,
    leaky_relu,
    nearest_up2,
    pixel_norm,
)

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def nchw(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)[None]))


def hwc(x: torch.Tensor) -> np.ndarray:
    return x.detach()[0].permute(1, 2, 0).numpy()


def layer_params(module, seed: int):
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((4, 4, 5))))["params"]
    return {name: normal(seed + i, *leaf.shape) for i, (name, leaf) in enumerate(sorted(shapes.items()))}


def apply(module, params, x, weights=None):
    return module.apply({"params": params}, x, weights)


def test_pixel_norm_is_the_published_one():
    x = normal(1, 3, 4, 5)
    expected = x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(pixel_norm(x), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_pixel_norm_of_zero_is_zero(dtype):
    """And what changes it changes it by a finite number: rows beyond a picture, of a generator in bands, are zeros."""
    found, change = jax.jvp(pixel_norm, (jnp.zeros(7, dtype),), (jnp.ones(7, dtype),))
    np.testing.assert_array_equal(found, 0)
    assert found.dtype == dtype
    assert bool(jnp.isfinite(change).all())


def test_pixel_norm_gives_unit_mean_square():
    assert float(jnp.mean(pixel_norm(100 * normal(2, 64)) ** 2)) == pytest.approx(1.0, rel=1e-5)


def test_leaky_relu_is_torchs():
    x = np.concatenate([normal(1, 20), [0.0]]).astype(np.float32)
    np.testing.assert_allclose(leaky_relu(x), F.leaky_relu(torch.from_numpy(x), 0.2).numpy(), rtol=1e-6)


def test_nearest_up2_is_torchs():
    x = normal(1, 3, 5, 2)
    np.testing.assert_array_equal(nearest_up2(jnp.asarray(x)), hwc(F.interpolate(nchw(x), scale_factor=2)))


def test_average_down2_is_torchs():
    x = normal(1, 6, 4, 2)
    np.testing.assert_allclose(average_down2(jnp.asarray(x)), hwc(F.avg_pool2d(nchw(x), 2)), **CLOSE)


def test_equalized_dense_is_a_transposed_convolution_of_one_pixel():
    module = EqualizedDense(5, (4, 4, 3), gain=2.0)
    params, x = {"kernel": normal(1, 5, 4, 4, 3), "bias": normal(2, 3)}, normal(3, 5)
    weight = torch.from_numpy(params["kernel"].transpose(0, 3, 1, 2).copy()) * (2.0 / math.sqrt(5))
    expected = F.conv_transpose2d(torch.from_numpy(x)[None, :, None, None], weight, torch.from_numpy(params["bias"]))
    np.testing.assert_allclose(apply(module, params, x), hwc(expected), **CLOSE)


@pytest.mark.parametrize(("kernel_size", "gain"), [(1, 1.0), (3, math.sqrt(2.0))])
def test_equalized_conv_scales_by_fan_in(kernel_size, gain):
    module = EqualizedConv(5, 6, kernel_size=kernel_size, gain=gain)
    params, x = layer_params(module, 1), normal(4, 7, 4, 5)
    weight = torch.from_numpy(params["kernel"].transpose(3, 2, 0, 1) * np.float32(gain / math.sqrt(kernel_size**2 * 5)))
    expected = F.conv2d(nchw(x), weight, torch.from_numpy(params["bias"]), padding=kernel_size // 2)
    np.testing.assert_allclose(apply(module, params, x), hwc(expected), **CLOSE)


def test_equalized_conv_gain_is_hes_by_default():
    assert EqualizedConv(5, 6).gain == EqualizedDense(5, (6,)).gain == pytest.approx(math.sqrt(2), rel=1e-12)


@pytest.mark.parametrize("resample", ["none", "up"])
@pytest.mark.parametrize("path", ["auto", "phases", "winograd"])
def test_equalized_conv_paths_agree(resample, path):
    module = EqualizedConv(5, 6, resample=resample, conv_path=path)
    params, x = layer_params(module, 1), normal(4, 4, 6, 5)
    expected = apply(EqualizedConv(5, 6, resample=resample, conv_path="direct"), params, x)
    assert expected.shape == ((8, 12, 6) if resample == "up" else (4, 6, 6))
    np.testing.assert_allclose(apply(module, params, x), expected, **CLOSE)


def test_equalized_conv_down_averages_the_result():
    down, plain = EqualizedConv(5, 6, resample="down"), EqualizedConv(5, 6)
    params, x = layer_params(down, 1), normal(4, 4, 6, 5)
    np.testing.assert_allclose(apply(down, params, x), average_down2(apply(plain, params, x)), **CLOSE)


@pytest.mark.parametrize("resample", ["none", "up", "down"])
def test_prepared_weights_give_the_same(resample):
    module = EqualizedConv(5, 6, resample=resample, conv_path="winograd")
    params, x = layer_params(module, 1), normal(4, 4, 6, 5)
    prepared = module.apply({"params": params}, method="prepare")
    np.testing.assert_allclose(apply(module, params, x, prepared), apply(module, params, x), rtol=1e-6)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, prepared)
    np.testing.assert_allclose(apply(module, params, x, doubled), 2 * apply(module, params, x), rtol=1e-6)


def test_wide_layers_keep_their_digits_in_bfloat16():
    """F(4x4, 3x3), which float32 takes for such layers, would err by a twentieth."""
    layer, x = EqualizedConv(512, 512, size=8), jnp.asarray(normal(0, 8, 8, 512))
    params = layer.init(jax.random.key(0), x)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    expected = np.asarray(layer.apply(params, x))
    found = np.asarray(layer.apply(half, x.astype(jnp.bfloat16)), np.float32)
    assert np.sqrt(np.mean(np.square(found - expected))) < 0.015 * expected.std()

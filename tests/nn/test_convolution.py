"""Every formulation of a convolution against torch and so against each other, values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal

from gprior_jax.nn import convolution
from gprior_jax.nn.convolution import (
    conv3x3,
    conv_path,
    convolve,
    down_conv3x3,
    prepare_conv3x3,
    prepare_down_conv3x3,
    prepare_up_conv3x3,
    up_conv3x3,
)

SIZES = ((1, 1), (2, 3), (5, 7), (8, 8))
CLOSE = {"rtol": 1e-4, "atol": 2e-5}  # Float32; sums of about 50 numbers of unit size.


def torch_layer(function, x: np.ndarray, kernel: np.ndarray, cotangent: np.ndarray) -> list[np.ndarray]:
    """Output of ``function(x NCHW, weight OIHW)`` and the gradients of its product with the cotangent."""
    image = torch.from_numpy(x.transpose(2, 0, 1)[None].copy()).requires_grad_()
    weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()).requires_grad_()
    out = function(image, weight)
    out.backward(torch.from_numpy(cotangent.transpose(2, 0, 1)[None].copy()))
    assert image.grad is not None
    assert weight.grad is not None
    hwc = [v.detach()[0].permute(1, 2, 0).numpy() for v in (out, image.grad)]
    return [*hwc, weight.grad.permute(2, 3, 1, 0).numpy()]


def jax_layer(function, x: np.ndarray, kernel: np.ndarray, cotangent: np.ndarray) -> list[np.ndarray]:
    out, pullback = jax.vjp(function, jnp.asarray(x), jnp.asarray(kernel))
    return [np.asarray(v) for v in (out, *pullback(jnp.asarray(cotangent)))]


def assert_same_layer(ours, theirs, x, kernel, out_shape):
    cotangent = normal(3, *out_shape)
    expected = torch_layer(theirs, x, kernel, cotangent)
    for actual, reference in zip(jax_layer(jax.jit(ours), x, kernel, cotangent), expected, strict=True):
        np.testing.assert_allclose(actual, reference, **CLOSE)


@pytest.mark.parametrize("path", ["direct", "winograd", "winograd4"])
@pytest.mark.parametrize("size", SIZES)
def test_conv3x3_is_torchs(path, size):
    x, kernel = normal(1, *size, 5), normal(2, 3, 3, 5, 4)

    def ours(x, kernel):
        return conv3x3(x, prepare_conv3x3(kernel, path), path)

    assert_same_layer(ours, lambda x, w: F.conv2d(x, w, padding=1), x, kernel, (*size, 4))


@pytest.mark.parametrize("path", ["direct", "phases", "taps", "winograd"])
@pytest.mark.parametrize("size", SIZES)
def test_up_conv3x3_is_torchs(path, size):
    x, kernel = normal(1, *size, 5), normal(2, 3, 3, 5, 4)

    def ours(x, kernel):
        return up_conv3x3(x, prepare_up_conv3x3(kernel, path), path)

    def theirs(x, weight):
        return F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)

    assert_same_layer(ours, theirs, x, kernel, (2 * size[0], 2 * size[1], 4))


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (8, 8)])
def test_down_conv3x3_is_torchs(size):
    x, kernel = normal(1, *size, 5), normal(2, 3, 3, 5, 4)

    def ours(x, kernel):
        return down_conv3x3(x, prepare_down_conv3x3(kernel))

    def theirs(x, weight):
        return F.avg_pool2d(F.conv2d(x, weight, padding=1), 2)

    assert_same_layer(ours, theirs, x, kernel, (size[0] // 2, size[1] // 2, 4))


@pytest.mark.parametrize("stride", [1, 2])
def test_convolve_is_torchs(stride):
    x, kernel = normal(1, 6, 7, 3), normal(2, 3, 3, 3, 2)

    def ours(x, kernel):
        return convolve(x, kernel, padding=((2, 1), (0, 3)), stride=stride)

    def theirs(x, weight):
        return F.conv2d(F.pad(x, (0, 3, 2, 1)), weight, stride=stride)

    assert_same_layer(ours, theirs, x, kernel, jax.eval_shape(ours, x, kernel).shape)


def test_winograd_keeps_dtype():
    kernel = jnp.ones((3, 3, 2, 2), jnp.bfloat16)
    out = conv3x3(jnp.ones((4, 4, 2), jnp.bfloat16), prepare_conv3x3(kernel, "winograd"), "winograd")
    assert out.dtype == jnp.bfloat16
    # Whole numbers, exact in bfloat16: 9 taps inside, 6 at an edge, 4 in a corner, times two channels.
    np.testing.assert_array_equal(out[0, :2, 0], [8.0, 12.0])
    assert out[1, 1, 0] == 18.0


def test_winograd_multiplies_less():
    assert prepare_conv3x3(jnp.ones((3, 3, 2, 5)), "winograd").shape == (4, 4, 2, 5)
    columns = prepare_conv3x3(jnp.ones((3, 3, 2, 5)), "winograd4")
    assert [column.shape for column in columns] == [(6, 2, 5)] * 6  # For 16 outputs.
    taps = prepare_up_conv3x3(jnp.ones((3, 3, 2, 5)), "winograd")
    assert [each.shape for each in taps] == [(2, 5), (2, 10), (2, 10), (2, 20)]  # Nine matrices, for 4 outputs.
    assert prepare_up_conv3x3(jnp.ones((3, 3, 2, 5)), "phases").shape == (2, 2, 2, 2, 2, 5)


@pytest.mark.parametrize(
    ("features", "size", "platform", "expected"),
    [
        (255, None, "cpu", "direct"),
        (256, None, "cpu", "winograd"),
        (128, 16, "cpu", "winograd"),
        (128, 17, "cpu", "direct"),
        (127, 16, "cpu", "direct"),
        (512, None, "gpu", "direct"),
        (512, None, "tpu", "direct"),
    ],
)
def test_conv_path(features, size, platform, expected):
    assert conv_path("auto", features, 2 * features, size=size, platform=platform) == expected


@pytest.mark.parametrize(
    ("features", "size", "platform", "expected"),
    [
        ((63, 64), None, "cpu", "direct"),
        ((64, 64), None, "cpu", "winograd4"),
        ((256, 256), 17, "cpu", "winograd4"),
        ((256, 256), 16, "cpu", "winograd"),
        ((256, 257), None, "cpu", "winograd"),
        ((512, 512), 8, "cpu", "winograd4"),
        ((512, 512), 32, "cpu", "winograd4"),
        ((512, 512), 4, "cpu", "winograd"),
        ((512, 512), None, "cpu", "winograd"),
        ((512, 511), 32, "cpu", "winograd"),
        ((256, 256), None, "gpu", "direct"),
    ],
)
def test_conv_path_of_large_tiles(features, size, platform, expected):
    found = conv_path("auto", *features, size=size, platform=platform, min_features=64, large_tiles=True)
    assert found == expected


@pytest.mark.parametrize(
    ("features", "size", "platform", "expected"),
    [
        ((64, 32), None, "cpu", "winograd"),
        ((63, 64), None, "cpu", "phases"),
        ((64, 31), None, "cpu", "phases"),
        ((512, 256), 64, "cpu", "taps"),
        ((16, 16), 256, "cpu", "taps"),
        ((256, 128), 128, "cpu", "winograd"),
        ((16, 17), 256, "cpu", "phases"),
        ((64, 64), 8, "gpu", "phases"),
    ],
)
def test_up_conv_path(features, size, platform, expected):
    assert conv_path("auto", *features, size=size, up=True, platform=platform) == expected


def test_conv_path_of_training():
    assert conv_path("trained", 512, 512, size=8, platform="cpu") == "direct"
    assert conv_path("trained", 64, 128, size=8, platform="cpu") == "winograd4"
    assert conv_path("trained", 64, 128, platform="cpu") == "direct"
    assert conv_path("trained", 32, 64, size=64, platform="cpu") == "direct"
    assert conv_path("trained", 32, 32, size=32, platform="cpu") == "winograd4"
    assert conv_path("trained", 16, 32, size=32, platform="cpu") == "direct"
    assert conv_path("trained", 128, 128, size=4, platform="cpu") == "direct"
    assert conv_path("trained", 128, 128, size=8, platform="gpu") == "direct"
    assert conv_path("trained", 512, 512, size=8, up=True, platform="cpu") == "taps"
    assert conv_path("trained", 512, 512, size=8, up=True, platform="gpu") == "phases"


def test_a_wish_is_granted_where_it_makes_sense():
    assert conv_path("winograd", 3, 3, platform="gpu") == "winograd"
    assert conv_path("phases", 512, 512, up=True, platform="cpu") == "phases"
    assert conv_path("phases", 512, 512, platform="cpu") == "direct"
    assert conv_path("winograd4", 512, 512, up=True, platform="cpu") == "winograd"
    assert conv_path("taps", 512, 512, platform="cpu") == "winograd"


def test_paths_ask_jax_for_the_platform():
    assert jax.default_backend() == "cpu"
    assert convolution.conv_path("auto", 512, 512) == "winograd"
    assert convolution.conv_path("auto", 512, 512, up=True) == "winograd"

"""Resampling by two against plain statements in PyTorch: zeros inserted, padding, one depthwise convolution."""

import jax
import numpy as np
import pytest
import torch
from batteries import normal
from torch.nn import functional as F

from gprior_jax.nn import resample
from gprior_jax.nn.modulated import prepare_taps, up_conv_fir

FOUR = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
THREE = torch.tensor([1.0, 2.0, 1.0]) / 4.0
SIZES = [(4, 4, 3), (5, 6, 2), (1, 3, 1), (40, 35, 3)]
"""The last has too many numbers to be enlarged by matrices on a CPU."""

over_sizes = pytest.mark.parametrize("shape", SIZES, ids=str)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def nchw(x):
    return torch.from_numpy(np.array(x)).permute(2, 0, 1)[None]


def nhwc(x):
    return x[0].permute(1, 2, 0).numpy()


def filtered(x, taps, before, after):
    """Depthwise filter along both axes after padding with zeros."""
    x = F.pad(x, (before, after, before, after))
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(x, kernel, groups=x.shape[1])


def stuffed(x):
    """Zeros after every pixel."""
    out = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    out[..., ::2, ::2] = x
    return out


@over_sizes
def test_up(shape):
    x = normal(1, *shape)
    expected = filtered(stuffed(nchw(x)), FOUR, 2, 1) * 4
    np.testing.assert_allclose(resample.fir_up2(x), nhwc(expected), **CLOSE)


def test_no_matrix_unit_rounds_what_is_enlarged():
    """In a program that is made here for another platform."""
    made = str(jax.make_jaxpr(resample.fir_up2)(normal(1, 4, 4, 3)))
    assert made.count("dot_general[") == 2
    assert made.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") == 2


@pytest.mark.parametrize("shape", [(4, 6, 3), (2, 2, 1)], ids=str)
def test_down(shape):
    x = normal(2, *shape)
    np.testing.assert_allclose(resample.fir_down2(x), nhwc(filtered(nchw(x), FOUR, 1, 1)[..., ::2, ::2]), **CLOSE)


@pytest.mark.parametrize("shape", [(4, 4, 3), (5, 2, 1)], ids=str)
@pytest.mark.parametrize("pads", [(2, 2), (1, 1), (2, 1)], ids=str)
def test_blur(shape, pads):
    x = normal(3, *shape)
    np.testing.assert_allclose(resample.fir_blur(x, *pads), nhwc(filtered(nchw(x), FOUR, *pads)), **CLOSE)


@over_sizes
def test_blur3(shape):
    x = normal(4, *shape)
    np.testing.assert_allclose(resample.blur3(x), nhwc(filtered(nchw(x), THREE, 1, 1)), **CLOSE)


@over_sizes
def test_up_convolution(shape):
    x, kernel = normal(5, *shape), normal(6, 3, 3, shape[-1], 4)
    weight = torch.from_numpy(kernel).permute(2, 3, 0, 1)  # torch's transposed convolution takes [I, O, kh, kw].
    expected = filtered(F.conv_transpose2d(nchw(x), weight, stride=2), FOUR, 1, 1) * 4
    found = jax.jit(lambda x, k: up_conv_fir(x, prepare_taps(k)))(x, kernel)
    assert found.shape == (2 * shape[0], 2 * shape[1], 4)
    np.testing.assert_allclose(found, nhwc(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("offset", "length"), [(0, 4), (-2, 5), (1, 4), (-1, 7), (5, 2), (-3, 2)])
def test_shifted(offset, length):
    x = np.arange(1.0, 5.0)
    wide = np.concatenate([np.zeros(10), x, np.zeros(10)])
    np.testing.assert_array_equal(resample.shifted(x, offset, length, 0), wide[10 + offset : 10 + offset + length])

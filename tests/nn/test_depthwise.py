"""Depthwise convolutions against PyTorch's, padded as TensorFlow pads."""

import jax
import numpy as np
import pytest
import torch
from batteries import normal
from torch.nn import functional as F

from gprior_jax.nn.depthwise import depthwise, depthwise_path, same_padding

SHAPES = [(8, 6, 3), (7, 5, 2), (1, 2, 4)]


def torch_depthwise(x: torch.Tensor, kernel: np.ndarray, stride: int) -> torch.Tensor:
    """Of [H, W, C]: zeros for ceil(H / stride) rows, the odd one below."""
    side, pads = kernel.shape[0], []
    for length in (x.shape[1], x.shape[0]):  # F.pad begins with the last axis.
        total = max((-(-length // stride) - 1) * stride + side - length, 0)
        pads += [total // 2, total - total // 2]
    weight = torch.from_numpy(kernel.transpose(2, 0, 1)[:, None].copy())
    return F.conv2d(F.pad(x.permute(2, 0, 1)[None], pads), weight, stride=stride, groups=x.shape[2])[0].permute(1, 2, 0)


@pytest.mark.parametrize("path", ["grouped", "shifted"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [3, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_torchs(shape, side, stride, path):
    x, kernel = normal(1, *shape), normal(2, side, side, shape[2])
    image = torch.from_numpy(x).requires_grad_(True)
    expected = torch_depthwise(image, kernel, stride)
    cotangent = normal(3, *expected.shape)
    expected.backward(torch.from_numpy(cotangent))

    @jax.jit
    def run(x, kernel, cotangent):
        out, pull = jax.vjp(lambda x: depthwise(x, kernel, stride, path), x)
        return out, *pull(cotangent)

    for found, wanted in zip(run(x, kernel, cotangent), (expected.detach(), image.grad), strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_batches():
    x, kernel = normal(1, 2, 6, 6, 3), normal(2, 3, 3, 3)
    found = jax.jit(jax.vmap(lambda x: depthwise(x, kernel, 2)))(x)
    for row, image in zip(found, x, strict=True):
        np.testing.assert_allclose(row, torch_depthwise(torch.from_numpy(image), kernel, 2), rtol=1e-4, atol=1e-5)


def test_padding_of_no_need():
    assert same_padding(6, 1, 2) == (0, 0)


def test_what_is_wished_is_done_and_auto_is_this_computers():
    assert depthwise_path("grouped", "cpu") == "grouped"
    assert depthwise_path("auto") == "shifted", "tests run on a CPU"

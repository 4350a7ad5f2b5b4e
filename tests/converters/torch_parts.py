"""What the published networks have in common, stated in torch, random numbers for them, and comparisons."""

import itertools
import math

import numpy as np
import torch
from torch.nn import functional as F

SEEDS = itertools.count()
GAIN = math.sqrt(2)


def normal(*shape, std=1.0, mean=0.0):
    """Normal numbers, others at every call."""
    return mean + std * torch.from_numpy(np.random.default_rng(next(SEEDS)).standard_normal(shape, np.float32))


def assert_close(found, wanted, tolerance=1e-4):
    """Equal within a part of the largest number."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


def nchw(images):
    return np.asarray(images).transpose(0, 3, 1, 2)


def scaled(weight, gain=GAIN):
    """An OIHW or OI weight with its equalised learning rate's scale: the fan-in counts every tap of the kernel."""
    return weight * (gain / math.sqrt(weight[0].numel()))


def pixel_norm(x):
    return x / torch.sqrt(x.square().mean(1, keepdim=True) + 1e-8)


def shifts(kernel):
    """Sum of a kernel's four shifts by one pixel, over its last two axes."""
    padded = F.pad(kernel, (1, 1, 1, 1))
    return padded[..., 1:, 1:] + padded[..., :-1, 1:] + padded[..., 1:, :-1] + padded[..., :-1, :-1]


def fused_up(x, weight):
    """The published fused layer, kernel OIHW: four shifts summed, then a transposed convolution of stride 2."""
    return F.conv_transpose2d(x, shifts(weight).transpose(0, 1), stride=2, padding=1)

"""Batch normalisation, for one image of a batch that ``jax.vmap`` makes."""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.typing import Array

EPSILON = 1e-5
"""Added to the variance (torch's ``BatchNorm2d``, and the idinvert encoder with it)."""

STATISTICS = "statistics"
"""Collection that a batch's statistics are put into."""

Axes = str | tuple[str, ...]
"""Name of an axis that ``jax.vmap`` or a mesh has, or names of several."""


def keep(module: nn.Module, name: str, value: Array) -> None:
    """Put a statistic into the collection :data:`STATISTICS`, where that is asked for."""
    module.sow(STATISTICS, name, value, init_fn=lambda: value, reduce_fn=lambda _, new: new)


class Moments(NamedTuple):
    """Mean and variance of what a batch norm is given.

    Attributes:
        mean: of every channel.
        variance: of every channel, biased, as it is divided by.
        unbiased: the same times N / (N - 1), as torch keeps it.
    """

    mean: Array
    variance: Array
    unbiased: Array


def moments(x: Array, pixels: tuple[int, ...], axis_name: Axes | None = None) -> Moments:
    """Moments of one image, or of the batch that ``jax.vmap`` makes.

    Args:
        x: the image's features ``[..., C]``.
        pixels: axes that are averaged over.
        axis_name: of the ``jax.vmap`` over the batch, and of a mesh that it is spread over; None is the image alone.
    """
    mean, count = jnp.mean(x, pixels), math.prod(x.shape[axis] for axis in pixels)
    if axis_name is not None:
        mean = jax.lax.pmean(mean, axis_name)
        count = count * jax.lax.psum(1, axis_name)
    variance = jnp.mean(jnp.square(x - mean), pixels)
    if axis_name is not None:
        variance = jax.lax.pmean(variance, axis_name)
    return Moments(mean, variance, variance * (count / max(count - 1, 1)))


class BatchNorm(nn.Module):
    """Subtract a mean and divide by a deviation for every channel, then scale and shift.

    Attributes:
        features: number of channels, the last axis.
    """

    features: int

    def setup(self):
        """Declare the parameters (Linen); mean and variance are among them, and no gradient reaches them."""
        shape = (self.features,)
        self.scale = self.param("scale", nn.initializers.ones, shape)
        self.bias = self.param("bias", nn.initializers.zeros, shape)
        self.mean = self.param("mean", nn.initializers.zeros, shape)
        self.variance = self.param("variance", nn.initializers.ones, shape)

    def touch(self) -> None:
        """For ``init``, which then need not run the layer."""

    def __call__(self, x: Array, axis_name: Axes | None = None) -> Array:
        """Normalise one image ``[..., features]``.

        Args:
            x: the image's features.
            axis_name: of the ``jax.vmap`` over a batch whose own statistics are to be taken, as in training; they are
                put into the collection ``"statistics"``, the variance as torch keeps it (unbiased). None takes the
                stored ones.
        """
        if axis_name is None:
            mean, variance = self.mean, self.variance
        else:
            found = moments(x, tuple(range(x.ndim - 1)), axis_name)
            mean, variance = found.mean, found.variance
            keep(self, "mean", mean)
            keep(self, "variance", found.unbiased)
        return (x - mean) * (self.scale * jax.lax.rsqrt(variance + EPSILON)) + self.bias

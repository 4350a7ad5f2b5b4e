"""Batch normalisation, for one image of a batch that ``jax.vmap`` makes."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.typing import Array

EPSILON = 1e-5
"""Added to the variance (torch's ``BatchNorm2d``, and the idinvert encoder with it)."""

STATISTICS = "statistics"
"""Collection that a batch's statistics are put into."""


def of_batch(x: Array, axis_name: str) -> tuple[Array, Array]:
    """Mean and variance ``[C]`` over the pixels of a batch, of one of its images ``[..., C]``.

    Args:
        x: the image's features.
        axis_name: of the ``jax.vmap`` over the batch.
    """
    pixels = tuple(range(x.ndim - 1))
    mean = jax.lax.pmean(jnp.mean(x, pixels), axis_name)
    return mean, jax.lax.pmean(jnp.mean(jnp.square(x - mean), pixels), axis_name)


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

    def __call__(self, x: Array, axis_name: str | None = None) -> Array:
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
            mean, variance = of_batch(x, axis_name)
            count = jax.lax.psum(1, axis_name) * (x.size // self.features)
            self._keep("mean", mean)
            self._keep("variance", variance * (count / max(count - 1, 1)))
        return (x - mean) * (self.scale * jax.lax.rsqrt(variance + EPSILON)) + self.bias

    def _keep(self, name: str, value: Array) -> None:
        self.sow(STATISTICS, name, value, init_fn=lambda: value, reduce_fn=lambda _, new: new)

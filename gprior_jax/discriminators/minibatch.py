"""What a discriminator computes across the images of a batch."""

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array

_STDDEV_EPSILON = 1e-8
"""Inside the square root (progressive_growing_of_gans/networks.py, ``minibatch_stddev_layer``)."""


def minibatch_stddev(x: Array, group_size: int) -> Array:
    """Append one channel: the standard deviation within each group of images, averaged over everything else.

    Args:
        x: features ``[B, H, W, C]``.
        group_size: images per group (at most B, which it must divide).

    Returns:
        ``[B, H, W, C + 1]``.

    Raises:
        ValueError: ``group_size`` does not divide B.
    """
    batch, height, width, _ = x.shape
    size = min(group_size, batch)
    if batch % size:
        raise ArgumentError(f"minibatch_stddev got {batch} images for groups of {size}: use a multiple of {size}.")
    # Group g holds the images g, g + M, g + 2M, ...: the official layer's order.
    groups = x.reshape(size, batch // size, *x.shape[1:])
    deviation = jnp.sqrt(jnp.var(groups, axis=0) + _STDDEV_EPSILON).mean((1, 2, 3))
    channel = jnp.tile(deviation, size)[:, None, None, None]
    return jnp.concatenate([x, jnp.broadcast_to(channel, (batch, height, width, 1)).astype(x.dtype)], axis=-1)

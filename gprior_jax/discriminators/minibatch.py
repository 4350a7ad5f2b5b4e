"""What a discriminator computes across the images of a batch."""

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array

_STDDEV_EPSILON = 1e-8
"""Inside the square root (progressive_growing_of_gans/networks.py, ``minibatch_stddev_layer``)."""


def minibatch_stddev(x: Array, group_size: int, num_channels: int = 1) -> Array:
    """Append standard deviations within each group of images, averaged over the pixels and over runs of channels.

    Args:
        x: features ``[B, H, W, C]``.
        group_size: images per group (at most B, which it must divide).
        num_channels: how many to append: each is the average over C / num_channels neighbouring channels. PGGAN and
            StyleGAN2 have one (``networks_stylegan2.py``, ``MinibatchStdLayer``).

    Returns:
        ``[B, H, W, C + num_channels]``.

    Raises:
        ValueError: ``group_size`` does not divide B, or ``num_channels`` does not divide C.
    """
    batch, height, width, features = x.shape
    size = min(group_size, batch)
    if batch % size:
        raise ArgumentError(f"minibatch_stddev got {batch} images for groups of {size}: use a multiple of {size}.")
    if features % num_channels:
        raise ArgumentError(f"minibatch_stddev got {features} channels to average to {num_channels}: use a divisor.")
    # Group g holds the images g, g + M, g + 2M, ...: the official layer's order.
    groups = x.reshape(size, batch // size, height, width, num_channels, features // num_channels)
    deviation = jnp.sqrt(jnp.var(groups, axis=0) + _STDDEV_EPSILON).mean((1, 2, 4))
    channels = jnp.tile(deviation, (size, 1))[:, None, None]
    shape = (batch, height, width, num_channels)
    return jnp.concatenate([x, jnp.broadcast_to(channels, shape).astype(x.dtype)], axis=-1)

"""Pixel metrics."""

import jax.numpy as jnp

from gprior_jax.images.arrays import psnr_of
from gprior_jax.typing import Array


def psnr(image: Array, reference: Array) -> Array:
    """Peak signal-to-noise ratio of one image in [0, 1], dB; infinite for equal images.

    >>> round(float(psnr(jnp.zeros((4, 4, 3)), jnp.full((4, 4, 3), 0.1))), 3)
    20.0
    """
    return psnr_of(jnp.mean(jnp.square(image - reference)), span=1.0)


def l1(image: Array, reference: Array) -> Array:
    """Mean absolute difference of one image in [0, 1], in [0, 1]; 0 for equal images.

    >>> round(float(l1(jnp.zeros((4, 4, 3)), jnp.full((4, 4, 3), 0.25))), 3)
    0.25
    """
    return jnp.mean(jnp.abs(image - reference))

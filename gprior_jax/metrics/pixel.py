"""Pixel metrics."""

import jax.numpy as jnp

from gprior_jax.images.arrays import check_unit, psnr_of
from gprior_jax.typing import Array


def psnr(image: Array, reference: Array) -> Array:
    """Peak signal-to-noise ratio of one image in [0, 1], dB; infinite for equal images.

    Raises:
        ValueError: pixels of another range.

    >>> round(float(psnr(jnp.zeros((4, 4, 3)), jnp.full((4, 4, 3), 0.1))), 3)
    20.0
    """
    _check(image, reference)
    return psnr_of(jnp.mean(jnp.square(image - reference)), span=1.0)


def l1(image: Array, reference: Array) -> Array:
    """Mean absolute difference of one image in [0, 1], in [0, 1]; 0 for equal images.

    Raises:
        ValueError: pixels of another range.

    >>> round(float(l1(jnp.zeros((4, 4, 3)), jnp.full((4, 4, 3), 0.25))), 3)
    0.25
    """
    _check(image, reference)
    return jnp.mean(jnp.abs(image - reference))


def _check(image: Array, reference: Array) -> None:
    check_unit(image)
    check_unit(reference, "the reference")

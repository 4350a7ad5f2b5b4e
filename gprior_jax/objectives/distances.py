"""Distances of arrays, and weights for the pixels and cells that are known."""

from typing import Literal

import jax.numpy as jnp

from gprior_jax.images import arrays as im
from gprior_jax.typing import Array

Distance = Literal["mse", "l1", "huber"]

HUBER_DELTA = 0.1
"""Difference of pixels in [-1, 1] at which ``"huber"`` goes from quadratic to linear: 13 of 255 grey levels."""


def distance(a: Array, b: Array, kind: Distance, weights: Array | None = None) -> Array:
    """Mean squared, mean absolute or mean Huber difference, a scalar.

    Huber's (1964) is ``d**2`` below :data:`HUBER_DELTA` and ``delta * (2 * |d| - delta)`` above: scaled so that it
    equals the squared difference where that is small, and grows like the absolute one where an outlier is.

    Args:
        a: any shape.
        b: the same.
        kind: which.
        weights: ``[H, W, 1]``, weights of mean 1 for the pixels of ``[H, W, C]``; None weighs all alike.

    >>> float(distance(jnp.zeros(4), jnp.full(4, 3.0), "mse"))
    9.0
    """
    difference = a - b
    values = jnp.square(difference) if kind == "mse" else jnp.abs(difference)
    if kind == "huber":
        linear = HUBER_DELTA * (2.0 * values - HUBER_DELTA)
        values = jnp.where(values < HUBER_DELTA, jnp.square(values), linear)
    return jnp.mean(values if weights is None else values * weights)


def known_weights(known: Array | None, size: tuple[int, int] | None = None) -> Array | None:
    """A mask as weights of mean 1, so that a weighted mean over everything is the mean over what is known.

    Args:
        known: ``[H, W, 1]``, 1 where a pixel is known; None where all are.
        size: (height, width) of feature maps, whose cells are weighted by the part of them that is known; None keeps
            the pixels.

    Returns:
        ``[H, W, 1]`` or ``[*size, 1]``; None where all is known.

    >>> known = jnp.array([[1.0, 0.0], [0.0, 0.0]])[..., None]
    >>> known_weights(known)[..., 0].tolist(), known_weights(known, (1, 1)).tolist()
    ([[4.0, 0.0], [0.0, 0.0]], [[[1.0]]])
    """
    if known is None:
        return None
    area = known if size is None else im.resize(known, size, "area")
    return area / jnp.maximum(jnp.mean(area), 1e-6)


def at_most(image: Array, side: int | None) -> Array:
    """An image whose longer side is at most ``side`` pixels, reduced by area where it is larger.

    >>> at_most(jnp.ones((8, 4, 3)), 4).shape
    (4, 2, 3)
    """
    longest = max(image.shape[:2])
    if side is None or longest <= side:
        return image
    height, width = (max(1, round(size * side / longest)) for size in image.shape[:2])
    return im.resize(image, (height, width), "area")

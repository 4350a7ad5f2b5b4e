"""From the generator's image to the result: what was observed is kept, and only what was missing is taken from it.

Functions are for one image ``[H, W, C]`` in [-1, 1]; batch them with ``jax.vmap``.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.operators import Downsample, Luma
from gprior_jax.typing import Array

Blend = Literal["paste", "feather", "poisson", "none"]

FEATHER_PIXELS = 4
"""Width of the band of known pixels over which ``"feather"`` mixes, in a picture of 256 px; at least 1."""

_POISSON_ITERATIONS = 1000
"""Bound on conjugate-gradient steps: the number needed grows with the hole's diameter in pixels."""

_POISSON_TOLERANCE = 1e-5
"""Relative residual, far below a grey level."""

_PROJECTIONS = 20
"""Alternations between the set of images of the right reduction and the range [-1, 1]."""


def keep_luma(image: Array, luma: Array) -> Array:
    """The chroma of ``image`` with the given luma, exactly: where a colour leaves the range, it is made paler.

    Args:
        image: ``[H, W, 3]``, the reconstruction.
        luma: ``[H, W, 1]``, BT.601.

    >>> red = jnp.full((1, 1, 3), -1.0).at[..., 0].set(1.0)
    >>> kept = keep_luma(red, jnp.full((1, 1, 1), 0.8))
    >>> round(float(Luma(1)(kept)[0, 0, 0]), 6), bool((jnp.abs(kept) <= 1).all())
    (0.8, True)
    """
    image, luma = jnp.clip(image, -1.0, 1.0), jnp.clip(luma, -1.0, 1.0)
    chroma = image - Luma(1)(image)
    # The largest part of the chroma, at most all of it, that keeps every channel within [-1, 1].
    room = jnp.where(chroma > 0, 1.0 - luma, 1.0 + luma)
    part = jnp.min(room / jnp.maximum(jnp.abs(chroma), 1e-6), axis=-1, keepdims=True)
    return jnp.clip(luma + jnp.minimum(part, 1.0) * chroma, -1.0, 1.0)


def blend(image: Array, observed: Array, known: Array, mode: Blend) -> Array:
    """Fill the holes of an observed image from a reconstruction.

    Args:
        image: ``[H, W, C]``, the reconstruction.
        observed: ``[H, W, C]``, whatever in the holes.
        known: ``[H, W, 1]``, 1 where observed, 0 in the holes; between, the part of the observation in the result
            (with ``"poisson"``, from a half up it is the observation, else a hole).
        mode: ``"paste"`` keeps known pixels as they are; ``"feather"`` mixes over a band of known pixels around the
            holes; ``"poisson"`` keeps known pixels and moves the filling so that its gradients stay and its edge meets
            them (Perez et al. 2003); ``"none"`` returns the reconstruction.

    Raises:
        ValueError: an unknown mode.
    """
    image = jnp.clip(image, -1.0, 1.0)
    if mode == "none":
        return image
    if mode == "paste":
        mixed = known * observed + (1.0 - known) * image
        return jnp.where(known >= 1, observed, jnp.where(known > 0, mixed, image))
    if mode == "feather":
        share = feathered(1.0 - known, feather_width(image.shape[0]))
        return share * image + (1.0 - share) * jnp.where(known > 0, observed, image)
    if mode == "poisson":
        return jnp.clip(_poisson(image, observed, jnp.floor(known + 0.5)), -1.0, 1.0)
    raise ArgumentError(f"blend {mode!r}: use 'paste', 'feather', 'poisson' or 'none'.")


def feather_width(side: int) -> int:
    """Width of the band of ``"feather"`` in a picture of that side, pixels."""
    return max(1, round(FEATHER_PIXELS * side / 256))


def feathered(hole: Array, width: int) -> Array:
    """1 in a hole ``[H, W, 1]``, falling to 0 in equal steps over ``width`` pixels around it."""
    grown, total = hole, hole
    for _ in range(width):
        grown = jax.lax.reduce_window(grown, -jnp.inf, jax.lax.max, (3, 3, 1), (1, 1, 1), "SAME")
        total = total + grown
    return total / (width + 1)


def _laplacian(x: Array) -> Array:
    """Sum of differences to the four neighbours; pixels outside count as equal to those at the edge."""
    padded = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return neighbours - 4.0 * x


def _poisson(image: Array, observed: Array, known: Array) -> Array:
    """Keep the filling's gradients: what is added to it is the harmonic function that fits the known pixels."""
    hole = (known <= 0).astype(image.dtype)
    boundary = jnp.where(known > 0, observed - image, 0.0)

    def inner(u: Array) -> Array:
        return -hole * _laplacian(hole * u) + (1.0 - hole) * u

    right = hole * _laplacian(boundary)
    added, _ = jax.scipy.sparse.linalg.cg(inner, right, tol=_POISSON_TOLERANCE, maxiter=_POISSON_ITERATIONS)
    return jnp.where(known > 0, observed, image + hole * added)


def keep_reduction(image: Array, observed: Array, operator: Downsample) -> Array:
    """Change a reconstruction as little as it takes for its reduction to be what was observed.

    The part of the image that the reduction sees is replaced by the observed one, the rest, which it is blind to, stays
    (range and null space of the operator; alternated with the range of pixels, so that both hold in the end).

    Args:
        image: ``[H, W, C]``, the reconstruction.
        observed: ``[H / factor, W / factor, C]``.
        operator: the reduction.
    """

    def alternate(image: Array, _: None) -> tuple[Array, None]:
        image = jnp.clip(image, -1.0, 1.0)
        return image + operator.back_project(observed - operator(image)), None

    image, _ = jax.lax.scan(alternate, image, length=_PROJECTIONS)
    return jnp.clip(image, -1.0, 1.0)

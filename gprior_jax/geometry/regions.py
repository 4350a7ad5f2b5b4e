"""Directions that change one region of an image and hold the rest."""

from typing import NamedTuple

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.functions import Function
from gprior_jax.geometry.jacobian import metric
from gprior_jax.geometry.symmetric import eigh, largest
from gprior_jax.nn.roots import length, root
from gprior_jax.typing import Array

TOLERANCE = 0.1
"""Part of the rest's largest singular value above which a direction is held."""


class RegionDirections(NamedTuple):
    """Directions for a region.

    Attributes:
        directions: ``[k, *latent.shape]``, of length 1, orthogonal; those that change the region most first. Zeros
            where no more are left that hold the rest.
        inside: ``[k]``, how far the region goes for a small step, over its length.
        outside: ``[k]``, how far the rest goes.
        held: how many directions of the latent are held.
    """

    directions: Array
    inside: Array
    outside: Array
    held: Array


def region_directions(
    function: Function,
    latent: Array,
    region: Array,
    num: int = 5,
    *,
    rest: Array | None = None,
    tolerance: float = TOLERANCE,
    batch_size: int = 16,
) -> RegionDirections:
    """Directions that change a region, within the null space of the rest's Jacobian at low rank.

    The rest's Jacobian is of low rank, but for small singular values: what it holds are the directions above the
    tolerance, and in the space that is left those are taken that change the region most. After Zhu et al. 2021,
    "Low-Rank Subspaces in GANs", arXiv:2106.04488, section 3.2, with the rank by a threshold in place of robust PCA.

    Args:
        function: of a latent, whose output is an image ``[H, W, C]``.
        latent: where.
        region: ``[H, W, 1]`` or what broadcasts, from 0 to 1: what is to change.
        num: of directions, k.
        rest: the same for what is to be held; None is one less the region.
        tolerance: a part of the rest's largest singular value; less holds more, and leaves less to move along.
        batch_size: products at once.

    Raises:
        ValueError: no directions, more than the latent has numbers, or a region that does not fit the output.

    >>> image = lambda x: jnp.array([[x[0] + x[2]], [x[1]]])[..., None]
    >>> found = region_directions(image, jnp.zeros(3), jnp.array([1.0, 0.0]).reshape(2, 1, 1), 1)
    >>> round(float(found.inside[0]), 4), round(float(found.outside[0]), 4)
    (1.4142, 0.0)
    """
    if not 1 <= num <= latent.size:
        raise ArgumentError(f"{num} directions: use 1 to {latent.size}, as many as the latent has numbers.")
    rest = 1.0 - region if rest is None else rest
    inside, outside = (metric(function, latent, weights=part, batch_size=batch_size) for part in (region, rest))
    held = largest(outside, jnp.asarray(tolerance**2, outside.dtype))
    kept, num_held = jnp.eye(latent.size, dtype=outside.dtype) - held, jnp.round(jnp.trace(held)).astype(int)
    # What is held is below all that is free: both would else be mixed where the region does not change either.
    most = jnp.trace(inside)
    below = jnp.where(most > 0, most, 1.0) * held
    _, found = eigh(kept @ inside @ kept - below)
    directions = found.T[::-1][:num]
    # Rounding has put back some of what is held.
    directions = directions @ kept
    directions = directions / jnp.maximum(length(directions, keepdims=True), 1e-12)
    directions = jnp.where(jnp.arange(len(directions))[:, None] < latent.size - num_held, directions, 0.0)

    def change(of: Array) -> Array:
        return root(jnp.einsum("kd,de,ke->k", directions, of, directions))

    shaped = directions.reshape(-1, *latent.shape)
    return RegionDirections(shaped, change(inside), change(outside), num_held)

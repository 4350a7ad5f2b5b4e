"""Eigenvalues and vectors of symmetric matrices, with derivatives that equal eigenvalues do not make NaN.

Derivatives of eigenvectors have the gaps of eigenvalues in their denominators. Metrics of generators have equal ones:
whatever changes nothing has the value 0.
"""

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array


@jax.custom_jvp
def eigh(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues ``[..., D]``, rising, and eigenvectors in columns, of ``[..., D, D]``.

    Vectors of equal values (to rounding) are any of a subspace: their derivatives within it are taken as 0.

    >>> values, vectors = eigh(jnp.diag(jnp.array([2.0, 1.0, 2.0])))
    >>> values.tolist(), float(jax.grad(lambda m: eigh(m)[0][0])(jnp.eye(2)).sum())
    ([1.0, 2.0, 2.0], 1.0)
    """
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@eigh.defjvp
def _eigh_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    values, vectors = eigh(*primals)
    turned = _between(vectors, tangents[0])
    gaps = values[..., None, :] - values[..., :, None]
    rounding = jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values), -1)[..., None, None]
    apart = jnp.abs(gaps) > rounding
    moved = vectors @ jnp.where(apart, turned / jnp.where(apart, gaps, 1.0), 0.0)
    return (values, vectors), (jnp.diagonal(turned, axis1=-2, axis2=-1), moved)


def _between(vectors: Array, change: Array) -> Array:
    """``V^T dA V``, of the symmetric part of a change."""
    change = (change + jnp.swapaxes(change, -1, -2)) / 2
    return jnp.swapaxes(vectors, -1, -2) @ change @ vectors


@jax.custom_jvp
def largest(matrix: Array, share: Array) -> Array:
    """The projection ``[D, D]`` on the eigenvectors whose values are above a share of the largest one.

    Its derivative asks only for the gaps between these and the others, not for those within either group.

    >>> largest(jnp.diag(jnp.array([2.0, 0.1, 0.1])), jnp.array(0.5)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * (values > share * values[-1])) @ vectors.T


@largest.defjvp
def _largest_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    matrix, share = primals
    values, vectors = eigh(matrix)
    inside = (values > share * values[-1]).astype(values.dtype)
    across = inside[:, None] - inside
    slopes = jnp.where(across == 0, 0.0, across / jnp.where(across == 0, 1.0, values[:, None] - values))
    change = vectors @ (slopes * _between(vectors, tangents[0])) @ vectors.T
    return (vectors * inside) @ vectors.T, change

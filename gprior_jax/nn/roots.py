"""Roots and lengths whose derivative is 0 where they are 0: that of ``jnp.sqrt`` is infinite there, and 0 times it NaN.

A sum in which one length is 0 would else have no derivative in the others either.
"""

import jax.numpy as jnp

from gprior_jax.typing import Array


def root(squares: Array) -> Array:
    """Square roots; 0 of what is below 0, as rounding leaves of a 0. What is NaN stays so.

    >>> root(jnp.array([4.0, 0.0, -1e-9])).tolist()
    [2.0, 0.0, 0.0]
    """
    none = squares <= 0
    return jnp.where(none, 0.0, jnp.sqrt(jnp.where(none, 1.0, squares)))


def length(vectors: Array, axis: int = -1, *, keepdims: bool = False) -> Array:
    """Euclidean lengths along an axis.

    >>> float(length(jnp.array([3.0, 4.0])))
    5.0
    """
    return root(jnp.sum(jnp.square(vectors), axis, keepdims=keepdims))

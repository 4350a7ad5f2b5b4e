"""The sum that composes the features of several codes (mGANprior, arXiv:1912.07116, equation 3)."""

import functools
import operator

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array

_UNROLLED = 64
"""Up to so many codes, the sum is written out."""


@jax.custom_jvp
def weighted_sum(features: Array, weights: Array) -> Array:
    """Features of N codes, each channel times its code's weight of it, added up.

    Args:
        features: ``[N, ..., C]``.
        weights: ``[N, C]``, alpha.

    Returns:
        ``[..., C]``.

    >>> weighted_sum(jnp.ones((2, 4, 4, 3)), jnp.asarray([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]]))[0, 0]
    Array([1.5, 2.5, 3.5], dtype=float32)
    """
    if len(features) > _UNROLLED:
        return jnp.einsum("n...c,nc->...c", features, weights)
    # One pass over the features. XLA makes a batch of products of what ``einsum`` says, one for every channel, and
    # copies the features to [C, ..., N] for it, forwards and backwards: 40 ms in place of 4 (20 codes, 16x16x512, CPU).
    return functools.reduce(operator.add, (features[n] * weights[n] for n in range(len(features))))


@weighted_sum.defjvp
def _tangent(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (features, weights), (features_dot, weights_dot) = primals, tangents
    # As a product of matrices, whose transpose is a broadcast: that of N slices would be N padded arrays, which XLA
    # adds up anew in every operation that reads the gradient, and a sum over an axis comes out wrong for a batch of
    # weights and features that it shares (findings/jax_cpu_batched_sum.sh).
    from_features = jnp.einsum("n...c,nc->...c", features_dot, weights)
    return weighted_sum(features, weights), from_features + weighted_sum(features, weights_dot)

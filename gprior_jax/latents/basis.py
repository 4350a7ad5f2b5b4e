"""An orthonormal basis of every channel's feature maps of several codes, and features in it."""

from functools import partial

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array

DAMPING = 0.01
"""Part of a channel's mean square that is added to the diagonal of its Gram matrix, unless somebody says otherwise."""

# Matrix units round their factors to bfloat16 unless told otherwise.
product = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)

_LEAST = 1e-6
"""A channel that no code excites gets this part of the mean channel's damping: its Gram matrix would be 0."""


def damped(gram: Array, damping: float) -> Array:
    """Gram matrices ``[C, N, N]`` with a multiple of their mean square on the diagonal."""
    mean = jnp.trace(gram, axis1=1, axis2=2) / gram.shape[-1]
    added = damping * mean + _LEAST * jnp.mean(mean) + jnp.finfo(jnp.float32).tiny
    return gram + added[:, None, None] * jnp.eye(gram.shape[-1])


_ITERATIONS = 24
"""Enough for any damping that is worth it: an eigenvalue of 1e-5 of the largest comes to 1 in 20."""


def inverse_root(matrices: Array) -> Array:
    """The inverse square roots of positive definite matrices ``[..., N, N]``, by products alone.

    The coupled Newton-Schulz iteration (Higham 2008, Functions of Matrices, equation 6.35): factorisations are calls of
    LAPACK on a CPU, which programs over several devices do not get on with, and slow on a TPU.
    """
    size = jnp.trace(matrices, axis1=-2, axis2=-1)[..., None, None]  # Not below the largest eigenvalue.
    identity = jnp.eye(matrices.shape[-1])

    def improved(_: int, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        root, inverse = pair
        step = 1.5 * identity - 0.5 * product(inverse, root)
        return product(root, step), product(step, inverse)

    start = matrices / size, jnp.broadcast_to(identity, matrices.shape)
    return jax.lax.fori_loop(0, _ITERATIONS, improved, start)[1] / jnp.sqrt(size)


def channel_maps(features: Array) -> Array:
    """Features of N codes ``[N, H, W, C]`` as maps of channels ``[C, N, H * W]``."""
    return features.reshape(len(features), -1, features.shape[-1]).transpose(2, 0, 1)


def orthonormal(features: Array, damping: float = DAMPING) -> tuple[Array, Array]:
    """The basis of features of N codes ``[N, H, W, C]``, of their shape, and what makes it of them ``[C, N, N]``.

    >>> basis, whitening = orthonormal(jax.random.normal(jax.random.key(0), (2, 4, 4, 3)), 1e-6)
    >>> abs(jnp.einsum("nhwc,mhwc->cnm", basis, basis)[1]).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    maps = channel_maps(features.astype(jnp.float32))
    whitening = inverse_root(damped(product(maps, maps.mT), damping))
    return product(whitening, maps).transpose(1, 2, 0).reshape(features.shape), whitening


def weights_of(basis: Array, features: Array) -> Array:
    """The weights ``[N, C]`` with which a basis ``[N, H, W, C]`` comes nearest to features ``[H, W, C]``.

    Up to the damping of the basis: least squares of every channel by itself.
    """
    return jnp.einsum("nhwc,hwc->nc", basis, features, precision=jax.lax.Precision.HIGHEST)


def projected(features: Array, wanted: Array, damping: float = DAMPING) -> Array:
    """The channel weights ``[N, C]`` of codes with features ``[N, H, W, C]`` that compose wanted ones ``[H, W, C]``.

    >>> own = jax.random.normal(jax.random.key(0), (2, 4, 4, 3))
    >>> projected(own, 2.0 * own[0] - own[1], 1e-6).round(3).tolist()
    [[2.0, 2.0, 2.0], [-1.0, -1.0, -1.0]]
    """
    basis, whitening = orthonormal(features, damping)
    return product(whitening, weights_of(basis, wanted).T[..., None])[..., 0].T

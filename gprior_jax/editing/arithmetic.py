"""Arithmetic of latent codes."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gprior_jax.checks import check_finite
from gprior_jax.errors import ArgumentError
from gprior_jax.keys import purpose
from gprior_jax.typing import Array, ArrayLike, Key


def transfer(w1: Array, w2: Array, w3: Array, strength: float = 1.0) -> Array:
    """Carry the difference of two codes over to another: ``w1 + strength * (w3 - w2)``.

    With w2 and w3 one face without and with an expression, w1 takes it on (Image2StyleGAN, arXiv:1904.03189, section
    5.3).

    >>> transfer(jnp.array([1.0]), jnp.array([2.0]), jnp.array([5.0]), 0.5).tolist()
    [2.5]
    """
    check_finite(strength=strength)
    return w1 + strength * (w3 - w2)


def arithmetic(
    positive: Sequence[ArrayLike], negative: Sequence[ArrayLike] = (), strength: float = 1.0, origin: ArrayLike = 0.0
) -> Array:
    """Vector arithmetic of averaged codes: the first concept plus the others less the negative ones.

    A concept is the mean of a few codes that show it, as single codes are unstable (DCGAN, arXiv:1511.06434, section
    6.3.2: the mean of three). With one more concept and one negative one this is :func:`transfer`.

    Args:
        positive: one or more concepts, each ``[E, ...]`` codes of E examples.
        negative: likewise.
        strength: of all but the first.
        origin: what codes are measured from: 0 for z, the mean of w for styles. It matters only where not as many are
            added as are taken away.

    Raises:
        ValueError: no positive concept.

    >>> king, man, woman = jnp.array([[3.0], [5.0]]), jnp.array([[1.0]]), jnp.array([[2.0]])
    >>> arithmetic([king, woman], [man]).tolist()
    [5.0]
    """
    if not positive:
        raise ArgumentError("nothing to add up: give at least one positive concept.")
    first, *more = (jnp.mean(jnp.asarray(examples), axis=0) - origin for examples in positive)
    less = [jnp.mean(jnp.asarray(examples), axis=0) - origin for examples in negative]
    zero = jnp.zeros_like(first)
    return jnp.asarray(origin) + transfer(first, sum(less, zero), sum(more, zero), strength)


def scatter(code: Array, key: Key, extent: float, num: int = 8) -> Array:
    """Codes around one: uniform noise is added (Radford et al. 2016, arXiv:1511.06434, figure 7, within 0.25).

    Args:
        code: of any shape.
        key: of the noise.
        extent: how far every number moves at most, from 0 up.
        num: how many.

    Returns:
        ``[num, ...]``, each of the code's shape.

    Raises:
        ValueError: an extent that is not finite.

    >>> around = scatter(jnp.zeros(128), jax.random.key(0), extent=0.25, num=4)
    >>> around.shape, bool((abs(around) <= 0.25).all())
    ((4, 128), True)
    """
    check_finite(extent=extent)
    return code + jax.random.uniform(purpose(key, "scatter"), (num, *code.shape), minval=-extent, maxval=extent)

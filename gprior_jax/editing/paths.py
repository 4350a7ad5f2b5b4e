"""Paths through latent spaces: straight lines, great circles, and several key codes in a row."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.nn.roots import length
from gprior_jax.typing import Array, ArrayLike

Path = Callable[[Array, Array, Array], Array]
"""``(a, b, t)``: a at t = 0, b at t = 1."""

_PARALLEL = 1e-5
"""Sine of the angle below which two vectors span no plane to turn in, float32."""


def lerp(a: Array, b: Array, t: Array | float) -> Array:
    """A straight line: ``(1 - t) a + t b``; what Image2StyleGAN morphs along (arXiv:1904.03189, section 5.1).

    >>> lerp(jnp.zeros(2), jnp.ones(2), 0.25).tolist()
    [0.25, 0.25]
    """
    return (1.0 - t) * a + t * b


def slerp(a: Array, b: Array, t: Array | float) -> Array:
    """An arc over the last axis, which normal codes keep their likely length on.

    The direction turns evenly, as between the normalised vectors of StyleGAN's perceptual path length (``slerp`` of
    ``perceptual_path_length.py``); the length goes evenly from that of ``a`` to that of ``b``. Vectors that span no
    plane (parallel, opposite, or zero) are joined by a straight line.

    Args:
        a: ``[..., D]``.
        b: the same.
        t: scalar, or broadcast against ``[..., 1]``.

    >>> slerp(jnp.array([1.0, 0.0]), jnp.array([0.0, 3.0]), 0.5).round(3).tolist()  # Half way: 45 degrees, length 2.
    [1.4140000343322754, 1.4140000343322754]
    """
    length_a, length_b = (length(x, keepdims=True) for x in (a, b))
    tiny = jnp.finfo(jnp.float32).tiny
    first, second = a / jnp.maximum(length_a, tiny), b / jnp.maximum(length_b, tiny)
    cosine = jnp.sum(first * second, axis=-1, keepdims=True)
    across = second - cosine * first
    sine = length(across, keepdims=True)
    angle = t * jnp.arctan2(sine, cosine)
    direction = jnp.cos(angle) * first + jnp.sin(angle) * across / jnp.maximum(sine, _PARALLEL)
    plane = (sine > _PARALLEL) & (length_a > 0.0)  # Of a zero b, the sine is 0.
    return jnp.where(plane, lerp(length_a, length_b, t) * direction, lerp(a, b, t))


def morph(keys: ArrayLike, steps: int, *, closed: bool = False, ease: bool = False, path: Path = lerp) -> Array:
    """Codes along a path through key codes.

    Args:
        keys: ``[K, ...]``, at least two.
        steps: steps from one key to the next.
        closed: go on from the last key to the first.
        ease: slow down at every key (``3 t^2 - 2 t^3`` in place of t).
        path: what joins two keys: :func:`lerp` or :func:`slerp`.

    Returns:
        ``[(K - 1) * steps + 1, ...]``, both ends with it; closed ``[K * steps, ...]``, where the start is not repeated.

    Raises:
        ValueError: fewer than two keys, or no steps.

    >>> morph(jnp.array([0.0, 1.0, 3.0]), 2).tolist()
    [0.0, 0.5, 1.0, 2.0, 3.0]
    >>> morph(jnp.array([0.0, 1.0]), 2, closed=True).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    keys = jnp.asarray(keys)
    if keys.ndim == 0 or len(keys) < 2:
        raise ArgumentError(f"a path needs at least two codes: there is {len(keys) if keys.ndim else 'no'} key.")
    if steps < 1:
        raise ArgumentError(f"steps {steps}: use at least 1.")
    t = _times(steps, ease)
    along = jax.vmap(jax.vmap(path, (None, None, 0)), (0, 0, None))
    if closed:
        return along(keys, jnp.roll(keys, -1, axis=0), t).reshape(-1, *keys.shape[1:])
    legs = along(keys[:-1], keys[1:], t).reshape(-1, *keys.shape[1:])
    return jnp.concatenate([legs, keys[-1:]])


def places(keys: int, steps: int, *, closed: bool = False, ease: bool = False) -> Array:
    """Where the codes of :func:`morph` are: 1.25 is a quarter of the way from the second key to the third.

    >>> places(3, 2).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    >>> places(2, 2, closed=True).tolist()
    [0.0, 0.5, 1.0, 1.5]
    """
    legs = (jnp.arange(keys - (not closed))[:, None] + _times(steps, ease)).ravel()
    return legs if closed else jnp.append(legs, keys - 1.0)


def _times(steps: int, ease: bool) -> Array:
    """Of the codes from one key to the next, from 0 on."""
    t = jnp.arange(steps) / steps
    return t * t * (3.0 - 2.0 * t) if ease else t


def interpolate(first: ArrayLike, second: ArrayLike, interior: int = 5) -> Array:
    """A straight line between two codes, as idinvert draws it in W+ (``interpolate.py``, ``--step`` 5).

    Args:
        first: ``[...]``.
        second: the same.
        interior: codes between the two.

    Returns:
        ``[interior + 2, ...]``, the two with it.

    >>> interpolate(jnp.array([0.0]), jnp.array([4.0]), 3).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    if interior < 0:
        raise ArgumentError(f"interior {interior}: use 0 or more.")
    return morph(jnp.stack([jnp.asarray(first), jnp.asarray(second)]), interior + 1)

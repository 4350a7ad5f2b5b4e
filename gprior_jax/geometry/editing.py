"""Arithmetic of codes, and exchanging the styles of a style-based generator."""

import re
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gprior_jax.generators import styles as st
from gprior_jax.typing import Array, ArrayLike, Key

STYLE_LAYERS: dict[str, tuple[int, int | None]] = {"coarse": (0, 4), "middle": (4, 8), "fine": (8, None)}
"""Styles ``[start, stop)`` at 4 to 8 px (pose, shape), 16 to 32 px (features), and from 64 px on (colours, texture), as
StyleGAN's figure 3 groups them (arXiv:1812.04948)."""


def transfer(w1: Array, w2: Array, w3: Array, strength: float = 1.0) -> Array:
    """Carry the difference of two codes over to another: ``w1 + strength * (w3 - w2)``.

    With w2 and w3 one face without and with an expression, w1 takes it on (Image2StyleGAN, arXiv:1904.03189, section
    5.3).

    >>> transfer(jnp.array([1.0]), jnp.array([2.0]), jnp.array([5.0]), 0.5).tolist()
    [2.5]
    """
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
        raise ValueError("nothing to add up: give at least one positive concept.")
    first, *more = (jnp.mean(jnp.asarray(examples), axis=0) - origin for examples in positive)
    less = [jnp.mean(jnp.asarray(examples), axis=0) - origin for examples in negative]
    zero = jnp.zeros_like(first)
    return jnp.asarray(origin) + transfer(first, sum(less, zero), sum(more, zero), strength)


def scatter(code: Array, key: Key, extent: float, num: int = 8) -> Array:
    """Codes around one, ``[num, ...]``: uniform noise within ``extent`` is added (0.25 in DCGAN's figure 7)."""
    return code + jax.random.uniform(key, (num, *code.shape), minval=-extent, maxval=extent)


def style_range(layers: str, num_styles: int) -> tuple[int, int]:
    """Styles that a word names, as ``(start, stop)``.

    Args:
        layers: a key of :data:`STYLE_LAYERS`, or the first and the last, both counted: ``"0-3"``, ``"5"``, ``"4-"``.
        num_styles: of the generator.

    Raises:
        ValueError: anything else, or styles that the generator does not have.

    >>> style_range("middle", 10), style_range("0-3", 10), style_range("4-", 10)
    ((4, 8), (0, 4), (4, 10))
    """
    numbers = re.fullmatch(r"(\d+)(?:(-)(\d*))?", layers)
    if layers in STYLE_LAYERS:
        start, end = STYLE_LAYERS[layers]
        stop = num_styles if end is None else min(end, num_styles)
    elif numbers:
        first, dash, last = numbers.groups()
        start = int(first)
        stop = num_styles if dash and not last else int(last or first) + 1
    else:
        raise ValueError(f"layers {layers!r}: use {', '.join(STYLE_LAYERS)}, or numbers such as 0-3, 5 or 4-.")
    if not start < stop <= num_styles:
        raise ValueError(f"layers {layers!r}: this prior has styles 0 to {num_styles - 1}, use a range of these.")
    return start, stop


def crossover(base: Array, donor: Array, start: int, stop: int) -> Array:
    """Styles ``[start, stop)`` of the donor, all others of the base.

    Image2StyleGAN's style transfer takes the later half from the picture that gives the style.

    Args:
        base: ``[..., num_styles, w_dim]``.
        donor: the same.
        start: 0 to ``stop``.
        stop: up to ``num_styles``.

    >>> crossover(jnp.zeros((4, 1)), jnp.ones((4, 1)), 1, 3)[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    return st.mix(st.mix(base, donor, start), base, stop)


def mixing_grid(rows: Array, columns: Array, start: int, stop: int) -> Array:
    """Every row's styles with ``[start, stop)`` of every column's, as ``style_mixing.py`` of stylegan2-ada-pytorch.

    Args:
        rows: ``[R, num_styles, w_dim]``.
        columns: ``[C, num_styles, w_dim]``.
        start: first style that is taken from the columns.
        stop: first style after these.

    Returns:
        ``[R, C, num_styles, w_dim]``.
    """
    return crossover(rows[:, None], columns[None], start, stop)

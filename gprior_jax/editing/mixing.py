"""Exchanging the styles of a style-based generator."""

import re

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.styles import mix
from gprior_jax.typing import Array

STYLE_LAYERS: dict[str, tuple[int, int | None]] = {"coarse": (0, 4), "middle": (4, 8), "fine": (8, None)}
"""Styles ``[start, stop)`` at 4 to 8 px (pose, shape), 16 to 32 px (features), and from 64 px on (colours, texture), as
StyleGAN's figure 3 groups them (arXiv:1812.04948)."""


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
        raise ArgumentError(f"layers {layers!r}: use {', '.join(STYLE_LAYERS)}, or numbers such as 0-3, 5 or 4-.")
    if not start < stop <= num_styles:
        raise ArgumentError(f"layers {layers!r}: this prior has styles 0 to {num_styles - 1}, use a range of these.")
    return start, stop


def crossover(base: Array, donor: Array, start: int, stop: int) -> Array:
    """Styles ``[start, stop)`` of the donor, all others of the base.

    Image2StyleGAN's style transfer takes the later half from the picture that gives the style.

    Args:
        base: ``[..., num_styles, w_dim]``.
        donor: the same.
        start: 0 to ``stop``.
        stop: up to ``num_styles``.

    >>> import jax.numpy as jnp
    >>> crossover(jnp.zeros((4, 1)), jnp.ones((4, 1)), 1, 3)[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    return mix(mix(base, donor, start), base, stop)


def mixing_grid(rows: Array, columns: Array, start: int, stop: int) -> Array:
    """Every row's styles with ``[start, stop)`` of every column's, as ``style_mixing.py`` of stylegan2-ada-pytorch.

    Args:
        rows: ``[R, num_styles, w_dim]``.
        columns: ``[C, num_styles, w_dim]``.
        start: first style that is taken from the columns.
        stop: first style after these.

    Returns:
        ``[R, C, num_styles, w_dim]``.

    >>> import jax.numpy as jnp
    >>> grid = mixing_grid(jnp.zeros((2, 6, 8)), jnp.ones((3, 6, 8)), 1, 3)
    >>> grid.shape, grid[0, 0, :, 0].tolist()
    ((2, 3, 6, 8), [0.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    """
    return crossover(rows[:, None], columns[None], start, stop)


def style_layers(layers: str, num_styles: int) -> tuple[int, ...]:
    """Styles that some words or numbers name, in order.

    Args:
        layers: one or more of what :func:`style_range` takes, with commas between, or ``"all"``.
        num_styles: of the generator.

    Raises:
        ValueError: anything else, or styles that the generator does not have.

    >>> style_layers("0-2,5", 10), style_layers("all", 3)
    ((0, 1, 2, 5), (0, 1, 2))
    """
    if layers == "all":
        return tuple(range(num_styles))
    ranges = (style_range(part.strip(), num_styles) for part in layers.split(","))
    return tuple(sorted({style for start, stop in ranges for style in range(start, stop)}))

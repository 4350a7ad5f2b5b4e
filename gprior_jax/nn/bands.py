"""Layers that see only what is near, applied to a map in bands of rows: the same numbers in a fraction of the memory.

The last layers of a generator have few channels and many pixels. What they compute on the way is many times the image,
and most of what a step of an inversion holds at once; but a row of the image depends on a few rows of the map that they
start from. So that map is cut into bands, each with the rows around it that its own rows depend on, and the bands go
through the layers one after the other: forward, and in the backward pass, where each is computed again before its
gradient.

Layers fill what is beyond the picture with zeros, each anew. A band that reaches beyond it must do likewise: see
:func:`inside`.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array

Local = Callable[[Array, Array], Array]
"""Of rows ``[h, W, C]`` of a map and the number of the first of them (negative above the map), what becomes of them:
``[k h, W', C']``."""


def in_bands(function: Local, x: Array, rows: int, around: int) -> Array:
    """What a function gives of a whole map, band by band; each is computed again in the backward pass.

    Args:
        function: see :data:`Local`; of rows beyond the map, given as zeros, it makes what the layers would have found
            there. What it closes over may be traced and is differentiated as well.
        x: ``[H, W, C]``, any height.
        rows: of a band, of the map.
        around: rows before and after them that results depend on, see :func:`rows_around`.

    Returns:
        ``[k H, W', C']``.

    >>> x = jnp.arange(10.0).reshape(5, 2, 1)
    >>> above = lambda band, first: jnp.roll(band, 1, axis=0)  # What comes round at its end is a row around the band.
    >>> in_bands(above, x, rows=2, around=1)[..., 0].tolist()
    [[0.0, 0.0], [0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]
    """
    height = len(x)
    count = -(-height // rows)
    padded = jnp.pad(x, ((around, around + count * rows - height), (0, 0), (0, 0)))
    bands = jnp.stack([padded[i * rows : (i + 1) * rows + 2 * around] for i in range(count)])

    # In a loop its order is kept: what is computed again cannot be computed early (see gprior_jax.nn.recompute).
    @jax.checkpoint
    def own(band: Array, first: Array) -> Array:
        found = function(band, first)
        factor = len(found) // len(band)
        return found[factor * around : factor * (around + rows)]

    def step(_: None, given: tuple[Array, Array]) -> tuple[None, Array]:
        return None, own(*given)

    found = jax.lax.scan(step, None, (bands, jnp.arange(count) * rows - around))[1]
    return found.reshape(-1, *found.shape[2:])[: found.shape[1] // rows * height]


def inside(x: Array, first: Array | int, height: int) -> Array:
    """Rows ``[h, W, C]`` from number ``first`` of a map of so many, with zeros in the place of those beyond it.

    >>> inside(jnp.ones((4, 1, 1)), -1, 2).ravel().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    numbers = first + jnp.arange(len(x))
    return jnp.where(((numbers >= 0) & (numbers < height))[:, None, None], x, jnp.zeros((), x.dtype))


def rows_around(factors: Sequence[int], reaches: Sequence[int]) -> int:
    """Rows before and after a band that layers in a row need for its results.

    Args:
        factors: by which each enlarges.
        reaches: rows of its result's size that each looks beyond a row of its result.

    >>> rows_around((2, 1, 2, 1, 1), (1, 1, 1, 1, 0))  # Two blocks of a PGGAN, and its last layer.
    2
    """
    lost = 0
    for factor, reach in zip(factors, reaches, strict=True):
        lost = lost * factor + reach
    return -(-lost // math.prod(factors))

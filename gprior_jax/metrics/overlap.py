"""How far a map of numbers agrees with a region: intersection over union at the best threshold."""

from typing import NamedTuple

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, ArrayLike


class Overlap(NamedTuple):
    """Of one map and one region, scalars.

    Attributes:
        iou: pixels of both over pixels of either, in [0, 1]; at the threshold where it is largest.
        threshold: the pixels of the map are those from this value up.
        share: of the picture that they are.
        gain: how much of the way to 1 lies between it and the IoU of the whole picture, which is the region's share: 0
            for a map that says nothing. Large regions have large IoUs by themselves, so regions are compared by it.
    """

    iou: Array
    threshold: Array
    share: Array
    gain: Array


def best_overlap(values: ArrayLike, region: ArrayLike) -> Overlap:
    """The threshold of a map at which it agrees best with a region. Pure, to be batched with ``jax.vmap``.

    All thresholds are tried. Pixels where the map is 0 or less belong to no part of it.

    Args:
        values: the map, ``[H, W]``.
        region: ``[H, W]``, true inside.

    Raises:
        ValueError: other shapes.

    >>> found = best_overlap(jnp.asarray([[3.0, 2.0], [1.0, 0.0]]), jnp.asarray([[1, 1], [0, 0]]))
    >>> [float(number) for number in found]
    [1.0, 2.0, 0.5, 1.0]
    """
    values, region = jnp.asarray(values), jnp.asarray(region, bool)
    if values.ndim != 2 or values.shape != region.shape:
        raise ArgumentError(f"a map {values.shape} and a region {region.shape}: give both the same [H, W].")
    order = jnp.argsort(-values.ravel())
    sizes = jnp.arange(1, values.size + 1)
    sorted_values, inside = values.ravel()[order], region.ravel()[order]
    both, area = jnp.cumsum(inside), region.sum()
    ious = both / (sizes + area - both)
    # Between equal values there is no threshold.
    last = jnp.append(sorted_values[1:] < sorted_values[:-1], True)
    ious = jnp.where(last & (sorted_values > 0), ious, 0.0)
    best = jnp.argmax(ious)
    found = ious[best] > 0
    whole = area / values.size
    gain = jnp.where(whole < 1, (ious[best] - whole) / jnp.maximum(1 - whole, 1 / values.size), 0.0)
    return Overlap(ious[best], sorted_values[best], jnp.where(found, sizes[best] / values.size, 0.0), gain)

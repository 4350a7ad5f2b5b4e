"""The last blocks of a generator in bands of rows (:mod:`gprior_jax.nn.bands`), where recomputation is asked for."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from gprior_jax.generators.prior import Prior
from gprior_jax.nn.bands import in_bands, inside, rows_around
from gprior_jax.typing import Array

BAND_NUMBERS = 1 << 21
"""Numbers of the largest map of a band, about: 8 MB of float32; some ten times as much is alive at once. At 1024 px, in
half of it the rows around the bands are half of the work, and twice as much saves 80 MB less and no time."""


def tail_start(prior: Prior, starts: Sequence[int], stop: int) -> int:
    """Where the last blocks begin that are run in bands: one of ``starts``, or ``stop`` for none.

    They are those whose every map is at least two bands, of a generator that tells how far its layers look.

    Args:
        prior: any.
        starts: first layers of the blocks, in order.
        stop: the layer to stop before.
    """
    reaches, found = _reaches(prior), stop
    for start in reversed(starts):
        if not reaches or reaches[start] is None:
            break
        if math.prod(prior.module.feature_shape(start + 1)) < 2 * BAND_NUMBERS:
            break
        found = start
    return found


def run_in_bands(prior: Prior, x: Array, start: int, stop: int) -> Array:
    """Layers ``[start, stop)`` of a generator that take nothing beside features, in bands.

    Args:
        prior: its module tells, as ``reaches``, how many rows of the size of a layer's result that layer looks beyond a
            row of it.
        x: features of layer ``start``, ``[H, W, C]``.
        start: first layer.
        stop: layer to stop before.
    """
    if prior.weights is None:  # Else every band would prepare them.
        weights = prior.module.apply({"params": prior.params}, method="prepare")
        prior = dataclasses.replace(prior, weights=weights)
    shapes = [prior.module.feature_shape(layer + 1) for layer in range(start, stop)]
    heights = [shape[0] for shape in shapes]
    factors = [after // before for before, after in zip([len(x), *heights], heights, strict=False)]

    def run(band: Array, first: Array) -> Array:
        for layer, factor, height in zip(range(start, stop), factors, heights, strict=True):
            band = prior.module.apply({"params": prior.params}, band, layer, layer + 1, prior.weights)
            first = first * factor
            band = inside(band, first, height)
        return band

    rows = max(1, len(x) * BAND_NUMBERS // max(map(math.prod, shapes)))
    return in_bands(run, x, rows, rows_around(factors, _reaches(prior)[start:stop]))


def _reaches(prior: Prior) -> tuple[Any, ...]:
    """Of every layer; empty where the generator does not tell."""
    return getattr(prior.module, "reaches", ())

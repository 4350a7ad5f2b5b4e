"""Networks on large pictures in bands of rows: the numbers of a whole run, in a fraction of its memory.

Instance norm, and batch norm by the picture's own statistics, normalise every map by the mean and the variance of all
its pixels. A picture that is cut into tiles, each translated by itself, has other colours in each. So the network is
run stage by stage: a convolution reads its input in bands, each with the rows around it that it sees, and the moments
of the bands are put together to those of the map before anything reads it. What is left of a difference to a whole run
is the order of float32 sums.

Maps of the picture's own size, which are the largest, are not kept: their rows are computed again where they are read.
The others lie in the host's memory; a device holds one band at a time.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.keys import purpose
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.normed import StageWeights, Window, bordered, coefficients, normalized
from gprior_jax.nn.whole import OWN, Ops, Settings, dropped, kept
from gprior_jax.translation.rows import Formula, Kept, Pixels, Rows, computed_pixels, evaluated
from gprior_jax.typing import Array, ArrayLike, Key


@functools.partial(jit, use="often", static_argnums=(0, 1, 2))
def _convolved(
    formula: Formula | None, window: Window, path: ConvPath, weights: StageWeights, inside: ArrayLike, leaves: Any
) -> Array:
    """The convolution of rows that have those around them already; rows beyond the picture are zeros."""
    x = evaluated(formula, iter(leaves)) * jnp.asarray(inside)[:, None, None]
    if window.transposed:
        x = bordered(x, weights, window, path)
        beside = window.stride * _AROUND
        return x[beside:-beside]
    edges = ((0, 0), (window.padding, window.padding), (0, 0))
    x = jnp.pad(x, edges, mode="reflect" if window.border == "reflect" else "constant")
    return bordered(x, weights, window, path)


BAND_BYTES = 8 << 20
"""Of a band; what a convolution needs beside it is a few times as much."""

_AROUND = 1
"""Rows before and after a band that a transposed convolution of these networks sees."""


@functools.partial(jit, use="often")
def _moments(x: ArrayLike, counted: ArrayLike) -> tuple[Array, Array]:
    """Mean of every channel, and the mean square of what is left, of the rows that count."""
    x, counted = jnp.asarray(x), jnp.asarray(counted)
    weights = (counted / (counted.sum() * x.shape[1]))[:, None, None]
    mean = jnp.sum(x * weights, (0, 1))
    return mean, jnp.sum(jnp.square(x - mean) * weights, (0, 1))


@dataclasses.dataclass(frozen=True)
class _Convolution:
    """The result of a convolution, not yet computed.

    Attributes:
        of: its input.
        window: where it looks.
        path: its formulation.
        weights: of it, without norm.
        features: output channels.
    """

    of: Pixels
    window: Window
    path: ConvPath
    weights: StageWeights
    features: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the map."""
        height, width = map(self.window.length, self.of.shape)
        return height, width, self.features

    @property
    def numbers_of_row(self) -> float:
        """Numbers that are held at once for one of its rows: those of its own, or of what it is computed from."""
        stride = 1 / self.window.stride if self.window.transposed else self.window.stride
        return max(self.shape[1] * self.features, stride * self.of.numbers_of_row)

    def read(self, start: int, stop: int) -> Array:
        """Rows ``[start, stop)``, computed."""
        window, (height, _) = self.window, self.of.shape
        if window.transposed:
            first, last = start // window.stride - _AROUND, -(-stop // window.stride) + _AROUND
        else:
            first = start * window.stride - window.padding
            last = (stop - 1) * window.stride - window.padding + window.size
        rows = np.arange(first, last)
        inside = np.ones(len(rows), np.float32)
        if window.border == "reflect":
            rows = np.abs(rows)
            rows = np.where(rows >= height, 2 * (height - 1) - rows, rows)
        else:
            inside[(rows < 0) | (rows >= height)] = 0.0
            rows = np.clip(rows, 0, height - 1)
        low = int(rows.min())
        leaves = self.of.read(low, int(rows.max()) + 1)
        if len(rows) != len(np.unique(rows)):  # A band at an edge of the picture.
            leaves = tuple(
                leaf if isinstance(own, jax.Array) else leaf[rows - low]
                for leaf, own in zip(leaves, self.of.leaves, strict=True)
            )
        found = _convolved(self.of.formula, window, self.path, self.weights, inside, leaves)
        before = start % window.stride if window.transposed else 0
        return found if len(found) == stop - start else found[before : before + stop - start]


def _bands(height: int, rows: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Bands of one height that cover a map: first and last row, and which of theirs no band before them had.

    All have one height, so that one program serves them; the last may overlap the one before.
    """
    rows = min(rows, height)
    for start in range(0, height, rows):
        first = min(start, height - rows)
        yield first, first + rows, (np.arange(first, first + rows) >= start).astype(np.float32)


class Bands:
    """A network on one picture in bands; the words of :class:`gprior_jax.nn.whole.Ops`."""

    def __init__(
        self,
        stages: Mapping[str, tuple[Window, ConvPath]],
        weights: Mapping[str, StageWeights],
        size: tuple[int, int],
        settings: Settings = OWN,
        key: Key | None = None,
        band_bytes: int = BAND_BYTES,
    ):
        """Prepare for a network and a picture.

        Args:
            stages: window and formulation of every stage.
            weights: of every stage.
            size: height and width of the picture; its maps of this size are not kept.
            settings: how maps are normalised.
            key: of dropout; None drops nothing.
            band_bytes: of a band of any map, about.
        """
        self._stages, self._weights, self._settings, self._key = stages, weights, settings, key
        self._size, self._band_bytes = size, band_bytes

    def _bands(self, rows: Rows | Pixels) -> Iterator[tuple[int, int, np.ndarray]]:
        """Bands of a map, of an even number of rows, as transposed convolutions want it."""
        return _bands(rows.shape[0], max(2, int(self._band_bytes / (4 * rows.numbers_of_row)) // 2 * 2))

    def stage(self, name: str, x: Pixels) -> Pixels:
        """The convolution of a name, normalised."""
        weights = self._weights[name]
        made = _Convolution(x, *self._stages[name], weights._replace(norm=None), weights.features)
        keeps = made.shape[:2] != self._size
        norm = weights.norm
        if norm is None:
            return self._kept(Pixels(None, (made,))) if keeps else Pixels(None, (made,))
        rows, statistics = self._measured(made, keeps)
        if norm.mean is not None and norm.variance is not None and self._settings.statistics == "stored":
            statistics = norm.mean, norm.variance
        return Pixels((normalized, (None,) * 4), (rows, *coefficients(norm, *statistics)))

    def _measured(self, made: _Convolution, keeps: bool) -> tuple[Rows, tuple[Array, Array]]:
        """A convolution's result, kept where it is to be, and the mean and variance of its channels."""
        numbers = np.empty(made.shape, np.float32) if keeps else None
        count, mean, square = 0.0, np.zeros(made.features), np.zeros(made.features)
        for start, stop, counted in self._bands(made):
            band = made.read(start, stop)
            if numbers is not None:
                numbers[start:stop] = band
            found = [np.asarray(each, np.float64) for each in _moments(band, counted)]
            # Chan, Golub and LeVeque 1979: moments of parts to those of the whole, without cancellation.
            own = float(counted.sum())
            part = own / (count + own)
            delta = found[0] - mean
            mean = mean + part * delta
            square = square + own * found[1] + np.square(delta) * count * part
            count += own
        rows = made if numbers is None else Kept(numbers)
        return rows, (jnp.asarray(mean, jnp.float32), jnp.asarray(square / count, jnp.float32))

    def each(self, function: Callable[..., Array], *maps: Pixels) -> Pixels:
        """A function of every pixel, computed where the map is read."""
        return Pixels((function, tuple(m.formula for m in maps)), tuple(leaf for m in maps for leaf in m.leaves))

    def dropout(self, name: str, x: Pixels) -> Pixels:
        """As a whole run drops numbers."""
        if self._key is None:
            return x
        features = self._weights[name].features
        mask = Kept(np.asarray(kept(self._key, name, (*x.shape, features))))
        return self.each(dropped, x, Pixels(None, (mask,)))

    def repeat(self, names: Sequence[str], body: Callable[[Ops[Pixels], Pixels], Pixels], x: Pixels) -> Pixels:
        """``body`` for every copy; what each gives is computed and kept."""
        stacked = {name: self._weights[name] for name in names}
        copies = len(stacked[names[0]].kernel)
        keys = [None] * copies if self._key is None else jax.random.split(purpose(self._key, names[0]), copies)
        for index, key in enumerate(keys):
            own = jax.tree.map(lambda leaf, index=index: leaf[index], stacked)
            inner = Bands(self._stages, own, self._size, self._settings, key, self._band_bytes)
            x = self._kept(body(inner, x))
        return x

    def _kept(self, x: Pixels) -> Pixels:
        return Pixels(None, (Kept(self.computed(x)),))

    def computed(self, x: Pixels) -> np.ndarray:
        """A map ``[H, W, C]`` in memory."""
        numbers: np.ndarray | None = None
        for start, stop, _ in self._bands(x):
            band = np.asarray(computed_pixels(x.formula, x.read(start, stop)))
            numbers = np.empty((x.shape[0], *band.shape[1:]), np.float32) if numbers is None else numbers
            numbers[start:stop] = band
        assert numbers is not None
        return numbers

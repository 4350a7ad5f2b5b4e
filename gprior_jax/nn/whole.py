"""Networks of convolutions and norms on one whole map at a time, in one program that JAX can differentiate.

A network says what it is made of in three words, which :class:`Whole` and :mod:`gprior_jax.translation.bands` each
understand: ``stage`` (a convolution, and the norm of its result), ``each`` (pixel by pixel) and ``repeat`` (blocks of
one shape, one after the other).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp

from gprior_jax.keys import purpose
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.normed import (
    NormedConv,
    StageWeights,
    Window,
    coefficients,
    convolved,
    moments,
    normalized,
)
from gprior_jax.typing import Array, Key

Statistics = Literal["own", "stored"]
"""What batch norm normalises by: the statistics of the image, as in training with batches of one and in pix2pix' own
test, or the running ones. Instance norm always takes the image's."""

Map = TypeVar("Map")


class Ops(Protocol[Map]):
    """What a network is made of; ``Map`` is a map of features ``[H, W, C]``, or what stands for one."""

    def stage(self, name: str, x: Map) -> Map:
        """The convolution of a name, normalised."""
        ...

    def each(self, function: Callable[..., Array], *maps: Map) -> Map:
        """A function of every pixel of some maps of one size; a function of a module, as programs are kept by it."""
        ...

    def dropout(self, name: str, x: Map) -> Map:
        """Half of the numbers doubled, and zeros for the others; ``x`` itself where no key is given."""
        ...

    def repeat(self, names: Sequence[str], body: "Callable[[Ops[Map], Map], Map]", x: Map) -> Map:
        """``body`` once for every copy of the stages of these names."""
        ...


class Settings(NamedTuple):
    """How maps are normalised.

    Attributes:
        statistics: of batch norm.
        axis_name: of the ``jax.vmap`` over a batch whose statistics batch norm takes, in place of the image's own.
    """

    statistics: Statistics = "own"
    axis_name: str | None = None


OWN = Settings()
"""By the picture's own statistics."""


class Whole:
    """A network on one whole map at a time.

    Attributes:
        found: by the name of a stage, mean and unbiased variance of a batch, of batch norm with an ``axis_name``.
    """

    def __init__(
        self,
        stages: Mapping[str, tuple[Window, ConvPath]],
        weights: Mapping[str, StageWeights],
        settings: Settings = OWN,
        key: Key | None = None,
    ):
        """Prepare for a network.

        Args:
            stages: window and formulation of every stage.
            weights: of every stage.
            settings: how maps are normalised.
            key: of dropout; None drops nothing.
        """
        self._stages, self._weights, self._settings, self._key = stages, weights, settings, key
        self.found: dict[str, tuple[Array, Array]] = {}

    def stage(self, name: str, x: Array) -> Array:
        """The convolution of a name, normalised."""
        weights = self._weights[name]
        x = convolved(x, weights, *self._stages[name])
        norm = weights.norm
        if norm is None:
            return x
        if norm.mean is not None and norm.variance is not None and self._settings.statistics == "stored":
            return normalized(x, *coefficients(norm, norm.mean, norm.variance))
        axis_name = self._settings.axis_name if norm.mean is not None else None
        mean, variance, count = moments(x, axis_name)
        if axis_name is not None:
            self.found[name] = mean, variance * (count / jnp.maximum(count - 1, 1))
        return normalized(x, *coefficients(norm, mean, variance))

    def each(self, function: Callable[..., Array], *maps: Array) -> Array:
        """A function of every pixel."""
        return function(*maps)

    def dropout(self, name: str, x: Array) -> Array:
        """Half of the numbers doubled, and zeros for the others."""
        return x if self._key is None else dropped(x, kept(self._key, name, x.shape))

    def repeat(self, names: Sequence[str], body: Callable[[Any, Array], Array], x: Array) -> Array:
        """``body`` for every copy."""
        stacked = {name: self._weights[name] for name in names}
        copies = len(stacked[names[0]].kernel)
        keys = None if self._key is None else jax.random.split(purpose(self._key, names[0]), copies)

        def one(x: Array, own: Any) -> tuple[Array, Any]:
            inner = Whole(self._stages, own[0], self._settings, own[1])
            return body(inner, x), inner.found

        # A plain convolution in a loop has gradients that take XLA:CPU ten times as long (benchmarks/translation.py);
        # the products that Winograd's form consists of do not mind, and compile once.
        plain = any(self._stages[name][1] == "direct" for name in names)
        x, found = jax.lax.scan(one, x, (stacked, keys), unroll=copies if plain else 1)
        self.found |= found
        return x


def dropped(x: Array, kept: Array) -> Array:
    """A map with its kept numbers doubled, and zeros for the others."""
    return jnp.where(kept, 2.0 * x, 0.0)


def kept(key: Key, name: str, shape: tuple[int, ...]) -> Array:
    """Which numbers of a stage's map dropout keeps: half of them, bool."""
    return jax.random.bernoulli(purpose(key, name), 0.5, shape)


def stages_of(layers: Mapping[str, NormedConv]) -> dict[str, tuple[Window, ConvPath]]:
    """Window and formulation of the layers of a network."""
    return {name: (layer.window, layer.formulation) for name, layer in layers.items()}

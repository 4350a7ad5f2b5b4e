"""What every network that translates pictures has: its stages, and how it runs on one whole picture."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from gprior_jax.nn.normed import NormedConv, StageWeights
from gprior_jax.nn.whole import OWN, Map, Ops, Settings, Whole, stages_of
from gprior_jax.typing import Array, Key

Weights = Mapping[str, StageWeights]
"""Of every stage, by its name."""


class TranslationNetwork(nn.Module):
    """A network from pictures ``[H, W, in_channels]`` to pictures ``[H, W, out_channels]``.

    Sides are multiples of :attr:`multiple`, from :attr:`smallest` up; :func:`gprior_jax.translation.translate` takes
    pictures of any size.
    """

    @property
    def multiple(self) -> int:
        """What the sides of a picture are multiples of."""
        raise NotImplementedError

    @property
    def smallest(self) -> int:
        """Side of the smallest picture, pixels."""
        raise NotImplementedError

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the smallest picture."""
        return (self.smallest, self.smallest, self.channels[0])

    @property
    def channels(self) -> tuple[int, int]:
        """Of the pictures before and after."""
        raise NotImplementedError

    @property
    def has_dropout(self) -> bool:
        """Whether a key decides what it gives."""
        raise NotImplementedError

    @property
    def has_running_statistics(self) -> bool:
        """Whether it can do without the statistics of the picture."""
        raise NotImplementedError

    def layers(self) -> dict[str, NormedConv]:
        """Its stages by name; to be called through ``apply``."""
        raise NotImplementedError

    def run(self, ops: Ops[Map], x: Map) -> Map:
        """The network in the words of :mod:`gprior_jax.nn.whole`."""
        raise NotImplementedError

    def prepare(self) -> dict[str, StageWeights]:
        """Weights in the form that they are applied in, to be computed once and passed to :meth:`__call__`."""
        return {name: layer.prepare() for name, layer in self.layers().items()}

    def plan(self) -> dict[str, Any]:
        """Window and formulation of every stage; to be called through ``apply``."""
        return stages_of(self.layers())

    def __call__(
        self, image: Array, settings: Settings = OWN, key: Key | None = None, weights: Weights | None = None
    ) -> Array:
        """Translate one picture.

        Args:
            image: ``[H, W, in_channels]`` in [-1, 1].
            settings: what maps are normalised by. With an ``axis_name``, the statistics of the batch go into the
                collection ``"statistics"``.
            key: of dropout; None drops nothing.
            weights: what :meth:`prepare` returned; None prepares them here.

        Returns:
            ``[H, W, out_channels]`` in [-1, 1].
        """
        layers = self.layers()
        ops = Whole(self.plan(), weights or self.prepare(), settings, key)
        image = self.run(ops, image)
        for name, found in ops.found.items():
            layers[name].keep(*found)
        return image

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()

"""The U-Net generator of pix2pix (Isola et al. 2017, arXiv:1611.07004).

Source: junyanz/pytorch-CycleGAN-and-pix2pix, ``models/networks.py``, ``UnetGenerator``: convolutions k4 s2 p1 that
halve the picture until, at its training size, one pixel is left; transposed ones (k4 s2 p1) that double it again, each
seeing what the other half had at its size. The first convolution and the innermost have no norm; neither has the last.
Eight halvings are ``unet_256``, seven ``unet_128``. There LeakyReLU works in place: the halves that are put together
hold what it left, which the ReLU that follows makes the same as what was before it.
"""

from typing import Any

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.nn.layers import leaky_relu
from gprior_jax.nn.normed import Norm, NormedConv, Window
from gprior_jax.nn.whole import Map, Ops
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.typing import Array

_DOWN = Window(4, 2, 1)
_UP = Window(4, 2, 1, transposed=True)

_GROWTH = 3
"""Times that the width doubles, from the first layer on."""

_ENDS = 5
"""Halvings that are never followed by dropout: the innermost, and the four outermost."""


class UNetTranslator(TranslationNetwork):
    """Halvings, and doublings that see what was there before.

    Attributes:
        width: channels of the first layer (``ngf``); at most eight times as many.
        halvings: convolutions that halve, from 5 up.
        in_channels: of the pictures before.
        out_channels: of those after.
        norm: ``"batch"`` as pix2pix has it, or ``"instance"``.
        affine: instance norm has a scale and a bias.
        dropout: after the doublings between the innermost and the four outermost half of a map is dropped, where a key
            is given: pix2pix' noise, which its test draws too.

    >>> from gprior_jax.zoo.networks import abstract_params
    >>> layers = abstract_params(UNetTranslator()).values()
    >>> sum(leaf.size for own in layers for name, leaf in own.items() if name not in ("norm_mean", "norm_variance"))
    54413955
    """

    width: int = 64
    halvings: int = 8
    in_channels: int = 3
    out_channels: int = 3
    norm: Norm = "batch"
    affine: bool = False
    dropout: bool = True

    def __post_init__(self):
        if self.halvings < _ENDS:
            raise ArgumentError(f"halvings {self.halvings}: a U-Net has at least {_ENDS}.")
        super().__post_init__()

    @property
    def multiple(self) -> int:
        """What the sides of a picture are multiples of."""
        return 1 << self.halvings

    @property
    def smallest(self) -> int:
        """Side of the smallest picture."""
        return self.multiple

    @property
    def channels(self) -> tuple[int, int]:
        """Of the pictures before and after."""
        return self.in_channels, self.out_channels

    @property
    def has_dropout(self) -> bool:
        """Whether a key decides what it gives."""
        return self.dropout and self.halvings > _ENDS

    @property
    def has_running_statistics(self) -> bool:
        """Whether it can do without the statistics of the picture."""
        return self.norm == "batch"

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after every halving.

        >>> UNetTranslator().widths
        (64, 128, 256, 512, 512, 512, 512, 512)
        """
        return tuple(self.width << min(i, _GROWTH) for i in range(self.halvings))

    def setup(self):
        """Declare the layers (Linen)."""
        last, widths = self.halvings - 1, self.widths
        bias: dict[str, Any] = {"use_bias": self.norm != "batch"}
        normed = bias | {"norm": self.norm, "affine": self.affine}
        before = (self.in_channels, *widths)
        self.down = [
            NormedConv(before[i], widths[i], _DOWN, **(normed if 0 < i < last else bias)) for i in range(self.halvings)
        ]
        # Of the two halves that a doubling sees the first has the features of the way down.
        seen = [2 * width for width in widths[:-1]] + [widths[-1]]
        after = (self.out_channels, *widths)
        self.up = [NormedConv(seen[i], after[i], _UP, **(normed if i else {})) for i in range(self.halvings)]

    def layers(self) -> dict[str, NormedConv]:
        """Its stages by name; number 0 is the outermost."""
        named = {"down": self.down, "up": self.up}
        return {f"{way}_{i}": layer for way, layers in named.items() for i, layer in enumerate(layers)}

    def run(self, ops: Ops[Map], x: Map) -> Map:
        """The network in the words of :mod:`gprior_jax.nn.whole`."""
        down = [ops.stage("down_0", x)]
        for i in range(1, self.halvings):
            down.append(ops.stage(f"down_{i}", ops.each(leaky_relu, down[-1])))
        x = ops.each(jax.nn.relu, down.pop())
        for i in reversed(range(self.halvings)):
            x = ops.stage(f"up_{i}", x)
            if self.dropout and self.halvings - 1 > i >= _ENDS - 1:
                x = ops.dropout(f"up_{i}", x)
            if i:
                x = ops.each(_together, down.pop(), x)
        return ops.each(jnp.tanh, x)


def _together(before: Array, after: Array) -> Array:
    """Both halves of what a doubling sees, after ReLU."""
    return jax.nn.relu(jnp.concatenate([before, after], axis=-1))

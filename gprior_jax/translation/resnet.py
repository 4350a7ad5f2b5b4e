"""The ResNet generator of CycleGAN (Zhu et al. 2017, arXiv:1703.10593, after Johnson et al. 2016, arXiv:1603.08155).

Source: junyanz/pytorch-CycleGAN-and-pix2pix, ``models/networks.py``, ``ResnetGenerator``: 7x7 with a reflected border,
two convolutions that halve, blocks at a quarter of the size, two transposed ones that double (k3 s2 p1, output padding
1), 7x7 and tanh. Nine blocks at 256 px, six at 128.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.normed import Norm, NormedConv, Window
from gprior_jax.nn.whole import Map, Ops
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.typing import Array

_HALVINGS = 2

_WIDE = Window(7, 1, 3, "reflect")
_BLOCK = Window(3, 1, 1, "reflect")
_DOWN = Window(3, 2, 1)
_UP = Window(3, 2, 1, transposed=True, output_padding=1)


class ResNetTranslator(TranslationNetwork):
    """Downsampling, residual blocks, upsampling.

    Attributes:
        width: channels of the first layer (``ngf``).
        blocks: residual blocks.
        in_channels: of the pictures before.
        out_channels: of those after.
        norm: ``"instance"`` as CycleGAN has it, or ``"batch"``.
        affine: instance norm has a scale and a bias.
        dropout: half of every block's inner map is dropped, where a key is given.
        conv_path: formulation of the blocks' convolutions.

    >>> from gprior_jax.zoo.networks import abstract_params
    >>> sum(leaf.size for leaf in jax.tree.leaves(abstract_params(ResNetTranslator())))
    11378179
    """

    width: int = 64
    blocks: int = 9
    in_channels: int = 3
    out_channels: int = 3
    norm: Norm = "instance"
    affine: bool = False
    dropout: bool = False
    conv_path: ConvPath = "auto"

    @property
    def multiple(self) -> int:
        """What the sides of a picture are multiples of."""
        return 1 << _HALVINGS

    @property
    def smallest(self) -> int:
        """Side of the smallest picture: a map of one pixel has no deviation, and nothing to reflect."""
        return 2 << _HALVINGS

    @property
    def channels(self) -> tuple[int, int]:
        """Of the pictures before and after."""
        return self.in_channels, self.out_channels

    @property
    def has_dropout(self) -> bool:
        """Whether a key decides what it gives."""
        return self.dropout

    @property
    def has_running_statistics(self) -> bool:
        """Whether it can do without the statistics of the picture."""
        return self.norm == "batch"

    def setup(self):
        """Declare the layers (Linen)."""
        inner = self.width << _HALVINGS
        self.first = self._stage(self.in_channels, self.width, _WIDE)
        self.down = [self._stage(self.width << i, self.width << (i + 1), _DOWN) for i in range(_HALVINGS)]
        if self.blocks:
            self.block_a = self._stage(inner, inner, _BLOCK, self.blocks)
            self.block_b = self._stage(inner, inner, _BLOCK, self.blocks)
        self.up = [self._stage(inner >> i, inner >> (i + 1), _UP) for i in range(_HALVINGS)]
        self.last = NormedConv(self.width, self.out_channels, _WIDE)

    def _stage(self, in_features: int, features: int, window: Window, copies: int = 0) -> NormedConv:
        use_bias = self.norm != "batch"
        return NormedConv(
            in_features, features, window, self.norm, self.affine, use_bias, copies, conv_path=self.conv_path
        )

    def layers(self) -> dict[str, NormedConv]:
        """Its stages by name."""
        blocks = {"block_a": self.block_a, "block_b": self.block_b} if self.blocks else {}
        found = {"first": self.first} | {f"down_{i}": layer for i, layer in enumerate(self.down)} | blocks
        return found | {f"up_{i}": layer for i, layer in enumerate(self.up)} | {"last": self.last}

    def run(self, ops: Ops[Map], x: Map) -> Map:
        """The network in the words of :mod:`gprior_jax.nn.whole`."""
        x = ops.each(jax.nn.relu, ops.stage("first", x))
        for i in range(_HALVINGS):
            x = ops.each(jax.nn.relu, ops.stage(f"down_{i}", x))
        if self.blocks:
            x = ops.repeat(_NAMES, _block_with_dropout if self.dropout else _block, x)
        for i in range(_HALVINGS):
            x = ops.each(jax.nn.relu, ops.stage(f"up_{i}", x))
        return ops.each(jnp.tanh, ops.stage("last", x))


_NAMES: Sequence[str] = ("block_a", "block_b")


def _block(ops: Ops[Map], x: Map, between: Callable[[Map], Map] = lambda y: y) -> Map:
    """One residual block."""
    y = between(ops.each(jax.nn.relu, ops.stage("block_a", x)))
    return ops.each(_sum, x, ops.stage("block_b", y))


def _block_with_dropout(ops: Ops[Map], x: Map) -> Map:
    """One residual block with dropout between its convolutions."""
    return _block(ops, x, lambda y: ops.dropout("block_a", y))


def _sum(x: Array, y: Array) -> Array:
    return x + y

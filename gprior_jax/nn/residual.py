"""Residual blocks whose norms follow from a style: those of BigGAN, and the bottlenecks of BigGAN-deep; for one image.

Norms and ReLUs come before the convolutions. Source: ajbrock/BigGAN-PyTorch ``layers.py``, ``GBlock``, and
pytorch-pretrained-biggan 0.1.1 ``model.py``, ``GenBlock``.
"""

from typing import Any

import flax.linen as nn
import jax

from gprior_jax.nn.conditional_norm import ConditionalNorm
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import Conv, nearest_up2
from gprior_jax.typing import Array

REDUCTION = 4
"""How many times narrower the inside of a bottleneck is than its input (``reduction_factor``)."""


class StyledBlock(nn.Module):
    """What the two have in common: norms and convolutions in turn, and something beside them.

    Attributes:
        in_features: input channels.
        features: output channels.
        style_dim: length of the style.
        size: side of the input, pixels.
        up: whether the block enlarges by two (nearest neighbour).
        epsilon: see :class:`gprior_jax.nn.conditional_norm.ConditionalNorm`.
        num_sets: likewise.
        truncation: likewise.
        conv_path: formulation of the convolutions, see :mod:`gprior_jax.nn.convolution`.
    """

    in_features: int
    features: int
    style_dim: int
    size: int
    up: bool = True
    epsilon: float = 1e-5
    num_sets: int = 1
    truncation: float = 1.0
    conv_path: ConvPath = "auto"

    def convolutions(self) -> tuple[tuple[int, int, int, bool], ...]:
        """Input and output channels, side of the kernel, and whether it enlarges, of each convolution in turn."""
        raise NotImplementedError

    def setup(self):
        """Declare the layers (Linen)."""
        norm = {"epsilon": self.epsilon, "num_sets": self.num_sets, "truncation": self.truncation}
        size = self.size
        for i, (inputs, features, side, up) in enumerate(self.convolutions()):
            setattr(self, f"norm{i}", ConditionalNorm(inputs, self.style_dim, **norm))
            resample, size = ("up", 2 * size) if up else ("none", size)
            setattr(self, f"conv{i}", Conv(inputs, features, side, resample, self.conv_path, size))

    def prepare(self) -> dict[str, Any]:
        """Weights of every part, to be computed once and passed to :meth:`__call__`."""
        names = [f"{part}{i}" for i in range(len(self.convolutions())) for part in ("norm", "conv")]
        return {name: getattr(self, name).prepare() for name in names}

    def style_kernels(self) -> tuple[Array, ...]:
        """What the style is multiplied with, ``[style_dim, C]`` for every gain and bias."""
        norms = [getattr(self, f"norm{i}") for i in range(len(self.convolutions()))]
        return tuple(kernel for norm in norms for kernel in (norm.gain, norm.bias))

    def beside(self, x: Array, weights: dict[str, Any]) -> Array:
        """What is added to the result of the convolutions."""
        raise NotImplementedError

    def __call__(
        self, x: Array, style: Array, weights: dict[str, Any] | None = None, axis_name: str | None = None
    ) -> Array:
        """``[H, W, in_features]`` to ``[H, W, features]``, or twice as large, with prepared weights where given.

        ``axis_name``: see :class:`gprior_jax.nn.conditional_norm.ConditionalNorm`.
        """
        weights = self.prepare() if weights is None else weights
        beside = self.beside(x, weights)
        for i in range(len(self.convolutions())):
            x = jax.nn.relu(getattr(self, f"norm{i}")(x, style, weights[f"norm{i}"], axis_name))
            x = getattr(self, f"conv{i}")(x, weights[f"conv{i}"])
        return x + beside


class ResidualBlock(StyledBlock):
    """Two 3x3 convolutions, the first of which enlarges; beside them a 1x1 convolution of the input."""

    def convolutions(self) -> tuple[tuple[int, int, int, bool], ...]:
        """See :class:`StyledBlock`."""
        return ((self.in_features, self.features, 3, self.up), (self.features, self.features, 3, False))

    def setup(self):
        """Declare the layers (Linen)."""
        super().setup()
        self.shortcut = Conv(self.in_features, self.features, 1)

    def prepare(self) -> dict[str, Any]:
        """See :class:`StyledBlock`."""
        return super().prepare() | {"shortcut": self.shortcut.prepare()}

    def beside(self, x: Array, weights: dict[str, Any]) -> Array:
        """See :class:`StyledBlock`; a 1x1 convolution is the same before the image is enlarged, and four times less."""
        x = self.shortcut(x, weights["shortcut"])
        return nearest_up2(x) if self.up else x


class BottleneckBlock(StyledBlock):
    """1x1, 3x3, 3x3 and 1x1 convolutions, narrow inside; beside them the input, whose last channels are dropped."""

    def convolutions(self) -> tuple[tuple[int, int, int, bool], ...]:
        """See :class:`StyledBlock`."""
        narrow = self.in_features // REDUCTION
        return (
            (self.in_features, narrow, 1, False),
            (narrow, narrow, 3, self.up),
            (narrow, narrow, 3, False),
            (narrow, self.features, 1, False),
        )

    def beside(self, x: Array, weights: dict[str, Any]) -> Array:
        """See :class:`StyledBlock`."""
        x = x[..., : self.features]
        return nearest_up2(x) if self.up else x

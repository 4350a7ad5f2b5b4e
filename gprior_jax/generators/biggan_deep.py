"""BigGAN-deep generator (Brock et al. 2019, arXiv:1809.11096, appendix B), as pytorch-pretrained-biggan 0.1.1 has it.

Layer 0 is a dense layer to 4x4, every other one a residual bottleneck, the second of each two enlarges by two, and one
ends with attention; the last layer, ``output``, is norm, ReLU, 3x3 convolution and tanh. Every layer takes the same
style: the code, and behind it the embedding of the class (``model.py`` there, ``GenBlock``, ``Generator``).

The batch norms' statistics are stored for several truncations of the codes, and a network stands at one of them
(:func:`gprior_jax.generators.truncation.with_truncation`).
"""

from typing import Any

import flax.linen as nn

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import LatentDistribution
from gprior_jax.generators.residual import Residual
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.residual import BottleneckBlock, StyledBlock

DEVIATIONS = 2.0
"""Codes are normal numbers between so many standard deviations, times the truncation (``utils.py``,
``truncated_noise_sample``): with a truncation of 0.4 they reach 0.8."""


class BigGANDeep(Residual, nn.Module):
    """BigGAN-deep generator for one latent code.

    Attributes:
        channels: that layer 0 gives, and every block.
        enlarges: whether a block enlarges; the second of each two does in the published networks.
        z_dim: length of the latent code.
        num_classes: classes.
        embed_dim: length of the embedding of a class.
        attention: layers that end with attention; in the published networks the eighth block's.
        num_sets: sets of statistics, for the truncations 0, 1 / (num_sets - 1), ... 1.
        truncation: that the statistics are taken for, above 0 and up to 1.
        epsilon: added to the variances.
        image_channels: channels of the image.
        conv_path: formulation of the convolutions, see :mod:`gprior_jax.nn.convolution`.

    >>> BigGANDeep((8, 8, 4), (False, True), attention=()).resolution
    8
    """

    channels: tuple[int, ...]
    enlarges: tuple[bool, ...]
    z_dim: int = 128
    num_classes: int = 1000
    embed_dim: int = 128
    attention: tuple[int, ...] = (8,)
    num_sets: int = 51
    truncation: float = 1.0
    epsilon: float = 1e-4
    image_channels: int = 3
    conv_path: ConvPath = "auto"

    def __post_init__(self):
        if not 0.0 < self.truncation <= 1.0:
            raise ArgumentError(f"truncation {self.truncation}: use a number above 0 and up to 1.")
        if len(self.enlarges) != len(self.channels) - 1:
            raise ArgumentError(f"enlarges {self.enlarges}: say it of each of the {len(self.channels) - 1} blocks.")
        super().__post_init__()

    def enlarging(self) -> tuple[bool, ...]:
        """As it is described."""
        return self.enlarges

    @property
    def latent(self) -> LatentDistribution:
        """Distribution of the codes at this truncation."""
        end = DEVIATIONS * self.truncation
        return LatentDistribution("truncated_normal", -end, end)

    @property
    def norm_settings(self) -> dict[str, Any]:
        """The statistics that are taken."""
        return {"epsilon": self.epsilon, "num_sets": self.num_sets, "truncation": self.truncation}

    @property
    def block_kind(self) -> type[StyledBlock]:
        """Bottlenecks."""
        return BottleneckBlock

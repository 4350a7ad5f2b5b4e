"""BigGAN generator (Brock et al. 2019, arXiv:1809.11096; ajbrock/BigGAN-PyTorch ``BigGAN.py``, ``layers.py``).

Layer 0 is a dense layer to 4x4, every other one a residual block that enlarges by two, some with attention behind it;
the last layer, ``output``, is norm, ReLU, 3x3 convolution and tanh. Layer k takes style k: part k of the code (in
hierarchical networks), and behind it the embedding of the class, which all layers share.

Spectral norm is no part of the network here: the converter divides by it.
"""

from typing import Any

import flax.linen as nn

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.residual import Residual
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.residual import ResidualBlock, StyledBlock
from gprior_jax.typing import Array


class BigGAN(Residual, nn.Module):
    """BigGAN generator for one latent code.

    Attributes:
        channels: that layer 0 gives, and every block; one block for every doubling. The published network of 128 px has
            (1536, 1536, 768, 384, 192, 96), ``G_ch`` 96.
        z_dim: length of the latent code; in hierarchical networks a multiple of the number of styles.
        num_classes: classes.
        embed_dim: length of the embedding of a class; 0 gives every norm a gain and a bias for each class
            (without ``G_shared``).
        attention: layers that end with attention; in the published network the one of 64 px.
        hierarchical: every layer takes a part of the code of its own (``hier``), else the first takes it all, and the
            others the class alone.
        image_channels: channels of the image.
        conv_path: formulation of the convolutions, see :mod:`gprior_jax.nn.convolution`.

    >>> BigGAN((1536, 1536, 768, 384, 192, 96)).resolution
    128
    """

    channels: tuple[int, ...]
    z_dim: int = 120
    num_classes: int = 1000
    embed_dim: int = 128
    attention: tuple[int, ...] = (4,)
    hierarchical: bool = True
    image_channels: int = 3
    conv_path: ConvPath = "auto"

    def __post_init__(self):
        if self.hierarchical and self.z_dim % len(self.channels):
            raise ArgumentError(
                f"z_dim {self.z_dim} of a hierarchical BigGAN: use a multiple of {len(self.channels)}, its layers."
            )
        super().__post_init__()

    def enlarging(self) -> tuple[bool, ...]:
        """All blocks do."""
        return (True,) * (len(self.channels) - 1)

    @property
    def chunk_dim(self) -> int:
        """Numbers of the code in a style."""
        return self.z_dim // (len(self.channels) if self.hierarchical else 1)

    @property
    def own_part(self) -> tuple[slice, slice]:
        """The first layer takes no class, and without a hierarchy the others no code."""
        return slice(self.chunk_dim), slice(0 if self.hierarchical else self.chunk_dim, None)

    @property
    def norm_settings(self) -> dict[str, Any]:
        """``BN_eps`` of the published network."""
        return {"epsilon": 1e-5}

    @property
    def block_kind(self) -> type[StyledBlock]:
        """Two 3x3 convolutions."""
        return ResidualBlock

    def chunks(self, z: Array) -> Array:
        """One part after the other, or the whole code for each."""
        return z.reshape(self.num_styles, self.chunk_dim) if self.hierarchical else super().chunks(z)

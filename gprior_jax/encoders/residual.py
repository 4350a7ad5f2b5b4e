"""The domain-guided encoder of in-domain inversion (Zhu et al. 2020, arXiv:2004.00049), at any resolution and width.

A 3x3 convolution, residual blocks that each begin by halving the image down to 4x4, and a dense layer; batch
normalisation after every one of them. The published checkpoints (``styleganinv_*_encoder.pth``) have 3, 64, 128, 256,
512, 1024, 1024, 1024 channels at 256 pixels and give 14 styles of 512 numbers (idinvert_pytorch ``models/
stylegan_encoder_network.py``).
"""

import itertools
import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.encoders.encoder import Space
from gprior_jax.errors import ArgumentError
from gprior_jax.nn import initial
from gprior_jax.nn.batch_norm import BatchNorm
from gprior_jax.nn.batched import convolve, pixel_product
from gprior_jax.nn.layers import average_down2, leaky_relu
from gprior_jax.typing import Array

FINAL_SIZE = 4
"""Side of the map that the dense layer takes, pixels."""


class Trunk:
    """What encoders begin with: a convolution, and residual blocks, the first of which each halve the image.

    Attributes:
        resolution: side of the image, pixels.
        channels: of the first convolution, and of every block.
        image_channels: of the image.
        halvings: how many blocks halve it.
        first: the convolution.
        blocks: the blocks.
    """

    resolution: int
    channels: tuple[int, ...]
    image_channels: int
    first: Any
    blocks: Any

    @property
    def halvings(self) -> int:
        """How often it halves the image."""
        raise NotImplementedError

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.resolution, self.resolution, self.image_channels)

    def trunk_layers(self) -> "tuple[Convolution, list[Block]]":
        """The layers, to be declared."""
        pairs = itertools.pairwise(self.channels)
        return Convolution(self.image_channels, self.channels[0], 3, use_bias=False), [Block(*pair) for pair in pairs]

    def trunk(self, image: Array, axis_name: str | None) -> Array:
        """From an image ``[R, R, C]`` to what the last block gives."""
        x = leaky_relu(self.first(image, axis_name))
        for index, block in enumerate(self.blocks):
            x = block(average_down2(x) if index < self.halvings else x, axis_name)
        return x


class ResidualEncoder(Trunk, nn.Module):
    """From one image to its latent code.

    Attributes:
        resolution: side of the image, pixels, a power of two.
        channels: of the first convolution, and of every residual block; one block for every halving.
        code_shape: shape of the code: ``(num_styles, w_dim)`` in W+, ``(w_dim,)`` or ``(z_dim,)``.
        space: of the code.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
    """

    resolution: int
    channels: tuple[int, ...]
    code_shape: tuple[int, ...]
    space: Space = "w_plus"
    image_channels: int = 3

    def __post_init__(self):
        if self.halvings < 1 or self.resolution != FINAL_SIZE << self.halvings:
            raise ArgumentError(
                f"channels {tuple(self.channels)}: an encoder of {self.resolution} px takes those of its first layer "
                f"and of every halving down to {FINAL_SIZE} px."
            )
        super().__post_init__()

    @property
    def halvings(self) -> int:
        """How often it halves the image: in every block."""
        return len(self.channels) - 1

    def setup(self):
        """Declare the layers (Linen)."""
        self.first, self.blocks = self.trunk_layers()
        self.dense = _Dense(FINAL_SIZE**2 * self.channels[-1], math.prod(self.code_shape))

    def __call__(self, image: Array, axis_name: str | None = None) -> Array:
        """The code of one image ``[R, R, C]`` in [-1, 1].

        Args:
            image: the image.
            axis_name: of the batch whose statistics are taken, in training; see
                :class:`gprior_jax.nn.batch_norm.BatchNorm`.

        Returns:
            ``code_shape``.
        """
        return self.dense(self.trunk(image, axis_name).reshape(-1), axis_name).reshape(self.code_shape)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``: tracing the network takes ten times as long."""
        for layer in (self.first, *self.blocks, self.dense):
            layer.touch()


class Convolution(nn.Module):
    """A convolution, stride 1, and batch normalisation; the bias between them is the checkpoints' own."""

    in_features: int
    features: int
    kernel_size: int
    use_bias: bool = True

    def setup(self):
        """Declare the parameters (Linen)."""
        shape = (self.kernel_size, self.kernel_size, self.in_features, self.features)
        self.kernel = self.param("kernel", initial.he_normal(), shape)
        if self.use_bias:
            self.bias = self.param("bias", nn.initializers.zeros, (self.features,))
        self.norm = BatchNorm(self.features)

    def touch(self) -> None:
        """For ``init``."""
        self.norm.touch()

    def __call__(self, x: Array, axis_name: str | None) -> Array:
        """``[H, W, in_features]`` to ``[H, W, features]``."""
        x = pixel_product(x, self.kernel[0, 0]) if self.kernel_size == 1 else convolve(x, self.kernel)
        return self.norm(x + self.bias if self.use_bias else x, axis_name)


class Block(nn.Module):
    """Two convolutions, and beside them the input, widened where they widen."""

    in_features: int
    features: int

    def setup(self):
        """Declare the layers (Linen)."""
        self.conv1 = Convolution(self.in_features, self.in_features, 3)
        self.conv2 = Convolution(self.in_features, self.features, 3)
        if self.in_features != self.features:
            self.shortcut = Convolution(self.in_features, self.features, 1, use_bias=False)

    def touch(self) -> None:
        """For ``init``."""
        for layer in (self.conv1, self.conv2, *(() if self.in_features == self.features else (self.shortcut,))):
            layer.touch()

    def __call__(self, x: Array, axis_name: str | None) -> Array:
        """``[H, W, in_features]`` to ``[H, W, features]``."""
        beside = x if self.in_features == self.features else leaky_relu(self.shortcut(x, axis_name))
        x = leaky_relu(self.conv1(x, axis_name))
        return leaky_relu(self.conv2(x, axis_name)) + beside


class _Dense(nn.Module):
    """A dense layer, stored with unit variance and divided by the root of its inputs, and batch normalisation."""

    in_features: int
    features: int

    def setup(self):
        """Declare the parameters (Linen)."""
        self.kernel = self.param("kernel", initial.normal(1.0), (self.in_features, self.features))
        self.norm = BatchNorm(self.features)

    def touch(self) -> None:
        """For ``init``."""
        self.norm.touch()

    def __call__(self, x: Array, axis_name: str | None) -> Array:
        """``[in_features]`` to ``[features]``."""
        return self.norm(jnp.dot(x, self.kernel) / math.sqrt(self.in_features), axis_name)

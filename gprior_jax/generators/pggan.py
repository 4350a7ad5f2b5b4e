"""PGGAN generator (Karras et al. 2018, arXiv:1710.10196), layers numbered as mGANprior numbers them.

Layer 0 is the dense 4x4 layer, odd layers keep the size, even layers from 2 on enlarge by two (nearest neighbour)
before they convolve; the last layer, ``output``, is the 1x1 convolution to RGB. Within a layer the order is pixel
norm, (enlarge,) convolution, bias, LeakyReLU 0.2 (none in ``output``), as in the published PyTorch layout (genforce,
mGANprior).
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.generators.progressive import Progressive
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import (
    EqualizedConv,
    EqualizedDense,
    Weights,
    leaky_relu,
    nearest_up2,
    pixel_norm,
)
from gprior_jax.nn.pyramid import START_RESOLUTION, pyramid_channels
from gprior_jax.typing import Array

# Scale of layer 0, a 4x4 transposed convolution of a 1x1 map: the published code counts 16 taps in its fan-in,
# sqrt(2) / sqrt(16 z_dim), though every output sees one tap (TensorFlow writes the same number as sqrt(2) / 4).
_FIRST_GAIN = 2.0**0.5 / 4


def published_channels(resolution: int, base: int = 16384, maximum: int = 512) -> tuple[int, ...]:
    """Feature channels at 4, 8, ... ``resolution`` pixels of the published networks: ``min(base / size, maximum)``.

    Source: genforce ``pggan_generator.py``, ``fmaps_base`` 16 << 10 and ``fmaps_max`` 512.

    >>> published_channels(256)
    (512, 512, 512, 512, 256, 128, 64)
    """
    return pyramid_channels(resolution, base, maximum)


class PGGAN(Progressive, nn.Module):
    """Progressive GAN generator for one latent code.

    Attributes:
        channels: feature channels at 4, 8, 16, ... pixels; their number sets the resolution.
        z_dim: length of the latent code.
        image_channels: channels of the image.
        final_tanh: tanh on the output (published networks have none).
        unit_bias: whether layer 0 has a bias for every unit, not for every channel (pytorch_GAN_zoo).
        norm_in_first_block: pixel norm between layers 0 and 1 (pro_gan_pytorch has none there).
        conv_path: formulation of the convolutions, see :mod:`gprior_jax.nn.convolution`.
    """

    channels: tuple[int, ...]
    z_dim: int = 512
    image_channels: int = 3
    final_tanh: bool = False
    unit_bias: bool = False
    norm_in_first_block: bool = True
    conv_path: ConvPath = "auto"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one latent code."""
        return (self.z_dim,)

    @property
    def reaches(self) -> tuple[int | None, ...]:
        """Rows of its result's size that every layer looks beyond a row of it; None where it sees the whole code."""
        return (None, *(1,) * (len(self.layer_names) - 2), 0)

    def setup(self):
        """Declare the layers (Linen)."""
        previous = self.z_dim
        for level, features in enumerate(self.channels):
            common: dict[str, Any] = {"conv_path": self.conv_path, "size": START_RESOLUTION << level}
            if level == 0:
                shape = (START_RESOLUTION, START_RESOLUTION, features)
                first = EqualizedDense(previous, shape, gain=_FIRST_GAIN, unit_bias=self.unit_bias)
            else:
                first = EqualizedConv(previous, features, resample="up", **common)
            # Linen names a submodule after its attribute: these are the names in the checkpoints.
            setattr(self, f"layer{2 * level}", first)
            setattr(self, f"layer{2 * level + 1}", EqualizedConv(features, features, **common))
            setattr(self, f"output{level}", EqualizedConv(features, self.image_channels, kernel_size=1, gain=1.0))
            previous = features

    def _module(self, index: int) -> nn.Module:
        last = index == len(self.layer_names) - 1
        return getattr(self, f"output{len(self.channels) - 1}" if last else f"layer{index}")

    def prepare(self) -> tuple[Weights, ...]:
        """Weights of every layer, scaled and prepared, to be computed once and passed to :meth:`__call__`."""
        return tuple(self._module(index).prepare() for index in range(len(self.layer_names)))

    def latent_maps(self) -> tuple[Array, ...]:
        """What the code is multiplied with, ``[z_dim, 16 C]``: the first layer."""
        return (self.layer0.kernel.reshape(self.z_dim, -1),)

    def __call__(
        self, x: Array, start: int = 0, stop: int | None = None, weights: tuple[Weights, ...] | None = None
    ) -> Array:
        """Run layers ``[start, stop)``.

        Args:
            x: the latent code ``[z_dim]`` for ``start=0``, else features ``[H, W, C]`` of layer ``start``.
            start: first layer to run.
            stop: layer to stop before; None runs to the image.
            weights: what :meth:`prepare` returned; None prepares them here.

        Returns:
            Features ``[H, W, C]``, or the image ``[R, R, image_channels]`` when the last layer has run.
        """
        last = len(self.layer_names) - 1
        for index in range(start, last + 1 if stop is None else stop):
            module, w = self._module(index), None if weights is None else weights[index]
            x = module(x if index == 1 and not self.norm_in_first_block else pixel_norm(x), w)
            if index < last:
                x = leaky_relu(x)
            elif self.final_tanh:
                x = jnp.tanh(x)
        return x

    def grow(self, z: Array, level: int, fade: Array | float = 1.0) -> Array:
        """Image of the network grown to ``4 << level`` pixels, while its newest block fades in (for training).

        Args:
            z: latent code ``[z_dim]``.
            level: index into ``channels``.
            fade: weight of the newest block's image, 0 to 1; the rest is the enlarged image of the level below.

        Returns:
            ``[4 << level, 4 << level, image_channels]``.
        """
        below = self(z, 0, 2 * level) if level else z
        x = self(below, 2 * level, 2 * level + 2)
        image = getattr(self, f"output{level}")(pixel_norm(x))
        if level:
            old = getattr(self, f"output{level - 1}")(pixel_norm(below))
            image = fade * image + (1 - fade) * nearest_up2(old)
        return jnp.tanh(image) if self.final_tanh else image

    def init_all(self, z: Array) -> None:
        """Touch every parameter, for ``init``: the outputs of the lower levels are used only while growing."""
        self.prepare()
        for level in range(len(self.channels) - 1):
            getattr(self, f"output{level}").prepare()

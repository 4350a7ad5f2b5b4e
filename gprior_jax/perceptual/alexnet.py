"""AlexNet in torchvision's form (Krizhevsky 2014, arXiv:1404.5997), with its weights and its input convention."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution
from gprior_jax.nn.layers import Weights
from gprior_jax.perceptual.trunk import Trunk
from gprior_jax.typing import Array


class ConvolutionShape(NamedTuple):
    """Output channels, kernel side, stride and zero padding of a convolution, and whether a maximum goes before it."""

    features: int
    kernel_size: int
    stride: int
    padding: int
    pool: bool = False


CONVOLUTIONS: dict[str, ConvolutionShape] = {
    "conv1": ConvolutionShape(64, 11, 4, 2),
    "conv2": ConvolutionShape(192, 5, 1, 2, pool=True),
    "conv3": ConvolutionShape(384, 3, 1, 1, pool=True),
    "conv4": ConvolutionShape(256, 3, 1, 1),
    "conv5": ConvolutionShape(256, 3, 1, 1),
}
"""The five convolutions (torchvision ``models/alexnet.py``); each maximum is over 3x3 with stride 2."""


class AlexNet(Trunk):
    """The convolutional trunk of AlexNet for one image."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The smallest image that leaves a pixel at every layer, for ``init``; any larger size works."""
        return (31, 31, 3)

    @property
    def convolution_names(self) -> tuple[str, ...]:
        """``conv1`` to ``conv5``."""
        return tuple(CONVOLUTIONS)

    def pool_before(self, name: str, x: Array) -> Array:
        """Maxima before the second and the third."""
        return _max_pool3(x) if CONVOLUTIONS[name].pool else x

    def setup(self):
        """Declare the layers (Linen)."""
        in_features = 3
        for name, shape in CONVOLUTIONS.items():
            setattr(self, name, _Convolution(in_features, shape))
            in_features = shape.features


class _Convolution(nn.Module):
    """Convolution with plain weights."""

    in_features: int
    shape: ConvolutionShape

    def setup(self):
        """Declare the layers (Linen)."""
        side, features = self.shape.kernel_size, self.shape.features
        self.kernel = self.param("kernel", nn.initializers.he_normal(), (side, side, self.in_features, features))
        self.bias = self.param("bias", nn.initializers.zeros, (features,))

    def prepare(self) -> Weights:
        return Weights(self.kernel, self.bias)

    def __call__(self, x: Array, weights: Weights | None = None) -> Array:
        kernel, bias = weights or self.prepare()
        padding = ((self.shape.padding, self.shape.padding),) * 2
        return convolution.convolve(x, kernel, padding, self.shape.stride) + bias


def _max_pool3(x: Array) -> Array:
    """Maximum of the 3x3 windows of ``[H, W, C]``, stride 2; incomplete windows are dropped, as torch does.

    Maxima of shifted slices, one axis after the other: their gradient is a pad, where that of a windowed reduction is a
    scatter.
    """
    for axis in (0, 1):
        last = 2 * ((x.shape[axis] - 3) // 2)  # Start of the last whole window.
        first, second, third = (jax.lax.slice_in_dim(x, i, i + last + 1, stride=2, axis=axis) for i in range(3))
        x = jnp.maximum(jnp.maximum(first, second), third)
    return x

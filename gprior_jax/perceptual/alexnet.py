"""AlexNet in torchvision's form (Krizhevsky 2014, arXiv:1404.5997), with its weights and its input convention."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution
from gprior_jax.nn.layers import Weights
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


class AlexNet(nn.Module):
    """The convolutional trunk of AlexNet for one image."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The smallest image that leaves a pixel at every layer, for ``init``; any larger size works."""
        return (31, 31, 3)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order: ``conv1``, ``relu1``, ..., ``relu5``."""
        return tuple(kind for name in CONVOLUTIONS for kind in (name, name.replace("conv", "relu")))

    def setup(self):
        """Declare the layers (Linen)."""
        in_features = 3
        for name, shape in CONVOLUTIONS.items():
            setattr(self, name, _Convolution(in_features, shape))
            in_features = shape.features

    def prepare(self) -> dict[str, Weights]:
        """Weights of every layer, to be computed once and passed to :meth:`features`."""
        return {name: getattr(self, name).prepare() for name in CONVOLUTIONS}

    def features(
        self, image: Array, names: tuple[str, ...], weights: dict[str, Weights] | None = None
    ) -> tuple[Array, ...]:
        """Features of one image at the named layers (:attr:`layer_names`); nothing beyond the last one is computed.

        Args:
            image: ``[H, W, 3]``, both sides at least 31, normalised as the weights want it: torchvision's own
                classifier by :func:`gprior_jax.perceptual.vgg.imagenet_normalize`, LPIPS by its scaling layer.
            names: layers.
            weights: what :meth:`prepare` returned; None prepares them here.

        Returns:
            One map ``[h, w, C]`` per name.
        """
        found, x = {}, image
        for name, shape in CONVOLUTIONS.items():
            if found.keys() >= set(names):
                break
            if shape.pool:
                x = _max_pool3(x)
            x = found[name] = getattr(self, name)(x, None if weights is None else weights[name])
            x = found[name.replace("conv", "relu")] = jax.nn.relu(x)
        return tuple(found[name] for name in names)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.features(image, self.layer_names[-1:])


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

"""VGG-16 (Simonyan and Zisserman 2015, arXiv:1409.1556), with the weights and the input convention of torchvision."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.nn import convolution
from gprior_jax.nn.layers import Weights
from gprior_jax.typing import Array

CONVOLUTIONS: tuple[tuple[str, int], ...] = tuple(
    (f"conv{block}_{i}", features)
    for block, (features, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1)
    for i in range(1, count + 1)
)
"""Name and output channels of the thirteen convolutions; a 2x2 maximum precedes the first of blocks 2 to 5."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of RGB in [0, 1] (torchvision ``models/vgg.py``, ``transforms`` of the weights)."""

IMAGENET_STD = (0.229, 0.224, 0.225)
"""Likewise."""


def imagenet_normalize(image: Array) -> Array:
    """Map an image from [-1, 1] to the input of torchvision's networks: [0, 1], minus the mean, over the deviation."""
    mean, std = (np.asarray(v, np.float32) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (image * 0.5 + 0.5 - mean) / std


class VGG16(nn.Module):
    """The convolutional trunk of VGG-16 for one image.

    Attributes:
        depth: number of convolutions that have weights, from the first.
    """

    depth: int = len(CONVOLUTIONS)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """A small image, for ``init``; any size of at least 16 pixels works."""
        return (16, 16, 3)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order: ``conv1_1``, ``relu1_1``, ..."""
        convolutions = [name for name, _ in CONVOLUTIONS[: self.depth]]
        return tuple(kind for name in convolutions for kind in (name, name.replace("conv", "relu")))

    def setup(self):
        """Declare the layers (Linen)."""
        in_features = 3
        for name, features in CONVOLUTIONS[: self.depth]:
            setattr(self, name, _Convolution(in_features, features))
            in_features = features

    def prepare(self) -> dict[str, Weights]:
        """Weights of every layer, to be computed once and passed to :meth:`features`."""
        return {name: getattr(self, name).prepare() for name, _ in CONVOLUTIONS[: self.depth]}

    def features(
        self, image: Array, names: tuple[str, ...], weights: dict[str, Weights] | None = None
    ) -> tuple[Array, ...]:
        """Features of one image at the named layers (:attr:`layer_names`); nothing beyond the last one is computed.

        Args:
            image: ``[H, W, 3]``, normalised by :func:`imagenet_normalize`.
            names: layers.
            weights: what :meth:`prepare` returned; None prepares them here.
        """
        found, x = {}, image
        for name, _ in CONVOLUTIONS[: self.depth]:
            if len(found.keys() & set(names)) == len(set(names)):
                break
            if name.endswith("_1") and name != "conv1_1":
                x = _max_pool2(x)
            x = found[name] = getattr(self, name)(x, None if weights is None else weights[name])
            x = found[name.replace("conv", "relu")] = jax.nn.relu(x)
        return tuple(found[name] for name in names)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.features(image, self.layer_names[-1:])


class _Convolution(nn.Module):
    """3x3 convolution with plain weights."""

    in_features: int
    features: int

    def setup(self):
        """Declare the layers (Linen)."""
        shape = (3, 3, self.in_features, self.features)
        self.kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,))

    def _path(self) -> convolution.ConvPath:
        return convolution.conv_path(self.in_features, self.features)

    def prepare(self) -> Weights:
        return Weights(convolution.prepare_conv3x3(self.kernel, self._path()), self.bias)

    def __call__(self, x: Array, weights: Weights | None = None) -> Array:
        kernel, bias = weights or self.prepare()
        return convolution.conv3x3(x, kernel, self._path()) + bias


def _max_pool2(x: Array) -> Array:
    """Maximum of the 2x2 blocks of ``[H, W, C]``; a last odd row or column is dropped, as torch does."""
    height, width, features = x.shape[0] // 2, x.shape[1] // 2, x.shape[2]
    return jnp.max(x[: 2 * height, : 2 * width].reshape(height, 2, width, 2, features), axis=(1, 3))

"""VGG-16 (Simonyan and Zisserman 2015, arXiv:1409.1556), with the weights and the input convention of torchvision."""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from gprior_jax.nn import convolution
from gprior_jax.nn.layers import Weights
from gprior_jax.perceptual.trunk import Trunk
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


KERAS_MEAN = (103.939, 116.779, 123.68)
"""Of BGR in [0, 255] (Keras ``imagenet_utils.py``, ``preprocess_input`` of mode "caffe")."""


def keras_normalize(image: Array) -> Array:
    """Map an RGB image from [-1, 1] to the input of Keras's VGG-16, Caffe's: BGR in [0, 255], minus the mean."""
    return (image[..., ::-1] + 1.0) * 127.5 - np.asarray(KERAS_MEAN, np.float32)


Inputs = Literal["imagenet", "keras"]
"""Whose weights: torchvision's, which see :func:`imagenet_normalize`, or Keras's, which see :func:`keras_normalize`."""


class VGG16(Trunk):
    """The convolutional trunk of VGG-16 for one image.

    Attributes:
        depth: number of convolutions that have weights, from the first.
        inputs: how images are normalised for these weights; the network itself takes them normalised.
    """

    depth: int = len(CONVOLUTIONS)
    inputs: Inputs = "imagenet"

    def normalize(self, image: Array) -> Array:
        """An image ``[H, W, 3]`` in [-1, 1] as the network takes it."""
        return keras_normalize(image) if self.inputs == "keras" else imagenet_normalize(image)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """A small image, for ``init``; any size of at least 16 pixels works."""
        return (16, 16, 3)

    @property
    def convolution_names(self) -> tuple[str, ...]:
        """``conv1_1`` and so on, as many as have weights."""
        return tuple(name for name, _ in CONVOLUTIONS[: self.depth])

    def pool_before(self, name: str, x: Array) -> Array:
        """Maxima before the first convolution of every block but the first."""
        return _max_pool2(x) if name.endswith("_1") and name != "conv1_1" else x

    def setup(self):
        """Declare the layers (Linen)."""
        in_features = 3
        for name, features in CONVOLUTIONS[: self.depth]:
            setattr(self, name, _Convolution(in_features, features))
            in_features = features


class _Convolution(nn.Module):
    """3x3 convolution with plain weights."""

    in_features: int
    features: int

    def setup(self):
        """Declare the layers (Linen)."""
        shape = (3, 3, self.in_features, self.features)
        self.kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,))
        self.formulation: convolution.ConvPath = convolution.conv_path(
            "auto",
            self.in_features,
            self.features,
            min_features=convolution.MIN_FEATURES_4,
            large_tiles=convolution.has_digits(self.kernel),
        )

    def prepare(self) -> Weights:
        return Weights(convolution.prepare_conv3x3(self.kernel, self.formulation), self.bias)

    def __call__(self, x: Array, weights: Weights | None = None) -> Array:
        kernel, bias = weights or self.prepare()
        return convolution.conv3x3(x, kernel, self.formulation) + bias


def _max_pool2(x: Array) -> Array:
    """Maximum of the 2x2 blocks of ``[H, W, C]``; a last odd row or column is dropped, as torch does."""
    height, width, features = x.shape[0] // 2, x.shape[1] // 2, x.shape[2]
    return jnp.max(x[: 2 * height, : 2 * width].reshape(height, 2, width, 2, features), axis=(1, 3))

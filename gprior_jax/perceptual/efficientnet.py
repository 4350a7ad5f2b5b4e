"""EfficientNet-Lite0, a small classifier whose features judge images: 3.4 million weights.

Tan and Le 2019 (arXiv:1905.11946) with the changes of the Lite family: no squeeze and excitation, ReLU6 for swish
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Batch normalisation is part of the
convolutions, which is all that it is once trained; so are the weights that ``gprior convert`` writes.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution
from gprior_jax.nn.depthwise import DepthwisePath, depthwise, same_padding
from gprior_jax.nn.layers import Weights
from gprior_jax.typing import Array

SIZE = 224
"""Side of the images that it was trained on, pixels (``efficientnet_lite_builder.py``)."""

MEAN, DEVIATION = 127.0, 128.0
"""Of RGB in [0, 255], all channels alike (ibid., ``MEAN_RGB`` and ``STDDEV_RGB``)."""

STEM, HEAD = 32, 1280
"""Channels of the first convolution and the last (ibid.)."""


class BlockShape(NamedTuple):
    """An inverted residual block (MobileNetV2, arXiv:1801.04381, section 3.3).

    Attributes:
        in_features: channels that go in.
        features: channels that come out.
        kernel_size: side of the depthwise kernel.
        stride: of the depthwise convolution.
        expansion: the depthwise convolution has so many times the channels that go in.
    """

    in_features: int
    features: int
    kernel_size: int
    stride: int
    expansion: int

    @property
    def width(self) -> int:
        """Channels of the depthwise convolution."""
        return self.in_features * self.expansion

    @property
    def residual(self) -> bool:
        """Whether what goes in is added to what comes out."""
        return self.stride == 1 and self.in_features == self.features


_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion, channels of every stage (ibid., ``_DEFAULT_BLOCKS_ARGS``)."""


def _blocks() -> dict[str, BlockShape]:
    found: list[BlockShape] = []
    in_features = STEM
    for count, side, stride, expansion, features in _STAGES:
        for i in range(count):
            found.append(BlockShape(in_features, features, side, 1 if i else stride, expansion))
            in_features = features
    return {f"block{i}": shape for i, shape in enumerate(found, start=1)}


BLOCKS: dict[str, BlockShape] = _blocks()
"""The sixteen blocks."""


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier, for one image.

    Attributes:
        depthwise_path: formulation of the depthwise convolutions, see :mod:`gprior_jax.nn.depthwise`.
    """

    depthwise_path: DepthwisePath = "auto"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """A small image, for ``init``; any size works."""
        return (32, 32, 3)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order: ``stem``, ``block1`` to ``block16``, ``head``.

        A block's output has no activation and may be negative; those of the stem and the head lie in [0, 6].
        """
        return ("stem", *BLOCKS, "head")

    def setup(self):
        """Declare the layers (Linen)."""
        self.stem = _Layer((3, 3, 3, STEM))
        for name, shape in BLOCKS.items():
            setattr(self, name, _Block(shape, self.depthwise_path))
        self.head = _Layer((BLOCKS["block16"].features, HEAD))

    def prepare(self) -> tuple[()]:
        """Nothing: weights are applied as they are stored."""
        return ()

    def features(self, image: Array, names: tuple[str, ...], weights: tuple[()] | None = None) -> tuple[Array, ...]:
        """Features of one image at the named layers; nothing beyond the last one is computed.

        Args:
            image: ``[H, W, 3]`` in [-1, 1], normalised here as the weights want it.
            names: any of :attr:`layer_names`.
            weights: what :meth:`prepare` returned.

        Returns:
            One map ``[h, w, C]`` per name; the stem halves the sides, rounding up, as do four of the blocks.
        """
        found, x = {}, normalize(image)
        for name in self.layer_names:
            if found.keys() >= set(names):
                break
            layer = getattr(self, name)
            if name == "stem":
                kernel, bias = layer.weights
                padding = tuple(same_padding(length, kernel.shape[0], 2) for length in x.shape[:2])
                x = jax.nn.relu6(convolution.convolve(x, kernel, padding, stride=2) + bias)
            else:
                x = jax.nn.relu6(layer.pointwise(x)) if name == "head" else layer(x)
            found[name] = x
        return tuple(found[name] for name in names)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        for name in self.layer_names:
            getattr(self, name).touch()


def normalize(image: Array) -> Array:
    """Map an image from [-1, 1] to the network's input: of RGB in [0, 255] minus 127, over 128."""
    return image * (127.5 / DEVIATION) + (127.5 - MEAN) / DEVIATION


class _Layer(nn.Module):
    """Weights of a convolution: ``[k, k, I, O]``, ``[I, O]`` where k is 1, ``[k, k, C]`` of a depthwise one."""

    shape: tuple[int, ...]

    def setup(self):
        """Declare the layers (Linen)."""
        self.kernel = self.param("kernel", nn.initializers.he_normal(), self.shape)
        self.bias = self.param("bias", nn.initializers.zeros, self.shape[-1:])

    @property
    def weights(self) -> Weights:
        return Weights(self.kernel, self.bias)

    def touch(self) -> None:
        """For ``init``, which then need not run the network."""

    def pointwise(self, x: Array) -> Array:
        """A convolution of one pixel is a matrix product."""
        return jnp.dot(x, self.kernel) + self.bias


class _Block(nn.Module):
    """Widen, convolve depthwise, narrow, and add what went in where the shapes agree."""

    shape: BlockShape
    formulation: DepthwisePath

    def setup(self):
        """Declare the layers (Linen)."""
        shape = self.shape
        if shape.expansion != 1:
            self.expand = _Layer((shape.in_features, shape.width))
        self.depthwise = _Layer((shape.kernel_size, shape.kernel_size, shape.width))
        self.project = _Layer((shape.width, shape.features))

    def touch(self) -> None:
        for layer in (*((self.expand,) if self.shape.expansion != 1 else ()), self.depthwise, self.project):
            layer.touch()

    def __call__(self, x: Array) -> Array:
        wide = jax.nn.relu6(self.expand.pointwise(x)) if self.shape.expansion != 1 else x
        kernel, bias = self.depthwise.weights
        wide = jax.nn.relu6(depthwise(wide, kernel, self.shape.stride, self.formulation) + bias)
        out = self.project.pointwise(wide)
        return x + out if self.shape.residual else out

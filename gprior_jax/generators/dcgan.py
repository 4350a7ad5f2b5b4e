"""DCGAN-like generators: described stacks of (transposed) convolutions, of which pytorch/examples' is the default.

Radford et al. 2016, arXiv:1511.06434; pytorch/examples ``dcgan/main.py``.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.nn.batch_norm import Axes
from gprior_jax.nn.stack import StackBlock, StackLayer, StackWeights, stack_shapes
from gprior_jax.typing import Array


def example_layers(width: int = 64, image_channels: int = 3, resolution: int = 64) -> tuple[StackLayer, ...]:
    """The generator of pytorch/examples (``ngf`` = width): 4x4 transposed convolutions, batch norm, ReLU, final tanh.

    >>> [layer.features for layer in example_layers()]
    [512, 256, 128, 64, 3]
    """
    steps = (resolution // 4).bit_length() - 1
    return chain_layers([*(width << step for step in reversed(range(steps))), image_channels])


def chain_layers(features: Sequence[int]) -> tuple[StackLayer, ...]:
    """A generator like that of pytorch/examples with any number of layers, each of any width.

    Args:
        features: output channels of every layer: of the first at 4 pixels a side, of the next at 8, ..., of the last
            those of the image.

    >>> [layer.features for layer in chain_layers((128, 128, 128, 64, 3))]
    [128, 128, 128, 64, 3]
    """
    *hidden, channels = features
    layers = [
        StackLayer("conv_transpose", width, 4, 2 if i else 1, 1 if i else 0, then=("batch_norm", "relu"))
        for i, width in enumerate(hidden)
    ]
    return (*layers, StackLayer("conv_transpose", channels, 4, 2, 1, then=("tanh",)))


class DCGAN(nn.Module):
    """Generator given by a described stack.

    Attributes:
        layers: the stack, from the latent code to the image. A final sigmoid is taken as an image in [0, 1] and mapped
            to [-1, 1].
        z_dim: length of the latent code.
        num_classes: classes, whose ``[num_classes]`` numbers follow the code's in the first layer (Mirza and Osindero
            2014, arXiv:1411.1784); 0 has none.
    """

    layers: tuple[StackLayer, ...] = example_layers()
    z_dim: int = 100
    num_classes: int = 0

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one latent code."""
        return (self.z_dim,)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        return tuple(f"layer{i}" for i in range(len(self.layers)))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes before, between and after the layers; the first is that of code and class."""
        return stack_shapes(self.layers, (self.z_dim + self.num_classes,))

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code."""
        return self.shapes[layer] if layer else self.input_shape

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.feature_shape(len(self.layers))[0]

    def setup(self):
        """Declare the layers (Linen)."""
        for i, (layer, shape) in enumerate(zip(self.layers, self.shapes, strict=False)):
            setattr(self, f"layer{i}", StackBlock(layer, shape))

    def prepare(self) -> tuple[StackWeights, ...]:
        """Weights of every layer, to be computed once and passed to :meth:`__call__`."""
        return tuple(getattr(self, name).prepare() for name in self.layer_names)

    def latent_maps(self) -> tuple[Array, ...]:
        """What the code is multiplied with, ``[z_dim, O]``: all taps of the first layer."""
        kernel = self.layer0.kernel
        taps = kernel.reshape(-1, *kernel.shape[-2:]).swapaxes(0, 1)
        return (taps[: self.z_dim].reshape(self.z_dim, -1),)

    def __call__(
        self,
        x: Array,
        start: int = 0,
        stop: int | None = None,
        weights: tuple[StackWeights, ...] | None = None,
        label: Array | None = None,
    ) -> Array:
        """Run layers ``[start, stop)`` on one code ``[z_dim]`` or on features of layer ``start``.

        Args:
            x: the code or the features.
            start: first layer to run.
            stop: layer to stop before; None runs to the image.
            weights: what :meth:`prepare` returned; None prepares them here.
            label: ``[num_classes]``, where there are classes.
        """
        last = len(self.layers) - 1
        for index in range(start, last + 1 if stop is None else stop):
            x = x if index else self._with_label(x, label)
            x = getattr(self, f"layer{index}")(x, None if weights is None else weights[index])
            if index == last:
                x = self._in_range(x)
        return x

    def observe(self, z: Array, label: Array | None = None, axis_name: Axes | None = None) -> Array:
        """Image of one code, while the moments of what the batch norms are given are kept.

        See :meth:`gprior_jax.nn.stack.StackBlock.observe`.
        """
        x = self._with_label(z, label)
        for name in self.layer_names:
            x = getattr(self, name).observe(x, axis_name)
        return self._in_range(x)

    def _with_label(self, z: Array, label: Array | None) -> Array:
        return z if label is None or not self.num_classes else jnp.concatenate([z, label])

    def _in_range(self, image: Array) -> Array:
        """A final sigmoid gives [0, 1]."""
        return 2.0 * image - 1.0 if self.layers[-1].then[-1:] == ("sigmoid",) else image

    def init_all(self, z: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()

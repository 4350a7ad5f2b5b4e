"""DCGAN-like generators: described stacks of (transposed) convolutions, of which pytorch/examples' is the default.

Radford et al. 2016, arXiv:1511.06434; pytorch/examples ``dcgan/main.py``.
"""

from collections.abc import Sequence

import flax.linen as nn

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
    """

    layers: tuple[StackLayer, ...] = example_layers()
    z_dim: int = 100

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one latent code."""
        return (self.z_dim,)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        return tuple(f"layer{i}" for i in range(len(self.layers)))

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code."""
        return stack_shapes(self.layers, self.input_shape)[layer]

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.feature_shape(len(self.layers))[0]

    def setup(self):
        """Declare the layers (Linen)."""
        shapes = stack_shapes(self.layers, self.input_shape)
        for i, layer in enumerate(self.layers):
            setattr(self, f"layer{i}", StackBlock(layer, shapes[i]))

    def prepare(self) -> tuple[StackWeights, ...]:
        """Weights of every layer, to be computed once and passed to :meth:`__call__`."""
        return tuple(getattr(self, name).prepare() for name in self.layer_names)

    def latent_maps(self) -> tuple[Array, ...]:
        """What the code is multiplied with, ``[z_dim, O]``: all taps of the first layer."""
        kernel = self.layer0.kernel
        return (kernel.reshape(-1, self.z_dim, kernel.shape[-1]).swapaxes(0, 1).reshape(self.z_dim, -1),)

    def __call__(
        self, x: Array, start: int = 0, stop: int | None = None, weights: tuple[StackWeights, ...] | None = None
    ) -> Array:
        """Run layers ``[start, stop)`` on one code ``[z_dim]`` or on features of layer ``start``."""
        last = len(self.layers) - 1
        for index in range(start, last + 1 if stop is None else stop):
            x = getattr(self, f"layer{index}")(x, None if weights is None else weights[index])
            if index == last and self.layers[-1].then[-1:] == ("sigmoid",):
                x = 2.0 * x - 1.0
        return x

    def init_all(self, z: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()

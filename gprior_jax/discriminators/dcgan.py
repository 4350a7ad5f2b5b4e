"""DCGAN-like discriminators: described stacks from the image to one logit (pytorch/examples ``dcgan/main.py``)."""

from collections.abc import Sequence

import flax.linen as nn

from gprior_jax.nn.stack import StackBlock, StackLayer, StackWeights, stack_shapes
from gprior_jax.typing import Array


def example_layers(width: int = 64, resolution: int = 64) -> tuple[StackLayer, ...]:
    """The discriminator of pytorch/examples (``ndf`` = width), without its final sigmoid.

    >>> [layer.features for layer in example_layers()]
    [64, 128, 256, 512, 1]
    """
    return chain_layers([width << step for step in range((resolution // 4).bit_length() - 1)])


def chain_layers(features: Sequence[int]) -> tuple[StackLayer, ...]:
    """A discriminator like that of pytorch/examples with any number of layers, each of any width.

    Args:
        features: output channels of every layer but the last, which gives the logit; each halves the image.

    >>> [layer.features for layer in chain_layers((64, 128, 128))]
    [64, 128, 128, 1]
    """
    layers = [
        StackLayer("conv", width, 4, 2, 1, then=("batch_norm", "leaky_relu") if i else ("leaky_relu",))
        for i, width in enumerate(features)
    ]
    return (*layers, StackLayer("conv", 1, 4, 1, 0))


class DCGANDiscriminator(nn.Module):
    """Discriminator given by a described stack.

    Attributes:
        layers: the stack, from the image to the logit.
        resolution: side of the image, pixels.
        image_channels: channels of the image.
    """

    layers: tuple[StackLayer, ...] = example_layers()
    resolution: int = 64
    image_channels: int = 3

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.resolution, self.resolution, self.image_channels)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order: all but the logit."""
        return tuple(f"layer{i}" for i in range(len(self.layers) - 1))

    def setup(self):
        """Declare the layers (Linen)."""
        shapes = stack_shapes(self.layers, self.input_shape)
        for i, layer in enumerate(self.layers):
            setattr(self, f"layer{i}", StackBlock(layer, shapes[i]))

    def prepare(self) -> dict[str, StackWeights]:
        """Weights of the layers that :meth:`features` runs, to be computed once and passed to it."""
        return {name: getattr(self, name).prepare() for name in self.layer_names}

    def features(
        self, image: Array, names: tuple[str, ...], weights: dict[str, StackWeights] | None = None
    ) -> tuple[Array, ...]:
        """Features of one image at the named layers.

        Args:
            image: ``[R, R, C]`` in [-1, 1].
            names: any of :attr:`layer_names`.
            weights: what :meth:`prepare` returned; None prepares them here.
        """
        found = {}
        for name in self.layer_names:
            image = found[name] = getattr(self, name)(image, None if weights is None else weights[name])
        return tuple(found[name] for name in names)

    def __call__(self, image: Array) -> Array:
        """Logit (a scalar) of one image ``[R, R, C]`` in [-1, 1]."""
        for i in range(len(self.layers)):
            image = getattr(self, f"layer{i}")(image)
        return image.reshape(-1)[0]

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        for i in range(len(self.layers)):
            getattr(self, f"layer{i}").prepare()

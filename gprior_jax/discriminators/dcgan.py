"""DCGAN-like discriminators: described stacks from the image to one logit (pytorch/examples ``dcgan/main.py``)."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.nn.batch_norm import Axes
from gprior_jax.nn.stack import StackBlock, StackLayer, StackWeights, stack_shapes
from gprior_jax.typing import Array


def example_layers(width: int = 64, resolution: int = 64) -> tuple[StackLayer, ...]:
    """The discriminator of pytorch/examples (``ndf`` = width), without its final sigmoid.

    >>> [layer.features for layer in example_layers()]
    [64, 128, 256, 512, 1]
    """
    return chain_layers([width << step for step in range((resolution // 4).bit_length() - 1)])


def chain_layers(features: Sequence[int], logits: int = 1) -> tuple[StackLayer, ...]:
    """A discriminator like that of pytorch/examples with any number of layers, each of any width.

    Args:
        features: output channels of every layer but the last, which gives the logit; each halves the image.
        logits: outputs of the last layer: one, or one for every class.

    >>> [layer.features for layer in chain_layers((64, 128, 128))]
    [64, 128, 128, 1]
    """
    layers = [
        StackLayer("conv", width, 4, 2, 1, then=("batch_norm", "leaky_relu") if i else ("leaky_relu",))
        for i, width in enumerate(features)
    ]
    return (*layers, StackLayer("conv", logits, 4, 1, 0))


class DCGANDiscriminator(nn.Module):
    """Discriminator given by a described stack.

    Attributes:
        layers: the stack, from the image to the logit.
        resolution: side of the image, pixels.
        image_channels: channels of the image.
        num_classes: classes, each with a logit of its own in the last layer, of which the one of the image's class
            counts: the projection of Miyato and Koyama 2018 (arXiv:1802.05637) without their term for all classes.
            Features do not depend on the class. 0 has none.
    """

    layers: tuple[StackLayer, ...] = example_layers()
    resolution: int = 64
    image_channels: int = 3
    num_classes: int = 0

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes before, between and after the layers."""
        return stack_shapes(self.layers, self.input_shape)

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
        for i, (layer, shape) in enumerate(zip(self.layers, self.shapes, strict=False)):
            setattr(self, f"layer{i}", StackBlock(layer, shape))

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

    def __call__(self, image: Array, label: Array | None = None) -> Array:
        """Logit (a scalar) of one image ``[R, R, C]`` in [-1, 1].

        Args:
            image: the image.
            label: ``[num_classes]``, where there are classes.
        """
        for i in range(len(self.layers)):
            image = getattr(self, f"layer{i}")(image)
        return self._logit(image, label)

    def observe(
        self,
        image: Array,
        label: Array | None = None,
        axis_name: Axes | None = None,
        kept: Sequence[Array | None] | None = None,
    ) -> Array:
        """Logit of one image, while the moments of what the batch norms are given are kept.

        Args:
            image: ``[R, R, C]`` in [-1, 1].
            label: ``[num_classes]``, where there are classes.
            axis_name: see :meth:`gprior_jax.nn.stack.StackBlock.observe`.
            kept: dropout: for every layer a factor of its input, of the input's shape, or None.
        """
        for i in range(len(self.layers)):
            factor = None if kept is None else kept[i]
            image = image if factor is None else image * factor
            image = getattr(self, f"layer{i}").observe(image, axis_name)
        return self._logit(image, label)

    def _logit(self, outputs: Array, label: Array | None) -> Array:
        outputs = outputs.reshape(-1)
        return outputs[0] if label is None or not self.num_classes else jnp.dot(outputs, label)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        for i in range(len(self.layers)):
            getattr(self, f"layer{i}").prepare()

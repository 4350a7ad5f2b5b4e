"""What the convolutional trunks of classifiers share: convolutions in a row, ReLU after each, maxima between."""

import flax.linen as nn
import jax

from gprior_jax.nn.layers import Weights
from gprior_jax.typing import Array


class Trunk(nn.Module):
    """A row of convolutions ``conv...`` for one image; subclasses say which, and set them up under these names."""

    @property
    def convolution_names(self) -> tuple[str, ...]:
        """The convolutions in order."""
        raise NotImplementedError

    def pool_before(self, name: str, x: Array) -> Array:
        """What goes into a convolution: ``x``, or its maxima."""
        raise NotImplementedError

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order: each ``conv...`` and the ``relu...`` after it."""
        return tuple(kind for name in self.convolution_names for kind in (name, name.replace("conv", "relu")))

    def prepare(self) -> dict[str, Weights]:
        """Weights of every layer, to be computed once and passed to :meth:`features`."""
        return {name: getattr(self, name).prepare() for name in self.convolution_names}

    def features(
        self, image: Array, names: tuple[str, ...], weights: dict[str, Weights] | None = None
    ) -> tuple[Array, ...]:
        """Features of one image at the named layers (:attr:`layer_names`); nothing beyond the last one is computed.

        Args:
            image: ``[H, W, 3]``, normalised as the weights want it: torchvision's own classifiers by
                :func:`gprior_jax.perceptual.vgg.imagenet_normalize`, LPIPS by its scaling layer.
            names: layers.
            weights: what :meth:`prepare` returned; None prepares them here.

        Returns:
            One map ``[h, w, C]`` per name.
        """
        found, x = {}, image
        for name in self.convolution_names:
            if found.keys() >= set(names):
                break
            x = self.pool_before(name, x)
            x = found[name] = getattr(self, name)(x, None if weights is None else weights[name])
            x = found[name.replace("conv", "relu")] = jax.nn.relu(x)
        return tuple(found[name] for name in names)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()

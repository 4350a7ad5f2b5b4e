"""An encoder for several codes at once: their features at a layer, in place of a code.

The codes are the same for every image. What an image needs of them is a weight for every code and channel, and these
follow from features at the composing layer (:func:`gprior_jax.latents.basis.projected`). So the network is the trunk of
:class:`gprior_jax.encoders.residual.ResidualEncoder` without its dense layer: it stops halving at the side of the
layer, and its last convolution gives the layer's channels.
"""

from typing import Any

import flax.linen as nn

from gprior_jax.encoders.encoder import Space
from gprior_jax.encoders.residual import Convolution, Trunk
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, Params


class FeatureEncoder(Trunk, nn.Module):
    """From one image to features of a generator's layer.

    Attributes:
        resolution: side of the image, pixels, a power of two.
        channels: of the first convolution, and of every residual block; the first blocks halve down to the features'
            side, the others stay there.
        feature_shape: ``(H, H, C)``, what it gives.
        image_channels: 1 gray, 3 RGB, 4 RGBA.
    """

    resolution: int
    channels: tuple[int, ...]
    feature_shape: tuple[int, ...]
    image_channels: int = 3

    def __post_init__(self):
        side = self.feature_shape[0]
        if len(self.channels) <= self.halvings or side << self.halvings != self.resolution:
            raise ArgumentError(
                f"channels {tuple(self.channels)}: an encoder of {self.resolution} px takes those of its first layer "
                f"and of every halving down to {side} px, at least; any more are of blocks at that side."
            )
        super().__post_init__()

    @property
    def halvings(self) -> int:
        """How often it halves the image: down to the features' side."""
        return (self.resolution // self.feature_shape[0]).bit_length() - 1

    def setup(self):
        """Declare the layers (Linen)."""
        self.first, self.blocks = self.trunk_layers()
        self.last = Convolution(self.channels[-1], self.feature_shape[-1], 3, use_bias=False)
        # Features differ from place to place, which a convolution would have to learn from the image's edges.
        self.mean = self.param("mean", nn.initializers.zeros, self.feature_shape)

    def __call__(self, image: Array, axis_name: str | None = None) -> Array:
        """The features of one image ``[R, R, C]`` in [-1, 1], ``feature_shape``.

        Args:
            image: the image.
            axis_name: of the batch whose statistics are taken, in training; see
                :class:`gprior_jax.nn.batch_norm.BatchNorm`.
        """
        return self.mean + self.last(self.trunk(image, axis_name), axis_name)

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        for layer in (self.first, *self.blocks, self.last):
            layer.touch()


class MultiCodeEncoder(nn.Module):
    """From one image to what its channel weights follow from, and what belongs to all images.

    Parameters: ``network``, that of :class:`FeatureEncoder`; ``codes`` ``[N, z_dim]``; and the mean metric of the
    weights of these codes on their orthonormal basis: its stiffest ``directions`` ``[K, N, C]``, orthonormal, and the
    ``stiffness`` ``[K + 1]`` of each and of all others, over its mean, see :class:`gprior_jax.latents.MeasuredWeights`.

    Attributes:
        resolution: see :class:`FeatureEncoder`.
        channels: likewise.
        feature_shape: likewise; of the layer.
        layer: the composing layer.
        num_codes: N.
        z_dim: length of a code.
        num_directions: K.
        image_channels: see :class:`FeatureEncoder`.
    """

    resolution: int
    channels: tuple[int, ...]
    feature_shape: tuple[int, ...]
    layer: int
    num_codes: int
    z_dim: int
    num_directions: int
    image_channels: int = 3

    @property
    def space(self) -> Space:
        """What it gives."""
        return "codes"

    @property
    def code_shape(self) -> tuple[int, ...]:
        """Shape of the codes."""
        return (self.num_codes, self.z_dim)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.inner().input_shape

    def inner(self) -> FeatureEncoder:
        """The network alone."""
        return FeatureEncoder(self.resolution, self.channels, self.feature_shape, self.image_channels, parent=None)

    def setup(self):
        """Declare the parameters (Linen)."""
        zeros, count = nn.initializers.zeros, self.num_directions
        self.network = FeatureEncoder(self.resolution, self.channels, self.feature_shape, self.image_channels)
        self.codes = self.param("codes", zeros, self.code_shape)
        self.directions = self.param("directions", zeros, (count, self.num_codes, self.feature_shape[-1]))
        self.stiffness = self.param("stiffness", nn.initializers.ones, (count + 1,))

    def __call__(self, image: Array) -> dict[str, Array]:
        """The ``"features"`` of one image ``[R, R, C]`` in [-1, 1], and the ``"codes"`` of all."""
        return {"features": self.network(image), "codes": self.codes}

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.network.init_all(image)


def whole(network: Params, codes: Any, directions: Any, stiffness: Any) -> Params:
    """The parameters of a :class:`MultiCodeEncoder`.

    >>> import numpy as np
    >>> sorted(whole({}, np.zeros((2, 4)), np.zeros((3, 2, 8)), np.ones(4)))
    ['codes', 'directions', 'network', 'stiffness']
    """
    return {"network": network, "codes": codes, "directions": directions, "stiffness": stiffness}

"""StyleGAN2 discriminator (Karras et al. 2020, arXiv:1912.04958; stylegan2-ada-pytorch ``training/networks.py``).

Residual blocks from the image down to 8x8, then at 4x4 the minibatch standard deviation, a 3x3 convolution and two
dense layers; a conditional one projects on an embedding of the class. The methods take one image; the minibatch
standard deviation, which mixes images, stands between them in :func:`logits`.
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.discriminators.minibatch import minibatch_stddev
from gprior_jax.nn.batched import convolve
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import EqualizedConv, EqualizedDense, Weights, activate
from gprior_jax.nn.mapping import Mapping
from gprior_jax.nn.pyramid import START_RESOLUTION, Pyramid
from gprior_jax.nn.resample import fir_blur, fir_down2
from gprior_jax.typing import Array, Params

_HALF = math.sqrt(0.5)
"""Both branches of a block, whose sum keeps the variance."""

_LABEL_LAYERS = 8
"""Dense layers of the embedding of a class (the default of ``MappingNetwork``)."""


class StyleGAN2Discriminator(Pyramid, nn.Module):
    """Critic of images, and perceptual features at every level.

    Attributes:
        channels: feature channels at 4, 8, 16, ... pixels; their number sets the resolution.
        num_classes: classes of a conditional network; 0 is an unconditional one.
        image_channels: channels of the image.
        group_size: images per group of the minibatch standard deviation.
        clamp: bound of every convolution's result (256 in networks trained with float16); None has no bound.
        conv_path: formulation of the 3x3 convolutions of stride 1 (:mod:`gprior_jax.nn.convolution`).
    """

    channels: tuple[int, ...]
    num_classes: int = 0
    image_channels: int = 3
    group_size: int = 4
    clamp: float | None = None
    conv_path: ConvPath = "direct"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.resolution, self.resolution, self.image_channels)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order: of a block its first convolution and its sum."""
        return tuple(name for size in self._sizes() for name in (f"conv_{size}", f"down_{size}"))

    def _sizes(self) -> list[int]:
        return [START_RESOLUTION << level for level in reversed(range(1, len(self.channels)))]

    def setup(self):
        """Declare the layers (Linen)."""
        common: dict[str, Any] = {"gain": 1.0, "conv_path": "direct"}
        own: dict[str, Any] = common | {"conv_path": self.conv_path}
        # Once: a convolution reads its result, and the skip.
        self.from_rgb = EqualizedConv(self.image_channels, self.channels[-1], kernel_size=1, once=True, **common)
        for level, size in zip(reversed(range(1, len(self.channels))), self._sizes(), strict=True):
            features, below = self.channels[level], self.channels[level - 1]
            setattr(self, f"conv_{size}", EqualizedConv(features, features, size=size, **own))
            setattr(self, f"down_{size}", EqualizedConv(features, below, **common))
            setattr(self, f"skip_{size}", EqualizedDense(features, (below,), gain=1.0, use_bias=False))
        features = self.channels[0]
        self.conv_4 = EqualizedConv(features + 1, features, **common)
        self.dense_4 = EqualizedDense(START_RESOLUTION**2 * features, (features,), gain=1.0)
        self.logit = EqualizedDense(features, (features if self.num_classes else 1,), gain=1.0)
        if self.num_classes:
            self.mapping = Mapping(0, features, _LABEL_LAYERS, features, self.num_classes)

    def prepare(self) -> dict[str, Weights]:
        """Weights of the layers that :meth:`features` runs, to be computed once and passed to it."""
        names = ["from_rgb", *self.layer_names, *(f"skip_{size}" for size in self._sizes())]
        return {name: getattr(self, name).prepare() for name in names}

    def features(
        self, image: Array, names: tuple[str, ...], weights: dict[str, Weights] | None = None
    ) -> tuple[Array, ...]:
        """Features of one image at the named layers.

        Args:
            image: ``[R, R, image_channels]`` in [-1, 1].
            names: any of :attr:`layer_names`.
            weights: what :meth:`prepare` returned; None prepares them here.
        """
        found, _ = self._run(image, self.prepare() if weights is None else weights)
        return tuple(found[name] for name in names)

    def trunk(self, image: Array) -> Array:
        """One image ``[R, R, image_channels]`` in [-1, 1] to features ``[4, 4, C]``."""
        return self._run(image, self.prepare())[1]

    def _run(self, image: Array, weights: dict[str, Weights]) -> tuple[dict[str, Array], Array]:
        found = {}
        x = activate(self.from_rgb(image, weights["from_rgb"]), clamp=self.clamp)
        for size in self._sizes():
            conv, down = f"conv_{size}", f"down_{size}"
            skip = _HALF * getattr(self, f"skip_{size}")(fir_down2(x), weights[f"skip_{size}"])
            x = found[conv] = activate(getattr(self, conv)(x, weights[conv]), clamp=self.clamp)
            # conv2d_resample, down=2: filter with a border of two zeros, then the convolution with stride 2.
            kernel, bias = weights[down]
            x = convolve(fir_blur(x), kernel, ((0, 0), (0, 0)), stride=2) + bias
            x = found[down] = activate(x, _HALF, self.clamp) + skip
        return found, x

    def head(self, x: Array, label: Array | None = None) -> Array:
        """Logit (a scalar) from ``[4, 4, C + 1]``: the trunk's features and the minibatch standard deviation.

        Args:
            x: the features.
            label: ``[num_classes]``, for conditional networks.
        """
        x = activate(self.conv_4(x), clamp=self.clamp)
        x = self.logit(activate(self.dense_4(x.reshape(-1))))
        if not self.num_classes:
            return x[0]
        embedded = self.mapping(jnp.zeros((0,), x.dtype), label)
        return jnp.dot(x, embedded) / math.sqrt(x.shape[0])

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()
        for name in ("conv_4", "dense_4", "logit", *(["mapping"] if self.num_classes else [])):
            getattr(self, name).prepare()


def logits(module: StyleGAN2Discriminator, params: Params, images: Array, labels: Array | None = None) -> Array:
    """Realness of a batch of images.

    Args:
        module: the network.
        params: its weights.
        images: ``[B, R, R, image_channels]`` in [-1, 1]; B a multiple of ``module.group_size`` or below it.
        labels: ``[B, num_classes]``, for conditional networks.

    Returns:
        Logits ``[B]``, larger for more real.
    """
    variables = {"params": params}
    trunk, head = nn.apply(StyleGAN2Discriminator.trunk, module), nn.apply(StyleGAN2Discriminator.head, module)
    features = jax.vmap(lambda image: trunk(variables, image))(images)
    mixed = minibatch_stddev(features, module.group_size)
    return jax.vmap(lambda x, label: head(variables, x, label))(mixed, labels)

"""StyleGAN2 generator (Karras et al. 2020, arXiv:1912.04958; stylegan2-ada-pytorch ``training/networks.py``).

Layer 0 is the convolution of a learned 4x4 constant, odd layers enlarge by two, even layers keep the size; layers 2b
are followed by the output of their resolution, which is not a layer of its own. Layer k takes style k, the output of
resolution b style 2b + 1, which layer 2b + 1 takes too.

What is passed from layer to layer is one map: the features, and behind them the channels of what runs beside them, the
image so far (``skip``) or the shortcut of the block (``residual``). So a network can be cut at any layer, and composing
features composes the image so far too.
"""

import math
from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.generators.style_based import StyleBased
from gprior_jax.nn import initial
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import GAIN
from gprior_jax.nn.mapping import Mapping
from gprior_jax.nn.modulated import StyledConv, ToRGB
from gprior_jax.nn.pyramid import START_RESOLUTION, pyramid_channels
from gprior_jax.nn.resample import fir_up2
from gprior_jax.typing import Array

Architecture = Literal["skip", "residual", "plain"]

_HALF = math.sqrt(0.5)
"""Both branches of a residual block, whose sum keeps the variance (ibid., ``SynthesisBlock``)."""


def published_channels(resolution: int, base: int = 32768, maximum: int = 512) -> tuple[int, ...]:
    """Feature channels at 4, 8, ... ``resolution`` pixels of config F: ``min(base / size, maximum)``.

    Source: stylegan2-ada-pytorch ``training/networks.py``, ``channel_base`` and ``channel_max``.

    >>> published_channels(256)
    (512, 512, 512, 512, 512, 256, 128)
    """
    return pyramid_channels(resolution, base, maximum)


class StyleGAN2(StyleBased, nn.Module):
    """StyleGAN2 generator for one latent code.

    Attributes:
        channels: feature channels at 4, 8, 16, ... pixels; their number sets the resolution.
        z_dim: length of the latent code.
        w_dim: length of w.
        mapping_layers: dense layers of the mapping network.
        num_classes: classes of a conditional network; 0 is an unconditional one.
        architecture: ``"skip"`` sums the images of all resolutions, ``"residual"`` has blocks with a shortcut,
            ``"plain"`` neither (there: ``skip``, ``resnet`` and ``orig``).
        image_channels: channels of the image.
        clamp: bound of every convolution's result (256 in networks trained with float16); None has no bound.
        conv_path: formulation of the convolutions, see :mod:`gprior_jax.nn.convolution`.
    """

    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    num_classes: int = 0
    architecture: Architecture = "skip"
    image_channels: int = 3
    clamp: float | None = None
    conv_path: ConvPath = "auto"

    @property
    def mapping_gain(self) -> float:
        """What the mapping network multiplies its last LeakyReLU with."""
        return GAIN

    @property
    def noise_sizes(self) -> tuple[int, ...]:
        """Side of every layer's noise map, pixels."""
        return tuple(START_RESOLUTION << self._level(layer) for layer in range(len(self.layer_names)))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        return tuple(f"layer{k}" for k in range(2 * len(self.channels) - 1))

    @staticmethod
    def _level(layer: int) -> int:
        return (layer + 1) // 2

    def _beside(self, layer: int) -> int:
        """Channels behind the features that layer ``layer`` gives."""
        if self.architecture == "skip":
            return self.image_channels
        # The shortcut is carried from the first layer of a block to its second.
        return self.channels[self._level(layer)] if self.architecture == "residual" and layer % 2 else 0

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code: ``[z_dim]`` for 0, else ``[H, W, C]``."""
        if layer == 0:
            return (self.z_dim,)
        if layer == len(self.layer_names):
            return (self.resolution, self.resolution, self.image_channels)
        level = self._level(layer - 1)
        size = START_RESOLUTION << level
        return (size, size, self.channels[level] + self._beside(layer - 1))

    def setup(self):
        """Declare the layers (Linen)."""
        self.mapping = Mapping(self.z_dim, self.w_dim, self.mapping_layers, self.w_dim, self.num_classes)
        self.w_avg = self.param("w_avg", nn.initializers.zeros, (self.w_dim,))
        first = (START_RESOLUTION, START_RESOLUTION, self.channels[0])
        self.const = self.param("const", initial.normal(1.0), first)
        residual = self.architecture == "residual"
        for layer, name in enumerate(self.layer_names):
            level, up = self._level(layer), layer % 2 == 1
            features = self.channels[level]
            inputs = self.channels[level - 1] if up else features
            gain = _HALF if residual and not up and layer else 1.0
            size, common = START_RESOLUTION << level, {"conv_path": self.conv_path, "clamp": self.clamp}
            setattr(self, name, StyledConv(inputs, features, self.w_dim, size, up, gain=gain, **common))
            if up and residual:
                setattr(self, f"shortcut{level}", Shortcut(inputs, features))
        for level in self._outputs():
            setattr(self, f"output{level}", ToRGB(self.channels[level], self.image_channels, self.w_dim, self.clamp))

    def _outputs(self) -> tuple[int, ...]:
        """Levels that have an output."""
        levels = len(self.channels)
        return tuple(range(levels)) if self.architecture == "skip" else (levels - 1,)

    def _parts(self) -> tuple[str, ...]:
        """Names of what is prepared beside the mapping network."""
        shortcuts = range(1, len(self.channels)) if self.architecture == "residual" else ()
        names = [*(f"shortcut{level}" for level in shortcuts), *(f"output{level}" for level in self._outputs())]
        return (*self.layer_names, *names)

    def prepare(self) -> dict[str, Any]:
        """Weights of every part, scaled and prepared, to be computed once and passed to the other methods."""
        return {name: getattr(self, name).prepare() for name in ("mapping", *self._parts())}

    def latent_maps(self) -> tuple[Array, ...]:
        """What each style is multiplied with, ``[w_dim, O]`` for each: that of a layer, the last that of the output."""
        names = (*self.layer_names, f"output{len(self.channels) - 1}")
        return tuple(getattr(self, name).affine.kernel for name in names)

    def __call__(
        self,
        x: Any,
        start: int = 0,
        stop: int | None = None,
        weights: dict[str, Any] | None = None,
        styles: Array | None = None,
        noise: tuple[Array, ...] | Literal["const", "none"] = "const",
    ) -> Array:
        """Run layers ``[start, stop)``.

        Args:
            x: features ``[H, W, C]`` of layer ``start``; for ``start=0`` a latent code, or None where styles are given.
            start: first layer to run.
            stop: layer to stop before; None runs to the image.
            weights: what :meth:`prepare` returned; None prepares them here.
            styles: ``[num_styles, w_dim]``; needed unless ``x`` is a code of an unconditional network.
            noise: ``"const"``, ``"none"``, or a map for every layer.

        Returns:
            Features ``[H, W, C]``, or the image ``[R, R, image_channels]`` when the last layer has run.
        """
        styles = self.map(x, None, weights) if styles is None else styles
        x, beside = (self.const, None) if start == 0 else self._apart(x, start)
        for layer in range(start, len(self.layer_names) if stop is None else stop):
            own = noise if isinstance(noise, str) else noise[layer]
            x, beside = self._layer(x, beside, layer, styles, own, weights)
        # Joined here only: between layers every joint would be a copy, and one more of its gradient.
        return x if beside is None else jnp.concatenate([x, beside], axis=-1)

    def _apart(self, x: Array, layer: int) -> tuple[Array, Array | None]:
        """What layer ``layer`` is given: features, and what is carried beside them."""
        features = self.channels[self._level(layer - 1)]
        return (x[..., :features], x[..., features:]) if x.shape[-1] > features else (x, None)

    def _layer(
        self, x: Array, beside: Array | None, layer: int, styles: Array, noise: Any, weights: dict[str, Any] | None
    ) -> tuple[Array, Array | None]:
        """One layer, and the output of its resolution where it is the second of it."""

        def run(name: str, *inputs: Any) -> Array:
            return getattr(self, name)(*inputs, weights=None if weights is None else weights[name])

        level, last = self._level(layer), layer == len(self.layer_names) - 1
        before, x = x, run(f"layer{layer}", x, styles[layer], noise)
        if layer % 2:
            if self.architecture == "residual":
                return x, run(f"shortcut{level}", before)
            return x, None if beside is None else fir_up2(beside)
        if self.architecture == "residual":
            x, beside = x if beside is None else x + beside, None
        if self.architecture != "skip":
            return run(f"output{level}", x, styles[layer + 1]) if last else x, None
        image = run(f"output{level}", x, styles[layer + 1])
        image = image if beside is None else image + beside
        return (image, None) if last else (x, image)


class Shortcut(nn.Module):
    """1x1 convolution without bias of an image enlarged by two, times sqrt(1/2): the other branch of a block.

    Attributes:
        in_features: input channels.
        features: output channels.
    """

    in_features: int
    features: int

    def setup(self):
        """Declare the layers (Linen)."""
        self.kernel = self.param("kernel", initial.normal(1.0), (self.in_features, self.features))

    def prepare(self) -> Array:
        """The kernel, scaled."""
        return self.kernel * (_HALF / math.sqrt(self.in_features))

    def __call__(self, x: Array, weights: Array | None = None) -> Array:
        """``[H, W, in_features]`` to ``[2H, 2W, features]``."""
        # Both are linear: the product has fewer channels to enlarge, or as many.
        return fir_up2(jnp.dot(x, self.prepare() if weights is None else weights))

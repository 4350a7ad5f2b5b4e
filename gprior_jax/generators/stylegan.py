"""StyleGAN generator (Karras et al. 2019, arXiv:1812.04948; genforce and idinvert ``stylegan_generator.py``).

Layer 0 is a learned constant, odd layers keep the size, even layers from 2 on enlarge by two (nearest neighbour),
convolve and blur; the last layer, ``output``, is the 1x1 convolution to RGB. Layer k takes style k.

The published networks compute the enlarging convolutions from 128 pixels on as strided transposed convolutions
("fused"): the same function of a kernel turned by half a turn (the converter turns it), so one formulation serves both.
"""

from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.generators.progressive import Progressive
from gprior_jax.generators.style_based import StyleBased
from gprior_jax.nn.adain import AdaINConv
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import GAIN, EqualizedConv
from gprior_jax.nn.mapping import Mapping
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.typing import Array


class StyleGAN(StyleBased, Progressive, nn.Module):
    """StyleGAN generator for one latent code.

    Attributes:
        channels: feature channels at 4, 8, 16, ... pixels; their number sets the resolution.
        z_dim: length of the latent code.
        w_dim: length of w.
        mapping_layers: dense layers of the mapping network.
        num_classes: classes of a conditional network; 0 is an unconditional one.
        w_per_layer: the mapping network gives a w of its own for every layer (in-domain inversion).
        image_channels: channels of the image.
        final_tanh: tanh on the output (in-domain inversion).
        norm_epsilon: of the instance norms, see :class:`gprior_jax.nn.adain.AdaINConv`.
        conv_path: formulation of the convolutions, see :mod:`gprior_jax.nn.convolution`.
    """

    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    num_classes: int = 0
    w_per_layer: bool = False
    image_channels: int = 3
    final_tanh: bool = False
    norm_epsilon: float = 1e-8
    conv_path: ConvPath = "auto"

    @property
    def mapping_gain(self) -> float:
        """What the mapping network multiplies its last LeakyReLU with."""
        return 1.0

    @property
    def noise_sizes(self) -> tuple[int, ...]:
        """Side of every layer's noise map, pixels."""
        return tuple(START_RESOLUTION << layer // 2 for layer in range(self.num_styles))

    def setup(self):
        """Declare the layers (Linen)."""
        out_dim = self.w_dim * (self.num_styles if self.w_per_layer else 1)
        sizes = (self.z_dim, self.w_dim, self.mapping_layers, out_dim, self.num_classes)
        self.mapping = Mapping(*sizes, weight_gain=GAIN, activation_gain=1.0)
        self.w_avg = self.param("w_avg", nn.initializers.zeros, (self.w_dim,))
        for layer, size in enumerate(self.noise_sizes):
            features, resample = self.channels[layer // 2], "none"
            inputs = features
            if layer % 2 == 0:
                inputs, resample = self.channels[max(0, layer // 2 - 1)], "up" if layer else "constant"
            common = {"epsilon": self.norm_epsilon, "conv_path": self.conv_path}
            setattr(self, f"layer{layer}", AdaINConv(inputs, features, self.w_dim, size, resample, **common))
        self.output = EqualizedConv(self.channels[-1], self.image_channels, kernel_size=1, gain=1.0)

    def prepare(self) -> dict[str, Any]:
        """Weights of every part, scaled and prepared, to be computed once and passed to the other methods."""
        return {name: getattr(self, name).prepare() for name in ("mapping", *self.layer_names)}

    def latent_maps(self) -> tuple[Array, ...]:
        """What each style is multiplied with to scale and shift its layer, ``[w_dim, 2 C]`` for every style."""
        return tuple(getattr(self, f"layer{layer}").style.kernel for layer in range(self.num_styles))

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
            noise: ``"const"``, ``"none"``, or a map for every layer but ``output``.

        Returns:
            Features ``[H, W, C]``, or the image ``[R, R, image_channels]`` when the last layer has run.
        """
        styles = self.map(x, None, weights) if styles is None else styles
        x = None if start == 0 else x
        for index, name in list(enumerate(self.layer_names))[start:stop]:
            module, w = getattr(self, name), None if weights is None else weights[name]
            if name == "output":
                x = module(x, w)
                x = jnp.tanh(x) if self.final_tanh else x
            else:
                x = module(x, styles[index], noise if isinstance(noise, str) else noise[index], w)
        return x

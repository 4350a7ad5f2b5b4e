"""The layer of StyleGAN: convolution, noise, and instance norm scaled and shifted by a style, for one image."""

import math
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution
from gprior_jax.nn.convolution import ConvPath, Prepared
from gprior_jax.nn.layers import GAIN, EqualizedDense, Weights, leaky_relu
from gprior_jax.nn.resample import blur3
from gprior_jax.typing import Array

Resample = Literal["constant", "none", "up"]


class AdaINWeights(NamedTuple):
    """What a layer applies.

    Attributes:
        kernel: prepared for the formulation in use; the constant of the first layer.
        bias: ``[C]``.
        style: the map from w to scale and shift.
        noise_strength: ``[C]``.
        noise: ``[H, W]``, the constant noise.
    """

    kernel: Prepared
    bias: Array
    style: Weights
    noise_strength: Array
    noise: Array


def instance_norm(x: Array, epsilon: float) -> Array:
    """Zero mean and unit mean square of every channel of ``[H, W, C]``."""
    x = x - x.mean((0, 1))
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=(0, 1)) + epsilon)


class AdaINConv(nn.Module):
    """3x3 convolution, noise, bias, LeakyReLU 0.2, instance norm, ``x * (scale + 1) + shift``.

    Source: genforce ``stylegan_generator.py`` (``ConvBlock``, ``EpilogueBlock``), Karras et al. 2019, arXiv:1812.04948.

    Attributes:
        in_features: input channels.
        features: output channels.
        w_dim: length of w.
        size: side of the output, pixels.
        resample: ``"up"`` enlarges by two (nearest neighbour) before the convolution and blurs after it; ``"constant"``
            has a learned constant instead of a convolution.
        epsilon: of the instance norm: 1e-8 in the published networks, 1e-5 in the port that PULSE uses.
        conv_path: formulation of the convolution.
    """

    in_features: int
    features: int
    w_dim: int
    size: int
    resample: Resample = "none"
    epsilon: float = 1e-8
    conv_path: ConvPath = "auto"

    def setup(self):
        """Declare the layers (Linen)."""
        normal = nn.initializers.normal(1.0)
        shape = (3, 3, self.in_features, self.features)
        if self.resample == "constant":
            shape = (self.size, self.size, self.features)
        self.kernel = self.param("kernel", nn.initializers.ones if self.resample == "constant" else normal, shape)
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,))
        self.style = EqualizedDense(self.w_dim, (2 * self.features,), gain=1.0)
        self.noise_strength = self.param("noise_strength", nn.initializers.zeros, (self.features,))
        self.noise = self.param("noise", normal, (self.size, self.size))
        up = self.resample == "up"
        self.formulation: ConvPath = convolution.conv_path(
            self.conv_path, self.in_features, self.features, size=self.size, up=up
        )

    def prepare(self) -> AdaINWeights:
        """Scale the weights and prepare them for the formulation in use."""
        kernel = self.kernel
        if self.resample != "constant":
            kernel = kernel * (GAIN / math.sqrt(9 * self.in_features))
            if self.resample == "up":
                kernel = convolution.prepare_up_conv3x3(kernel, self.formulation)
            else:
                kernel = convolution.prepare_conv3x3(kernel, self.formulation)
        return AdaINWeights(kernel, self.bias, self.style.prepare(), self.noise_strength, self.noise)

    def __call__(self, x: Array | None, w: Array, noise: Array | str, weights: AdaINWeights | None = None) -> Array:
        """Apply to one image.

        Args:
            x: ``[H, W, in_features]``; None for ``"constant"``.
            w: ``[w_dim]``.
            noise: ``[size, size]``, ``"const"`` (the stored one) or ``"none"``.
            weights: what :meth:`prepare` returned; None prepares them here.
        """
        weights = self.prepare() if weights is None else weights
        if x is None or self.resample == "constant":
            constant: Array = weights.kernel
            x = constant
        elif self.resample == "up":
            x = blur3(convolution.up_conv3x3(x, weights.kernel, self.formulation))
        else:
            x = convolution.conv3x3(x, weights.kernel, self.formulation)
        if not isinstance(noise, str):
            x = x + noise[..., None] * weights.noise_strength
        elif noise == "const":
            x = x + weights.noise[..., None] * weights.noise_strength
        x = instance_norm(leaky_relu(x + weights.bias), self.epsilon)
        scale, shift = jnp.split(self.style(w, weights.style), 2)
        return x * (scale + 1.0) + shift

"""Convolutions modulated by a style, for one image ``[H, W, C]`` and one style vector ``[w_dim]``.

A style scales the input channels of a kernel, and demodulation divides every output channel by the norm of its scaled
kernel (Karras et al. 2020, arXiv:1912.04958, section 2.2). Written as scale, shared convolution, scale, the kernel is
the same for all images, so that a batch is one plain convolution.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution, initial
from gprior_jax.nn.batched import pixel_product, prepare_taps
from gprior_jax.nn.convolution import ConvPath, Prepared
from gprior_jax.nn.layers import EqualizedDense, Weights, activate
from gprior_jax.nn.resample import transposed_then_fir
from gprior_jax.typing import Array

DEMODULATION_EPSILON = 1e-8
"""Added to the squared norm of a scaled kernel (stylegan2-ada-pytorch ``networks.py``, ``modulated_conv2d``)."""


_MIN_FEATURES = 128
"""Width from which Winograd's formulation is taken at any size: here it saves time from narrower layers on than in
PGGAN, where the threshold also keeps the compilation short (``benchmarks/stylegan2.py``)."""


class StyledWeights(NamedTuple):
    """What a styled convolution applies.

    Attributes:
        kernel: prepared for the formulation in use.
        squares: ``[I, O]``, squared kernel summed over its taps.
        bias: ``[O]``.
        affine: the map from w to styles.
        noise_strength: scalar.
        noise: ``[H, W]``, the constant noise.
    """

    kernel: Prepared
    squares: Array
    bias: Array
    affine: Weights
    noise_strength: Array
    noise: Array


class StyledConv(nn.Module):
    """Modulated and demodulated 3x3 convolution, noise, bias, LeakyReLU 0.2 times sqrt(2).

    Attributes:
        in_features: input channels.
        features: output channels.
        w_dim: length of w.
        size: side of the output, pixels.
        up: enlarge by two: a transposed convolution with stride 2, then [1, 3, 3, 1] along each axis. Its kernel is
            stored as torch's ``conv_transpose2d`` takes it (entry (0, 0) meets the first output).
        conv_path: formulation of the convolution without enlarging.
        gain: multiplies the result (sqrt(1/2) at the end of a residual block).
        clamp: bound of the result before ``gain``; None has no bound.
    """

    in_features: int
    features: int
    w_dim: int
    size: int
    up: bool = False
    conv_path: ConvPath = "auto"
    gain: float = 1.0
    clamp: float | None = None

    def setup(self):
        """Declare the layers (Linen)."""
        self.kernel = self.param("kernel", initial.normal(1.0), (3, 3, self.in_features, self.features))
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,))
        self.affine = EqualizedDense(self.w_dim, (self.in_features,), gain=1.0, bias_init=1.0)
        self.noise_strength = self.param("noise_strength", nn.initializers.zeros, ())
        self.noise = self.param("noise", initial.normal(1.0), (self.size, self.size))
        self.formulation: ConvPath = convolution.conv_path(
            self.conv_path,
            self.in_features,
            self.features,
            size=self.size,
            min_features=_MIN_FEATURES,
            large_tiles=convolution.has_digits(self.kernel),
        )

    def prepare(self) -> StyledWeights:
        """Everything that no image changes."""
        squares = jnp.sum(jnp.square(self.kernel), axis=(0, 1))
        kernel = prepare_taps(self.kernel) if self.up else convolution.prepare_conv3x3(self.kernel, self.formulation)
        return StyledWeights(kernel, squares, self.bias, self.affine.prepare(), self.noise_strength, self.noise)

    def __call__(self, x: Array, w: Array, noise: Array | str, weights: StyledWeights | None = None) -> Array:
        """Apply to one image.

        Args:
            x: ``[H, W, in_features]``.
            w: ``[w_dim]``.
            noise: ``[size, size]``, ``"const"`` (the stored one) or ``"none"``.
            weights: what :meth:`prepare` returned; None prepares them here.
        """
        weights = self.prepare() if weights is None else weights
        style = self.affine(w, weights.affine)
        demodulation = jax.lax.rsqrt(jnp.dot(jnp.square(style), weights.squares) + DEMODULATION_EPSILON)
        x = x * style
        x = up_conv_fir(x, weights.kernel) if self.up else convolution.conv3x3(x, weights.kernel, self.formulation)
        x = x * demodulation
        if not isinstance(noise, str):
            x = x + weights.noise_strength * noise[..., None]
        elif noise == "const":
            x = x + (weights.noise_strength * weights.noise)[..., None]
        return activate(x + weights.bias, self.gain, self.clamp)


def up_conv_fir(x: Array, taps: Array) -> Array:
    """Stride-2 transposed 3x3 convolution, then the filter [1, 3, 3, 1]: ``[H, W, I]`` to ``[2H, 2W, O]``.

    One matrix product gives all taps; what is left are sums of shifted arrays. No pixel meets a zero in between.

    Args:
        x: the image.
        taps: what :func:`prepare_taps` returned.
    """
    return transposed_then_fir(pixel_product(x, taps))


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to the image, without demodulation.

    Attributes:
        in_features: input channels.
        features: channels of the image.
        w_dim: length of w.
        clamp: bound of the result; None has no bound.
    """

    in_features: int
    features: int
    w_dim: int
    clamp: float | None = None

    def setup(self):
        """Declare the layers (Linen)."""
        self.kernel = self.param("kernel", initial.normal(1.0), (self.in_features, self.features))
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,))
        self.affine = EqualizedDense(self.w_dim, (self.in_features,), gain=1.0, bias_init=1.0)

    def prepare(self) -> tuple[Weights, Weights]:
        """The kernel, scaled, with its bias, and the map from w to styles."""
        return Weights(self.kernel / math.sqrt(self.in_features), self.bias), self.affine.prepare()

    def __call__(self, x: Array, w: Array, weights: tuple[Weights, Weights] | None = None) -> Array:
        """``[H, W, in_features]`` to ``[H, W, features]``."""
        (kernel, bias), affine = weights or self.prepare()
        # The style scales the small kernel, not the large image.
        out = jnp.dot(x, kernel * self.affine(w, affine)[:, None]) + bias
        return out if self.clamp is None else jnp.clip(out, -self.clamp, self.clamp)

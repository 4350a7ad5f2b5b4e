"""Elementwise layers and convolutions, plain and equalised, for one image ``[H, W, C]``, channels last.

Equalised learning rate (Karras et al. 2018, arXiv:1710.10196, section 4.1): weights are stored with unit variance,
as in the published checkpoints, and multiplied by ``gain / sqrt(fan_in)`` when they are used.
"""

import math
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution, initial
from gprior_jax.nn.batched import pixel_product
from gprior_jax.nn.convolution import ConvPath, Prepared
from gprior_jax.typing import Array

LEAKY_SLOPE = 0.2
"""Slope of LeakyReLU in every published PGGAN (progressive_growing_of_gans/networks.py)."""

GAIN = math.sqrt(2.0)
"""He gain of the layers followed by LeakyReLU (ibid., ``get_weight``)."""

PIXEL_NORM_EPSILON = 1e-8
"""Added to the mean square (ibid., ``pixel_norm``)."""


class Weights(NamedTuple):
    """What a layer applies: its kernel, scaled and prepared for the formulation in use, and its bias."""

    kernel: Prepared
    bias: Array


def pixel_norm(x: Array) -> Array:
    """Divide by the root mean square over the last axis (channels, or the latent vector)."""
    wide = x.astype(jnp.float32) if x.dtype == jnp.float16 else x  # Where epsilon is 0, and zeros were no numbers.
    scale = jax.lax.rsqrt(jnp.mean(jnp.square(wide), axis=-1, keepdims=True) + PIXEL_NORM_EPSILON)
    return (wide * scale).astype(x.dtype)


def leaky_relu(x: Array) -> Array:
    """LeakyReLU with the slope 0.2 of the PGGAN family."""
    return jnp.where(x >= 0, x, LEAKY_SLOPE * x)


def activate(x: Array, gain: float = 1.0, clamp: float | None = None) -> Array:
    """LeakyReLU times sqrt(2), bounded, times ``gain``: the activation of StyleGAN2 (``bias_act.py``, ``lrelu``)."""
    x = GAIN * leaky_relu(x)
    x = x if clamp is None else jnp.clip(x, -clamp, clamp)
    return x if gain == 1.0 else gain * x


def nearest_up2(x: Array) -> Array:
    """Enlarge ``[H, W, C]`` by two, nearest neighbour."""
    return x.repeat(2, axis=0).repeat(2, axis=1)


def average_down2(x: Array) -> Array:
    """Average the 2x2 blocks of ``[H, W, C]``, even sides."""
    height, width, features = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, features).mean((1, 3))


class EqualizedDense(nn.Module):
    """Dense layer from a vector ``[in_features]`` to ``out_shape``, equalised learning rate.

    Attributes:
        in_features: length of the input.
        out_shape: shape of the output; the bias has its last axis. ``(4, 4, C)`` is the published PGGAN's first layer,
            a transposed convolution of a 1x1 map computed as the matrix product that it is.
        gain: numerator of the run-time scale.
        lr_multiplier: multiplies kernel and bias when they are used; the stored kernel is that much larger.
        bias_init: initial value of the bias when it is used.
        use_bias: whether there is one.
        unit_bias: whether the bias has an entry for every unit of the output.
    """

    in_features: int
    out_shape: tuple[int, ...]
    gain: float = GAIN
    lr_multiplier: float = 1.0
    bias_init: float = 0.0
    use_bias: bool = True
    unit_bias: bool = False

    def setup(self):
        """Declare the layers (Linen)."""
        start = initial.normal(1.0 / self.lr_multiplier)
        self.kernel = self.param("kernel", start, (self.in_features, *self.out_shape))
        if self.use_bias:
            bias = nn.initializers.constant(self.bias_init / self.lr_multiplier)
            self.bias = self.param("bias", bias, self.out_shape if self.unit_bias else self.out_shape[-1:])

    def prepare(self) -> Weights:
        """Scale the weights for :meth:`__call__`."""
        scale = self.gain * self.lr_multiplier / math.sqrt(self.in_features)
        bias = self.bias * self.lr_multiplier if self.use_bias else jnp.zeros((), self.kernel.dtype)
        return Weights(self.kernel * scale, bias)

    def __call__(self, x: Array, weights: Weights | None = None) -> Array:
        """Apply to ``[in_features]``, or to every pixel of an image, with prepared weights where given."""
        kernel, bias = weights or self.prepare()
        matrix = kernel.reshape(self.in_features, -1)
        return pixel_product(x[None] if x.ndim == 1 else x, matrix).reshape(*x.shape[:-1], *self.out_shape) + bias


class Conv(nn.Module):
    """Convolution 1x1 or 3x3 with a bias; a 3x3 one can enlarge before it or average after it.

    Attributes:
        in_features: input channels.
        features: output channels.
        kernel_size: 1 or 3.
        resample: ``"up"`` enlarges by two (nearest neighbour) before convolving, ``"down"`` averages 2x2 blocks of the
            result.
        conv_path: formulation (:mod:`gprior_jax.nn.convolution`); ``"auto"`` takes the fastest measured one.
        size: side of what is convolved, enlarged or not, pixels, for that choice; None where it is not known.
        once: of a 1x1 one, see :func:`gprior_jax.nn.batched.pixel_product`.
    """

    in_features: int
    features: int
    kernel_size: int = 3
    resample: Literal["none", "up", "down"] = "none"
    conv_path: ConvPath = "auto"
    size: int | None = None
    once: bool = False

    @property
    def scale(self) -> float:
        """What the stored kernel is multiplied with when it is used."""
        return 1.0

    @property
    def kernel_init(self) -> nn.initializers.Initializer:
        """How the stored kernel is drawn."""
        return nn.initializers.lecun_normal()

    def setup(self):
        """Declare the layers (Linen)."""
        shape = (self.kernel_size, self.kernel_size, self.in_features, self.features)
        self.kernel = self.param("kernel", self.kernel_init, shape)
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,))
        up = self.resample == "up"
        self.formulation: ConvPath = convolution.conv_path(
            self.conv_path,
            self.in_features,
            self.features,
            size=self.size,
            up=up,
            min_features=convolution.MIN_FEATURES_4,
            large_tiles=convolution.has_digits(self.kernel),
        )

    def prepare(self) -> Weights:
        """Scale the kernel and prepare it for the formulation in use."""
        kernel = self.kernel if self.scale == 1.0 else self.kernel * self.scale
        if self.resample == "down":
            kernel = convolution.prepare_down_conv3x3(kernel)
        elif self.resample == "up":
            kernel = convolution.prepare_up_conv3x3(kernel, self.formulation)
        elif self.kernel_size == 3:
            kernel = convolution.prepare_conv3x3(kernel, self.formulation)
        return Weights(kernel, self.bias)

    def __call__(self, x: Array, weights: Weights | None = None) -> Array:
        """Apply to ``[H, W, in_features]``, with prepared weights where given."""
        kernel, bias = weights or self.prepare()
        if self.kernel_size == 1:
            return pixel_product(x, kernel[0, 0], once=self.once) + bias
        if self.resample == "down":
            return convolution.down_conv3x3(x, kernel) + bias
        if self.resample == "up":
            return convolution.up_conv3x3(x, kernel, self.formulation) + bias
        return convolution.conv3x3(x, kernel, self.formulation) + bias


class EqualizedConv(Conv):
    """:class:`Conv` with an equalised learning rate.

    Attributes:
        gain: numerator of the run-time scale.
    """

    gain: float = GAIN

    @property
    def scale(self) -> float:
        """``gain / sqrt(fan_in)``."""
        return self.gain / math.sqrt(self.kernel_size**2 * self.in_features)

    @property
    def kernel_init(self) -> nn.initializers.Initializer:
        """Of unit variance."""
        return initial.normal(1.0)

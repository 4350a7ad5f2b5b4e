"""Described stacks of convolutions: the building block of DCGAN-like networks, for one image ``[H, W, C]``.

A stack is data (:class:`StackLayer` rows, JSON in model folders and architecture files), so that any of the many
DCGAN variants can be converted without code of its own.
"""

import dataclasses
import math
from typing import Literal, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.nn import initial
from gprior_jax.nn.batch_norm import Axes, keep, moments
from gprior_jax.nn.convolution import ConvPath, Prepared, conv_path, prepare_up_conv3x3, up_conv3x3
from gprior_jax.nn.transposed import conv_transpose
from gprior_jax.typing import Array

Op = Literal["dense", "conv", "conv_transpose"]
Interpolation = Literal["nearest", "bilinear"]
Then = Literal["batch_norm", "batch_norm_units", "relu", "leaky_relu", "tanh", "sigmoid"]

NORMS = ("batch_norm", "batch_norm_units")
"""Batch norm with running statistics: of channels, or of the single units of a dense layer before they are reshaped
to a map (torch's ``BatchNorm1d`` between ``Linear`` and ``view``)."""


@dataclasses.dataclass(frozen=True)
class StackLayer:
    """One layer: a linear operation and what follows it, in order.

    Attributes:
        op: ``"dense"`` flattens its input; ``"conv"`` and ``"conv_transpose"`` are torch's ``Conv2d`` and
            ``ConvTranspose2d`` with zero padding.
        features: output channels.
        kernel: side of the kernel (convolutions).
        stride: stride (convolutions).
        padding: torch's padding (convolutions).
        output_padding: torch's output padding (transposed convolutions).
        size: side of the map that a dense layer is reshaped to; 0 leaves a vector.
        upsample: enlarge the map so many times before the operation (convolutions): torch's ``Upsample`` before it.
        interpolation: how it is enlarged, corners not aligned.
        pieces: maxout (Goodfellow et al. 2013, arXiv:1302.4389): the largest of so many linear maps (dense vectors).
        bias: whether the operation has a bias.
        then: what follows, in order: norm before or after the activation, both, or neither.
        slope: of LeakyReLU.
        epsilon: of batch norm, added to the variance (torch's default is 1e-5).
    """

    op: Op
    features: int
    kernel: int = 4
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    size: int = 0
    upsample: int = 1
    interpolation: Interpolation = "nearest"
    pieces: int = 1
    bias: bool = False
    then: tuple[Then, ...] = ()
    slope: float = 0.2
    epsilon: float = 1e-5

    def __post_init__(self):
        if self.op not in get_args(Op):
            raise ArgumentError(f"op {self.op!r}: use one of {', '.join(get_args(Op))}.")
        for step in self.then:
            if step not in get_args(Then):
                raise ArgumentError(f"then {step!r}: use {', '.join(get_args(Then))}.")
        if "batch_norm_units" in self.then and self.op != "dense":
            raise ArgumentError(f"{self}: batch_norm_units belongs to a dense layer.")
        if self.interpolation not in get_args(Interpolation):
            raise ArgumentError(f"interpolation {self.interpolation!r}: use {', '.join(get_args(Interpolation))}.")
        least = min(self.features, self.kernel, self.stride, self.upsample, self.pieces)
        if least < 1 or min(self.padding, self.output_padding, self.size) < 0:
            raise ArgumentError(f"{self} has a size below its minimum.")
        if self.upsample > 1 and self.op == "dense":
            raise ArgumentError(f"{self}: a dense layer has no map to enlarge, set upsample of the convolution after.")
        if self.pieces > 1 and (self.op != "dense" or self.size):
            raise ArgumentError(f"{self}: pieces belong to a dense layer that gives a vector.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the output for an input ``[H, W, C]`` or ``[C]``.

        Raises:
            ValueError: the kernel does not fit the input.
        """
        if self.op == "dense":
            return (self.size, self.size, self.features) if self.size else (self.features,)
        sides = [self.upsample * side for side in (shape[:2] if len(shape) == 3 else (1, 1))]
        if self.op == "conv":
            out = [(side + 2 * self.padding - self.kernel) // self.stride + 1 for side in sides]
        else:
            grown = self.kernel - 2 * self.padding + self.output_padding
            out = [(side - 1) * self.stride + grown for side in sides]
        if min(out) < 1:
            raise ArgumentError(f"{self} does not fit an input of shape {shape}.")
        return (*out, self.features)


class StackWeights(NamedTuple):
    """Prepared weights of one layer.

    Attributes:
        kernel: HWIO (dense: ``[inputs, outputs]``), with a batch norm that follows at once folded in, and prepared
            where the map is enlarged.
        bias: ``[features]``, likewise.
        norms: scale and shift of the other batch norms, in order.
    """

    kernel: Prepared
    bias: Array
    norms: tuple[tuple[Array, Array], ...]


class StackBlock(nn.Module):
    """One layer of a stack.

    Attributes:
        layer: its description.
        in_shape: shape of its input, ``[H, W, C]`` or ``[C]``.
    """

    layer: StackLayer
    in_shape: tuple[int, ...]

    def setup(self):
        """Declare the layers (Linen)."""
        layer = self.layer
        if layer.op == "dense":
            outputs = layer.pieces * layer.features * max(1, layer.size) ** 2
            shape = (math.prod(self.in_shape), outputs)
        else:
            shape = (layer.kernel, layer.kernel, self.in_shape[-1], layer.features)
        # pytorch/examples dcgan: convolutions N(0, 0.02), batch norm scale N(1, 0.02).
        self.kernel = self.param("kernel", initial.normal(0.02), shape)
        if layer.bias:
            # A dense layer's bias has an entry for every pixel; a convolution's one for every channel.
            self.bias = self.param("bias", nn.initializers.zeros, (shape[-1],))
        self.kinds = tuple(step for step in layer.then if step in NORMS)
        self.norms = [self._norm(f"norm{i}", kind) for i, kind in enumerate(self.kinds)]
        self.up_path: ConvPath | None = _up_path(layer, self.in_shape)

    def _norm(self, name: str, kind: str) -> dict[str, Array]:
        shape = (self.layer.features,) if kind == "batch_norm" else self.layer.output_shape(self.in_shape)
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        start = {"scale": ones, "bias": zeros, "mean": zeros, "var": ones}
        return {key: self.param(f"{name}_{key}", value, shape) for key, value in start.items()}

    def prepare(self) -> StackWeights:
        """Batch norms as affine maps; one that follows the operation at once is folded into its weights."""
        layer = self.layer
        affine = []
        for norm in self.norms:
            scale = norm["scale"] * jax.lax.rsqrt(norm["var"] + layer.epsilon)
            affine.append((scale, norm["bias"] - norm["mean"] * scale))
        kernel, bias = self.kernel, self._bias()
        # A maximum of several maps comes before the norm.
        if layer.then and layer.then[0] in NORMS and layer.pieces == 1:
            width = kernel.shape[-1]
            scale, shift = (jnp.tile(v.reshape(-1), width // v.size) for v in affine.pop(0))
            kernel, bias = kernel * scale, bias * scale + shift
        return StackWeights(self._formulated(kernel), bias, tuple(affine))

    def _bias(self) -> Array:
        return self.bias if self.layer.bias else jnp.zeros((self.kernel.shape[-1],), self.kernel.dtype)

    def _formulated(self, kernel: Array) -> Prepared:
        return kernel if self.up_path is None else prepare_up_conv3x3(kernel, self.up_path)

    def __call__(self, x: Array, weights: StackWeights | None = None) -> Array:
        """Apply to one input, with prepared weights where given."""
        kernel, bias, norms = weights or self.prepare()
        x = self._linear(x, kernel, bias)
        steps, remaining = self.layer.then, list(norms)
        if len(remaining) < len(self.kinds):
            steps = steps[1:]  # It is in the kernel.
        for step in steps:
            if step in NORMS:
                scale, shift = remaining.pop(0)
                x = x * scale + shift
            else:
                x = self._activate(step, x)
        return x

    def observe(self, x: Array, axis_name: Axes | None = None) -> Array:
        """Apply to one input, and put the moments of what every batch norm is given into :data:`STATISTICS`.

        Args:
            x: the input.
            axis_name: of the batch whose statistics norms take, as in training; the variance is kept unbiased. None
                takes the stored ones, and keeps the moments of this image alone.
        """
        x = self._linear(x, self._formulated(self.kernel), self._bias())
        index = 0
        for step in self.layer.then:
            if step not in NORMS:
                x = self._activate(step, x)
                continue
            norm = self.norms[index]
            found = moments(x, tuple(range(x.ndim - 1)) if step == "batch_norm" else (), axis_name)
            keep(self, f"norm{index}_mean", found.mean)
            keep(self, f"norm{index}_var", found.variance if axis_name is None else found.unbiased)
            mean, var = (norm["mean"], norm["var"]) if axis_name is None else (found.mean, found.variance)
            x = (x - mean) * (norm["scale"] * jax.lax.rsqrt(var + self.layer.epsilon)) + norm["bias"]
            index += 1
        return x

    def _activate(self, step: str, x: Array) -> Array:
        if step == "leaky_relu":
            return jnp.where(x >= 0, x, self.layer.slope * x)
        return {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[step](x)

    def _linear(self, x: Array, kernel: Array, bias: Array) -> Array:
        layer = self.layer
        if layer.op == "dense":
            flat = jnp.dot(x.reshape(-1), kernel) + bias
            flat = flat.reshape(layer.pieces, -1).max(0) if layer.pieces > 1 else flat
            return flat.reshape(layer.output_shape(self.in_shape))
        if x.ndim == 1:
            x = x[None, None]
        if self.up_path is not None:
            return up_conv3x3(x, kernel, self.up_path) + bias
        if layer.upsample > 1:
            height, width, features = x.shape
            shape = (layer.upsample * height, layer.upsample * width, features)
            x = jax.image.resize(x, shape, layer.interpolation)
        if layer.op == "conv_transpose":
            return conv_transpose(x, kernel, layer.stride, layer.padding, layer.output_padding) + bias
        pads = [(layer.padding, layer.padding)] * 2
        strides = (layer.stride, layer.stride)
        out = jax.lax.conv_general_dilated(x[None], kernel, strides, pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return out[0] + bias


def _up_path(layer: StackLayer, in_shape: tuple[int, ...]) -> ConvPath | None:
    """The formulation of a 3x3 convolution of a map enlarged by two; None of any other layer."""
    usual = (layer.op, layer.upsample, layer.kernel, layer.stride, layer.padding) == ("conv", 2, 3, 1, 1)
    if not usual or layer.interpolation != "nearest" or len(in_shape) != 3:
        return None
    return conv_path("auto", in_shape[-1], layer.features, size=2 * max(in_shape[:2]), up=True)


def stack_shapes(layers: tuple[StackLayer, ...], in_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes before, between and after the layers.

    Raises:
        ValueError: a layer does not fit.
    """
    shapes = [in_shape]
    for layer in layers:
        shapes.append(layer.output_shape(shapes[-1]))
    return shapes

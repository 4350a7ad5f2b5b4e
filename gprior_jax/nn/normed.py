"""A convolution and the normalisation of its result, as pix2pix and CycleGAN have them, for one image ``[H, W, C]``.

Source: junyanz/pytorch-CycleGAN-and-pix2pix, ``models/networks.py``. A convolution has a bias unless batch norm follows
it; instance norm has neither weights nor running statistics (``affine=False, track_running_stats=False``), which some
programs after it give it. Both add 1e-5 to the variance, which is the biased one; that which is stored is not.
"""

import dataclasses
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn import convolution, initial
from gprior_jax.nn.batch_norm import EPSILON, STATISTICS
from gprior_jax.nn.batched import convolve
from gprior_jax.nn.convolution import ConvPath, Prepared
from gprior_jax.nn.transposed import conv_transpose
from gprior_jax.typing import Array

Norm = Literal["batch", "instance"]

_MIN_FEATURES = 64
"""Width from which 3x3 kernels take Winograd's form on a CPU: at 64x64x64 the forward pass takes 0.5 of the time, and
both gradients 0.5 to 0.6 (benchmarks/conv_paths.py)."""

DEVIATION = 0.02
"""Of drawn kernels, and of the scales of batch norm around 1 (ibid., ``init_weights``, ``normal``)."""


@dataclasses.dataclass(frozen=True)
class Window:
    """Where a convolution looks.

    Attributes:
        size: of the kernel, both sides.
        stride: in both directions; of a transposed one what it enlarges by, 2.
        padding: torch's.
        border: what is beyond the edges.
        transposed: a transposed convolution, whose result is ``stride`` times as large as its input.
        output_padding: torch's, of a transposed one.
    """

    size: int
    stride: int = 1
    padding: int = 0
    border: Literal["zero", "reflect"] = "zero"
    transposed: bool = False
    output_padding: int = 0

    def length(self, side: int) -> int:
        """Side of the result of an input of a side.

        >>> Window(4, 2, 1).length(256), Window(3, 2, 1, transposed=True, output_padding=1).length(64)
        (128, 128)
        """
        if self.transposed:
            return (side - 1) * self.stride - 2 * self.padding + self.size + self.output_padding
        return (side + 2 * self.padding - self.size) // self.stride + 1


class NormWeights(NamedTuple):
    """What normalises a map; what it does not have is None.

    Attributes:
        scale: ``[C]``, times the normalised map.
        bias: ``[C]``, added to that.
        mean: ``[C]``, running, of batch norm.
        variance: ``[C]``, likewise.
    """

    scale: Array | None = None
    bias: Array | None = None
    mean: Array | None = None
    variance: Array | None = None


class StageWeights(NamedTuple):
    """Weights of a :class:`NormedConv` as they are applied.

    Attributes:
        kernel: HWIO, prepared for its formulation.
        bias: ``[C]``; None where it has none.
        norm: None where nothing normalises.
    """

    kernel: Prepared
    bias: Array | None
    norm: NormWeights | None

    @property
    def features(self) -> int:
        """Channels of the result."""
        return jax.tree.leaves(self.kernel)[0].shape[-1]


class NormedConv(nn.Module):
    """A convolution and what normalises its result.

    Attributes:
        in_features: input channels.
        features: output channels.
        window: where it looks.
        norm: of the result; None leaves it as it is.
        affine: instance norm has a scale and a bias; batch norm always has.
        use_bias: the convolution has a bias.
        copies: so many of one shape, whose weights have an axis for them first; 0 is one without that axis.
        conv_path: formulation of 3x3 kernels (:mod:`gprior_jax.nn.convolution`).
    """

    in_features: int
    features: int
    window: Window
    norm: Norm | None = None
    affine: bool = False
    use_bias: bool = True
    copies: int = 0
    conv_path: ConvPath = "auto"

    @property
    def formulation(self) -> ConvPath:
        """The formulation in use."""
        if self.window.size != 3 or self.window.stride != 1:
            return "direct"
        return convolution.conv_path(
            self.conv_path, self.in_features, self.features, min_features=_MIN_FEATURES, large_tiles=True
        )

    def setup(self):
        """Declare the parameters (Linen); mean and variance are among them, and no gradient reaches them."""
        before = (self.copies,) if self.copies else ()
        zeros, ones, normal = nn.initializers.zeros, nn.initializers.ones, initial.normal(DEVIATION)
        shape = (self.window.size, self.window.size, self.in_features, self.features)
        self.kernel = self.param("kernel", normal, (*before, *shape))
        of_channels = (*before, self.features)
        self.bias = self.param("bias", zeros, of_channels) if self.use_bias else None
        start = {}
        if self.norm == "batch" or (self.norm and self.affine):
            start = {"scale": lambda *args: 1.0 + normal(*args), "bias": zeros}
        if self.norm == "batch":
            start |= {"mean": zeros, "variance": ones}
        self.own = {name: self.param(f"norm_{name}", init, of_channels) for name, init in start.items()}

    def prepare(self) -> StageWeights:
        """The weights as they are applied."""
        kernel, path = self.kernel, self.formulation
        if path != "direct":

            def one(kernel: Array) -> Array:
                return convolution.prepare_conv3x3(kernel, path)

            kernel = jax.vmap(one)(kernel) if self.copies else one(kernel)
        return StageWeights(kernel, self.bias, NormWeights(**self.own) if self.norm else None)

    def keep(self, mean: Array, variance: Array) -> None:
        """Put the statistics of a batch into the collection ``"statistics"``, under the names of the stored ones."""
        for name, value in (("norm_mean", mean), ("norm_variance", variance)):
            self.sow(STATISTICS, name, value, init_fn=lambda value=value: value, reduce_fn=lambda _, new: new)


def convolved(x: Array, weights: StageWeights, window: Window, path: ConvPath) -> Array:
    """The convolution of a whole map ``[H, W, I]``."""
    if not window.transposed and window.padding:
        edges = ((window.padding, window.padding),) * 2
        x = jnp.pad(x, (*edges, (0, 0)), mode="reflect" if window.border == "reflect" else "constant")
    return bordered(x, weights, window, path)


def bordered(x: Array, weights: StageWeights, window: Window, path: ConvPath) -> Array:
    """The convolution of a map ``[H, W, I]`` that has its border already; a transposed one gives itself its zeros."""
    if window.transposed:
        x = conv_transpose(x, weights.kernel, window.stride, window.padding, window.output_padding)
    elif path != "direct":
        x = convolution.padded_conv3x3(x, weights.kernel, path)
    else:
        x = convolve(x, weights.kernel, ((0, 0), (0, 0)), window.stride)
    return x if weights.bias is None else x + weights.bias


def moments(x: Array, axis_name: str | None = None) -> tuple[Array, Array, Array]:
    """Mean and biased variance of every channel of a map ``[H, W, C]``, and of how many numbers they are.

    Args:
        x: the map.
        axis_name: of the ``jax.vmap`` over a batch that they are to be of; None takes the map alone.
    """
    count = jnp.asarray(x.shape[0] * x.shape[1], x.dtype)
    mean = jnp.mean(x, (0, 1))
    if axis_name is None:
        return mean, jnp.mean(jnp.square(x - mean), (0, 1)), count
    mean = jax.lax.pmean(mean, axis_name)
    variance = jax.lax.pmean(jnp.mean(jnp.square(x - mean), (0, 1)), axis_name)
    return mean, variance, count * jax.lax.psum(1, axis_name)


def normalized(x: Array, mean: Array, scale: Array, bias: Array) -> Array:
    """``(x - mean) * scale + bias``, of what :func:`coefficients` gives."""
    return (x - mean) * scale + bias


def coefficients(norm: NormWeights, mean: Array, variance: Array) -> tuple[Array, Array, Array]:
    """What :func:`normalized` takes, ``[C]`` each, from the statistics that a map is normalised by."""
    scale = jax.lax.rsqrt(variance + EPSILON)
    bias = jnp.zeros_like(mean) if norm.bias is None else norm.bias
    return mean, scale if norm.scale is None else scale * norm.scale, bias

"""Batch normalisation whose gain and bias follow from a style, with stored statistics, for one image.

The statistics may be stored for several truncations of the latent codes, as pytorch-pretrained-biggan 0.1.1 has them
(``model.py``, ``BigGANBatchNorm``): for 0, 1 / (S - 1), ... 1.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn.batch_norm import keep, moments
from gprior_jax.typing import Array


class NormWeights(NamedTuple):
    """What a norm applies.

    Attributes:
        mean: ``[C]``, subtracted.
        scale: ``[C]``, the inverse deviation.
        gain: ``[D, C]``, or ``[C]`` where there is no style.
        bias: likewise.
    """

    mean: Array
    scale: Array
    gain: Array
    bias: Array


def blend_of(truncation: float, num_sets: int) -> tuple[int, float]:
    """The first of two neighbouring sets of statistics that a truncation lies between, and its weight; 1 is it alone.

    As the published program has it, to the bit: between two sets the weights are exchanged, so that the *nearer* set
    weighs *less*; and the truncation is divided by the step in float64, where 0.14, 0.28 and 0.56 come out a trifle
    above their set, which gives all weight to the next one, and 0.58 and 0.94 below theirs, which gives it to the one
    before.

    Args:
        truncation: from 0 to 1.
        num_sets: S, at least 2.

    >>> blend_of(0.5, 51), blend_of(0.51, 51)[0], round(blend_of(0.515, 51)[1], 6)
    ((25, 1.0), 25, 0.75)
    """
    weight, first = math.modf(truncation / (1.0 / (num_sets - 1)))
    return int(first), weight or 1.0


class ConditionalNorm(nn.Module):
    """Batch norm with stored statistics; ``(1 + style @ gain)`` times the normalised image, plus ``style @ bias``.

    Attributes:
        features: C, the last axis.
        style_dim: D, length of the style; 0 has a gain (not added to 1) and a bias of its own for every channel.
        epsilon: added to the variance.
        num_sets: S, of statistics; 1 is for any truncation.
        truncation: that statistics are taken for, where there are several sets.
    """

    features: int
    style_dim: int
    epsilon: float = 1e-5
    num_sets: int = 1
    truncation: float = 1.0

    def setup(self):
        """Declare the parameters (Linen)."""
        shape, ones, zeros = (self.features,), nn.initializers.ones, nn.initializers.zeros
        self.stored_mean = self.param("stored_mean", zeros, (self.num_sets, *shape))
        self.stored_var = self.param("stored_var", ones, (self.num_sets, *shape))
        start = nn.initializers.lecun_normal() if self.style_dim else ones
        shape = (self.style_dim, *shape) if self.style_dim else shape
        self.gain = self.param("gain_kernel" if self.style_dim else "gain_scale", start, shape)
        self.bias = self.param("bias_kernel" if self.style_dim else "bias", start if self.style_dim else zeros, shape)

    def prepare(self) -> NormWeights:
        """Choose the statistics, for :meth:`__call__`."""
        scale = jax.lax.rsqrt(self._chosen(self.stored_var) + self.epsilon)
        return NormWeights(self._chosen(self.stored_mean), scale, self.gain, self.bias)

    def _chosen(self, sets: Array) -> Array:
        if self.num_sets == 1:
            return sets[0]
        first, weight = blend_of(self.truncation, self.num_sets)
        if weight == 1.0:
            return sets[first]
        return sets[first] * weight + sets[min(first + 1, self.num_sets - 1)] * (1.0 - weight)

    def __call__(
        self, x: Array, style: Array | None = None, weights: NormWeights | None = None, axis_name: str | None = None
    ) -> Array:
        """Normalise ``[H, W, C]``.

        Args:
            x: the image's features.
            style: ``[D]``.
            weights: what :meth:`prepare` returned; None prepares them here.
            axis_name: of the ``jax.vmap`` over a batch whose own statistics are to be taken; they are put into the
                collection ``"statistics"``. None takes the stored ones.
        """
        mean, scale, gain, bias = self.prepare() if weights is None else weights
        if axis_name is not None:
            mean, variance, _ = moments(x, tuple(range(x.ndim - 1)), axis_name)
            scale = jax.lax.rsqrt(variance + self.epsilon)
            keep(self, "stored_mean", mean)
            keep(self, "stored_var", variance)
        if style is not None:
            gain, bias = 1.0 + jnp.dot(style, gain), jnp.dot(style, bias)
        return (x - mean) * (scale * gain) + bias

"""The mapping network of the StyleGAN family: z to w, for one code."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from gprior_jax.nn.layers import GAIN, EqualizedDense, Weights, leaky_relu, pixel_norm
from gprior_jax.typing import Array

LR_MULTIPLIER = 0.01
"""Of every published mapping network (stylegan ``networks_stylegan.py``, ``mapping_lrmul``)."""


class Mapping(nn.Module):
    """Dense layers with LeakyReLU 0.2 after a normalisation of z to unit mean square.

    Attributes:
        z_dim: length of the latent code; 0 maps classes alone (a conditional discriminator).
        w_dim: length of a hidden layer, of the embedding of a class, and of w.
        num_layers: dense layers.
        out_dim: outputs of the last layer; a multiple of ``w_dim`` where it gives a w for every layer of the synthesis
            network (in-domain inversion), else ``w_dim``.
        num_classes: classes of a conditional network; 0 is an unconditional one.
        weight_gain: numerator of the weights' run-time scale (sqrt(2) in StyleGAN).
        activation_gain: multiplies LeakyReLU (sqrt(2) in StyleGAN2).
    """

    z_dim: int
    w_dim: int
    num_layers: int
    out_dim: int
    num_classes: int = 0
    weight_gain: float = 1.0
    activation_gain: float = GAIN

    def setup(self):
        """Declare the layers (Linen)."""
        if self.num_classes:
            self.embed = EqualizedDense(self.num_classes, (self.w_dim,), gain=1.0)
        previous = self.z_dim + (self.w_dim if self.num_classes else 0)
        for i in range(self.num_layers):
            features = self.out_dim if i == self.num_layers - 1 else self.w_dim
            dense = EqualizedDense(previous, (features,), gain=self.weight_gain, lr_multiplier=LR_MULTIPLIER)
            setattr(self, f"dense{i}", dense)
            previous = features

    def _names(self) -> tuple[str, ...]:
        return (*(("embed",) if self.num_classes else ()), *(f"dense{i}" for i in range(self.num_layers)))

    def prepare(self) -> tuple[Weights, ...]:
        """Scaled weights, to be computed once and passed to :meth:`__call__`."""
        return tuple(getattr(self, name).prepare() for name in self._names())

    def __call__(self, z: Array, label: Any = None, weights: tuple[Weights, ...] | None = None) -> Array:
        """Map one code.

        Args:
            z: ``[z_dim]``.
            label: ``[num_classes]``, one-hot or a mixture, for conditional networks.
            weights: what :meth:`prepare` returned; None prepares them here.

        Returns:
            ``[out_dim]``.
        """
        named = dict(zip(self._names(), self.prepare() if weights is None else weights, strict=True))
        x = pixel_norm(z)
        if self.num_classes:
            x = jnp.concatenate([x, pixel_norm(self.embed(label, named["embed"]))])
        for i in range(self.num_layers):
            x = self.activation_gain * leaky_relu(getattr(self, f"dense{i}")(x, named[f"dense{i}"]))
        return x

"""Self-attention of the pixels of one image (Zhang et al. 2019, arXiv:1805.08318, as BigGAN's programs have it).

Source: ajbrock/BigGAN-PyTorch ``layers.py``, ``Attention``; the same in pytorch-pretrained-biggan, ``SelfAttn``.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn.batched import pixel_product
from gprior_jax.typing import Array


class AttentionWeights(NamedTuple):
    """What attention applies, each a matrix; the strength is in the last."""

    theta: Array
    phi: Array
    g: Array
    o: Array


def max_pool2(x: Array) -> Array:
    """Largest number of every 2x2 block of ``[H, W, C]``, even sides."""
    height, width, features = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, features).max((1, 3))


class SelfAttention(nn.Module):
    """Every pixel plus ``gamma`` times a mean over all, which are weighted by how they answer to it.

    Attributes:
        features: C, a multiple of 8: theta and phi give C / 8 channels, g gives C / 2.
    """

    features: int

    def setup(self):
        """Declare the parameters (Linen)."""
        shapes = {"theta": (8, 1), "phi": (8, 1), "g": (2, 1), "o": (1, 2)}
        for name, (narrower, before) in shapes.items():
            shape = (self.features // before, self.features // narrower)
            setattr(self, name, self.param(f"{name}_kernel", nn.initializers.lecun_normal(), shape))
        self.gamma = self.param("gamma", nn.initializers.zeros, ())

    def prepare(self) -> AttentionWeights:
        """The matrices, for :meth:`__call__`."""
        return AttentionWeights(self.theta, self.phi, self.g, self.gamma * self.o)

    def __call__(self, x: Array, weights: AttentionWeights | None = None) -> Array:
        """Apply to ``[H, W, C]``, even sides; keys and values are the largest of every 2x2 block."""
        theta, phi, g, o = self.prepare() if weights is None else weights
        queries = pixel_product(x, theta).reshape(-1, theta.shape[1])
        keys = max_pool2(pixel_product(x, phi)).reshape(-1, phi.shape[1])
        values = max_pool2(pixel_product(x, g)).reshape(-1, g.shape[1])
        answers = jnp.dot(jax.nn.softmax(jnp.dot(queries, keys.T), axis=-1), values)
        return x + pixel_product(answers, o).reshape(x.shape)

"""How much an image changes with its styles, on average over a prior's codes."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.compiling import jit
from gprior_jax.generators.labels import random_label
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import check_styles, map_code, mix
from gprior_jax.typing import Array, Key

SAMPLES = 2048
"""Products that the mean is estimated from; 3200 gave the same inversions with 128 numbers a style."""

_AT_ONCE = 16


class StyleMetric(nn.Module):
    """A mean metric as a network, so that model folders can hold it; see :attr:`Prior.metric`.

    Attributes:
        num_styles: of the prior.
        w_dim: likewise.
    """

    num_styles: int
    w_dim: int

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Nothing is put in."""
        return ()

    def setup(self):
        """Declare the numbers (Linen)."""
        self.blocks = self.param("blocks", nn.initializers.zeros, (self.num_styles, self.w_dim, self.w_dim))

    def __call__(self, x: Array) -> Array:
        """The numbers."""
        return self.blocks

    def init_all(self, x: Array) -> None:
        """Touch every parameter, for ``init``."""
        self(x)


def mean_metric(prior: Prior, key: Key, num_samples: int = SAMPLES) -> Array:
    """The pullback metric of every layer's style, averaged over codes: ``E[J_l^T J_l]``, J_l the image's Jacobian.

    Estimated from products of the Jacobian with random images: ``E[g g^T]`` of ``g = J_l^T v`` with standard normal v
    is ``J_l^T J_l``. Codes are drawn without truncation, and each image's styles are of two of them, mixed; of a prior
    with classes both are of one class, drawn too.

    Args:
        prior: one whose layers take styles.
        key: of codes and products.
        num_samples: products; a multiple of 16 is taken.

    Returns:
        ``[num_styles, w_dim, w_dim]``, symmetric.

    Raises:
        ValueError: the prior has no styles.
    """
    check_styles(prior)
    bare = prepare(prior)
    steps = -(-num_samples // _AT_ONCE)
    total = jnp.zeros((prior.num_styles, prior.w_dim, prior.w_dim))
    for index in range(steps):
        total = total + _products(bare, jax.random.fold_in(key, index))
    return total / (steps * _AT_ONCE)


@partial(jit, use="often")
def _products(prior: Prior, key: Key) -> Array:
    """The sum of the outer products of some gradients, layer by layer."""

    def gradient(key: Key) -> Array:
        first, second, cut, direction = jax.random.split(key, 4)
        label = random_label(prior, jax.random.fold_in(key, 1))
        one, other = (map_code(prior, prior.latent.sample(k, (prior.z_dim,)), label) for k in (first, second))
        styles = mix(one, other, jax.random.randint(cut, (), 1, prior.num_styles + 1))
        image, pull = jax.vjp(lambda styles: run_layers(prior, None, styles=styles), styles)
        return pull(jax.random.normal(direction, image.shape, image.dtype))[0]

    found = jax.vmap(gradient)(jax.random.split(key, _AT_ONCE))
    return jnp.einsum("nli,nlj->lij", found, found)

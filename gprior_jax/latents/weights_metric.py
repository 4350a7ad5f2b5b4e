"""How much an image changes with the channel weights of some codes, on average over a prior's images."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.latents.basis import weights_of
from gprior_jax.latents.multi_code import MultiCode
from gprior_jax.typing import Array, Key

SAMPLES = 2048
"""Products that the mean is estimated from."""

_AT_ONCE = 16

_LEAST = 1e-12
"""Part of the largest eigenvalue below which others are rounding errors."""


class WeightsMetric(NamedTuple):
    """The mean metric of channel weights, in short.

    Attributes:
        directions: ``[K, N, C]``, orthonormal, the stiffest.
        stiffness: ``[K + 1]``, the mean square derivative along each, and along all others, over its mean.
    """

    directions: np.ndarray
    stiffness: np.ndarray


def weights_metric(
    prior: Prior,
    kind: MultiCode,
    basis: Array,
    styles: Array | None,
    key: Key,
    num_directions: int = 256,
    num_samples: int = SAMPLES,
) -> WeightsMetric:
    """The pullback metric of the weights of a basis, ``E[J^T J]`` with J the image's Jacobian in them, averaged.

    Estimated as in :func:`gprior_jax.generators.metric.mean_metric`, where the features are those of drawn codes: at
    them the later layers are what they are for images. The directions are the singular vectors of the products.

    Args:
        prior: the generator, held to a class where it has classes.
        kind: codes at a layer, fitted to it.
        basis: ``[N, H, W, C]``, of these codes (:func:`gprior_jax.latents.basis.orthonormal`).
        styles: of the later layers, where layers take styles.
        key: of codes and products.
        num_directions: K; no more than products or weights are kept.
        num_samples: products; a multiple of 16 is taken.
    """
    bare = prepare(prior)
    count = -(-num_samples // _AT_ONCE)
    products = [np.asarray(_products(bare, kind, basis, styles, jax.random.fold_in(key, i))) for i in range(count)]
    found = np.concatenate(products).astype(np.float64)
    size = found[0].size
    flat = found.reshape(len(found), size) / np.sqrt(len(found))
    # Of the smaller of the two matrices, which has the same eigenvalues: weights may be ten thousand.
    values, vectors = np.linalg.eigh(flat @ flat.T if len(flat) < size else flat.T @ flat)
    kept = min(num_directions, len(values))
    values, vectors = values[::-1][:kept], vectors[:, ::-1][:, :kept]
    if len(flat) < size:
        # Directions that no product has come out as nearly 0, not as rounding errors made large.
        vectors = flat.T @ vectors / np.sqrt(np.maximum(values, _LEAST * values[0]))
    rest = (np.square(flat).sum() - values.sum()) / max(1, size - kept)
    mean = np.square(flat).sum() / size  # How large images are is no matter, and may be more than 16 bits hold.
    stiffness = (np.maximum(np.append(values, rest), 0.0) / mean).astype(np.float32)
    return WeightsMetric(vectors.T.reshape(kept, *found.shape[1:]).astype(np.float32), stiffness)


@partial(jit, use="often", static_argnums=1)
def _products(prior: Prior, kind: MultiCode, basis: Array, styles: Array | None, key: Key) -> Array:
    """Gradients of random sums of pixels ``[16, N, C]``."""

    def gradient(key: Key) -> Array:
        code, direction = jax.random.split(key)
        own = prior.latent.sample(code, (1, prior.z_dim))
        features = kind.features(prior, own)[0][0]
        image, pull = jax.vjp(lambda features: kind.from_composed(prior, features, styles), features)
        return weights_of(basis, pull(jax.random.normal(direction, image.shape, image.dtype))[0])

    return jax.vmap(gradient)(jax.random.split(key, _AT_ONCE))

"""How much the images of one set differ from each other."""

import itertools

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import check_unit
from gprior_jax.keys import purpose
from gprior_jax.metrics.ssim import ms_ssim
from gprior_jax.typing import Array, Key

PAIRS = 100
"""Pairs that are compared (Odena et al. 2017, arXiv:1610.09585, section 4.2, for the images of one class)."""


def ms_ssim_diversity(images: Array, key: Key, pairs: int = PAIRS, scales: int | None = None) -> Array:
    """Mean MS-SSIM over random pairs of a set: lower is more diverse (arXiv:1610.09585, section 4.2).

    Args:
        images: ``[N, H, W, C]`` in [0, 1].
        key: draws the pairs, see :func:`random_pairs`.
        pairs: their number (static).
        scales: as in :func:`gprior_jax.metrics.ms_ssim` (static).

    Returns:
        A scalar in [0, 1]; 1 for a set of equal images.

    Raises:
        ValueError: fewer than two images, or images too small for MS-SSIM; pixels of another range.

    >>> round(float(ms_ssim_diversity(jnp.zeros((3, 16, 16, 3)), jax.random.key(0))), 3)
    1.0
    """
    check_unit(images, "the images")
    chosen = random_pairs(key, len(images), pairs)
    values = jax.lax.map(lambda pair: ms_ssim(images[pair[0]], images[pair[1]], scales), chosen)
    return jnp.mean(values)


def random_pairs(key: Key, images: int, pairs: int = PAIRS) -> Array:
    """Pairs of two different images of a set.

    Args:
        key: draws them.
        images: number of images in the set.
        pairs: number of pairs, drawn independently. A set that has no more gives each of its pairs once.

    Returns:
        int32 ``[pairs or fewer, 2]``, indices of images.

    Raises:
        ValueError: fewer than two images, or no pairs.

    >>> random_pairs(jax.random.key(0), 3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    if images < 2 or pairs < 1:
        raise ArgumentError(f"{pairs} pairs of {images} images: use at least one pair of two images.")
    if images * (images - 1) // 2 <= pairs:
        return jnp.array(list(itertools.combinations(range(images), 2)), jnp.int32)
    first_key, second_key = jax.random.split(purpose(key, "pairs"))
    first = jax.random.randint(first_key, (pairs,), 0, images)
    second = (first + jax.random.randint(second_key, (pairs,), 1, images)) % images
    return jnp.stack([first, second], axis=1)

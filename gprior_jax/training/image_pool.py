"""A pool of translated pictures, of which a discriminator sees old ones beside new ones.

Shrivastava et al. 2017 (arXiv:1612.07828), as junyanz' ``util/image_pool.py`` has it: until it is full every picture
is kept and shown; then half of the time a random one is shown, and the new one takes its place.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array, Key


class ImagePool(NamedTuple):
    """Pictures that were translated before.

    Attributes:
        images: ``[N, H, W, C]``.
        held: how many there are so far, int32 scalar.
    """

    images: Array
    held: Array


def empty_pool(number: int, shape: tuple[int, ...]) -> ImagePool:
    """A pool for so many images of a shape."""
    return ImagePool(jnp.zeros((number, *shape)), jnp.int32(0))


def shown(pool: ImagePool, images: Array, key: Key) -> tuple[Array, ImagePool]:
    """What a discriminator sees in place of new images, and the pool after it.

    Args:
        pool: of any number of images; of none everything new is shown.
        images: ``[B, H, W, C]``, one after the other.
        key: of the choices.
    """
    number = len(pool.images)
    if not number:
        return images, pool

    def one(pool: ImagePool, given: tuple[Array, Key]) -> tuple[ImagePool, Array]:
        image, key = given
        of_coin, of_place = jax.random.split(key)
        is_full = pool.held >= number
        swaps = is_full & jax.random.bernoulli(of_coin)
        place = jnp.where(is_full, jax.random.randint(of_place, (), 0, number), pool.held)
        old = pool.images[place]
        kept = pool.images.at[place].set(jnp.where(swaps | ~is_full, image, old))
        return ImagePool(kept, jnp.minimum(pool.held + 1, number)), jnp.where(swaps, old, image)

    pool, found = jax.lax.scan(one, pool, (images, jax.random.split(key, len(images))))
    return found, pool

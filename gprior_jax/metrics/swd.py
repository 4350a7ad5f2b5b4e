"""Sliced Wasserstein distance of two sets of images at the scales of a Laplacian pyramid (Karras et al. 2018).

arXiv:1710.10196, section 5. The statistic is described there and written here anew; what the text leaves open (filter,
borders, own normalisation of each set, factor 1000) follows the published program's behaviour.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import check_unit
from gprior_jax.keys import purpose
from gprior_jax.typing import Array, Key

PATCHES, PATCH_SIZE, DIRECTIONS, MIN_RESOLUTION = 128, 7, 512, 16
"""Patches an image and level, their side, random directions, and the coarsest level, pixels (ibid., section 5)."""

SCALE = 1e3
"""Factor on all distances, as in the paper's tables (table 1: "sliced Wasserstein distance x 10^3")."""

# Filter of the pyramid (Burt and Adelson 1983).
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)

# Below it a channel is flat but for rounding (a step of 8-bit images is 4e-3) and counts as 0: divided by so little,
# the rounding would be all that is seen.
_MIN_DEVIATION = 1e-5

_DIRECTIONS_AT_ONCE = 32


def sliced_wasserstein(
    images: Array,
    references: Array,
    key: Key,
    patches: int = PATCHES,
    patch_size: int = PATCH_SIZE,
    directions: int = DIRECTIONS,
    min_resolution: int = MIN_RESOLUTION,
) -> dict[int, Array]:
    """Sliced Wasserstein distance of the patches of two sets at every level of their Laplacian pyramids.

    The n-th images of both sets are cut at the same random places: equal sets have distance 0. Each set is normalised
    by its own mean and deviation of every colour channel, so a change of brightness or contrast of a whole set does
    not show.

    Args:
        images: ``[N, H, W, C]`` in [0, 1].
        references: likewise, as many.
        key: draws places and directions.
        patches: patches of one image and level (static, like all that follow).
        patch_size: their side, pixels.
        directions: random directions.
        min_resolution: levels whose shorter side is below it are left out.

    Returns:
        ``{height of the level, pixels: scalar}``, finest first (``jax.jit`` sorts them upwards): 1000 times the mean
        absolute difference of the sorted projections, as in the paper's tables; 0 for equal sets.

    Raises:
        ValueError: the sets have different shapes, or images smaller than ``min_resolution``; pixels of another range.

    >>> images = jax.random.uniform(jax.random.key(0), (4, 16, 16, 3))
    >>> found = sliced_wasserstein(images, images, jax.random.key(1), patches=8)
    >>> {level: float(value) for level, value in found.items()}
    {16: 0.0}
    """
    for name, found in (("the images", images), ("the references", references)):
        check_unit(found, name)
    if images.shape != references.shape:
        raise ArgumentError(f"the sets have different shapes: {images.shape} and {references.shape}.")
    place_key, direction_key = purpose(key, "places"), purpose(key, "directions")
    indices = jnp.arange(len(images))
    options = (patches, patch_size, min_resolution)
    ours, theirs = (patch_pyramids(x, place_key, indices, *options) for x in (images, references))
    levels = sorted(ours, reverse=True)
    return {level: patch_distance(ours[level], theirs[level], direction_key, directions) for level in levels}


@functools.partial(jax.jit, static_argnames=("patches", "patch_size", "min_resolution"))
def patch_pyramids(
    images: Array,
    key: Key,
    indices: Array,
    patches: int = PATCHES,
    patch_size: int = PATCH_SIZE,
    min_resolution: int = MIN_RESOLUTION,
) -> dict[int, Array]:
    """Random patches of every level of the images' Laplacian pyramids; a large set can be cut batch by batch.

    Args:
        images: ``[N, H, W, C]`` in [0, 1].
        key: one for the whole set.
        indices: ``[N]``, places of the images in their set, which decide where they are cut.
        patches: patches of one image and level (static, like all that follow).
        patch_size: their side, pixels.
        min_resolution: levels whose shorter side is below it are left out.

    Returns:
        ``{height of the level, pixels: [N, patches, patch_size, patch_size, C]}``.

    Raises:
        ValueError: images smaller than ``min_resolution``, or it is below ``patch_size``.
    """
    height, width = images.shape[1:3]
    if min_resolution < patch_size:
        raise ArgumentError(f"min_resolution {min_resolution}: patches of {patch_size} pixels do not fit.")
    if min(height, width) < min_resolution:
        raise ArgumentError(f"images of {height}x{width} pixels are smaller than the coarsest level, {min_resolution}.")

    def one(image: Array, index: Array) -> dict[int, Array]:
        own = jax.random.fold_in(key, index)
        pyramid = laplacian_pyramid(image, min_resolution)
        return {x.shape[0]: _cut(x, jax.random.fold_in(own, i), patches, patch_size) for i, x in enumerate(pyramid)}

    return jax.vmap(one)(images, indices)


@functools.partial(jax.jit, static_argnames="directions")
def patch_distance(ours: Array, theirs: Array, key: Key, directions: int = DIRECTIONS) -> Array:
    """Sliced Wasserstein distance of two equally large sets of patches of one level, times 1000; has no gradient.

    Args:
        ours: ``[..., size, size, C]``.
        theirs: likewise, as many.
        key: draws the directions.
        directions: their number (static).

    Returns:
        A scalar: over directions, the mean absolute difference of the sorted projections.
    """
    ours, theirs = _normalized(ours), _normalized(theirs)
    lines = jax.random.normal(key, (directions, ours.shape[1]), ours.dtype)
    lines /= jnp.linalg.norm(lines, axis=1, keepdims=True)

    def distance(line: Array) -> Array:
        a, b = (_sorted(jnp.matmul(x, line, precision="highest")) for x in (ours, theirs))
        return jnp.mean(jnp.abs(a - b))

    return SCALE * jnp.mean(jax.lax.map(distance, lines, batch_size=min(_DIRECTIONS_AT_ONCE, directions)))


def laplacian_pyramid(image: Array, min_resolution: int = MIN_RESOLUTION) -> list[Array]:
    """Laplacian pyramid of one image: differences to the next level, and the coarsest level itself.

    Args:
        image: ``[H, W, C]``, any float range.
        min_resolution: the least shorter side of a level, pixels (static).

    Returns:
        ``[[H, W, C], [ceil(H / 2), ceil(W / 2), C], ...]``, finest first.

    >>> [level.shape[0] for level in laplacian_pyramid(jnp.zeros((64, 64, 3)))]
    [64, 32, 16]
    """
    levels = [image]
    while min(-(-side // 2) for side in levels[-1].shape[:2]) >= min_resolution:
        fine = levels[-1]
        coarse = _blur(fine)[::2, ::2]
        zeros = jnp.zeros((2 * coarse.shape[0], 2 * coarse.shape[1], coarse.shape[2]), coarse.dtype)
        # Three of four pixels are zero: times 4 the mean is kept.
        enlarged = _blur(zeros.at[::2, ::2].set(4 * coarse))
        levels[-1] = fine - enlarged[: fine.shape[0], : fine.shape[1]]
        levels.append(coarse)
    return levels


def _blur(image: Array) -> Array:
    """Binomial filter, the border mirrored without repeating the edge."""
    for axis in (0, 1):
        pad = [(2, 2) if i == axis else (0, 0) for i in range(image.ndim)]
        padded, size = jnp.pad(image, pad, mode="reflect"), image.shape[axis]
        parts = [w * jax.lax.slice_in_dim(padded, k, k + size, axis=axis) for k, w in enumerate(_BINOMIAL)]
        image = sum(parts, start=jnp.zeros((), image.dtype))
    return image


def _cut(image: Array, key: Key, count: int, size: int) -> Array:
    """Patches ``[count, size, size, C]`` of one image at uniformly random places."""
    last = np.array([image.shape[0] - size, image.shape[1] - size])
    places = jax.random.randint(key, (count, 2), 0, last + 1)
    return jax.vmap(lambda p: jax.lax.dynamic_slice(image, (p[0], p[1], 0), (size, size, image.shape[2])))(places)


def _sorted(values: Array) -> Array:
    """Float32 values in ascending order, through integers of the same order: XLA sorts those four times as fast."""
    bits = jax.lax.bitcast_convert_type(values.astype(jnp.float32), jnp.int32)
    # Below zero the bits count the magnitude; the same step leads back.
    ordered = jax.lax.sort(jnp.where(bits < 0, bits ^ 0x7FFFFFFF, bits), is_stable=False)
    return jax.lax.bitcast_convert_type(jnp.where(ordered < 0, ordered ^ 0x7FFFFFFF, ordered), jnp.float32)


def _normalized(patches: Array) -> Array:
    """Patches as rows, every colour channel with mean 0 and deviation 1 over the set."""
    rows = patches.reshape(-1, *patches.shape[-3:])
    deviations = rows - _channel_mean(rows)
    deviation = jnp.sqrt(_channel_mean(jnp.square(deviations)))
    scaled = jnp.where(deviation < _MIN_DEVIATION, 0.0, deviations / jnp.maximum(deviation, _MIN_DEVIATION))
    return scaled.reshape(len(rows), -1)


def _channel_mean(rows: Array) -> Array:
    """Mean of every channel; of means of patches, as one float32 sum over millions loses digits on some platforms."""
    return jnp.mean(jnp.mean(rows, axis=(1, 2)), axis=0)

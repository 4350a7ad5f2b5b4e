"""Missing pixels, and masks of them: boxes, single pixels, brush strokes."""

import functools
import math

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, ArrayLike, Key


@flax.struct.dataclass
class Mask:
    """Some pixels were not observed: they are 0 (mid-gray) in the observation, as in mGANprior.

    Attributes:
        known: ``[H, W, 1]``, 1 where a pixel was observed and 0 where it is missing; between, how much it counts in
            what is compared.

    >>> Mask(box_mask(4, 2))(jnp.ones((4, 4, 3)))[1, :, 0]
    Array([1., 0., 0., 1.], dtype=float32)
    """

    known: Array
    linear = True
    pixelwise = True

    def __call__(self, image: Array) -> Array:
        """One image ``[H, W, C]`` without its missing pixels."""
        return image * (self.known > 0)


def as_masks(masks: ArrayLike, shape: tuple[int, ...], some_known: bool = True, weights: bool = False) -> np.ndarray:
    """A mask for every image, float32 ``[B, H, W, 1]``; on the host.

    Args:
        masks: ``[B, H, W, 1]``, or ``[H, W, 1]`` for all images; 1 and 0.
        shape: (B, H, W) of the images.
        some_known: every mask must be above 0 somewhere.
        weights: values between 0 and 1 are taken, too.

    Raises:
        ValueError: masks of another size, with other values than 0 and 1, or without a known pixel.

    >>> as_masks(np.eye(4)[..., None], (3, 4, 4)).shape
    (3, 4, 4, 1)
    """
    found, wanted = np.asarray(masks, np.float32), (*shape, 1)
    if found.shape not in (wanted, wanted[1:]):
        told = ", ".join(map(str, wanted))
        raise ArgumentError(f"masks of shape {found.shape} for images of {shape[1]}x{shape[2]}: give [{told}].")
    found = np.broadcast_to(found, wanted)
    for index, mask in enumerate(found):
        if weights and not ((mask >= 0) & (mask <= 1)).all():
            raise ArgumentError(f"mask {index} leaves the range of 0 (missing) to 1 (known): scale it.")
        if not weights and not np.isin(mask, (0.0, 1.0)).all():
            raise ArgumentError(f"mask {index} has values between: use 1 for known pixels and 0 for missing ones.")
        if some_known and not mask.any():
            raise ArgumentError(f"mask {index} hides every pixel: leave at least one known.")
    return found


def missing_share(known: np.ndarray) -> float:
    """Part of the pixels that a mask leaves out, in [0, 1]; a pixel of weight 0.3 is missing to 0.7.

    >>> missing_share(np.asarray(box_mask(4, 2)))
    0.25
    """
    return 1.0 - float(np.mean(known, dtype=np.float64))


def looks_inverted(known: np.ndarray) -> bool:
    """Whether a mask looks like one the other way round: most is missing, and what is known lies together inside.

    Pixels that are known here and there, as those of :func:`random_mask`, do not lie together.

    Args:
        known: ``[H, W, 1]`` on the host.

    >>> hole = np.asarray(box_mask(16, 6))
    >>> looks_inverted(hole), looks_inverted(1 - hole)
    (False, True)
    """
    inside = known[..., 0] >= 0.5
    if not inside.any() or missing_share(known) <= HALF:
        return False
    edge = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]])
    neighbours = 2 * ((inside[1:] & inside[:-1]).sum() + (inside[:, 1:] & inside[:, :-1]).sum())
    return bool(edge.mean() <= _KNOWN_EDGE and neighbours >= _TOGETHER * 4 * inside.sum())


HALF = 0.5
"""Part of a picture that may be missing before that is remarked upon."""

_KNOWN_EDGE = 0.25
"""Most of the border's pixels that a mask which looks inverted knows: a hole lies inside, or touches one side."""

_TOGETHER = 0.6
"""Least part of the four neighbours of known pixels that are known too, where they lie together."""


def box_mask(size: int, box: int | tuple[int, int, int, int]) -> Array:
    """A mask with a missing box.

    Args:
        size: side of the image, pixels.
        box: side of a square in the centre, or ``(top, left, height, width)``; pixels.

    Returns:
        ``[size, size, 1]`` float32, 0 in the box and 1 around it.

    Raises:
        ValueError: the box is empty or reaches beyond the image.

    >>> box_mask(4, 2)[..., 0].tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    start = (size - box) // 2 if isinstance(box, int) else 0
    top, left, height, width = (start, start, box, box) if isinstance(box, int) else box
    inside = min(top, left) >= 0 and max(top + height, left + width) <= size
    if min(height, width) < 1 or not inside:
        raise ArgumentError(
            f"box {box} does not fit an image of {size} x {size} pixels: give a side from 1 to {size}, "
            "or (top, left, height, width) inside the image."
        )
    known = np.ones((size, size, 1), np.float32)
    known[top : top + height, left : left + width] = 0.0
    return jax.device_put(known)


def random_mask(key: Key, size: int, missing: ArrayLike) -> Array:
    """A mask whose pixels are missing independently of each other.

    Args:
        key: random key.
        size: side of the image, pixels.
        missing: probability that a pixel is missing, in [0, 1); mGANprior's paper removes 0.8.

    Returns:
        ``[size, size, 1]`` float32, 1 where known.

    Raises:
        ValueError: ``missing`` is outside of its range.

    >>> random_mask(jax.random.key(0), 4, 0.0).min()
    Array(1., dtype=float32)
    """
    check_number("missing", missing, lambda x: (x >= 0) & (x < 1), "a rate in [0, 1)")
    return (jax.random.uniform(key, (size, size, 1)) >= missing).astype(jnp.float32)


# The free-form masks of Yu et al. 2019 (arXiv:1806.03589) turn by 2 pi / 5, give or take 2 pi / 15, to one side and the
# other, in steps of an eighth of the diagonal on average, at most twice that; a brush is 12 to 40 pixels wide in images
# of 256. A stroke has 4 to 12 corners, an image 1 to 3 strokes. (Defaults of the authors' published code.)
_MEAN_ANGLE, _ANGLE_RANGE = 2 * math.pi / 5, 2 * math.pi / 15
_MEAN_STEP = math.sqrt(2) / 8
_MIN_CORNERS = 4


def stroke_mask(
    key: Key,
    size: int,
    strokes: int = 3,
    corners: int = 12,
    width: tuple[float, float] = (12 / 256, 40 / 256),
) -> Array:
    """A mask of free-form brush strokes, in the manner of Yu et al. 2019 (arXiv:1806.03589).

    Each stroke is a zigzag walk from a random point, with straight pieces, round corners and one width; its points stay
    inside the image, so a step may end at the border. Both axes are turned round at random.

    Args:
        key: random key.
        size: side of the image, pixels.
        strokes: number of strokes; static.
        corners: most corners of a stroke, at least 4; static. The number is drawn from 4 up.
        width: least and greatest width of the brush, as parts of ``size``.

    Returns:
        ``[size, size, 1]`` float32, 0 under a stroke and 1 elsewhere.

    Raises:
        ValueError: no stroke, too few corners, or widths out of order.

    >>> mask = stroke_mask(jax.random.key(0), 32)
    >>> mask.shape, bool((mask == 0).any()), bool((mask == 1).any())
    ((32, 32, 1), True, True)
    """
    if strokes < 1 or corners < _MIN_CORNERS:
        raise ArgumentError(f"use at least 1 stroke and {_MIN_CORNERS} corners, got {strokes} and {corners}.")
    check_number("width", width, lambda x: (x > 0) & (x[0] <= x[1]), "two positive numbers in rising order")
    return _draw(key, size, strokes, corners, *width)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _draw(key: Key, size: int, strokes: int, corners: int, thinnest: ArrayLike, thickest: ArrayLike) -> Array:
    walks = [_walk(k, corners, thinnest, thickest) for k in jax.random.split(key, strokes)]
    pieces = jax.tree.map(lambda *parts: jnp.concatenate(parts), *walks)
    centres = (jnp.arange(size) + 0.5) / size
    points = jnp.stack(jnp.meshgrid(centres, centres, indexing="ij"), axis=-1)

    def paint(known: Array, piece: tuple[Array, Array, Array]) -> tuple[Array, None]:
        return jnp.where(_distance(points, *piece[:2]) < piece[2], 0.0, known), None

    # One piece after the other: all at once would need an image of memory for each.
    return jax.lax.scan(paint, jnp.ones((size, size)), pieces)[0][..., None]


def _walk(key: Key, corners: int, thinnest: ArrayLike, thickest: ArrayLike) -> tuple[Array, Array, Array]:
    """Starts and ends ``[corners, 2]`` of a stroke's pieces, in the unit square, and half its width ``[corners]``."""
    angle_key, step_key, start_key, count_key, width_key, flip_key = jax.random.split(key, 6)
    side = jnp.where(jnp.arange(corners) % 2 == 0, -1.0, 1.0)
    turn = jax.random.uniform(angle_key, (corners,), minval=-_ANGLE_RANGE, maxval=_ANGLE_RANGE)
    angles = side * (_MEAN_ANGLE + turn)
    lengths = jnp.clip(_MEAN_STEP * (1 + 0.5 * jax.random.normal(step_key, (corners,))), 0.0, 2 * _MEAN_STEP)
    steps = lengths[:, None] * jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1)

    def walk(point: Array, step: Array) -> tuple[Array, tuple[Array, Array]]:
        end = jnp.clip(point + step, 0.0, 1.0)
        return end, (point, end)

    _, pieces = jax.lax.scan(walk, jax.random.uniform(start_key, (2,)), steps)
    flips = jax.random.bernoulli(flip_key, 0.5, (2,))
    starts, ends = (jnp.where(flips, 1.0 - points, points) for points in pieces)
    drawn = jnp.arange(corners) < jax.random.randint(count_key, (), _MIN_CORNERS, corners + 1)
    half_width = 0.5 * jax.random.uniform(width_key, (), minval=thinnest, maxval=thickest)
    return starts, ends, jnp.where(drawn, half_width, 0.0)


def _distance(points: Array, start: Array, end: Array) -> Array:
    """Distance ``[H, W]`` of points ``[H, W, 2]`` from the straight piece between two points."""
    along = end - start
    part = jnp.sum((points - start) * along, axis=-1) / jnp.maximum(jnp.sum(along**2), 1e-12)
    nearest = start + jnp.clip(part, 0.0, 1.0)[..., None] * along
    return jnp.sqrt(jnp.sum((points - nearest) ** 2, axis=-1))

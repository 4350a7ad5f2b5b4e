"""Ranges, layouts and resizing of image arrays.

Inside the package images are float32 ``[..., H, W, C]`` in [-1, 1]; [0, 1] in metrics; uint8 in files.
"""

from typing import Literal, overload

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images.ranges import FLOATS as FLOATS
from gprior_jax.images.ranges import check_dtype as check_dtype
from gprior_jax.images.ranges import check_pixels as check_pixels
from gprior_jax.images.ranges import check_range as check_range
from gprior_jax.images.ranges import check_unit as check_unit
from gprior_jax.images.ranges import trusted_range as trusted_range
from gprior_jax.typing import Array, ArrayLike

GREY_LEVEL = 127.5
"""Grey levels of 255 in a difference of 1, of pixels in [-1, 1]."""

_MAPPED = "give floats; 8-bit pixels become [-1, 1] by from_uint8."

ResizeMethod = Literal["nearest", "area", "bilinear", "bicubic", "lanczos"]


def to_unit(image: ArrayLike) -> Array:
    """Map [-1, 1] to [0, 1], clipped.

    Raises:
        ValueError: whole numbers.
    """
    check_dtype(image, "f", _MAPPED)
    return jnp.clip((jnp.asarray(image) + 1.0) * 0.5, 0.0, 1.0)


def from_unit(image: ArrayLike) -> Array:
    """Map [0, 1] to [-1, 1].

    Raises:
        ValueError: whole numbers.
    """
    check_dtype(image, "f", _MAPPED)
    return jnp.asarray(image) * 2.0 - 1.0


def to_uint8(image: ArrayLike) -> np.ndarray:
    """Map [-1, 1] to uint8, clipped and rounded to nearest, NaN to mid-gray; on the host.

    Raises:
        ValueError: whole numbers.

    >>> to_uint8(np.array([-2.0, -1.0, 0.0, 1.0, np.nan]))
    array([  0,   0, 128, 255, 128], dtype=uint8)
    """
    check_dtype(image, "f", _MAPPED)
    array = np.asarray(image, np.float32)
    clipped = np.clip(np.where(np.isnan(array), np.float32(0.0), array), -1.0, 1.0)
    return np.floor((clipped + 1.0) * 127.5 + 0.5).astype(np.uint8)


def from_uint8(image: np.ndarray) -> np.ndarray:
    """Map uint8 to float32 in [-1, 1]; on the host.

    >>> from_uint8(np.array([0, 255], np.uint8))
    array([-1.,  1.], dtype=float32)
    """
    return np.asarray(image, np.float32) / np.float32(127.5) - np.float32(1.0)


def as_rgb(images: ArrayLike) -> Array:
    """Images of one or four channels as those that look at colours see them.

    Args:
        images: ``[..., C]`` in [-1, 1]: gray (C = 1) is repeated, red, green, blue and alpha (C = 4) are laid over
            white, as picture viewers and this package's reader do; three channels stay as they are.

    Returns:
        ``[..., 3]``.

    Raises:
        ValueError: another number of channels.

    >>> as_rgb(np.array([[1.0, -1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 0.0]])).tolist()
    [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    """
    images = jnp.asarray(images)
    channels = images.shape[-1]
    if channels == 3:
        return images
    if channels == 1:
        return jnp.repeat(images, 3, axis=-1)
    if channels != 4:
        raise ArgumentError(f"images of {channels} channels are no pictures: gray, RGB and RGBA have 1, 3 and 4.")
    alpha = jnp.clip((images[..., 3:] + 1.0) * 0.5, 0.0, 1.0)
    return images[..., :3] * alpha + (1.0 - alpha)


def rgb_uint8(pictures: np.ndarray) -> np.ndarray:
    """:func:`as_rgb` of pictures in uint8 ``[..., C]``, on the host; those that are RGB are not touched.

    >>> rgb_uint8(np.array([[7], [255]], np.uint8)).tolist()
    [[7, 7, 7], [255, 255, 255]]
    """
    return pictures if pictures.shape[-1] == 3 else to_uint8(as_rgb(from_uint8(pictures)))


@overload
def psnr_of(mse: Array, span: float = 2.0) -> Array: ...
@overload
def psnr_of(mse: ArrayLike, span: float = 2.0) -> Array | np.ndarray: ...
def psnr_of(mse: ArrayLike, span: float = 2.0) -> Array | np.ndarray:
    """Peak signal-to-noise ratio of a mean squared difference, dB; infinite for 0.

    Args:
        mse: any shape.
        span: of the pixels: 2 for [-1, 1], 1 for [0, 1].

    Returns:
        That of each; of numbers on the host on the host, where three operations would be three programs.

    >>> psnr_of([0.04, 0.0]).tolist()
    [20.0, inf]
    """
    if isinstance(mse, jax.Array):
        return -10.0 * jnp.log10(mse / span**2)
    with np.errstate(divide="ignore"):
        return -10.0 * np.log10(np.asarray(mse) / span**2)


def resize(image: Array, size: tuple[int, int], method: ResizeMethod) -> Array:
    """Resize one image ``[H, W, C]`` to ``size``, differentiably.

    Args:
        image: any float range.
        size: (height, width) of the result, pixels.
        method: ``"nearest"`` as ``torch.nn.functional.interpolate(mode="nearest")`` (which takes the *first* pixel of
            each block when it reduces, unlike ``jax.image``); ``"area"``, ``"bilinear"`` without antialias as
            ``interpolate(mode=..., align_corners=False)``; ``"bicubic"`` and ``"lanczos"`` with antialias as Pillow.

    Returns:
        ``[*size, C]``.
    """
    height, width, features = image.shape
    if size == (height, width):
        return image
    if method == "nearest":
        return _nearest(_nearest(image, size[0], 0), size[1], 1)
    shape = (*size, features)
    if method == "area":
        return _area(_area(image, size[0], 0), size[1], 1)
    if method == "bilinear":
        return jax.image.resize(image, shape, "linear", antialias=False)
    return jax.image.resize(image, shape, {"bicubic": "cubic", "lanczos": "lanczos3"}[method], antialias=True)


def _nearest(image: Array, size: int, axis: int) -> Array:
    """Torch's nearest neighbour along one axis: output i takes input floor(i * old / new)."""
    old = image.shape[axis]
    if size % old == 0:
        return image.repeat(size // old, axis=axis)
    if old % size == 0:
        return jax.lax.slice_in_dim(image, 0, None, old // size, axis=axis)
    # Integer arithmetic: a float scale misses a pixel where i * old / new is whole.
    return jnp.take(image, np.arange(size) * old // size, axis=axis)


def _area(image: Array, size: int, axis: int) -> Array:
    """Torch's adaptive average along one axis: output i averages inputs floor(i old/new) to ceil((i+1) old/new)."""
    old = image.shape[axis]
    starts, stops = np.arange(size) * old // size, -(-(np.arange(1, size + 1) * old) // size)
    weights = np.zeros((size, old), np.float32)
    for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        weights[row, start:stop] = 1.0 / (stop - start)
    return jnp.moveaxis(jnp.tensordot(jnp.asarray(weights, image.dtype), image, axes=((1,), (axis,))), 0, axis)


def noise_level(image: Array) -> Array:
    """Standard deviation of white noise in an image, estimated from the image alone.

    The median of what a mask that cancels planes leaves (Immerkaer 1996, doi:10.1006/cviu.1996.0060, takes the mean,
    which edges raise).

    Args:
        image: ``[H, W, C]`` in [-1, 1].

    Returns:
        A scalar, grey levels of 255.

    >>> noisy = 20 / GREY_LEVEL * jax.random.normal(jax.random.key(0), (64, 64, 3))
    >>> round(float(noise_level(noisy)))
    20
    """
    # The mask ((1, -2, 1), (-2, 4, -2), (1, -2, 1)) is a second difference along both axes; its norm is 6.
    rows = image[2:] - 2.0 * image[1:-1] + image[:-2]
    both = rows[:, 2:] - 2.0 * rows[:, 1:-1] + rows[:, :-2]
    # The median of |N(0, 1)| is 0.6745.
    return jnp.median(jnp.abs(both)) / (0.6745 * 6.0) * GREY_LEVEL


def grid(images: np.ndarray, columns: int | None = None, pad: int = 0) -> np.ndarray:
    """Tile images into one.

    Args:
        images: ``[N, H, W, C]``, any dtype.
        columns: images a row; None makes the grid as square as it gets.
        pad: width of the gaps, pixels, filled with the dtype's white (255 for uint8, else 1).

    Returns:
        ``[rows * (H + pad) - pad, columns * (W + pad) - pad, C]``; empty cells are white.

    >>> grid(np.zeros((5, 4, 4, 3), np.uint8), columns=3, pad=1).shape
    (9, 14, 3)
    """
    images = np.asarray(images)
    number, height, width, features = images.shape
    columns = columns or int(np.ceil(np.sqrt(number)))
    rows = -(-number // columns)
    white = 255 if images.dtype == np.uint8 else 1
    sheet = np.full((rows * (height + pad), columns * (width + pad), features), white, images.dtype)
    for index, image in enumerate(images):
        top, left = index // columns * (height + pad), index % columns * (width + pad)
        sheet[top : top + height, left : left + width] = image
    return sheet[: rows * (height + pad) - pad, : columns * (width + pad) - pad]

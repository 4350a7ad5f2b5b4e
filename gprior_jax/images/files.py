"""Images in and out of files, through Pillow. Arrays are float32 ``[H, W, 3]`` in [-1, 1] unless said otherwise."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import check_range, from_uint8, to_uint8
from gprior_jax.images.opening import MIN_SIDE as MIN_SIDE
from gprior_jax.images.opening import open_picture as open_picture
from gprior_jax.images.opening import to_rgb as to_rgb
from gprior_jax.images.opening import to_rgba as to_rgba
from gprior_jax.images.opening import unreadable as unreadable
from gprior_jax.images.placement import Crop as Crop
from gprior_jax.images.placement import Cropping as Cropping
from gprior_jax.images.placement import square as square
from gprior_jax.images.samples import ValueRange as ValueRange
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.typing import ArrayLike


class HasImageShape(Protocol):
    """Whatever says what images it wants: a prior."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """``(R, R, C)``."""
        ...


def load_image(
    path: str | os.PathLike,
    size: int | tuple[int, ...] | HasImageShape,
    crop: Cropping = "center",
    value_range: ValueRange = "auto",
) -> np.ndarray:
    """Read a picture of any mode and size as a square.

    EXIF orientation is applied, more than 8 bits are scaled to 8, palettes and gray are expanded to RGB, an embedded
    colour profile is applied (what comes out is sRGB), transparent pixels are laid over white, and of an animation the
    first frame is taken. The picture is resized with Lanczos.

    Args:
        path: the file.
        size: side of the result, pixels; or the prior that it is for, or its ``image_shape``, which says how many
            channels, too: of one channel it is the luma, of four the transparency is the last.
        crop: how it becomes square; or a square of its own, turned as its face is.
        value_range: of a file of more than 8 bits a sample, the numbers of black and white: bits as ``"12"``,
            ``"LOW:HIGH"``, or ``(low, high)``; ``"auto"`` guesses them, see :mod:`gprior_jax.images.samples`.

    Returns:
        float32 ``[size, size, 3]`` in [-1, 1], or as many channels as the prior's images have.

    Raises:
        ImageFileError: missing, unreadable, damaged, or of a size that cannot be a picture.

    Warns:
        GPriorWarning: a range was guessed, or a colour profile cannot be used.

    >>> import gprior_jax as gp
    >>> portrait = gp.zoo.bundled_folder("builtin").parent / "portraits" / "portrait_1.png"
    >>> image = gp.load_image(portrait, gp.load("builtin"))
    >>> image.shape, str(image.dtype), bool(image.min() >= -1 and image.max() <= 1)
    ((64, 64, 3), 'float32', True)
    """
    # A prior, or a named tuple that has the shape, before a tuple that is it.
    shape: Any = (size, size, 3) if isinstance(size, int) else getattr(size, "image_shape", size)
    picture = open_picture(Path(path), picture_of(shape[-1]), value_range=value_range)
    return from_uint8(as_channels(square(picture, shape[0], crop), shape[-1]))


def load_unscaled(path: str | os.PathLike, channels: int = 3, value_range: ValueRange = "auto") -> np.ndarray:
    """Read a picture of any mode as :func:`load_image` does, at its own size: float32 ``[H, W, C]`` in [-1, 1]."""
    return from_uint8(as_channels(open_picture(Path(path), picture_of(channels), value_range=value_range), channels))


def as_channels(image: Image.Image, channels: int) -> np.ndarray:
    """What :func:`picture_of` made of a picture as uint8 ``[H, W, channels]``: the luma for one channel.

    Raises:
        ArgumentError: another number of channels.
    """
    picture_of(channels)
    return np.asarray(image.convert("L"))[..., None] if channels == 1 else np.asarray(image)


def picture_of(channels: int) -> Callable[[Image.Image], Image.Image]:
    """What makes a picture of any mode one for images of so many channels: :func:`to_rgb`, for four :func:`to_rgba`.

    Raises:
        ArgumentError: another number of channels.
    """
    if channels not in (1, 3, 4):
        raise ArgumentError(
            f"images of {channels} channels cannot be read from picture files: 1 (gray), 3 (RGB) and 4 (RGBA) can."
        )
    return to_rgba if channels == 4 else to_rgb


def resized(image: np.ndarray, size: int | None) -> np.ndarray:
    """A uint8 square ``[R, R, C]`` at another side, by Lanczos; None and its own side leave it."""
    if size is None or size == image.shape[0]:
        return image
    other = np.asarray(_picture(image).resize((size, size), Image.Resampling.LANCZOS))
    return other.reshape(size, size, -1)


def _picture(image: np.ndarray) -> Image.Image:
    array = np.asarray(image, np.uint8)
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def encode_png(image: np.ndarray) -> bytes:
    """PNG file of a uint8 array ``[H, W, C]``."""
    buffer = io.BytesIO()
    _picture(image).save(buffer, "PNG")
    return buffer.getvalue()


def save_image(path: str | os.PathLike, image: ArrayLike) -> None:
    """Write an image as PNG, whole or not at all.

    Args:
        path: the file.
        image: ``[H, W, C]``: floats in [-1, 1], as everything here gives them, or uint8 as it is in files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/gray.png", np.zeros((48, 64, 3)))
    ...     load_image(f"{folder}/gray.png", 32).shape
    (32, 32, 3)
    """
    array = np.asarray(image)
    write_bytes(path, encode_png(array if array.dtype == np.uint8 else to_uint8(check_range(array, "the image"))))

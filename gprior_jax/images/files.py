"""Images in and out of files, through Pillow. Arrays are float32 ``[H, W, 3]`` in [-1, 1] unless said otherwise."""

import errno
import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.images.arrays import check_range, from_uint8, to_uint8
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.typing import ArrayLike

Crop = Literal["center", "stretch", "pad"]
"""How a picture becomes square: its centre, all of it out of proportion, or all of it on a gray ground."""

MIN_SIDE = 8
MAX_ASPECT = 10.0
MAX_PIXELS = 200_000_000
"""Limits of what is taken as a picture: shorter, thinner or larger files are named and refused."""


class HasImageShape(Protocol):
    """Whatever says what images it wants: a prior."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """``(R, R, C)``."""
        ...


def load_image(
    path: str | os.PathLike, size: int | tuple[int, ...] | HasImageShape, crop: Crop = "center"
) -> np.ndarray:
    """Read a picture of any mode and size as a square.

    EXIF orientation is applied, 16-bit samples are scaled to 8, palettes and gray are expanded to RGB, transparent
    pixels are laid over white, and of an animation the first frame is taken. The picture is resized with Lanczos.

    Args:
        path: the file.
        size: side of the result, pixels; or the prior that it is for, or its ``image_shape``, which says how many
            channels, too: of one channel it is the luma, of four the transparency is the last.
        crop: how it becomes square.

    Returns:
        float32 ``[size, size, 3]`` in [-1, 1], or as many channels as the prior's images have.

    Raises:
        ImageFileError: missing, unreadable, damaged, or of a size that cannot be a picture.
    """
    # A prior, or a named tuple that has the shape, before a tuple that is it.
    shape: Any = (size, size, 3) if isinstance(size, int) else getattr(size, "image_shape", size)
    picture = open_picture(Path(path), picture_of(shape[-1]))
    return from_uint8(as_channels(square(picture, shape[0], crop), shape[-1]))


def load_unscaled(path: str | os.PathLike, channels: int = 3) -> np.ndarray:
    """Read a picture of any mode as :func:`load_image` does, at its own size: float32 ``[H, W, C]`` in [-1, 1]."""
    return from_uint8(as_channels(open_picture(Path(path), picture_of(channels)), channels))


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


def open_picture(
    path: Path,
    convert: Callable[[Image.Image], Image.Image],
    smallest: int = MIN_SIDE,
    content: bytes | None = None,
) -> Image.Image:
    """Open a picture, turn it upright and convert it; whatever goes wrong becomes one sentence.

    Args:
        path: the file.
        convert: makes what is returned.
        smallest: side that it has at least, pixels.
        content: of the file, where it is not read from disk; the path is then its name only.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large files and odd EXIF blocks; the limits are ours.
            with Image.open(path if content is None else io.BytesIO(content)) as opened:
                _check_size(path, opened.size, smallest)
                image = convert(ImageOps.exif_transpose(opened))
                image.load()
                return image
    except ImageFileError:
        raise
    except UnidentifiedImageError:
        raise ImageFileError(f"{path} is no image that Pillow can read: convert it to PNG or JPEG.") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error) from error  # Of the file system: Pillow's own have no number.
        raise ImageFileError(f"{path} is damaged ({error}): copy or export it again.") from error


def unreadable(path: str | os.PathLike, error: OSError) -> ImageFileError:
    """That a file cannot be read at all, in one sentence."""
    if error.errno == errno.ELOOP:
        return ImageFileError(f"{path} is a link that leads to itself: name the picture.")
    if isinstance(error, FileNotFoundError):
        link = os.path.islink(path)
        return ImageFileError(f"{path} is a link to nothing: name the picture." if link else f"{path} does not exist.")
    return ImageFileError(f"{path} cannot be read: {error.strerror or error}.")


def _check_size(path: Path, size: tuple[int, int], smallest: int) -> None:
    width, height = size
    told = f"{path} is {width}x{height} pixels"
    if min(size) < smallest:
        raise ImageFileError(f"{told}: too small, use a picture of at least {smallest}x{smallest}.")
    if max(size) > MAX_ASPECT * min(size):
        raise ImageFileError(f"{told}: too long and thin, crop it to at most {MAX_ASPECT:.0f} to 1 first.")
    if width * height > MAX_PIXELS:
        raise ImageFileError(f"{told}: too large, reduce it below {MAX_PIXELS // 10**6} million pixels first.")


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB, 8 bits."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        samples = np.asarray(image, np.float64)
        if not np.isfinite(samples).all():
            raise ValueError("it holds NaN or infinite samples")
        # 16-bit files open as "I;16" or, from some writers, as 32-bit "I"; "F" has no agreed range.
        scale = 257.0 if image.mode != "F" else max(float(samples.max(initial=0.0)), 1e-9) / 255.0
        image = Image.fromarray(np.clip(samples / scale + 0.5, 0, 255).astype(np.uint8))
    if _is_transparent(image):
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def to_rgba(image: Image.Image) -> Image.Image:
    """Any Pillow mode to RGBA, 8 bits; what has no transparency is opaque."""
    if _is_transparent(image):
        return image.convert("RGBA")
    return to_rgb(image).convert("RGBA")


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def square(image: Image.Image, size: int, crop: Crop, ground: Any = (128, 128, 128)) -> Image.Image:
    """A picture as a square of a side, on a ground where it is padded."""
    lanczos = Image.Resampling.LANCZOS
    if crop == "stretch":
        return image.resize((size, size), lanczos)
    if crop == "center":
        return ImageOps.fit(image, (size, size), lanczos)
    if crop == "pad":
        return ImageOps.pad(image, (size, size), lanczos, color=ground)
    raise ArgumentError(f"crop={crop!r}: use 'center', 'stretch' or 'pad'.")


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
    """
    array = np.asarray(image)
    write_bytes(path, encode_png(array if array.dtype == np.uint8 else to_uint8(check_range(array, "the image"))))

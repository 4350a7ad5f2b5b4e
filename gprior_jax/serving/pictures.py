"""Pictures that came with a request: never on disk, of two formats, and measured before they are decoded."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gprior_jax.errors import ImageFileError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import as_channels, open_picture, picture_of, square
from gprior_jax.images.masks import load_kernel, load_masked
from gprior_jax.images.placement import Crop
from gprior_jax.runs.small import small_sides
from gprior_jax.tasks import check_reach

PICTURE, MASK, KERNEL = Path("the picture"), Path("the mask"), Path("the kernel")
"""What sentences call them: no name that a client gives is used as one."""

_FORMATS = ("PNG", "JPEG")
"""Others are not tried: Pillow knows many, some of which start programs."""


class FormatError(ImageFileError):
    """A picture of a format that is not taken."""


class TooLargeError(ImageFileError):
    """A picture of more pixels than are taken."""


class Sent(NamedTuple):
    """The files of a request.

    Attributes:
        image: content of the picture's file.
        mask: of its mask's, where there is one.
        kernel: of the kernel's that has blurred it, likewise.
    """

    image: bytes
    mask: bytes | None = None
    kernel: bytes | None = None


def size_of_content(content: bytes, name: Path, megapixels: float) -> tuple[int, int]:
    """Width and height of a picture, from the head of its file.

    Raises:
        FormatError: it is no PNG or JPEG.
        TooLargeError: it has too many pixels.
    """
    if not content:
        raise FormatError(f"{name} is empty: send the content of a PNG or JPEG file.")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        raise TooLargeError(f"{name} is too large: reduce it below {megapixels:g} million pixels first.") from None
    except Exception:  # Of Pillow's readers, whatever it is.
        raise FormatError(f"{name} is no PNG or JPEG, or damaged: convert it, or send it again.") from None
    if width * height > megapixels * 1e6:
        told = f"{name} is {width}x{height} pixels"
        raise TooLargeError(f"{told}: too large, reduce it below {megapixels:g} million pixels first.")
    return width, height


def whole(content: bytes, prior: Prior, crop: Crop) -> np.ndarray:
    """A picture at the prior's resolution, ``[R, R, C]`` in [-1, 1]."""
    return _squared(content, prior.image_shape[0], prior.image_shape[-1], crop)


def small(content: bytes, prior: Prior, crop: Crop, factor: int | None, size: tuple[int, int]) -> np.ndarray:
    """A picture to be enlarged, ``[r, r, C]``; r divides the prior's resolution.

    Args:
        content: of its file.
        prior: to whose resolution.
        crop: how it becomes square.
        factor: by how much; None takes the one that is nearest to that of its side.
        size: width and height of the picture.

    Raises:
        ImageFileError: it is not smaller, or no such factor.
    """
    resolution, own = prior.resolution, min(size) if crop == "center" else max(size)
    fitting = small_sides(resolution)
    if factor is not None and (factor < 2 or resolution % factor):
        told = ", ".join(str(resolution // side) for side in reversed(fitting))
        raise ImageFileError(f"factor {factor} does not divide the prior's {resolution} pixels: use {told}.")
    if factor is None and own >= resolution:
        raise ImageFileError(
            f"{PICTURE} is {size[0]}x{size[1]} pixels, not smaller than the prior's {resolution}x{resolution}: give a "
            "factor, by which it is reduced first."
        )
    side = resolution // factor if factor else min(fitting, key=lambda side: (abs(side - own), side))
    return _squared(content, side, prior.image_shape[-1], crop, smallest=1)


def _squared(content: bytes, side: int, channels: int, crop: Crop, smallest: int = 8) -> np.ndarray:
    picture = open_picture(PICTURE, picture_of(channels), smallest, content=content)
    return from_uint8(as_channels(square(picture, side, crop), channels))


def blurring(sent: Sent, side: int) -> np.ndarray:
    """The kernel ``[k, k]`` that was sent, which must not reach beyond images of a side."""
    assert sent.kernel is not None
    kernel = load_kernel(KERNEL, sent.kernel)
    check_reach(kernel, side, KERNEL)
    return kernel


def holed(sent: Sent, prior: Prior, crop: Crop, invert: bool) -> tuple[np.ndarray, np.ndarray]:
    """A picture and what its mask leaves known of it, ``[R, R, C]`` and ``[R, R, 1]``."""
    assert sent.mask is not None
    return load_masked(PICTURE, MASK, prior, crop, invert, contents=(sent.image, sent.mask))

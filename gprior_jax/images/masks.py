"""Masks and blur kernels out of files, through Pillow."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from gprior_jax.errors import ImageFileError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import Cropping, HasImageShape, as_channels, picture_of, square
from gprior_jax.images.opening import open_picture, size_of, split_alpha
from gprior_jax.images.remarks import remark
from gprior_jax.images.samples import ValueRange


class Gray(NamedTuple):
    """What a mask's gray values mean.

    Attributes:
        threshold: from this part of white up they are white, in (0, 1]; None takes a half, and says so where a mask has
            more of them than soft edges explain.
        weights: they say how much a pixel counts; the threshold is not used.
    """

    threshold: float | None = None
    weights: bool = False


ANY_GRAY = Gray()
"""Nothing is said of them."""

HALF_WHITE = 0.5
"""The threshold where none is given."""


def load_mask(
    path: str | os.PathLike,
    size: int,
    crop: Cropping = "center",
    like: str | os.PathLike | None = None,
    invert: bool = False,
    gray: Gray = ANY_GRAY,
) -> np.ndarray:
    """Read a mask, white where pixels are known and black where they are missing.

    It becomes square as its picture does; where it is reduced, a pixel counts as known if all that it covers is.
    Anything that ``crop="pad"`` adds is missing. Colours are taken by their luma. Transparent pixels count as white: a
    layer with black strokes is a mask; but as black, and that is said, where all that can be seen is white.

    Args:
        path: the file.
        size: side of the result, pixels.
        crop: see :func:`gprior_jax.images.files.load_image`.
        like: the picture that it belongs to; a mask must have its size, or the side ``size``.
        invert: white is missing and black known, as in mGANprior's masks.
        gray: what its gray values mean; those of a brush's soft edge, and of JPEG, are of no importance.

    Returns:
        float32 ``[size, size, 1]``, 1 known and 0 missing; at least one of them is known.

    Raises:
        ImageFileError: unreadable, of another size, or without a known pixel.

    Warns:
        GPriorWarning: many gray values, and nothing is said of them; or transparency counts as black.
    """
    found = None if like is None else size_of(Path(like))
    return _known(Path(path), read_missing(Path(path), invert, gray), size, crop, found, invert)


def _known(
    path: Path, missing: np.ndarray, size: int, crop: Cropping, picture: tuple[int, int] | None, invert: bool
) -> np.ndarray:
    """What :func:`load_mask` returns, of a mask that has been read."""
    check_mask_size(path, missing, size, picture)
    reduced, hidden = (
        part if part.shape == (size, size) else _plane(part, size, crop, 1.0, Image.Resampling.BOX)
        for part in (missing, (missing >= 1).astype(np.float32))
    )
    # Whatever is hidden may hold anything: a pixel that covers some of it is missing, however much else it covers.
    known = np.where(hidden > 0, 0.0, 1.0 - reduced).astype(np.float32)[..., None]
    if not known.any():
        raise ImageFileError(
            f"{path} hides every pixel at {size}x{size}: leave larger areas known ({'black' if invert else 'white'})."
        )
    return known


def check_mask_size(
    path: Path, values: np.ndarray, size: int, picture: tuple[int, int] | None, what: str = "mask"
) -> None:
    """Raise :class:`ImageFileError` unless a mask ``[H, W]`` has the size of its picture, or of the result."""
    own = values.shape[::-1]
    wanted = {(size, size)} | ({picture} if picture is not None else set())
    if picture is not None and own not in wanted:
        sizes = " or ".join(f"{w}x{h}" for w, h in sorted(wanted))
        raise ImageFileError(f"{path} is a {what} of {own[0]}x{own[1]} pixels: make it {sizes}, as its picture.")


def load_region(
    path: str | os.PathLike,
    size: int,
    crop: Cropping = "center",
    like: str | os.PathLike | None = None,
    invert: bool = False,
    gray: Gray = ANY_GRAY,
) -> np.ndarray:
    """Read the region that a mask shows in white, as segmentations have it; else as :func:`load_mask` reads it.

    Where it is reduced, a pixel is inside if half of what it covers is. Transparent pixels are inside only where all
    that can be seen is black.

    Args:
        path: the file.
        size: side of the result, pixels.
        crop: see :func:`gprior_jax.images.files.load_image`.
        like: the picture that it belongs to; a mask must have its size, or the side ``size``.
        invert: the region is black.
        gray: what its gray values mean.

    Returns:
        bool ``[size, size]``, true inside; somewhere, and not everywhere.

    Raises:
        ImageFileError: unreadable, of another size, or all of one colour.
    """
    inside = read_missing(Path(path), not invert, gray)
    check_mask_size(Path(path), inside, size, None if like is None else size_of(Path(like)))
    region = region_of(inside, size, crop)
    if not region.any() or region.all():
        colour = "black" if region.any() == invert else "white"
        raise ImageFileError(
            f"{path} shows no region at {size}x{size}: it is {colour} everywhere; use a mask that is white inside of "
            "its region and black elsewhere, or the other way round."
        )
    return region


def region_of(inside: np.ndarray, size: int, crop: Cropping) -> np.ndarray:
    """Where half of what a pixel covers is inside, bool ``[size, size]``; of parts ``[H, W]`` of pixels."""
    reduced = inside if inside.shape == (size, size) else _plane(inside, size, crop, 0.0, Image.Resampling.BOX)
    return reduced >= HALF_WHITE


def load_masked(
    path: str | os.PathLike,
    mask: str | os.PathLike,
    size: int | HasImageShape,
    crop: Cropping = "center",
    invert: bool = False,
    gray: Gray = ANY_GRAY,
    value_range: ValueRange = "auto",
    contents: tuple[bytes, bytes] | tuple[None, None] = (None, None),
) -> tuple[np.ndarray, np.ndarray]:
    """Read a picture and its mask; holes do not leak into known pixels.

    They are read as :func:`gprior_jax.images.files.load_image` and :func:`load_mask` read them. Where the picture is
    resized, the filter weighs known pixels only: what was scribbled into a hole would otherwise shine through at its
    edges. ``contents`` are those of the two files, where they are not read from disk: their paths are names only.

    Returns:
        The picture ``[size, size, C]``, mid-gray in the holes, and the mask ``[size, size, 1]``.

    Raises:
        ImageFileError: see both.
    """
    side, channels = (size, 3) if isinstance(size, int) else (size.image_shape[0], size.image_shape[-1])
    missing = read_missing(Path(mask), invert, gray, contents[1])
    image = open_picture(Path(path), picture_of(channels), value_range=value_range, content=contents[0])
    known = _known(Path(mask), missing, side, crop, image.size, invert)
    # A mask at the size of the result: the holes are not known at that of the picture.
    if image.size != missing.shape[::-1]:
        return from_uint8(as_channels(square(image, side, crop), channels)), known
    seen = (missing < 1).astype(np.float32)
    pixels = as_channels(image, channels).astype(np.float32)
    weighted = [pixels[..., channel] * seen for channel in range(channels)]
    # In floats, since the filter overshoots; where a pixel is known, the weights add up to about 1.
    *sums, weights = [_plane(plane, side, crop, 0.0, Image.Resampling.LANCZOS) for plane in (*weighted, seen)]
    mean = np.stack(sums, axis=-1) / np.where(known > 0, weights[..., None], 1.0)
    return from_uint8(np.where(known > 0, np.clip(np.round(mean), 0, 255), 128)), known


def read_missing(path: Path, invert: bool = False, gray: Gray = ANY_GRAY, content: bytes | None = None) -> np.ndarray:
    """A mask file at its own size, float32 ``[H, W]``, 1 where pixels are missing; see :func:`load_mask`.

    ``content`` is the file's, where it is not read from disk.

    Floats: in 8 bits, one pixel of many would be rounded away when it is reduced.
    """
    values = np.asarray(open_picture(path, _seen, value_range=None, content=content))
    if set(np.unique(values).tolist()) <= {0, int(values.max())}:  # Two values, whatever white is.
        return ((values > 0) == invert).astype(np.float32)
    white = values / np.float32(255.0)
    if gray.weights:
        return white if invert else 1.0 - white
    threshold = HALF_WHITE if gray.threshold is None else gray.threshold
    part = _soft_part(values)
    if gray.threshold is None and part > _SOFT_PART:
        remark(
            f"{path}: {100 * part:.2g} % of the mask is gray, and counts as white from half of white up: give another "
            "threshold, or take its gray values as weights."
        )
    return ((white >= threshold) == invert).astype(np.float32)


def _seen(image: Image.Image) -> Image.Image:
    """A mask as gray values; paint programs leave any colour at all where it is transparent.

    Where all that can be seen is black or all is white, as strokes on an empty layer are and what an eraser left, the
    ground under it is the other one.
    """
    colours, alpha = split_alpha(image)
    gray = colours.convert("L")
    values = np.unique(np.asarray(gray)[np.asarray(alpha) >= 128]) if alpha is not None else np.array([])
    if alpha is None or not values.size:
        return gray
    ground = 0 if values[0] >= 128 else 255
    if len(values) == 2 and values[0] == 0:
        ground = int(values[1])  # That is its white, be it 1.
    if ground == 0 and alpha.getextrema()[0] != 255:
        remark(f"{image.info['name']}: all of the mask that can be seen is white; transparent counts as black.")
    return Image.composite(gray, Image.new("L", gray.size, ground), alpha)


def _plane(plane: np.ndarray, side: int, crop: Cropping, ground: float, resample: Image.Resampling) -> np.ndarray:
    return np.asarray(square(Image.fromarray(plane), side, crop, ground, resample))


_SOFT_PART = 0.01
"""Of a mask's pixels, the part that may be gray away from its edges before that is remarked upon."""

_EDGE = 7
"""Width of the edges where gray values are expected, pixels: three on each side of where black meets white."""

_GRAYS = (51, 204)
"""Values that JPEG does not make of black or white, where it is not an edge."""


def _soft_part(values: np.ndarray) -> float:
    """Part of a mask's pixels, uint8 ``[H, W]``, that are gray and not of an edge."""
    halves = Image.fromarray(np.where(values >= 128, 255, 0).astype(np.uint8))
    wide, narrow = (np.asarray(halves.filter(rank(_EDGE))) for rank in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    return float(((wide == narrow) & (values > _GRAYS[0]) & (values < _GRAYS[1])).mean())


def _light(image: Image.Image) -> Image.Image:
    """A kernel as gray values; where it is transparent no light went."""
    colours, alpha = split_alpha(image)
    gray = colours.convert("L")
    return gray if alpha is None else Image.composite(gray, Image.new("L", gray.size, 0), alpha)


def load_kernel(path: str | os.PathLike, content: bytes | None = None) -> np.ndarray:
    """Read a blur kernel: a square image with an odd side, brighter where more light went, transparent where none did.

    ``content`` is that of the file, where it is not read from disk: the path is a name only.

    Returns:
        float32 ``[k, k]``, sum 1.

    Raises:
        ImageFileError: unreadable, not square with an odd side, or all black.
    """
    image = open_picture(Path(path), _light, smallest=1, value_range=None, content=content)
    kernel = np.asarray(image, np.float32)
    if image.width != image.height or image.width % 2 == 0 or not kernel.any():
        raise ImageFileError(
            f"{path} is no blur kernel ({image.width}x{image.height} pixels): use a square image with an odd side "
            "and some white."
        )
    # The file shows where the light of a point went; an operator correlates: it looks from where light came.
    return kernel[::-1, ::-1] / kernel.sum()

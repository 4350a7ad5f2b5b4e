"""Masks and blur kernels out of files, through Pillow."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gprior_jax.errors import ImageFileError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import Crop, HasImageShape, as_channels, open_picture, picture_of, square


def load_mask(
    path: str | os.PathLike,
    size: int,
    crop: Crop = "center",
    like: str | os.PathLike | None = None,
    invert: bool = False,
) -> np.ndarray:
    """Read a mask, white where pixels are known and black where they are missing.

    It becomes square as its picture does; where it is reduced, a pixel counts as known if all that it covers is.
    Anything that ``crop="pad"`` adds is missing. Colours are taken by their luma, and transparency is ignored.

    Args:
        path: the file.
        size: side of the result, pixels.
        crop: see :func:`gprior_jax.images.files.load_image`.
        like: the picture that it belongs to; a mask must have its size, or the side ``size``.
        invert: white is missing and black known, as in mGANprior's masks.

    Returns:
        float32 ``[size, size, 1]``, 1 known and 0 missing; at least one of them is known.

    Raises:
        ImageFileError: unreadable, of another size, with gray values, or without a known pixel.
    """
    picture = None if like is None else open_picture(Path(like), lambda image: image)
    return _known(Path(path), _read_missing(Path(path), invert), size, crop, picture, invert)


def _known(
    path: Path, missing: Image.Image, size: int, crop: Crop, picture: Image.Image | None, invert: bool
) -> np.ndarray:
    """What :func:`load_mask` returns, of a mask that has been read."""
    wanted = {(size, size)} | ({picture.size} if picture is not None else set())
    if picture is not None and missing.size not in wanted:
        sizes = " or ".join(f"{w}x{h}" for w, h in sorted(wanted))
        raise ImageFileError(
            f"{path} is a mask of {missing.width}x{missing.height} pixels: make it {sizes}, as its picture."
        )
    reduced = missing if missing.size == (size, size) else _square_missing(missing, size, crop)
    known = (np.asarray(reduced) == 0).astype(np.float32)[..., None]
    if not known.any():
        raise ImageFileError(
            f"{path} hides every pixel at {size}x{size}: leave larger areas known ({'black' if invert else 'white'})."
        )
    return known


def load_masked(
    path: str | os.PathLike,
    mask: str | os.PathLike,
    size: int | HasImageShape,
    crop: Crop = "center",
    invert: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Read a picture and its mask; holes do not leak into known pixels.

    They are read as :func:`gprior_jax.images.files.load_image` and :func:`load_mask` read them. Where the picture is
    resized, the filter weighs known pixels only: what was scribbled into a hole would otherwise shine through at its
    edges.

    Returns:
        The picture ``[size, size, C]``, mid-gray in the holes, and the mask ``[size, size, 1]``.

    Raises:
        ImageFileError: see both.
    """
    side, channels = (size, 3) if isinstance(size, int) else (size.image_shape[0], size.image_shape[-1])
    missing, image = _read_missing(Path(mask), invert), open_picture(Path(path), picture_of(channels))
    known = _known(Path(mask), missing, side, crop, image, invert)
    if image.size != missing.size:  # A mask at the size of the result: the holes are not known at that of the picture.
        return from_uint8(as_channels(square(image, side, crop), channels)), known
    share = 1.0 - np.asarray(missing)
    pixels = as_channels(image, channels).astype(np.float32)
    weighted = [pixels[..., channel] * share for channel in range(channels)]
    # In floats, since the filter overshoots; where a pixel is known, the weights add up to about 1.
    *sums, weights = [np.asarray(square(Image.fromarray(plane), side, crop, 0.0)) for plane in (*weighted, share)]
    mean = np.stack(sums, axis=-1) / np.where(known > 0, weights[..., None], 1.0)
    return from_uint8(np.where(known > 0, np.clip(np.round(mean), 0, 255), 128)), known


def _read_missing(path: Path, invert: bool) -> Image.Image:
    """A mask file as floats, 1 where pixels are missing: in 8 bits, one of many would be rounded away when reduced."""
    values = np.asarray(open_picture(path, lambda image: image.convert("L")))
    if not set(np.unique(values).tolist()) <= {0, int(values.max())}:
        raise ImageFileError(
            f"{path} has gray values: a mask is white where pixels are known and black where they are missing; save it "
            "as PNG, not JPEG."
        )
    return Image.fromarray(((values > 0) == invert).astype(np.float32))


def load_kernel(path: str | os.PathLike) -> np.ndarray:
    """Read a blur kernel: a square image with an odd side, brighter where more light went.

    Returns:
        float32 ``[k, k]``, sum 1.

    Raises:
        ImageFileError: unreadable, not square with an odd side, or all black.
    """
    image = open_picture(Path(path), lambda image: image.convert("L"), smallest=1)
    kernel = np.asarray(image, np.float32)
    if image.width != image.height or image.width % 2 == 0 or not kernel.any():
        raise ImageFileError(
            f"{path} is no blur kernel ({image.width}x{image.height} pixels): use a square image with an odd side "
            "and some white."
        )
    # The file shows where the light of a point went; an operator correlates: it looks from where light came.
    return kernel[::-1, ::-1] / kernel.sum()


def _square_missing(missing: Image.Image, size: int, crop: Crop) -> Image.Image:
    """Part of every pixel that is missing, of an image of 0 and 1."""
    box = Image.Resampling.BOX
    if crop == "stretch":
        return missing.resize((size, size), box)
    if crop == "pad":
        return ImageOps.pad(missing, (size, size), box, color=1)
    return ImageOps.fit(missing, (size, size), box)

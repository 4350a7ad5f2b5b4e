"""Images in and out of files, through Pillow. Arrays are float32 ``[H, W, 3]`` in [-1, 1] unless said otherwise."""

import io
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.storage.atomic import write_bytes

Crop = Literal["center", "stretch", "pad"]
"""How a picture becomes square: its centre, all of it out of proportion, or all of it on a gray ground."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
"""Endings that a folder is searched for; a file that is named itself may have any ending."""

MIN_SIDE = 8
MAX_ASPECT = 10.0
MAX_PIXELS = 200_000_000
"""Limits of what is taken as a picture: shorter, thinner or larger files are named and refused."""


def list_images(inputs: Iterable[str | os.PathLike]) -> list[Path]:
    """Expand files, folders (searched one level deep) and glob patterns to a sorted list of distinct files.

    Raises:
        GPriorError: an input matches nothing, or a folder holds no images.
    """
    found: set[Path] = set()
    for entry in inputs:
        path = Path(entry).expanduser()
        if path.is_dir():
            inside = {p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")}
            if not inside:
                raise GPriorError(f"{path} holds no images ({', '.join(sorted(SUFFIXES))}).")
            found |= inside
        elif path.exists():
            found.add(path)
        elif any(c in str(entry) for c in "*?["):
            matches = {p for p in Path(path.anchor).glob(str(path.relative_to(path.anchor))) if p.is_file()}
            if not matches:
                raise GPriorError(f"no file matches {entry}.")
            found |= matches
        else:
            raise GPriorError(f"{entry} does not exist: give image files, folders or patterns.")
    return sorted(found)


def load_image(path: str | os.PathLike, size: int, crop: Crop = "center") -> np.ndarray:
    """Read a picture of any mode and size as a square.

    EXIF orientation is applied, 16-bit samples are scaled to 8, palettes and gray are expanded to RGB, transparent
    pixels are laid over white, and of an animation the first frame is taken. The picture is resized with Lanczos.

    Args:
        path: the file.
        size: side of the result, pixels.
        crop: how it becomes square.

    Returns:
        float32 ``[size, size, 3]`` in [-1, 1].

    Raises:
        ImageFileError: missing, unreadable, damaged, or of a size that cannot be a picture.
    """
    return from_uint8(np.asarray(_square(_open(Path(path), _to_rgb), size, crop)))


def load_unscaled(path: str | os.PathLike) -> np.ndarray:
    """Read a picture of any mode as :func:`load_image` does, at its own size: float32 ``[H, W, 3]`` in [-1, 1]."""
    return from_uint8(np.asarray(_open(Path(path), _to_rgb)))


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
        crop: see :func:`load_image`.
        like: the picture that it belongs to; a mask must have its size, or the side ``size``.
        invert: white is missing and black known, as in mGANprior's masks.

    Returns:
        float32 ``[size, size, 1]``, 1 known and 0 missing; at least one of them is known.

    Raises:
        ImageFileError: unreadable, of another size, with gray values, or without a known pixel.
    """
    picture = None if like is None else _open(Path(like), lambda image: image)
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
    path: str | os.PathLike, mask: str | os.PathLike, size: int, crop: Crop = "center", invert: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Read a picture as :func:`load_image` and its mask as :func:`load_mask` do; holes do not leak into known pixels.

    Where the picture is resized, the filter weighs known pixels only: what was scribbled into a hole would otherwise
    shine through at its edges.

    Returns:
        The picture ``[size, size, 3]``, mid-gray in the holes, and the mask ``[size, size, 1]``.

    Raises:
        ImageFileError: see both.
    """
    missing, image = _read_missing(Path(mask), invert), _open(Path(path), _to_rgb)
    known = _known(Path(mask), missing, size, crop, image, invert)
    if image.size != missing.size:  # A mask at the size of the result: the holes are not known at that of the picture.
        return from_uint8(np.asarray(_square(image, size, crop))), known
    share = 1.0 - np.asarray(missing)
    weighted = [np.asarray(channel, np.float32) * share for channel in image.split()]
    # In floats, since the filter overshoots; where a pixel is known, the weights add up to about 1.
    *sums, weights = [np.asarray(_square(Image.fromarray(plane), size, crop, 0.0)) for plane in (*weighted, share)]
    mean = np.stack(sums, axis=-1) / np.where(known > 0, weights[..., None], 1.0)
    return from_uint8(np.where(known > 0, np.clip(np.round(mean), 0, 255), 128)), known


def _read_missing(path: Path, invert: bool) -> Image.Image:
    """A mask file as floats, 1 where pixels are missing: in 8 bits, one of many would be rounded away when reduced."""
    values = np.asarray(_open(path, lambda image: image.convert("L")))
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
    image = _open(Path(path), lambda image: image.convert("L"), smallest=1)
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


def _open(path: Path, convert: Callable[[Image.Image], Image.Image], smallest: int = MIN_SIDE) -> Image.Image:
    """Open a picture, turn it upright and convert it; whatever goes wrong becomes one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large files and odd EXIF blocks; the limits are ours.
            with Image.open(path) as opened:
                _check_size(path, opened.size, smallest)
                image = convert(ImageOps.exif_transpose(opened))
                image.load()
                return image
    except ImageFileError:
        raise
    except FileNotFoundError:
        raise ImageFileError(f"{path} does not exist.") from None
    except (IsADirectoryError, PermissionError) as error:
        raise ImageFileError(f"{path} cannot be read: {error.strerror}.") from error
    except UnidentifiedImageError:
        raise ImageFileError(f"{path} is no image that Pillow can read: convert it to PNG or JPEG.") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ImageFileError(f"{path} is damaged ({error}): copy or export it again.") from error


def _check_size(path: Path, size: tuple[int, int], smallest: int) -> None:
    width, height = size
    told = f"{path} is {width}x{height} pixels"
    if min(size) < smallest:
        raise ImageFileError(f"{told}: too small, use a picture of at least {smallest}x{smallest}.")
    if max(size) > MAX_ASPECT * min(size):
        raise ImageFileError(f"{told}: too long and thin, crop it to at most {MAX_ASPECT:.0f} to 1 first.")
    if width * height > MAX_PIXELS:
        raise ImageFileError(f"{told}: too large, reduce it below {MAX_PIXELS // 10**6} million pixels first.")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB, 8 bits."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        samples = np.asarray(image, np.float64)
        if not np.isfinite(samples).all():
            raise ValueError("it holds NaN or infinite samples")
        # 16-bit files open as "I;16" or, from some writers, as 32-bit "I"; "F" has no agreed range.
        scale = 257.0 if image.mode != "F" else max(float(samples.max(initial=0.0)), 1e-9) / 255.0
        image = Image.fromarray(np.clip(samples / scale + 0.5, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def _square(image: Image.Image, size: int, crop: Crop, ground: Any = (128, 128, 128)) -> Image.Image:
    lanczos = Image.Resampling.LANCZOS
    if crop == "stretch":
        return image.resize((size, size), lanczos)
    if crop == "center":
        return ImageOps.fit(image, (size, size), lanczos)
    if crop == "pad":
        return ImageOps.pad(image, (size, size), lanczos, color=ground)
    raise ValueError(f"crop={crop!r}: use 'center', 'stretch' or 'pad'.")


def encode_png(image: np.ndarray) -> bytes:
    """PNG file of a uint8 array ``[H, W, 3]``."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def save_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write a uint8 array ``[H, W, 3]`` as PNG, whole or not at all."""
    write_bytes(path, encode_png(image))

"""Samples of more than 8 bits, out of files."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps


class Deep(NamedTuple):
    """A picture of more than 8 bits a sample, upright.

    Attributes:
        values: ``[H, W, C]`` as they are in the file; the colours, of which there are 1 or 3.
        alpha: uint16 ``[H, W]``, 0 where it is transparent; None where it nowhere is.
        profile: embedded colour profile.
        bits: of a sample in the file.
        signed: whether they may be negative.
        declared: whether the file says that all of the bits are used.
        negative: whether 0 is white, as TIFF files of scanners may have it.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    bits: int = 16
    signed: bool = False
    declared: bool = False
    negative: bool = False


def is_deep(image: Image.Image) -> bool:
    """Whether a picture that was opened and not yet loaded has more than 8 bits a sample."""
    return _is_gray(image) or _rawmode(image) in _OTHER_BYTES or _netpbm_white(image) > _BYTE


def is_misread(image: Image.Image) -> bool:
    """Whether Pillow takes the planes of a TIFF file of 16 bits a sample for planes of 8."""
    tags = getattr(image, "tag_v2", None)
    bits = () if tags is None else tags.get(_BITS_PER_SAMPLE, ())
    rawmodes = [str(_arguments(tile)[0]) for tile in getattr(image, "tile", ())]
    return len(bits) > 1 and max(bits) > 8 and not any(";16" in mode for mode in rawmodes)


def deep_samples(image: Image.Image, again: Callable[[], Image.Image] | None = None) -> Deep:
    """The samples of a picture for which :func:`is_deep` holds.

    Args:
        image: opened, of gray samples also loaded.
        again: opens the same file once more; for colours.

    Raises:
        ValueError: NaN or infinite samples.
    """
    profile, declared = image.info.get("icc_profile"), 0 < _netpbm_white(image) < _DEEPEST
    if _is_gray(image):
        return _gray(image, declared)
    if _netpbm_white(image):
        return Deep(_netpbm_colours(image), declared=declared)
    values, alpha = _two_passes(image, again or image.copy)
    return Deep(values, _transparent(values, alpha, image), profile)


def _gray(image: Image.Image, declared: bool) -> Deep:
    values = np.asarray(ImageOps.exif_transpose(image))
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite samples")
    bits, signed, negative = 16, False, False
    if (tags := getattr(image, "tag_v2", None)) is not None:
        bits, signed = int(tags.get(_BITS_PER_SAMPLE, (16,))[0]), tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED
        negative = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # Pillow turns these round if they have 8 bits.
        if bits == 32 and values.dtype == np.int32 and not signed:
            values = values.view(np.uint32)  # Pillow has no name for these.
    elif image.mode == "I" and image.format != "PPM":
        bits, signed = 32, True
    alpha = _transparent(values[..., None], None, image)
    profile = image.info.get("icc_profile")
    return Deep(values[..., None], alpha, profile, bits, signed, declared or bits < 16, negative)


def _netpbm_white(image: Image.Image) -> int:
    """The number that a binary netpbm file of 16 bits declares as white; 0 for other files, once loaded for all."""
    tile = next(iter(getattr(image, "tile", ())), None)
    if tile is None or image.format != "PPM":
        return 0
    if tile.codec_name == "ppm":
        return tile.args[1] if tile.args[1] > _BYTE else 0
    return _DEEPEST if tile.args == "I;16B" else 0


def _netpbm_colours(image: Any) -> np.ndarray:
    """Samples as they lie in the file, 16 bits, where Pillow keeps 8; scaled to 16 bits where fewer are declared."""
    white, shape = _netpbm_white(image), (image.height, image.width, 3)
    image.fp.seek(image.tile[0].offset)
    content = image.fp.read(2 * image.height * image.width * 3)
    if len(content) < 2 * image.height * image.width * 3:
        raise ValueError("it is cut off")
    values = np.frombuffer(content, ">u2").reshape(shape).astype(np.uint16)
    return values if white == _DEEPEST else np.round(values * (_DEEPEST / white)).clip(0, _DEEPEST).astype(np.uint16)


_BYTE, _DEEPEST = 255, 65535


def _transparent(values: np.ndarray, alpha: np.ndarray | None, image: Image.Image) -> np.ndarray | None:
    """Alpha of samples of which one colour may be declared as transparent."""
    colour = image.info.get("transparency")
    if alpha is not None or not isinstance(colour, int | tuple):
        return alpha
    return np.where((values == np.asarray(colour)).all(axis=-1), 0, 65535).astype(np.uint16)


def _is_gray(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _SIGNED = 0, 2
"""Tags of TIFF, and values of the last two."""

_OTHER_BYTES = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBX;16B": "RGBX;16L",
    "RGBX;16L": "RGBX;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "LA;16B": "RGBA",
    "RGB;16N": "RGB;16B" if np.little_endian else "RGB;16L",
    "RGBX;16N": "RGBX;16B" if np.little_endian else "RGBX;16L",
    "RGBA;16N": "RGBA;16B" if np.little_endian else "RGBA;16L",
}
"""Pillow keeps the upper byte of colours of 16 bits; by the name of the other byte order it keeps the lower one, and of
gray with alpha, taken for four samples of 8 bits, all four bytes."""


def _rawmode(image: Image.Image) -> str:
    """How the samples lie in the file, as Pillow calls it; empty where it is more than one way."""
    found = {_arguments(tile)[0] for tile in getattr(image, "tile", ())}
    return found.pop() if len(found) == 1 else ""


def _arguments(tile: Any) -> tuple[Any, ...]:
    return tile.args if isinstance(tile.args, tuple) and tile.args else (tile.args,)


def _two_passes(image: Image.Image, again: Callable[[], Image.Image]) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours of 16 bits and alpha, which Pillow reads as 8: once for the upper bytes, once for the lower ones."""
    raw = _rawmode(image)
    with again() as other:
        other.tile = [_other_bytes(tile) for tile in getattr(other, "tile", ())]  # pyright: ignore[reportAttributeAccessIssue]
        lower = np.asarray(ImageOps.exif_transpose(other), np.uint16)
    if raw == "LA;16B":
        pairs = lower[..., 0::2] * np.uint16(256) + lower[..., 1::2]
        return pairs[..., :1], pairs[..., 1]
    whole = np.asarray(ImageOps.exif_transpose(image), np.uint16) * np.uint16(256) + lower
    return whole[..., :3], whole[..., 3] if whole.shape[-1] == 4 else None


def _other_bytes(tile: Any) -> Any:
    first, *rest = _arguments(tile)
    changed = _OTHER_BYTES[first]
    return tile._replace(args=(changed, *rest) if isinstance(tile.args, tuple) else changed)

"""Pictures of more than 8 bits a sample, and of floats: what of their numbers is black and white.

A file says how many bits a sample takes, not how many of them are used: a camera's 12 bits in a 16-bit file reach a
sixteenth of it, and floats have no agreed range at all. Unless a range is given it is guessed, by rules that do not
stretch a picture to its own brightest pixel, and the guess is told:

- whole numbers from 0 up: the fewest of 8, 10, 12 or 16 bits that hold them all, else 32 (31 of signed ones). 16-bit
  samples that need more than 14 of their bits, and 12-bit samples that the file declares, are no guess;
- whole numbers below 0: the whole range of signed numbers of 16 bits, else of 32;
- floats: the first that holds them all of [0, 1], [-1, 1], [0, 255], [0, 1023], [0, 4095] and [0, 65535].
"""

import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gprior_jax.errors import ArgumentError, GPriorWarning, ImageFileError

ValueRange = str | tuple[float, float]
"""``"auto"``, bits as ``"12"``, ``"LOW:HIGH"``, or ``(low, high)``: the numbers of black and of white."""

_GUESSED_BITS = (8, 10, 12)
_FLOAT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 1023.0), (0.0, 4095.0), (0.0, 65535.0))
_ROUNDING = 1e-4
"""Part of a range by which floats may leave it."""

_SIXTEEN_BITS = 2.0**16 - 1
_DARK = 2**14
"""16-bit pictures that stay below this are a quarter as bright as they could be: perhaps 14-bit data."""


class Deep(NamedTuple):
    """A picture of more than 8 bits a sample, upright.

    Attributes:
        values: ``[H, W, C]`` as they are in the file; the colours, of which there are 1 or 3.
        alpha: uint16 ``[H, W]``, 0 where it is transparent; None where it nowhere is.
        profile: embedded colour profile.
        bits: of a sample in the file.
        signed: whether they may be negative.
        declared: whether the file says that all of the bits are used.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    bits: int = 16
    signed: bool = False
    declared: bool = False


def parse_range(value: ValueRange) -> tuple[float, float] | None:
    """The numbers of black and white; None for ``"auto"``.

    Raises:
        ValueError: it is none.

    >>> parse_range("12"), parse_range("-1:1"), parse_range("auto")
    ((0.0, 4095.0), (-1.0, 1.0), None)
    """
    if value == "auto":
        return None
    told = f"range {value!r}: use auto, a number of bits from 8 to 32, or LOW:HIGH, the numbers of black and white."
    if isinstance(value, str):
        if re.fullmatch(r"\d{1,2}", value):
            if not 8 <= int(value) <= 32:
                raise ArgumentError(told)
            return 0.0, float(2 ** int(value) - 1)
        try:
            low, high = map(float, value.split(":"))
        except ValueError:
            raise ArgumentError(told) from None
    else:
        low, high = map(float, value)
    if not (np.isfinite([low, high]).all() and low < high):
        raise ArgumentError(told)
    return low, high


def is_deep(image: Image.Image) -> bool:
    """Whether a picture that was opened and not yet loaded has more than 8 bits a sample."""
    return _is_gray(image) or _rawmode(image) in _OTHER_BYTES


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
    if not _is_gray(image):
        values, alpha = _two_passes(image, again or image.copy)
        return Deep(values, _transparent(values, alpha, image), image.info.get("icc_profile"))
    values = np.asarray(ImageOps.exif_transpose(image))
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite samples")
    bits, signed = 16, False
    if (tags := getattr(image, "tag_v2", None)) is not None:
        bits, signed = int(tags.get(_BITS_PER_SAMPLE, (16,))[0]), tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED
        if bits == 32 and values.dtype == np.int32 and not signed:
            values = values.view(np.uint32)  # Pillow has no name for these.
    elif image.mode == "I" and image.format != "PPM":
        bits, signed = 32, True
    # Of netpbm files Pillow makes 16 bits by the largest number that they declare.
    values, declared = values[..., None], bits < 16 or image.format == "PPM"
    profile = image.info.get("icc_profile")
    return Deep(values, _transparent(values, None, image), profile, bits, signed, declared)


def _transparent(values: np.ndarray, alpha: np.ndarray | None, image: Image.Image) -> np.ndarray | None:
    """Alpha of samples of which one colour may be declared as transparent."""
    colour = image.info.get("transparency")
    if alpha is not None or not isinstance(colour, int | tuple):
        return alpha
    return np.where((values == np.asarray(colour)).all(axis=-1), 0, 65535).astype(np.uint16)


def _is_gray(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _SIGNED = 258, 339, 2
"""Tags of TIFF, and a value of the second."""

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


def range_of(deep: Deep, value_range: ValueRange = "auto", name: str = "the picture") -> tuple[float, float]:
    """The numbers of black and white: those given, or a guess.

    Args:
        deep: the samples.
        value_range: what is given.
        name: of the picture, for what is said.

    Raises:
        ImageFileError: floats beyond every range that is guessed.
        ValueError: the range that is given is none.

    Warns:
        GPriorWarning: it is a guess.
    """
    if (given := parse_range(value_range)) is not None:
        return given
    low, high = float(deep.values.min(initial=0)), float(deep.values.max(initial=0))
    floats = deep.values.dtype.kind == "f"
    found = _float_range(low, high) if floats else _integer_range(low, high, deep)
    told = f"{name}: its {'floats' if floats else f'{deep.bits}-bit samples'} lie between {low:.6g} and {high:.6g}"
    if found is None:
        raise ImageFileError(f"{told}, which may mean anything: give the range, the numbers of black and white.")
    if not (deep.declared or low == high or _is_certain(found, high, deep)):
        black, white = (f"{number:.10g}" for number in found)
        warnings.warn(
            f"{told}, and are taken as {black} (black) to {white} (white): give the range if it is another.",
            GPriorWarning,
            stacklevel=2,
        )
    return found


def _is_certain(found: tuple[float, float], high: float, deep: Deep) -> bool:
    return not deep.signed and deep.bits == 16 and found[1] == _SIXTEEN_BITS and high >= _DARK


def _float_range(low: float, high: float) -> tuple[float, float] | None:
    for black, white in _FLOAT_RANGES:
        room = _ROUNDING * (white - black)
        if black - room <= low and high <= white + room:
            return black, white
    return None


def _integer_range(low: float, high: float, deep: Deep) -> tuple[float, float]:
    if low < 0:
        limit = 2.0**15 if low >= -(2**15) and high < 2**15 else 2.0**31
        return -limit, limit - 1
    if deep.declared:
        return 0.0, 2.0**deep.bits - 1
    widths = (*_GUESSED_BITS, 15 if deep.signed and deep.bits == 16 else 16, 31 if deep.signed else 32)
    return 0.0, 2.0 ** next(bits for bits in widths if high < 2**bits) - 1


def eight_bits(deep: Deep, black: float, white: float) -> Image.Image:
    """Samples as a picture of 8 bits, black and white as given, clipped and rounded to nearest."""
    scaled = (deep.values.astype(np.float64) - black) * (255.0 / (white - black))
    values = np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8)
    image = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    if deep.alpha is not None:
        image.putalpha(Image.fromarray(np.round(deep.alpha / 257.0).astype(np.uint8)))
    if deep.profile:
        image.info["icc_profile"] = deep.profile
    return image

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

import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.images.deep import Deep
from gprior_jax.images.remarks import remark

ValueRange = str | tuple[float, float]
"""``"auto"``, bits as ``"12"``, ``"LOW:HIGH"``, or ``(low, high)``: the numbers of black and of white."""

_GUESSED_BITS = (8, 10, 12)
_FLOAT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 1023.0), (0.0, 4095.0), (0.0, 65535.0))
_ROUNDING = 1e-4
"""Part of a range by which floats may leave it."""

_SIXTEEN_BITS = 2.0**16 - 1
_DARK = 2**14
"""16-bit pictures that stay below this are a quarter as bright as they could be: perhaps 14-bit data."""


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


def range_setting(value_range: ValueRange) -> str | list[float]:
    """A range as settings name it, JSON: the same for all ways to write it.

    >>> range_setting("12"), range_setting("0:4095"), range_setting("auto")
    ([0.0, 4095.0], [0.0, 4095.0], 'auto')
    """
    return list(parse_range(value_range) or ()) or "auto"


def range_of(deep: Deep, value_range: ValueRange = "auto", name: str = "the picture") -> tuple[float, float]:
    """The numbers of black and white: those given, or a guess; the other way round for a negative.

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
    given = parse_range(value_range)
    black, white = _guessed(deep, name) if given is None else given
    return (white, black) if deep.negative else (black, white)


def _guessed(deep: Deep, name: str) -> tuple[float, float]:
    low, high = float(deep.values.min(initial=0)), float(deep.values.max(initial=0))
    floats = deep.values.dtype.kind == "f"
    found = _float_range(low, high) if floats else _integer_range(low, high, deep)
    told = f"{name}: its {'floats' if floats else f'{deep.bits}-bit samples'} lie between {low:.6g} and {high:.6g}"
    if found is None:
        raise ImageFileError(f"{told}, which may mean anything: give the range, the numbers of black and white.")
    if not (deep.declared or low == high or _is_certain(found, high, deep)):
        black, white = (f"{number:.10g}" for number in found)
        remark(
            f"{told}, and are taken as {black} (black) to {white} (white): give the range if it is another.",
            stacklevel=3,
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

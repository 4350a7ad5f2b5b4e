"""Results put back into the photographs that they were cut from, at the photographs' own size and depth."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gprior_jax.images.deep import Deep, deep_samples, is_deep
from gprior_jax.images.opening import opened, split_alpha, to_rgb
from gprior_jax.images.placement import Box, Placement
from gprior_jax.images.profiles import from_srgb, is_for
from gprior_jax.images.remarks import collected
from gprior_jax.images.samples import ValueRange, eight_bits, range_of

FEATHER = 1 / 16
"""Width of the band inside the square's border over which it fades into the photograph, as part of its side."""

Finish = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``(filling, photograph) -> result``, all float32 ``[h, w, C]`` in [-1, 1]."""

_DEEPEST = 65535.0
_SMOOTH = Image.Resampling.BICUBIC


class Original(NamedTuple):
    """A photograph as its file holds it, upright.

    Attributes:
        samples: uint8 or uint16 ``[H, W, C]``, gray or RGB.
        alpha: of the same dtype, ``[H, W]``; None where there is none.
        profile: its colours'; None for sRGB.
        black: number of black.
        white: number of white.
    """

    samples: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    black: float = 0.0
    white: float = 255.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.samples.shape[1], self.samples.shape[0]

    def stacked(self) -> np.ndarray:
        """Samples and alpha as a PNG file has them, ``[H, W, 1 to 4]``."""
        return self.samples if self.alpha is None else np.concatenate([self.samples, self.alpha[..., None]], axis=-1)


def read_original(path: Path, value_range: ValueRange = "auto") -> Original:
    """Read a photograph with all that PNG can hold of it: gray or RGB, alpha, 8 or 16 bits, and its colour profile.

    What PNG, or a result in colours, cannot take up (CMYK and other colours, profiles of gray, floats, numbers of 32
    bits or below 0) is taken as it is read otherwise, as sRGB of 8 bits. Palettes become the colours that they stand
    for.

    Raises:
        ImageFileError: see :func:`gprior_jax.images.files.load_image`.
    """
    # What there is to say of it was said when it was read to be solved.
    with collected(), opened(path, smallest=1) as (image, again):
        if is_deep(image):
            deep = deep_samples(image, again)
            black, white = range_of(deep, value_range, str(path))
            if _is_kept(deep):
                return _of_deep(deep, black, white)
            image = eight_bits(deep, black, white)
        image = ImageOps.exif_transpose(image)
        image.load()
        profile, (colours, alpha) = image.info.get("icc_profile"), split_alpha(image)
        if colours.mode == "1":
            colours = colours.convert("L")
        if colours.mode not in ("L", "RGB") or is_for(profile, "L"):
            colours.info = {"icc_profile": profile}
            colours, profile = to_rgb(colours), None
        samples = np.asarray(colours).reshape(*colours.size[::-1], -1)
        return Original(
            samples, None if alpha is None else np.asarray(alpha), profile if is_for(profile, "RGB") else None
        )


def _is_kept(deep: Deep) -> bool:
    """Whether 16 bits of PNG hold the samples."""
    whole = deep.values.dtype.kind in "iu" and not deep.signed
    return whole and not deep.negative and deep.values.max(initial=0) <= _DEEPEST and not is_for(deep.profile, "L")


def _of_deep(deep: Deep, black: float, white: float) -> Original:
    values = deep.values.astype(np.uint16)
    if deep.declared and white < _DEEPEST:  # PNG has no 12 bits: they become 16.
        values, black, white = np.round(deep.values * (_DEEPEST / white)).astype(np.uint16), 0.0, _DEEPEST
    return Original(values, deep.alpha, deep.profile if is_for(deep.profile, "RGB") else None, black, white)


def enlarged(original: Original, factor: float) -> Original:
    """A photograph at more pixels, bicubic; of a factor of 1 or less as it is."""
    if factor <= 1.0:
        return original
    width, height = (max(1, round(length * factor)) for length in original.size)
    planes = [*np.moveaxis(original.samples, -1, 0), *([] if original.alpha is None else [original.alpha])]
    most = np.iinfo(original.samples.dtype).max
    larger = [
        np.clip(np.round(scaled(plane, (width, height))), 0, most).astype(original.samples.dtype) for plane in planes
    ]
    colours = original.samples.shape[-1]
    alpha = None if original.alpha is None else larger[-1]
    return original._replace(samples=np.stack(larger[:colours], axis=-1), alpha=alpha)


def scaled(
    plane: np.ndarray,
    size: tuple[int, int],
    box: Box | None = None,
    resample: Image.Resampling = _SMOOTH,
) -> np.ndarray:
    """A part of an array ``[H, W]`` at a width and height, float32."""
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, resample, box=box))


def covered(place: Placement) -> tuple[slice, slice]:
    """Rows and columns of a photograph that lie in its square as a whole."""
    left, top, right, bottom = place.picture
    return slice(math.ceil(top), math.floor(bottom)), slice(math.ceil(left), math.floor(right))


def as_covered(plane: np.ndarray, place: Placement, resample: Image.Resampling = _SMOOTH) -> np.ndarray:
    """What of a square ``[R, R]`` lies over :func:`covered`, at its size: ``[h, w]``, float32."""
    rows, columns = covered(place)
    left, top, right, bottom = place.picture
    x0, y0, x1, y1 = place.square
    wide, high = (x1 - x0) / (right - left), (y1 - y0) / (bottom - top)
    box = ((columns.start - left) * wide, (rows.start - top) * high)
    box += (x1 - x0 - (right - columns.stop) * wide, y1 - y0 - (bottom - rows.stop) * high)
    # Cut out first: filters look beyond a box, where the ground of a padded picture is.
    return scaled(plane[y0:y1, x0:x1], (columns.stop - columns.start, rows.stop - rows.start), box, resample)


def paste(
    original: Original,
    square: np.ndarray,
    place: Placement,
    share: np.ndarray | None = None,
    finish: Finish | None = None,
) -> Original:
    """Put a square back where it came from.

    What lies outside of it stays as it is, to the bit, and alpha does everywhere. A gray photograph becomes one of
    colours if the square is.

    Args:
        original: the photograph.
        square: the result, uint8 sRGB ``[R, R, C]``: gray, RGB, or with alpha, through which the photograph shows.
        place: of the photograph in the square.
        share: ``[h, w]``, of the rows and columns that are :func:`covered`: the part of the square in the result; None
            takes all of it, less towards those of its borders that are not the photograph's, over a band of
            :data:`FEATHER`.
        finish: makes what is pasted from the square at the photograph's size and the photograph; pixel by pixel.
    """
    rows, columns = covered(place)
    share = feather(original.size, place) if share is None else share
    if square.shape[-1] == _RGB + 1:
        share = share * np.clip(as_covered(square[..., -1], place), 0, 255) / np.float32(255)
        square = square[..., :-1]
    colours = from_srgb(square, original.profile) if square.shape[-1] == _RGB else square
    planes = [np.clip(as_covered(plane, place), 0, 255) for plane in np.moveaxis(colours, -1, 0)]
    channels = max(len(planes), original.samples.shape[-1])
    samples = np.repeat(original.samples, channels // original.samples.shape[-1], axis=-1)
    for start in range(0, rows.stop - rows.start, _STRIP):
        strip = slice(start, start + _STRIP)
        filling = np.stack([plane[strip] for plane in planes], axis=-1)
        place_of = samples[rows, columns][strip]
        place_of[...] = _mixed(original, place_of, np.broadcast_to(filling, place_of.shape), share[strip], finish)
    return original._replace(samples=samples)


_RGB = 3
_STRIP = 256
"""Rows that are mixed at once: the numbers of a large photograph as floats would take gigabytes."""


def _mixed(
    original: Original, before: np.ndarray, filling: np.ndarray, share: np.ndarray, finish: Finish | None
) -> np.ndarray:
    """Samples ``[h, w, C]`` with their share of a filling in [0, 255]."""
    black, half = np.float32(original.black), np.float32((original.white - original.black) / 2.0)
    filling = filling / np.float32(127.5) - 1
    if finish is not None:
        filling = finish(filling, (before.astype(np.float32) - black) / half - 1)
    after = (filling + 1) * half + black
    mixed = before + share[..., None] * (after - before)
    whole = np.clip(np.floor(mixed + 0.5), 0, np.iinfo(before.dtype).max).astype(before.dtype)
    return np.where(share[..., None] > 0, whole, before)


def feather(size: tuple[int, int], place: Placement) -> np.ndarray:
    """1 in a square, falling to 0 towards its borders where the photograph goes on: ``[h, w]`` of what is covered."""
    rows, columns = covered(place)
    high = _ramp(rows, size[1], max(1.0, FEATHER * (place.picture[3] - place.picture[1])))
    wide = _ramp(columns, size[0], max(1.0, FEATHER * (place.picture[2] - place.picture[0])))
    return (high[:, None] * wide).astype(np.float32)


def _ramp(inside: slice, length: int, band: float) -> np.ndarray:
    """Along one axis: smooth at both of its ends."""
    centres = np.arange(inside.start, inside.stop) + 0.5
    start = (centres - inside.start) / band if inside.start > 0 else np.ones(len(centres))
    stop = (inside.stop - centres) / band if inside.stop < length else np.ones(len(centres))
    part = np.clip(np.minimum(start, stop), 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)

"""Results put back into the photographs that they were cut from, at the photographs' own size and depth."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ImageOps

from gprior_jax.images.covering import FEATHER as FEATHER
from gprior_jax.images.covering import Place, as_covered, covered, feather, inside, scaled
from gprior_jax.images.deep import Deep, deep_samples, is_deep
from gprior_jax.images.opening import opened, split_alpha, to_rgb
from gprior_jax.images.placement import placement
from gprior_jax.images.profiles import from_srgb, is_for
from gprior_jax.images.remarks import collected
from gprior_jax.images.samples import ValueRange, eight_bits, range_of

Finish = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``(filling, photograph) -> result``, all float32 ``[h, w, C]`` in [-1, 1]."""

_DEEPEST = 65535.0


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


def paste(
    original: Original,
    square: np.ndarray,
    place: Place,
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
    share = feather(original.size, place) if share is None else inside(share, place)
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


class Seam(NamedTuple):
    """What the edge of something pasted is like, in grey levels of 255; means over the pixels and the colours there.

    Attributes:
        step: difference between what was pasted and the photograph under it, all along the edge: what there is to
            bridge. Without a feather it would be a jump from one pixel to the next.
        jump: between neighbouring pixels along and across the edge, in the photograph with what was pasted.
        before: the same in the photograph as it was; an edge that cannot be seen jumps no more.
    """

    step: float
    jump: float
    before: float


def seam(original: Original, done: Original, place: Place, share: np.ndarray | None = None) -> Seam | None:
    """Measure the edge between what was pasted and what of the photograph stays.

    Args:
        original: the photograph.
        done: the same with what :func:`paste` put into it.
        place: that it was put at.
        share: what :func:`paste` took.

    Returns:
        Over the band where what was pasted fades, and where it ends at once over the pixels on both sides; None where
        there is neither, as all of the photograph is covered.
    """
    part = np.zeros(original.size[::-1], np.float32)
    part[covered(place)] = feather(original.size, place) if share is None else inside(share, place)
    unit = 255.0 / (original.white - original.black)
    fading = (part > 0) & (part < 1)
    edge = fading & (part >= _TELLING)
    jumps: list[np.ndarray] = []
    (height, width) = part.shape
    for rows, columns in ((0, 1), (1, 0)):
        one, other = (slice(0, height - rows), slice(0, width - columns)), (slice(rows, None), slice(columns, None))
        ends = (part[one] > 0) != (part[other] > 0)
        edge[one] |= ends & (part[one] == 1)
        edge[other] |= ends & (part[other] == 1)
        y, x = np.nonzero(ends | fading[one] | fading[other])
        for samples in (done.samples, original.samples):
            jumps.append(unit * _apart(samples[y + rows, x + columns], samples[y, x]))
    after, before = (np.concatenate(jumps[i::2]) for i in (0, 1))
    y, x = np.nonzero(edge)
    if not len(after) or not len(y):
        return None
    steps = unit * _apart(done.samples[y, x], original.samples[y, x]) / part[y, x]
    return Seam(float(steps.mean()), float(after.mean()), float(before.mean()))


def blended_seam(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> Seam | None:
    """:func:`seam` of a picture of which a part was blended into another of its size.

    Args:
        before: uint8 ``[R, R, C]``, what stays.
        after: the same with what was blended into it.
        share: ``[R, R]``, the part of that at every pixel.

    >>> before, share = np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4), np.float32)
    >>> share[:, 2:] = 1.0
    >>> blended_seam(before, np.where(share[..., None] > 0, np.uint8(50), before), share)
    Seam(step=50.0, jump=50.0, before=0.0)
    """
    whole = placement(before.shape[1::-1], len(before), "center")
    return seam(Original(before), Original(after), whole, share)


_TELLING = 0.5
"""Share from which a pixel of 8 bits tells what was pasted to about a grey level."""


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean differences of samples ``[N, C]``."""
    return np.abs(one.astype(np.float32) - other.astype(np.float32)).mean(axis=-1)

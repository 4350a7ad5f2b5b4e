"""Ranges of pixels that are looked at: [-1, 1] everywhere, [0, 1] in metrics, whole numbers in files alone."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from gprior_jax.errors import ArgumentError, RangeWarning
from gprior_jax.typing import ArrayLike


def check_range(images: ArrayLike, what: str = "images") -> np.ndarray:
    """Images as float32, if their numbers can be pixels in [-1, 1]; noise may leave that range.

    Args:
        images: any shape.
        what: for the message.

    Raises:
        ValueError: whole numbers, as in files; or numbers that reach beyond four times the range, as [0, 255] does.

    Warns:
        RangeWarning: all numbers lie in [0, 1] and not all are alike: as if black were 0.
    """
    array = np.asarray(images)
    low, high = _concrete_extent(array, what, FLOATS)
    if max(-low, high) > _FARTHEST:
        raise ArgumentError(f"{what} from {low:.4g} to {high:.4g}: {FLOATS}")
    array = array.astype(np.float32)
    if low >= 0.0 and high <= 1.0 and high - low > _CONTRAST:
        warnings.warn(
            f"all pixels of the {what} lie between {low:.3g} and {high:.3g}: black is -1 here; pixels in [0, 1] become "
            "that by 2 * x - 1.",
            RangeWarning,
            stacklevel=3,
        )
    return array


def check_pixels(images: ArrayLike, what: str = "images") -> None:
    """Raise where numbers are pixels of files, not in [-1, 1], which a generator may leave by far.

    While JAX traces, their dtype alone is looked at.

    Args:
        images: any shape.
        what: for the message.

    Raises:
        ValueError: whole numbers; or none is negative and some reach beyond four times the range.
    """
    low, high = _concrete_extent(images, what, FLOATS)
    if low >= 0 and high > _FARTHEST:
        raise ArgumentError(f"{what} from {low:.4g} to {high:.4g}: {FLOATS}")


def check_unit(images: ArrayLike, what: str = "the image") -> None:
    """Raise where numbers cannot be pixels in [0, 1], as metrics take them; while JAX traces, of their dtype alone.

    Args:
        images: any shape.
        what: for the message.

    Raises:
        ValueError: whole numbers; or numbers further outside of [0, 1] than half its width, as those of [-1, 1] and [0,
            255] are.

    Warns:
        RangeWarning: more numbers are negative than noise makes so.
    """
    remedy = "metrics take floats in [0, 1]; pixels in [-1, 1] become that by (x + 1) / 2, 8-bit ones by x / 255."
    low, high = _concrete_extent(images, what, remedy)
    if low < -_UNIT_ROOM or high > 1.0 + _UNIT_ROOM:
        raise ArgumentError(f"{what} from {low:.4g} to {high:.4g}: {remedy}")
    if low < -_NEGATIVE and np.mean(np.asarray(_concrete(images)) < -_NEGATIVE) > _NEGATIVE_PART:
        warnings.warn(f"many pixels of {what} are negative, down to {low:.3g}: {remedy}", RangeWarning, stacklevel=3)


def check_dtype(images: ArrayLike, kind: str, remedy: str, what: str = "images") -> None:
    """Raise unless pixels are floats (``"f"``) or unsigned bytes (``"u"``), saying what to do."""
    dtype = np.dtype(getattr(images, "dtype", None) or np.asarray(images).dtype)
    # V: bfloat16 is a kind of its own to numpy.
    if dtype.kind not in "fV" if kind == "f" else dtype != np.uint8:
        raise ArgumentError(f"{what} of dtype {dtype}: {remedy}")


def _concrete_extent(images: ArrayLike, what: str, remedy: str) -> tuple[float, float]:
    """Least and greatest finite number, of floats; 0 and 0 where there are none yet."""
    check_dtype(images, "f", remedy, what)
    found = _concrete(images)
    return (0.0, 0.0) if found is None else _extent(np.asarray(found, np.float32))


def _extent(array: np.ndarray) -> tuple[float, float]:
    finite = array[np.isfinite(array)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _concrete(images: Any) -> Any:
    """The numbers behind an array, of all images under ``vmap``; None where there are none yet, under ``jit``."""
    if not isinstance(images, Tracer):
        return images
    inner = getattr(images, "val", getattr(images, "primal", None))
    return _concrete(inner) if isinstance(inner, jax.Array | np.ndarray) else None  # A tracer is a jax.Array.


@contextlib.contextmanager
def trusted_range() -> Iterator[None]:
    """Inside, pixels come from files, which are read as [-1, 1]: that all of a picture are bright is no sign."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RangeWarning)
        yield


FLOATS = "give floats in [-1, 1]; 8-bit pixels become that by x / 127.5 - 1."
"""What to do about pixels of another range."""

_FARTHEST = 8.0
"""Of pixels in [-1, 1]: Gaussian noise of 100 grey levels reaches it in one of 10**18 pixels."""

_UNIT_ROOM = 0.5
_NEGATIVE, _NEGATIVE_PART = 0.01, 0.1
"""Of pixels in [0, 1]: how far noise may lead out of it, from where on a pixel counts as negative, and how many may."""

_CONTRAST = 0.5
"""Images that are flat and bright are no sign of another range."""

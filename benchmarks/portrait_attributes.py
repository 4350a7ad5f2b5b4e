"""Attributes of the portraits of ``builtin:portraits``, scored by what regions of a picture of 64 px look like.

The eyes are always at the same place: a region is the same part of every face. No network judges; scores are mean luma
or colour, or differences of them, in units of a picture in [-1, 1].
"""

from collections.abc import Callable

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])

Box = tuple[slice, slice]

HAIR: Box = (slice(2, 10), slice(22, 42))
"""Above the forehead."""
GROUND: tuple[Box, Box] = ((slice(0, 24), slice(0, 6)), (slice(0, 24), slice(58, 64)))
"""Left and right of the head."""
MOUTH: Box = (slice(48, 52), slice(27, 37))
"""Between the lips."""
AROUND: tuple[Box, Box] = ((slice(41, 45), slice(27, 37)), (slice(55, 59), slice(27, 37)))
"""Below the nose, and the chin."""


def luma(images: np.ndarray) -> np.ndarray:
    """``[N, H, W, 3]`` to ``[N, H, W]``."""
    return images @ LUMA


def mean_of(images: np.ndarray, *boxes: Box) -> np.ndarray:
    """Mean of every channel of some boxes of equal size, ``[N, ...]``."""
    return np.mean([images[:, rows, columns].mean((1, 2)) for rows, columns in boxes], axis=0)


def _warmth(colour: np.ndarray) -> np.ndarray:
    return colour[:, 0] - colour[:, 2]


ATTRIBUTES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bright": lambda images: luma(images).mean((1, 2)),
    "fair_hair": lambda images: mean_of(luma(images), HAIR),
    "blue_ground": lambda images: -_warmth(mean_of(images, *GROUND)),
    "bright_ground": lambda images: mean_of(luma(images), *GROUND),
    "warm": lambda images: _warmth(images.mean((1, 2))),
    "contrast": lambda images: luma(images).std((1, 2)),
    "open_mouth": lambda images: mean_of(luma(images), *AROUND) - mean_of(luma(images), MOUTH),
}
"""Scores ``[N]`` of pictures ``[N, 64, 64, 3]`` by the attribute's name; the higher, the more of it. The mouths of
these portraits are hardly ever open: ``open_mouth`` is how dark it is between the lips."""

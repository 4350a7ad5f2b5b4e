"""What of a photograph lies in its square, straight or turned, and what of the square lies over it."""

import math

import numpy as np
from PIL import Image

from gprior_jax.images.placement import Box, Placement, Turned

FEATHER = 1 / 16
"""Width of the band inside the square's border over which it fades into the photograph, as part of its side."""

_SMOOTH = Image.Resampling.BICUBIC


def scaled(
    plane: np.ndarray,
    size: tuple[int, int],
    box: Box | None = None,
    resample: Image.Resampling = _SMOOTH,
) -> np.ndarray:
    """A part of an array ``[H, W]`` at a width and height, float32."""
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, resample, box=box))


Place = Placement | Turned
"""Where a photograph and its square lie to each other."""


def covered(place: Place) -> tuple[slice, slice]:
    """Rows and columns of a photograph that lie in its square as a whole; of a turned one, that any of it reaches."""
    if isinstance(place, Turned):
        low, high = np.floor(place.frame.corners().min(axis=0)), np.ceil(place.frame.corners().max(axis=0))
        (x0, y0), (x1, y1) = (np.clip(ends, 0, place.size).astype(int).tolist() for ends in (low, high))
        return slice(y0, y1), slice(x0, x1)
    left, top, right, bottom = place.picture
    return slice(math.ceil(top), math.floor(bottom)), slice(math.ceil(left), math.floor(right))


def as_covered(plane: np.ndarray, place: Place, resample: Image.Resampling = _SMOOTH) -> np.ndarray:
    """What of a square ``[R, R]`` lies over :func:`covered`, at its size: float32 ``[h, w]``; 0 beside a turned one."""
    if isinstance(place, Turned):
        return _turned(plane, place, resample)
    rows, columns = covered(place)
    left, top, right, bottom = place.picture
    x0, y0, x1, y1 = place.square
    wide, high = (x1 - x0) / (right - left), (y1 - y0) / (bottom - top)
    box = ((columns.start - left) * wide, (rows.start - top) * high)
    box += (x1 - x0 - (right - columns.stop) * wide, y1 - y0 - (bottom - rows.stop) * high)
    # Cut out first: filters look beyond a box, where the ground of a padded picture is.
    return scaled(plane[y0:y1, x0:x1], (columns.stop - columns.start, rows.stop - rows.start), box, resample)


def _turned(plane: np.ndarray, place: Turned, resample: Image.Resampling) -> np.ndarray:
    (rows, columns), frame = covered(place), place.frame
    fitting = math.ceil(frame.side)
    if fitting < len(plane):  # Reduced first: to turn it weighs the nearest pixels only.
        plane = scaled(plane, (fitting, fitting), resample=resample)
    scale = len(plane) / (2.0 * (frame.right**2 + frame.down**2))
    u, v = frame.within(np.array(columns.start), np.array(rows.start))
    across, along = scale * frame.right, scale * frame.down
    data = (across, along, float(u) * len(plane), -along, across, float(v) * len(plane))
    size = (columns.stop - columns.start, rows.stop - rows.start)
    whole = Image.fromarray(plane.astype(np.float32))
    return np.asarray(whole.transform(size, Image.Transform.AFFINE, data, resample))


def _depths(place: Turned) -> np.ndarray:
    """How deep every pixel that is :func:`covered` lies in a turned square: parts of its side, negative beside it."""
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) + np.float32(0.5) for part in covered(place))
    u, v = place.frame.within(columns[None], rows[:, None])
    return np.minimum(np.minimum(u, 1.0 - u), np.minimum(v, 1.0 - v)).astype(np.float32)


def inside(share: np.ndarray, place: Place) -> np.ndarray:
    """A share ``[h, w]`` of what is :func:`covered` without what lies beside a turned square."""
    return np.where(_depths(place) > 0, share, np.float32(0.0)) if isinstance(place, Turned) else share


def feather(size: tuple[int, int], place: Place) -> np.ndarray:
    """1 in a square, falling to 0 towards its borders where the photograph goes on: ``[h, w]`` of what is covered."""
    if isinstance(place, Turned):
        return _smooth(_depths(place) / np.float32(max(1.0 / place.frame.side, FEATHER)))
    rows, columns = covered(place)
    high = _ramp(rows, size[1], max(1.0, FEATHER * (place.picture[3] - place.picture[1])))
    wide = _ramp(columns, size[0], max(1.0, FEATHER * (place.picture[2] - place.picture[0])))
    return (high[:, None] * wide).astype(np.float32)


def _ramp(inside: slice, length: int, band: float) -> np.ndarray:
    """Along one axis: smooth at both of its ends."""
    centres = np.arange(inside.start, inside.stop) + 0.5
    start = (centres - inside.start) / band if inside.start > 0 else np.ones(len(centres))
    stop = (inside.stop - centres) / band if inside.stop < length else np.ones(len(centres))
    return _smooth(np.minimum(start, stop))


def _smooth(part: np.ndarray) -> np.ndarray:
    """0 up to 0, 1 from 1, and level at both."""
    part = np.clip(part, 0, 1)
    return part * part * (3 - 2 * part)

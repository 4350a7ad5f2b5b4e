"""Squares that lie turned in a photograph, so that the face in them is where a prior wants it, and what they show."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError

FACE_POINTS = 3
"""Points that place a face: the eye on the left of the picture, the other eye, the middle of the mouth."""


class Frame(NamedTuple):
    """A square in a photograph.

    Attributes:
        x: of its middle, pixels of the photograph from its left edge.
        y: from its upper edge.
        right: half a side along the square's first axis (its rows run so), to the right in the photograph.
        down: the same, downwards in the photograph; 0 where it lies straight.
    """

    x: float
    y: float
    right: float
    down: float

    @property
    def side(self) -> float:
        """Pixels of the photograph."""
        return 2.0 * math.hypot(self.right, self.down)

    @property
    def degrees(self) -> float:
        """By how much it is turned clockwise."""
        return math.degrees(math.atan2(self.down, self.right))

    def corners(self) -> np.ndarray:
        """``[4, 2]``: upper left, lower left, lower right, upper right of the square, in the photograph."""
        along, across = np.array([self.right, self.down]), np.array([-self.down, self.right])
        middle = np.array([self.x, self.y])
        return np.stack([middle + i * along + j * across for i, j in ((-1, -1), (-1, 1), (1, 1), (1, -1))])

    def scaled(self, factor: float) -> "Frame":
        """In the same photograph at another size.

        >>> Frame(10.0, 20.0, 4.0, 3.0).scaled(2).side
        20.0
        """
        return Frame(*(factor * value for value in self))

    def within(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where points of the photograph are in the square: 0 to 1 from its left and from its upper side."""
        square = 2.0 * (self.right**2 + self.down**2)
        u = ((x - self.x) * self.right + (y - self.y) * self.down) / square + 0.5
        v = ((y - self.y) * self.right - (x - self.x) * self.down) / square + 0.5
        return u, v


class Template(NamedTuple):
    """Where faces are in the images of a prior, as parts of their side.

    Attributes:
        eyes: of the eye on the left of the picture, and of the other, ``(x, y)`` each.
        mouth: its middle.
    """

    eyes: tuple[tuple[float, float], tuple[float, float]]
    mouth: tuple[float, float]

    def frame(self, points: np.ndarray) -> Frame:
        """The square in which the points of a face come closest to the template (least squares).

        Args:
            points: ``[3, 2]``, see :data:`FACE_POINTS`, pixels of the photograph.

        >>> template = Template(((0.3, 0.4), (0.7, 0.4)), (0.5, 0.8))
        >>> found = template.frame(np.array([[130.0, 40.0], [170.0, 40.0], [150.0, 80.0]]))
        >>> [round(value, 6) for value in found]
        [150.0, 50.0, 50.0, 0.0]
        """
        wanted = (np.array([*self.eyes, self.mouth]) - 0.5) * 2.0  # In half sides from the middle.
        mean, middle = wanted.mean(axis=0), points.mean(axis=0)
        # As complex numbers a turn with a scale is one factor.
        given = (points - middle) @ (1.0, 1j)
        factor = np.vdot((wanted - mean) @ (1.0, 1j), given) / np.square(wanted - mean).sum()
        centre = middle @ (1.0, 1j) - factor * (mean @ (1.0, 1j))
        return _checked(Frame(*map(float, (centre.real, centre.imag, factor.real, factor.imag))))


class Ffhq(NamedTuple):
    """The published alignment of FFHQ, and of CelebA-HQ before it: from the distances of a face's own points.

    Source: Karras et al. 2018, appendix C (the same square as ``recreate_aligned_images`` of ffhq-dataset cuts out).
    """

    def frame(self, points: np.ndarray) -> Frame:
        """The square of a face's points, ``[3, 2]``."""
        left, right, mouth = points @ (1.0, 1j)
        eyes, middle = right - left, (left + right) / 2
        down = mouth - middle
        axis = eyes - 1j * down  # Across the face: by the eyes, and by the line to the mouth, turned by a right angle.
        if not abs(axis):
            raise ArgumentError(_NO_FACE)
        axis *= max(2.0 * abs(eyes), 1.8 * abs(down)) / abs(axis)
        centre = middle + 0.1 * down
        return _checked(Frame(*map(float, (centre.real, centre.imag, axis.real, axis.imag))))


Alignment = Template | Ffhq

FFHQ = Ffhq()

_NO_FACE = "points of a face that lie on each other: give those of two eyes and of the mouth, apart."


def _checked(frame: Frame) -> Frame:
    if not all(map(math.isfinite, frame)) or frame.side < 1e-3:
        raise ArgumentError(_NO_FACE)
    return frame


def cut(
    image: Image.Image, frame: Frame, size: int, resample: Image.Resampling, ground: float | None = None
) -> Image.Image:
    """What a square shows of a photograph, as FFHQ cuts its images out.

    The photograph is reduced by a whole factor first where it is much larger, turned at four times the size with
    bilinear weights, and then reduced. Beyond its edges it is mirrored, more blurred the farther out.

    Args:
        image: the photograph, any mode that Pillow filters.
        frame: the square.
        size: side of the result, pixels.
        resample: the filter of the last reduction.
        ground: of what is beyond the edges, where it is not mirrored.

    Returns:
        ``size`` by ``size``.
    """
    shrink = math.floor(frame.side / size * 0.5)
    if shrink > 1:
        width, height = (max(1, round(length / shrink)) for length in image.size)
        filtered = Image.Resampling.LANCZOS if ground is None else Image.Resampling.BOX
        # The last row and column may be narrower than the factor, as there: the square is placed by the factor.
        box = (0, 0, min(image.width, width * shrink), min(image.height, height * shrink))
        image, frame = image.resize((width, height), filtered, box=box), frame.scaled(1.0 / shrink)
    part, (left, top) = _surroundings(np.asarray(image), frame, ground)
    corners = frame.corners() - (left, top)
    turned = Image.fromarray(part).transform(
        (_FINER * size, _FINER * size), Image.Transform.QUAD, tuple(corners.ravel()), Image.Resampling.BILINEAR
    )
    return turned.resize((size, size), resample)


_FINER = 4
"""The published alignment turns at 4096 pixels for images of 1024."""


def _surroundings(pixels: np.ndarray, frame: Frame, ground: float | None) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of a picture ``[H, W]`` or ``[H, W, C]`` that a square needs, and where that starts in the picture."""
    border = max(round(frame.side * 0.1), 3)
    corners = frame.corners()
    low, high = np.floor(corners.min(axis=0)).astype(int) - border, np.ceil(corners.max(axis=0)).astype(int) + border
    height, width = pixels.shape[:2]
    beyond = np.array([-low[0], -low[1], high[0] - width, high[1] - height])  # Left, top, right, bottom.
    needs = np.maximum(beyond, 0)
    if beyond.max() > (border - 4 if ground is None else 0):
        if ground is None:
            needs = np.maximum(needs, round(frame.side * 0.3))
        return _padded(pixels, needs, low, high, frame.side, ground)
    x0, y0, x1, y1 = max(low[0], 0), max(low[1], 0), min(high[0], width), min(high[1], height)
    return np.ascontiguousarray(pixels[y0:y1, x0:x1]), (int(x0), int(y0))


def _padded(
    pixels: np.ndarray, needs: np.ndarray, low: np.ndarray, high: np.ndarray, side: float, ground: float | None
) -> tuple[np.ndarray, tuple[int, int]]:
    """A part with what is beyond the edges of its picture."""
    from scipy import ndimage  # Slow to import, and for faces near an edge only.

    height, width = pixels.shape[:2]
    # Of a large picture only what the square needs is mirrored.
    x0, y0 = np.clip(low, 0, (width - 1, height - 1))
    x1, y1 = np.clip(high, (x0 + 1, y0 + 1), (width, height))
    inside = pixels[y0:y1, x0:x1]
    left, top, right, bottom = map(int, needs)
    edges = ((top, bottom), (left, right), *(((0, 0),) if pixels.ndim == 3 else ()))
    start = (int(x0) - left, int(y0) - top)
    if ground is not None:
        return np.pad(inside, edges, constant_values=np.asarray(ground, pixels.dtype)), start
    wide = np.pad(inside.astype(np.float32), edges, mode="symmetric" if min(inside.shape[:2]) < 2 else "reflect")
    rows, columns = (np.arange(length, dtype=np.float32) for length in wide.shape[:2])

    def far(places: np.ndarray, before: int, after: int) -> np.ndarray:
        """0 in the middle of the mirrored band, 1 at its outer end, below 0 farther in."""
        ends = places / max(before, 1e-3), (places[-1] - places) / max(after, 1e-3)
        return 1.0 - np.minimum(*ends)

    mask = np.maximum(far(rows, top, bottom)[:, None], far(columns, left, right)[None])
    mask = mask[..., None] if wide.ndim == 3 else mask
    spread = side * 0.02
    blurred = ndimage.gaussian_filter(wide, [spread, spread, 0][: wide.ndim])
    wide += (blurred - wide) * np.clip(mask * 3.0 + 1.0, 0.0, 1.0)
    wide += (np.median(wide, axis=(0, 1)) - wide) * np.clip(mask, 0.0, 1.0)
    return np.clip(np.rint(wide), 0, 255).astype(pixels.dtype), start

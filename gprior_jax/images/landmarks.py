"""Files that say where faces are in photographs: boxes or points, JSON or CSV."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images.faces import BOX_POINTS

KINDS = {
    4: "a box: left, top, width, height",
    6: "three points: two eyes and the mouth",
    10: "five points: two eyes, nose, two corners of the mouth",
    136: "the 68 points of dlib, as FFHQ has them",
}
"""Numbers of a face, and what they are."""

_EYES, _MOUTH = (slice(36, 42), slice(42, 48)), (48, 54)
"""Of the 68 points, those around the eyes, and the corners of the mouth."""


def read_faces(path: Path) -> dict[str, np.ndarray]:
    """The points of faces by the names of their photographs.

    Args:
        path: JSON, ``{"cat.jpg": [...]}``, or CSV, a row ``cat.jpg,...`` each, with the numbers of :data:`KINDS` (in
            JSON points may be pairs). Numbers are pixels of the upright photograph; points as face libraries give them,
            0 the middle of the first pixel, boxes from its edge.

    Returns:
        ``{name: [3, 2]}``, see :func:`face_points`.

    Raises:
        ArgumentError: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if path.suffix.lower() == ".json" else _csv_rows(text)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ArgumentError(f"{path} cannot be read as a file of faces: {why}.") from None
    if not isinstance(rows, dict) or not rows:
        raise ArgumentError(f'{path} holds no faces: give {{"cat.jpg": [numbers]}} in JSON, or rows cat.jpg,number,...')
    return {name: face_points(_numbers(path, name, row), f"{path}, {name}") for name, row in rows.items()}


def _csv_rows(text: str) -> dict[str, list[str]]:
    """Rows by their first column; the first row may name the columns."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))]
    if rows and not any(_is_number(cell) for cell in rows[0][1:]):
        rows = rows[1:]
    return {row[0]: [cell for cell in row[1:] if cell] for row in rows}


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _numbers(path: Path, name: str, row: Any) -> np.ndarray:
    try:
        return np.asarray(row, np.float64).ravel()
    except (ValueError, TypeError):
        raise ArgumentError(f"{path}: {name} has something that is no number.") from None


def face_points(numbers: np.ndarray, name: str) -> np.ndarray:
    """Eyes and mouth of a face that is told by numbers of one of the :data:`KINDS`.

    Args:
        numbers: ``[4]``, ``[6]``, ``[10]`` or ``[136]``.
        name: of it, for messages.

    Returns:
        ``[3, 2]``: the eye on the left of an upright face, the other, the middle of the mouth; pixels from the upper
        left corner. Eyes that are given the other way round are exchanged.

    Raises:
        ArgumentError: another number of them, or they are none of a face.

    >>> face_points(np.array([10.0, 20.0, 100.0, 100.0]), "a.jpg").round(1).tolist()
    [[36.8, 59.1], [83.2, 59.1], [60.0, 94.4]]
    """
    if len(numbers) not in KINDS:
        told = "; ".join(f"{count} for {what}" for count, what in KINDS.items())
        raise ArgumentError(f"{name} has {len(numbers)} numbers: give {told}.")
    if not np.isfinite(numbers).all():
        raise ArgumentError(f"{name} has numbers that are not finite.")
    if len(numbers) == 4:
        if not (numbers[2:] > 0).all():
            raise ArgumentError(f"{name} is a box of no size: give left, top, width and height in pixels.")
        return three_points(numbers[:2] + BOX_POINTS * numbers[2:])
    points = numbers.reshape(-1, 2) + 0.5
    if len(points) == 68:
        eyes, mouth = [points[part].mean(axis=0) for part in _EYES], points[list(_MOUTH)].mean(axis=0)
        points = np.stack([*eyes, mouth])
    elif len(points) == 5:
        points = three_points(points)
    across, down = points[1] - points[0], points[2] - (points[0] + points[1]) / 2
    turned = float(across[0] * down[1] - across[1] * down[0])
    if abs(turned) < 1e-6:
        raise ArgumentError(f"{name} has points that lie on each other or in one line: give two eyes and the mouth.")
    return points if turned > 0 else points[[1, 0, 2]]


def three_points(points: np.ndarray) -> np.ndarray:
    """Eyes and the middle of the mouth, ``[3, 2]``, of five points as detectors give them, ``[5, 2]``."""
    return np.stack([points[0], points[1], (points[3] + points[4]) / 2])

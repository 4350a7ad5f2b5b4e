"""What ``gprior edit`` edits and along what: named directions, points with their pictures, masks and names."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gprior_jax.editing.directions import Direction, Space
from gprior_jax.editing.points import Point
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.masks import ANY_GRAY, Gray, load_mask
from gprior_jax.runs.directions import read_directions
from gprior_jax.runs.entries import run_of
from gprior_jax.runs.keeping import Stays, doubt, measured_of
from gprior_jax.runs.names import result_name, same_name
from gprior_jax.runs.pasting import Photograph, photograph_of
from gprior_jax.runs.record import read_record
from gprior_jax.storage.names import is_hidden


def one_direction(
    prior: Prior,
    source: str,
    space: Space | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    model: str | None = None,
) -> Direction:
    """The direction that a source names, see :func:`gprior_jax.runs.directions.read_directions`.

    Raises:
        GPriorError: no such file, no direction in it, or several and none is named.
    """
    found = read_directions(source, prior, space, tell, model)
    if len(found) > 1:
        names = ", ".join(direction.name for direction in found[:3])
        raise ArgumentError(f"{source} holds {len(found)} directions ({names}, ...): name one, as in {source}:0.")
    return found[0]


class Before(NamedTuple):
    """What is known of a point before it is edited.

    Attributes:
        picture: ``[R, R, C]`` in [-1, 1]: the photograph that was inverted, or the result of a restoration.
        photograph: its file.
        measured: what a restoration keeps of it.
        doubt: why it keeps nothing, a sentence; empty where nothing is to be said.
    """

    picture: np.ndarray
    photograph: Photograph | None
    measured: Stays | None
    doubt: str


def before(point: Point, photograph: bool) -> Before | None:
    """What an inversion was made of; None of a plain code.

    Args:
        point: of any source.
        photograph: its file is wanted, too.

    Raises:
        ArgumentError: the photograph is wanted, and is not there.
    """
    if point.parametrization is None:
        if photograph:
            photograph_of(point.name)  # Says that there is none.
        return None
    record = read_record(point.name)
    settings = run_of(Path(point.name))["settings"]
    inverted = "task" not in settings and record.target.shape == record.image.shape
    picture = from_uint8(record.target) if inverted else record.image
    file = photograph_of(point.name) if photograph else None
    return Before(np.asarray(picture), file, measured_of(record, settings), doubt(record, settings))


def edited_region(
    mask: Path, point: Point, name: str, resolution: int, invert: bool, gray: Gray = ANY_GRAY
) -> np.ndarray:
    """Where an edit is to be, ``[R, R, 1]``: 1 where a mask is black.

    Args:
        mask: for all, or a folder with one of each name.
        point: that is edited; a mask may have the size of its photograph.
        name: of its results.
        resolution: R.
        invert: white is edited.
        gray: what its gray values mean.

    Raises:
        GPriorError: no mask, or one of another size.
    """
    path = own_file(mask, (name,), "mask")
    found = known_photograph(point)
    crop = found.crop if found else "center"
    return 1.0 - load_mask(path, resolution, crop, like=found.path if found else None, invert=invert, gray=gray)


def own_file(given: Path, names: Sequence[str], what: str) -> Path:
    """The file that belongs to a result.

    Args:
        given: the file, or a folder with one of each name.
        names: of the result; the first that the folder has.
        what: is in the file, for messages.

    Raises:
        ArgumentError: there is none.
    """
    if given.is_dir():
        files = sorted(file for file in given.iterdir() if file.is_file() and not is_hidden(file.name))
        listed = [file for name in names for file in files if file.stem == name]
        if not listed:
            raise ArgumentError(f"{given} has no {what} for {names[0]}: put {names[0]}.png into it.")
        return listed[0]
    if not given.is_file():
        raise ArgumentError(f"the {what} {given} does not exist: name an image, or a folder of them.")
    return given


def known_photograph(point: Point) -> Photograph | None:
    """The photograph of an inversion, where there is one and it is still there."""
    if point.parametrization is None:
        return None
    try:
        return photograph_of(point.name)
    except ArgumentError:
        return None


def result_names(points: Sequence[Point]) -> list[str]:
    """What the results of points are called: distinct, and fit for files.

    >>> result_names([Point("seed:7", {}), Point("a/cat.npz", {}), Point("b/cat.npz", {}), Point("c.npz:3", {})])
    ['seed_7', 'cat', 'cat_2', 'c_3']
    """
    names: list[str] = []
    for point in points:
        file = Path(re.sub(r"\.(npz|npy|pt|pth)(?=:|$)", "", point.name))
        base = name = result_name(re.sub(r"[^\w.-]+", "_", file.name) + ".npz")
        for number in range(2, len(points) + 1):
            if same_name(name) not in map(same_name, names):
                break
            name = f"{base}_{number}"
        names.append(name)
    return names

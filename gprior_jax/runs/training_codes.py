"""The codes that a boundary is trained on, from files and from folders of ``gprior invert``, in one space."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.editing.directions import Space
from gprior_jax.editing.points import Point
from gprior_jax.editing.points import codes as codes_of
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import as_styles, check_styles
from gprior_jax.generators.synthesis import map_latents
from gprior_jax.runs import codes as files
from gprior_jax.runs.record import read_about
from gprior_jax.runs.sources import read_points, split_source

Tell = Callable[[str], None]

_SAME = 1e-6
"""Rows of W+ that differ by no more (of the largest number) are one w."""


class TrainingCodes(NamedTuple):
    """Codes of one space.

    Attributes:
        space: of all.
        rows: float32 ``[N, D]``, of W+ ``[N, num_styles, w_dim]``.
        sources: the picture that each was found for; None of codes that are of none.
    """

    space: Space
    rows: np.ndarray
    sources: list[Path | None]


class _Part(NamedTuple):
    """Those of one source: z with their classes, or styles."""

    space: Space
    rows: np.ndarray
    label: Any
    sources: list[Path | None]


def read_training_codes(
    prior: Prior,
    sources: Sequence[str],
    space: Space | None = None,
    seed: int = 0,
    label: int | None = None,
    tell: Tell = lambda sentence: None,
) -> TrainingCodes:
    """All codes of some sources.

    Args:
        prior: the generator.
        sources: files of codes, folders of ``gprior invert`` with one code a picture, ``draw:0-999``, see
            :func:`gprior_jax.runs.sources.read_points`.
        space: to bring them to: z may become w or W+, and W+ the w that is the mean of its rows. None leaves z, and
            takes w where the rows of every code are the same.
        seed: of ``draw:``.
        label: class of codes z of a prior with classes, where a file names none.
        tell: called with a sentence where something is assumed.

    Raises:
        GPriorError: no such source, no codes in it, or a space that they do not lead to.
    """
    parts = [_read(prior, source, space, seed, label, tell) for source in sources]
    if not parts:
        raise ArgumentError("no codes: name files of codes, or a folder that gprior invert wrote.")
    origin = [source for part in parts for source in part.sources]
    if space == "z" or (space is None and all(part.space == "z" for part in parts)):
        if styled := next((part for part in parts if part.space != "z"), None):
            raise ArgumentError(f"codes in {styled.space} do not lead back to z: use w or w_plus.")
        return TrainingCodes("z", np.concatenate([part.rows for part in parts]), origin)
    check_styles(prior)
    styles = np.concatenate([_styles(prior, part) for part in parts])
    apart = np.abs(styles - styles[:, :1]).max()
    one = apart <= _SAME * np.abs(styles).max(initial=1e-30)
    if space == "w_plus" or (space is None and not one):
        return TrainingCodes("w_plus", styles, origin)
    if not one:
        tell("of codes that have a style for every layer, the mean is taken as w.")
    return TrainingCodes("w", styles.mean(1), origin)


def _styles(prior: Prior, part: _Part) -> np.ndarray:
    if part.space == "z":
        return np.asarray(map_latents(prior, part.rows, label=part.label))
    return np.asarray(as_styles(prior, part.rows, part.space))  # pyright: ignore[reportArgumentType]


def _read(prior: Prior, source: str, space: Space | None, seed: int, label: int | None, tell: Tell) -> _Part:
    """The codes of a source as they are; where nothing tells their space, it is ``space``."""
    own, name = split_source(source)
    path = Path(os.path.expanduser(name))
    try:
        return _read_as(prior, source, path, own, seed, label, tell)
    except CheckpointError:
        if own is not None or space is None or not path.is_file():
            raise
        return _read_as(prior, source, path, space, seed, label, tell)


def _read_as(
    prior: Prior, source: str, path: Path, space: Space | None, seed: int, label: int | None, tell: Tell
) -> _Part:
    if path.is_file() and path.suffix.lower() in (".npy", ".npz"):
        # Of half a million codes, no time for a point each.
        content = files.load_content(prior, path, tell)
        if not files.is_inversion(content):
            arrays = files.group(path, content)[""]
            found = files.read_codes(prior, path, arrays, space, tell)
            beside = found.label if found.label is not None else label
            return _Part(found.space, found.rows, beside, [None] * len(found.rows))
    points = read_points(prior, source, seed, label, space, tell)
    pictures = [_picture_of(point) for point in points]
    if all(point.parametrization is None and "z" in point.variables for point in points):
        labels = np.stack([point.variables["label"] for point in points]) if prior.num_classes else None
        return _Part("z", np.stack([point.variables["z"] for point in points]), labels, pictures)
    if not prior.num_styles:
        return _Part("z", codes_of(prior, points, "z")["z"], None, pictures)
    return _Part("w_plus", codes_of(prior, points, "w")["w_plus"], None, pictures)


def _picture_of(point: Point) -> Path | None:
    """The picture that an inversion is of."""
    if point.parametrization is None:
        return None
    return Path(read_about(point.name)["source"])

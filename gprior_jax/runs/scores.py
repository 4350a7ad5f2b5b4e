"""Scores of codes for training a boundary: numbers in the order of the codes, or by the names of pictures."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.labels import FOLDERS, folder_of, lookup, named_table, read_labels
from gprior_jax.storage.names import named_once

FORMS = "a number for each code (.npy, .json or lines of a .csv), or for each picture by its name (.json, .csv)"


class Scores(NamedTuple):
    """Scores of codes.

    Attributes:
        values: float64 ``[N]``, as the file has them.
        known: bool ``[N]``; the file does not name the pictures of the others.
    """

    values: np.ndarray
    known: np.ndarray


def read_scores(path: str | os.PathLike, sources: Sequence[Path | None]) -> Scores:
    """A score for each of some codes.

    Args:
        path: ``.npy`` ``[N]`` or ``[N, 1]``; JSON ``[0.3, ...]`` or ``{"a.png": 0.3, ...}``; else lines with a number,
            or a name and a number, and a line of headings where there is one.
        sources: the picture that each code is of; None of codes that are of none.

    Raises:
        ArgumentError: the file cannot be read, holds something else or another number of scores, or names no picture.
    """
    path, count = Path(os.path.expanduser(path)), len(sources)
    found = _of_npy(path) if path.suffix.lower() == ".npy" else _of_text(path)
    if isinstance(found, dict):
        return _looked_up(path, found, sources, "scores")
    if len(found) != count:
        raise ArgumentError(f"scores {path} are {len(found)}, the codes {count}: give one for each.")
    return Scores(found, np.ones(count, bool))


def _looked_up(path: Path, table: dict[str, float], sources: Sequence[Path | None], what: str) -> Scores:
    """What a file says of pictures."""
    if any(source is None for source in sources):
        raise ArgumentError(f"{what} {path} go by names of pictures, and these codes are of none: use numbers.")
    values = [lookup(table, source) for source in sources if source is not None]
    known = np.array([value is not None for value in values], bool)
    if not known.any():
        raise ArgumentError(f"{what} {path} name none of the pictures (they name {', '.join(list(table)[:3])}, ...).")
    return Scores(np.array([0.0 if value is None else value for value in values], np.float64), known)


def _of_npy(path: Path) -> np.ndarray:
    try:
        values = np.load(path)  # Without pickles.
    except (OSError, ValueError, EOFError) as error:
        raise ArgumentError(f"scores {path} cannot be read ({error}): use {FORMS}.") from error
    if (
        not isinstance(values, np.ndarray)
        or values.dtype.kind not in "fiub"
        or values.size != max(values.shape, default=0)
    ):
        told = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "several arrays"
        raise ArgumentError(f"scores {path} are {told}: use {FORMS}.")
    return values.reshape(-1).astype(np.float64)


def _of_text(path: Path) -> np.ndarray | dict[str, float]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"scores {path} cannot be read ({error}): use {FORMS}.") from error
    try:
        if path.suffix.lower() == ".json":
            content = json.loads(text, object_pairs_hook=named_once)
            if isinstance(content, dict):
                return named_table(path, content.items(), _number, "scores")
            return np.array([_number(value) for value in content], np.float64)
        return _of_lines(path, text)
    except ArgumentError:
        raise
    except (ValueError, TypeError, IndexError) as error:
        raise ArgumentError(f"scores {path} are something else ({error}): use {FORMS}.") from error


def _of_lines(path: Path, text: str) -> np.ndarray | dict[str, float]:
    delimiter = next((mark for mark in "\t;," if mark in text), ",")
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)]
    if rows and not _is_number(rows[0][-1]):
        rows = rows[1:]
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) > 2:
        raise ValueError("its lines are not alike")
    if len(rows[0]) == 1:
        return np.array([_number(row[0]) for row in rows], np.float64)
    return named_table(path, rows, _number, "scores")  # pyright: ignore[reportArgumentType]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def class_scores(labels: str | os.PathLike, positive: str | None, sources: Sequence[Path | None]) -> tuple[Scores, str]:
    """Scores from classes of pictures: 1 of one class, 0 of the others.

    Args:
        labels: :data:`gprior_jax.runs.labels.FOLDERS`, or a file with names of pictures and classes, see
            :func:`gprior_jax.runs.labels.with_labels`; the classes may have any names.
        positive: the class of score 1; None where there are 0 and 1 only.
        sources: the picture that each code is of; None of codes that are of none.

    Returns:
        the scores, and the name of the class.

    Raises:
        ArgumentError: the file cannot be read, or names none of the pictures, or the class is none of its.
    """
    path = Path(os.path.expanduser(labels))
    by_folders = str(labels) == FOLDERS
    if by_folders:
        pairs = {str(source.absolute()): folder_of(source) for source in sources if source is not None}
    else:
        pairs = named_table(path, read_labels(path), lambda word: str(word).strip(), "classes")
    names = sorted(set(pairs.values()))
    if positive is None and set(names) == {"0", "1"}:
        positive = "1"
    if names and positive not in names:
        wanted = "name the class that is to score high" if positive is None else f"{positive!r} is none of the classes"
        raise ArgumentError(f"{wanted}: there are {', '.join(names[:20])}.")
    if by_folders and None not in sources:
        values = np.array([float(word == positive) for word in map(folder_of, filter(None, sources))])
        return Scores(values, np.ones(len(values), bool)), str(positive)
    table = {name: float(word == positive) for name, word in pairs.items()}
    return _looked_up(path, table, sources, "labels"), str(positive)

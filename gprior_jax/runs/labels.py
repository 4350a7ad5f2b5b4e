"""Classes of the images of a run: from a file that names them, or from the folders that the images are in."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.items import Item
from gprior_jax.storage.names import named_once, normalized, one_form

Value = TypeVar("Value")

FOLDERS = "folders"
"""Says that every image is of the class that its folder is named after."""


def with_labels(items: Sequence[Item], labels: str | os.PathLike, num_classes: int, names: Sequence[str]) -> list[Item]:
    """Items with their classes; one that has none keeps None, and is told when it is read.

    Args:
        items: of the run.
        labels: :data:`FOLDERS`, or a file: JSON ``{"a.png": 3}`` or that of StyleGAN's datasets, ``{"labels":
            [["a.png", 3], ...]}``; else lines with a name and a class, with a comma, a semicolon or a tab between.
            Names are those of files, with as many of their folders as are wanted, with ending or without.
        num_classes: of the prior.
        names: of its classes, where they are known: they stand for their numbers.

    Raises:
        ArgumentError: the file cannot be read, or names what is no class, or two of one image; or no item has one.
    """
    known = {name.casefold(): number for number, name in enumerate(names)}

    def number_of(word: Any, where: str) -> int:
        text = str(word).strip()
        number = known.get(text.casefold())
        if number is None and text.isascii() and text.isdigit():
            number = int(text)
        if number is None or number >= num_classes:
            told = f" ({', '.join(names)})" if names else ""
            raise ArgumentError(f"{where}: {text!r} is no class; use 0 to {num_classes - 1}{told}.")
        return number

    if str(labels) == FOLDERS:
        return [item._replace(label=number_of(folder_of(item.source), f"{item.source}, its folder")) for item in items]
    path = Path(labels).expanduser()
    table = named_table(path, read_labels(path), lambda word: number_of(word, str(path)), "classes")
    found = [item._replace(label=lookup(table, item.source)) for item in items]
    if all(item.label is None for item in found):
        raise ArgumentError(f"{path} names the class of no input (it names {', '.join(list(table)[:3])}, ...).")
    return found


def named_table(
    path: Path, pairs: Iterable[tuple[Any, Any]], value_of: Callable[[Any], Value], what: str
) -> dict[str, Value]:
    """What a file says of names of images, for :func:`lookup`: each also without its ending.

    Raises:
        ArgumentError: it says two things of one image; ``what`` is what they are called.
    """
    table: dict[str, Value] = {}
    for name, word in pairs:
        value = value_of(word)
        known = table.setdefault(normalized(str(name).strip()), value)
        if known is not value and known != value:  # NaN differs from itself.
            raise ArgumentError(f"{path} names two {what} of {name}: an image is of one.")
    return table | {str(PurePosixPath(name).with_suffix("")): value for name, value in table.items() if name}


def folder_of(source: Path) -> str:
    """The name of the folder that an image is in."""
    return source.absolute().parent.name


def lookup(table: Mapping[str, Value], source: Path) -> Value | None:
    """What a table with names of files says of one: by its longest end that the table has, with ending or without."""
    parts = source.absolute().parts
    ends = (one_form("/".join(parts[start:])) for start in range(1, len(parts)))
    names = (name for end in ends for name in (end, str(PurePosixPath(end).with_suffix(""))))
    return next((table[name] for name in names if name in table), None)


def read_labels(path: Path) -> list[tuple[Any, Any]]:
    """Pairs of a name and a class.

    Raises:
        ArgumentError: the file cannot be read, or is of another form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"labels {path} cannot be read ({error}): give a .json or .csv file, or 'folders'."
        ) from error
    if path.suffix.lower() == ".json":
        return _of_json(path, text)
    delimiter = next((mark for mark in "\t;," if mark in text), ",")
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)]
    if not rows or any(len(row) < 2 for row in rows):
        raise ArgumentError(f"labels {path}: every line needs a name and a class, as in cat.png,3.")
    head = [word.strip().lower() for word in rows[0][:2]]
    return [(row[0], row[1]) for row in (rows[1:] if head[1] in ("class", "label", "labels", "category") else rows)]


def _of_json(path: Path, text: str) -> list[tuple[Any, Any]]:
    try:
        content = json.loads(text, object_pairs_hook=named_once)
        pairs = content["labels"] if "labels" in content else content.items()
        return [(name, word) for name, word in pairs]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArgumentError(
            f'labels {path} is not of the form {{"cat.png": 3}} or {{"labels": [["cat.png", 3]]}} ({error}).'
        ) from error

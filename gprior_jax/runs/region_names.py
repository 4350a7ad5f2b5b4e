"""Names of the classes of label maps, out of a file."""

import csv
import json
import os
from pathlib import Path
from typing import Any

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.names import as_text
from gprior_jax.storage.names import named_once

FORMS = 'JSON as {"0": "background", "1": "skin"} or ["background", "skin"], or lines as 1,skin or skin, from class 0'


def read_region_names(path: str | os.PathLike) -> dict[int, str]:
    """Names by the numbers of classes; a name may stand for several, an empty one for a class that is left out.

    Args:
        path: JSON, by numbers or by names, or a list from class 0 on; else lines with a number and a name, with a
            comma, a semicolon or a tab between, in either order and with headings or without, or with a name each.

    Raises:
        ArgumentError: the file cannot be read, is of another form, or names a class twice.
    """
    path = Path(os.path.expanduser(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"names of regions {path} cannot be read ({error}): use {FORMS}.") from error
    try:
        pairs = _of_json(text) if path.suffix.lower() == ".json" else _of_lines(text)
        numbered = [_numbered(*pair) for pair in pairs]
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"names of regions {path} are something else ({error}): use {FORMS}.") from error
    found: dict[int, str] = {}
    for number, name in numbered:
        if found.setdefault(number, name) != name:
            raise ArgumentError(f"{path} names class {number} twice, {found[number]} and {name}: leave one out.")
    return found


def _of_json(text: str) -> list[tuple[Any, Any]]:
    content = json.loads(text, object_pairs_hook=named_once)
    if isinstance(content, dict):
        return list(content.items())
    if isinstance(content, list):
        return list(enumerate(content))
    raise ValueError("neither names nor a list")


def _of_lines(text: str) -> list[tuple[Any, Any]]:
    delimiter = next((mark for mark in "\t;," if mark in text), ",")
    rows = [[word.strip() for word in row] for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)]
    if rows and all(len(row) == 1 for row in rows):
        return [(number, word) for number, (word,) in enumerate(rows)]
    if not rows or any(len(row) != 2 for row in rows):
        raise ValueError("its lines are not alike")
    head = rows[0]
    return [(one, other) for one, other in (rows if any(map(_is_number, head)) else rows[1:])]


def _is_number(word: Any) -> bool:
    return (isinstance(word, int) and not isinstance(word, bool)) or (isinstance(word, str) and word.isdecimal())


def _numbered(one: Any, other: Any) -> tuple[int, str]:
    number, name = (one, other) if _is_number(one) else (other, one)
    if not _is_number(number) or not (name is None or isinstance(name, str)):
        raise ValueError(f"{one!r} and {other!r} are no number and name of a class")
    return int(number), as_text(name or "").strip()

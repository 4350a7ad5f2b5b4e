"""Paths and patterns as they are typed, and what the file system has of them."""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gprior_jax.storage.names import one_form


class Found(NamedTuple):
    """A picture file.

    Attributes:
        path: the file.
        below: its name below the folder or pattern that it was found by, with ``/``; of a file named itself its own.
    """

    path: Path
    below: str


def is_magic(part: str) -> bool:
    """Whether a part of a path stands for more than itself."""
    return any(character in part for character in "*?[")


def on_disk(path: Path) -> Path:
    """A path as the file system has it, where it has it in the other form of Unicode."""
    if os.path.lexists(path) or str(path).isascii():
        return path
    there = Path(path.anchor)
    for part in path.parts[bool(path.anchor) :]:
        there /= part if os.path.lexists(there / part) else _other_form(there, part)
    return there if os.path.lexists(there) else path


def _other_form(folder: Path, name: str) -> str:
    return next((other for other in _names(folder) if one_form(other) == one_form(name)), name)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def matches(pattern: Path) -> Iterator[Found]:
    """What a pattern matches, files and folders; its leading parts that are folders as they stand are its root."""
    root, parts = Path(pattern.anchor), list(pattern.parts[bool(pattern.anchor) :])
    while len(parts) > 1 and os.path.isdir(inner := on_disk(root / parts[0])):
        root, parts = inner, parts[1:]
    if parts[-1] == "**":
        parts.append("*")
    yield from _below(root, parts, "")


def _below(folder: Path, parts: list[str], below: str) -> Iterator[Found]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _below(folder, rest, below)
        for name in _names(folder):
            inner = folder / name
            if not name.startswith(".") and os.path.isdir(inner) and not os.path.islink(inner):
                yield from _below(inner, parts, f"{below}{name}/")
        return
    for name in _names(folder):
        hidden = name.startswith(".") and not part.startswith(".")
        if hidden or not (one_form(name) == one_form(part) or fnmatch.fnmatch(one_form(name), one_form(part))):
            continue
        if not rest:
            yield Found(folder / name, below + name)
        elif os.path.isdir(folder / name):
            yield from _below(folder / name, rest, f"{below}{name}/")

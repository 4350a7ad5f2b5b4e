"""The inputs of a run: what each is called, where it comes from, and how it is known again."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gprior_jax.errors import ArgumentError
from gprior_jax.images.files import list_images
from gprior_jax.storage.atomic import sha256

RESERVED = ("run", "history", "report")
"""Names that the files of the run itself have."""


class Item(NamedTuple):
    """One input of a run.

    Attributes:
        id: index in the sorted list of inputs; the image's random key is folded from it.
        source: the file; of an input that is no file, what it is called.
        name: stem of the files written for it.
        companions: other files that its result depends on: its mask, its ground truth.
        digest: what tells the content of an input that is no file; empty for files.
        label: its class, of a run in which every image has its own.
    """

    id: int
    source: Path
    name: str
    companions: tuple[Path, ...] = ()
    digest: str = ""
    label: int | None = None

    def digests(self) -> list[str]:
        """Fingerprints of everything that the result depends on."""
        own = self.digest or sha256(self.source)
        beside = [] if self.label is None else [f"class {self.label}"]
        return [own, *(sha256(path) for path in self.companions), *beside]


def name_items(sources: Sequence[Path]) -> list[Item]:
    """Give every file of a sorted list an id and a name of its own: its stem, numbered where two share one.

    >>> [item.name for item in name_items([Path("a/cat.png"), Path("b/cat.png"), Path("dog.png")])]
    ['cat', 'cat_2', 'dog']
    """
    items: list[Item] = []
    taken: set[str] = set(RESERVED)
    for index, source in enumerate(sources):
        name, number = source.stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{source.stem}_{number}"
        taken.add(name.lower())
        items.append(Item(index, source, name))
    return items


def find_items(inputs: Iterable[str | os.PathLike]) -> list[Item]:
    """The items of files, folders and patterns, see :func:`gprior_jax.images.files.list_images`."""
    return name_items(list_images(inputs))


def match_files(path: Path, items: Sequence[Item], what: str) -> dict[int, Path]:
    """Files that belong to items, by id: those of the same stem in a folder, or one file for all.

    Args:
        path: a file or a folder.
        items: of the run.
        what: they are, for messages.

    Raises:
        ArgumentError: the path does not exist, or nothing in it belongs to an item.
    """
    if path.is_file():
        return {item.id: path for item in items}
    if not path.is_dir():
        raise ArgumentError(f"{what} {path} does not exist: give a file or a folder.")
    stems: dict[str, Path] = {}
    for file in list_images([path]):
        if other := stems.get(file.stem):
            raise ArgumentError(f"{what} {path} holds {other.name} and {file.name} for one picture: leave one of them.")
        stems[file.stem] = file
    found = {item.id: stems[item.source.stem] for item in items if item.source.stem in stems}
    if not found:
        raise ArgumentError(f"{what} {path} holds no file of the name of any input.")
    return found

"""The inputs of a run: what each is called, where it comes from, and how it is known again."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gprior_jax.errors import ArgumentError
from gprior_jax.images.contents import content_of
from gprior_jax.images.files import unreadable
from gprior_jax.images.listing import Found, list_images, place_of
from gprior_jax.runs.names import choose_name, id_of, result_name, same_name
from gprior_jax.storage.atomic import sha256

RESERVED: tuple[str, ...] = ("run", "history", "report")
"""Names that the files of the run itself have."""


class Item(NamedTuple):
    """One input of a run.

    Attributes:
        id: the image's random key is folded from it: of a file that of its name, see
            :func:`gprior_jax.runs.names.id_of`.
        source: the file; of an input that is no file, what it is called.
        name: stem of the files written for it. An output folder may know better, see
            :meth:`gprior_jax.runs.OutputFolder.named`.
        companions: other files that its result depends on: its mask, its ground truth.
        digest: what tells the content of an input that is no file; empty for files.
        label: its class, of a run in which every image has its own.
        below: its name below the folder or pattern that it was found by, as ``sub/cat.png``.
        given: what else decides its result and not those of others, ``"side 16"`` of what is enlarged; else empty.
    """

    id: int
    source: Path
    name: str
    companions: tuple[Path, ...] = ()
    digest: str = ""
    label: int | None = None
    below: str = ""
    given: str = ""

    def digests(self) -> list[str]:
        """Fingerprints of everything that the result depends on.

        Raises:
            ImageFileError: a file cannot be read.
        """
        own = self.digest or _sha256(self.source)
        beside = [] if self.label is None else [f"class {self.label}"]
        return [own, *(_sha256(path) for path in self.companions), *beside, *filter(None, [self.given])]


def _sha256(path: Path) -> str:
    try:
        content = content_of(path)
        return sha256(path) if content is None else hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def name_items(files: Iterable[Found]) -> list[Item]:
    """Give files ids, and names that no two of them share: their stems, and longer ones where these are taken.

    >>> files = [Found(Path(name), Path(name).name) for name in ("a/cat.jpg", "a/cat.png", "b/cat.png", "dog.png")]
    >>> [item.name for item in name_items(files)]
    ['cat', 'cat_png', 'cat_b', 'dog']
    """
    items: list[Item] = []
    taken: dict[str, str] = dict.fromkeys(RESERVED, "")
    for path, below in files:
        name = choose_name(below, place_of(path), lambda wish: taken.get(same_name(wish)))
        taken[same_name(name)] = below
        items.append(Item(id_of(below), path, name, below=below))
    return items


def find_items(
    inputs: Iterable[str | os.PathLike],
    recursive: bool = False,
    *,
    without: str | os.PathLike | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> list[Item]:
    """The items of files, folders and patterns, see :func:`gprior_jax.images.listing.list_images`.

    Args:
        inputs: files, folders, patterns.
        recursive: search the folders in folders, too.
        without: a folder that is passed over, where results are written.
        tell: called with a sentence about each input of which something was left out.

    >>> import gprior_jax as gp
    >>> photographs = gp.zoo.bundled_folder("builtin").parent / "photographs"
    >>> [item.name for item in find_items([photographs])]
    ['astronaut', 'cat', 'coffee', 'rocket']
    """
    listing = list_images(inputs, recursive, without)
    for sentence in listing.left_out:
        tell(sentence)
    return name_items(listing.files)


def match_files(path: Path, items: Sequence[Item], what: str, recursive: bool = False) -> dict[Path, Path]:
    """Files that belong to items, by the items' sources: those of the same stem in a folder, or one file for all.

    Of items in folders below their input, a file at the same place goes before one whose stem alone is the same, which
    must be no other item's.

    Args:
        path: a file or a folder.
        items: of the run.
        what: they are, for messages.
        recursive: search the folders in the folder, too.

    Raises:
        ArgumentError: the path does not exist, or nothing in it belongs to an item.

    >>> import gprior_jax as gp
    >>> folder = gp.zoo.bundled_folder("builtin").parent / "photographs"
    >>> items = find_items([folder / "cat.jpg"])
    >>> [file.name for file in match_files(folder, items, "the truth").values()]
    ['cat.jpg']
    """
    if path.is_file():
        return {item.source: path for item in items}
    if not path.is_dir():
        raise ArgumentError(f"{what} {path} does not exist: give a file or a folder.")
    files: dict[str, Path] = {}
    for file, below in list_images([path], recursive).files:
        name = result_name(below)
        if other := files.get(name):
            raise ArgumentError(f"{what} {path} holds {other.name} and {file.name} for one picture: leave one of them.")
        files[name] = file
    whole = {item.source: result_name(item.below or item.source.name) for item in items}
    found = {source: files[name] for source, name in whole.items() if name in files}
    for source in whole.keys() - found.keys():
        stem = result_name(source.name)
        if stem in files and stem not in whole.values():
            found[source] = files[stem]
    if not found:
        raise ArgumentError(f"{what} {path} holds no file of the name of any input.")
    return found

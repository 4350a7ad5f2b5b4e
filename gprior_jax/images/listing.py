"""Which picture files are meant by files, folders and patterns, and what of these is left out, and why."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

from PIL import Image, ImageFile

from gprior_jax.errors import GPriorError
from gprior_jax.images import archives, lists, remote
from gprior_jax.images.patterns import Found as Found
from gprior_jax.images.patterns import is_magic, matches, on_disk
from gprior_jax.storage.names import is_hidden

_NOT_PICTURES = ("MPEG", "EPS")
"""Formats that Pillow opens and does not read: of films it knows the size, and others it leaves to another program."""

_TOLD = 4
"""Kinds of files left out that are named; more are counted together."""


class Listing(NamedTuple):
    """What inputs stand for.

    Attributes:
        files: distinct, sorted by their paths.
        left_out: a sentence for each input of which something was left out.
    """

    files: list[Found]
    left_out: list[str]

    @property
    def paths(self) -> list[Path]:
        """The files without more."""
        return [found.path for found in self.files]


def suffixes() -> frozenset[str]:
    """Endings of the picture files that the Pillow at hand reads, and with it those of plugins of it.

    >>> {".png", ".jpg", ".jfif"} <= suffixes(), ".mpg" in suffixes()
    (True, False)
    """
    read = set()
    for suffix, name in Image.registered_extensions().items():
        factory = Image.OPEN[name][0] if name in Image.OPEN else None
        # Of some formats it has the head only, and wants a program for the rest.
        stub = isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
        if factory is not None and not stub and name not in _NOT_PICTURES:
            read.add(suffix)
    return frozenset(read)


def list_images(
    inputs: Iterable[str | os.PathLike], recursive: bool = False, without: str | os.PathLike | None = None
) -> Listing:
    """Expand files, folders, glob patterns, tar and ArrayRecord files, and lists.

    Hidden files and folders are passed over, as are files in a folder, or of a pattern that names no ending, whose
    ending Pillow does not know. A file that is named itself is taken whatever its ending. In patterns, ``**`` stands
    for any folders. Names with accents match in either of their Unicode forms (macOS has one, others the other).

    Of a tar file that is named, or that a pattern with this ending matches, the pictures in it are taken, by their
    names there; of an ArrayRecord file likewise, see :mod:`gprior_jax.images.archives`. Files, folders and patterns may
    be in the cloud (``gs://``, ``s3://``). ``@list.txt`` stands for what a text file names, one input a line, relative
    to the file's folder, and ``-`` for the lines of standard input; a file in a list that is not there is told when it
    is read.

    Args:
        inputs: files, folders, patterns, tar files, lists.
        recursive: search the folders in folders, too; links to folders are not followed.
        without: a folder that is passed over, where results are written.

    Raises:
        GPriorError: an input is not there, matches nothing, or is a folder without images.
    """
    search = _Search(suffixes(), recursive, None if without is None else os.path.realpath(without))
    for entry in inputs:
        search.add(entry)
    return Listing(sorted(search.found.values(), key=lambda found: found.path), search.left_out)


def place_of(path: str | os.PathLike) -> str:
    """Where a file is, the same however its folder is reached; a link to a file is a place of its own."""
    path = Path(path)
    return remote.url_of(path) or os.path.join(os.path.realpath(path.parent), path.name)


class _Search:
    def __init__(self, suffixes: frozenset[str], recursive: bool, without: str | None):
        self.found: dict[str, Found] = {}
        self.left_out: list[str] = []
        self._suffixes, self._recursive, self._without = suffixes, recursive, without
        self._begin()

    def _begin(self) -> None:
        self._hits, self._endings, self._others = 0, Counter[str](), Counter[str]()

    def add(self, entry: str | os.PathLike) -> None:
        """Take one input."""
        self._begin()
        if found := lists.list_of(os.fspath(entry)):
            self._list(str(entry), *found)
            return
        nothing = self._search(entry)
        if nothing is None:
            return
        why = told(self._endings, self._others)
        if not self._hits:
            raise GPriorError(f"{nothing}{f'; left out: {why}' if why else ''}.")
        if why:
            self.left_out.append(f"{entry}: left out {why}.")

    def _search(self, entry: str | os.PathLike) -> str | None:
        """Take one input that is no list; gives what is said of many where none was found, and None of one file."""
        path = on_disk(Path(os.path.expanduser(entry)))
        if os.path.isdir(path):
            self._folder(path, "", first=True)
            if not self._hits and path.suffix.lower() in self._suffixes:
                self._keep(Found(path, path.name))  # Meant for a picture: told when it is read, and the others go on.
            return f"{path} holds no images"
        if remote.is_url(os.fspath(entry)):
            self._remote(os.fspath(entry))
            return f"{entry} holds no images"
        if archives.is_archive(path):
            self._archive(path)
            return f"{path} holds no images"
        if os.path.lexists(path):
            if _is_special(path):
                raise GPriorError(f"{path} is no regular file: give image files, folders or patterns.")
            self._keep(Found(path, path.name))
            return None
        if any(is_magic(part) for part in path.parts):
            self._pattern(path)
            return f"no file matches {entry}"
        raise GPriorError(f"{entry} does not exist: give image files, folders or patterns.")

    def _list(self, entry: str, lines: list[str], folder: Path) -> None:
        """Take the lines of a list."""
        if not lines:
            raise GPriorError(f"the list {entry} names no images.")
        for line in lines:
            path = on_disk(folder / os.path.expanduser(line))
            many = any(map(is_magic, path.parts)) and not os.path.lexists(path)
            if remote.is_url(line):
                self.add(line)
            elif many or os.path.isdir(path) or archives.is_archive(path):
                self.add(path)
            else:
                self._keep(Found(path, lists.below_of(line)))

    def _archive(self, path: Path) -> None:
        """Take the pictures in a tar or ArrayRecord file."""
        inside = archives.members(path)
        for name in sorted(inside.places):
            if not any(map(is_hidden, name.split("/"))):
                self._file(Found(path / name, name))
        if inside.unsafe:
            self._others["name{} that lead out of the tar file"] += inside.unsafe
        if inside.others:
            self._others["record{} without a picture"] += inside.others

    def _remote(self, url: str) -> None:
        """Take what is in the cloud."""
        found = list(remote.find(url, self._recursive, self._suffixes))
        named = len(found) == 1 and found[0].path == Path(url)
        for each in found:
            if named and each.path.suffix.lower() in archives.ENDINGS:
                raise GPriorError(f"{url} is in the cloud, and such files are read on disk only: copy it there first.")
            if not any(map(is_hidden, each.below.split("/"))):
                self._file(each, named)

    def _keep(self, found: Found) -> None:
        self._hits += 1
        place = place_of(found.path)
        known = self.found.get(place)
        # Of several ways to one file the longest name, whatever the order: that below the uppermost folder.
        if known is None or (len(found.below), found) > (len(known.below), known):
            self.found[place] = found

    def _pattern(self, pattern: Path) -> None:
        ending = PurePath(pattern.name).suffix
        named = bool(ending) and not is_magic(ending)
        for found in matches(pattern):
            if os.path.isdir(found.path):
                self._subfolder(found)
            else:
                self._file(found, named)

    def _folder(self, folder: Path, below: str, first: bool = False) -> None:
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            if first:
                raise GPriorError(f"{folder} cannot be read: {error.strerror}.") from error
            self._others[f"folder{{}} that cannot be read ({error.strerror})"] += 1
            return
        for name in names:
            found = Found(folder / name, below + name)
            if is_hidden(name):
                continue
            if os.path.isdir(found.path):
                self._subfolder(found)
            else:
                self._file(found)

    def _subfolder(self, found: Found) -> None:
        if os.path.realpath(found.path) == self._without:
            return
        if not self._recursive:
            self._others["folder{} (searched only when recursive)"] += 1
        elif os.path.islink(found.path):
            self._others["linked folder{}"] += 1
        else:
            self._folder(found.path, f"{found.below}/")

    def _file(self, found: Found, named: bool = False) -> None:
        suffix = found.path.suffix.lower()
        if named and archives.is_archive(found.path):
            self._archive(found.path)
        elif not named and suffix not in self._suffixes:
            self._endings[suffix or "without an ending"] += 1
        elif _is_special(found.path):
            self._others["special file{}"] += 1
        else:
            self._keep(found)


def told(endings: Counter[str], others: Counter[str]) -> str:
    """What was left out, in words.

    Args:
        endings: of files that are no pictures, and how many have each.
        others: what else, with ``{}`` where an s makes it more than one.

    >>> told(Counter({".txt": 2, ".heic": 1}), Counter({"linked folder{}": 2}))
    '2 .txt, 1 .heic (no pictures, or none that Pillow reads: convert those to PNG or JPEG), 2 linked folders'
    """
    parts = [f"{count} {ending}" for ending, count in endings.most_common(_TOLD)]
    if more := sum(endings.values()) - sum(count for _, count in endings.most_common(_TOLD)):
        parts.append(f"{more} of other kinds")
    if parts:
        parts[-1] += " (no pictures, or none that Pillow reads: convert those to PNG or JPEG)"
    return ", ".join(parts + [f"{count} {kind.format('s' if count > 1 else '')}" for kind, count in others.items()])


def _is_special(path: Path) -> bool:
    """Whether something is there that is neither a file nor a broken link: a pipe, a device."""
    return os.path.exists(path) and not os.path.isfile(path)

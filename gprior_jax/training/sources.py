"""Where training images lie: in a zip file, of which nothing is unpacked, or in a folder.

An image is known by its name below the zip file or folder, with ``/`` whatever the system that wrote it: the same
images have the same names in both. Hidden entries (those of a name that begins with a dot, and what macOS and Windows
put beside images) are none.
"""

import hashlib
import json
import os
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images.listing import suffixes
from gprior_jax.storage.names import as_text as shown
from gprior_jax.storage.names import is_hidden, normalized

LABELS = "dataset.json"
"""File of StyleGAN2-ADA's dataset tool that names the classes."""

MAX_BYTES = 1 << 30
"""Of an image's file: a larger one is not read."""


class Source(Protocol):
    """Files by their names.

    Attributes:
        path: the zip file or folder.
        names: of all files that may be images, sorted.
        kind: ``"zip file"`` or ``"folder"``, for messages.
    """

    path: Path
    names: list[str]
    kind: str

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            ImageFileError: damaged, or gone.
        """
        ...

    def checksum(self, name: str) -> int:
        """CRC-32 of a file's content."""
        ...

    def fingerprint(self) -> str:
        """What changes when a file does, without reading them."""
        ...

    def find(self, name: str) -> str | None:
        """Path of the one file of this name that lies nearest to the top; None where there is none."""
        ...


def open_source(path: str | os.PathLike) -> Source:
    """The files of a zip file or folder.

    Raises:
        GPriorError: missing, or neither.
    """
    path = Path(path)
    return _Folder(path) if path.is_dir() else _Zip(path)


def _is_image(name: str, known: frozenset[str]) -> bool:
    return PurePosixPath(name).suffix.lower() in known and not _is_hidden(name)


def _is_hidden(name: str) -> bool:
    """Whether an entry, or a folder that it is in, is hidden."""
    return any(is_hidden(part) for part in name.split("/"))


def _nearest(names: list[str], wanted: str) -> str | None:
    found = [name for name in names if name.rpartition("/")[2] == wanted and not _is_hidden(name)]
    return min(found, key=lambda name: (name.count("/"), name), default=None)


def _digest(facts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


class _Zip:
    """A zip file."""

    kind = "zip file"

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise GPriorError(
                f"{path} is not a readable zip file of images: {error}. Give a zip file or a folder."
            ) from error
        # Of two entries of one name the later is the file, as where they are unpacked.
        self._entries = {normalized(info.filename): info for info in self._zip.infolist() if not info.is_dir()}
        known = suffixes()
        self.names = sorted(name for name in self._entries if _is_image(name, known))
        # A ZipFile reads through one file position: one reader at a time.
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes:
        entry = self._entries[name]
        if entry.file_size > MAX_BYTES:
            raise ImageFileError(f"{self.path}: {shown(name)} has {entry.file_size / 2**30:.1f} GiB: no image.")
        try:
            with self._lock:
                return self._zip.read(entry)
        # RuntimeError is a password, NotImplementedError a compression that Python does not have.
        except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise ImageFileError(f"{self.path}: {shown(name)} is damaged in the zip file ({error}).") from error

    def checksum(self, name: str) -> int:
        return self._entries[name].CRC

    def fingerprint(self) -> str:
        entries = ((name, self._entries[name]) for name in self.names)
        return _digest([[name, entry.file_size, entry.CRC] for name, entry in entries])

    def find(self, name: str) -> str | None:
        return _nearest(list(self._entries), name)


class _Folder:
    """A folder, with all that are in it."""

    kind = "folder"

    def __init__(self, path: Path):
        self.path = path
        self._files = {normalized(below): path / below for below in _files_below(path)}
        known = suffixes()
        self.names = sorted(name for name in self._files if _is_image(name, known))

    def read(self, name: str) -> bytes:
        try:
            if self._files[name].stat().st_size > MAX_BYTES:
                raise ImageFileError(f"{shown(str(self._files[name]))} is too large for an image.")
            return self._files[name].read_bytes()
        except OSError as error:
            told = error.strerror or error
            raise ImageFileError(f"{shown(str(self._files[name]))} cannot be read ({told}).") from error

    def checksum(self, name: str) -> int:
        return zlib.crc32(self.read(name))

    def fingerprint(self) -> str:
        facts = []
        for name in self.names:
            try:
                status = self._files[name].stat()
                facts.append([name, status.st_size, status.st_mtime_ns])
            except OSError:
                facts.append([name, None, None])
        return _digest(facts)

    def find(self, name: str) -> str | None:
        return _nearest(list(self._files), name)


def _files_below(folder: Path) -> Iterator[str]:
    """Files in a folder and its folders, as paths below it; links to folders are followed, once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        own = os.path.realpath(place)
        if own in seen:
            folders[:] = []
            continue
        seen.add(own)
        below = os.path.relpath(place, folder)
        yield from (name if below == "." else os.path.join(below, name) for name in files)

"""Pictures in tar files, read where they lie: ``photos-000.tar/sub/cat.png`` is a member of ``photos-000.tar``.

Nothing is extracted. Members that lead out of the file by their names, links and special ones are no pictures.
"""

import errno
import functools
import os
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gprior_jax.errors import GPriorError, ImageFileError

ENDING = ".tar"

MAX_BYTES = 2**30
"""Size of a picture file that is read into memory, at most."""


class Members(NamedTuple):
    """What is in a tar file.

    Attributes:
        places: where every regular file begins, and how long it is, bytes, by its name.
        unsafe: names of the others: absolute ones, or with ``..``.
    """

    places: dict[str, tuple[int, int]]
    unsafe: int


def is_archive(path: Path) -> bool:
    """Whether a path is a tar file."""
    return path.suffix.lower() == ENDING and path.is_file()


def split(path: Path) -> tuple[Path, str] | None:
    """The tar file of a member, and its name there; None of other paths.

    >>> split(Path("cat.png")), split(Path("nowhere.tar/cat.png"))
    (None, None)
    """
    if f"{ENDING}{os.sep}" not in str(path).lower():
        return None
    for folder in path.parents:
        if is_archive(folder):
            return folder, path.relative_to(folder).as_posix()
    return None


def members(path: Path) -> Members:
    """The members of a tar file; it is read through once, and again when it has changed.

    Raises:
        GPriorError: it cannot be read, is compressed, damaged or cut off.
    """
    try:
        found = path.stat()
        return _members(path, found.st_size, found.st_mtime_ns)
    except tarfile.TarError as error:
        raise GPriorError(
            f"{path} is no tar file, or damaged ({error}): copy it again; a compressed one is to be decompressed."
        ) from error
    except OSError as error:
        raise GPriorError(f"{path} cannot be read: {error.strerror or error}.") from error


@functools.lru_cache(maxsize=128)
def _members(path: Path, size: int, changed: int) -> Members:
    places: dict[str, tuple[int, int]] = {}
    unsafe = 0
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                unsafe += 1
            elif member.isreg() and not member.issparse():
                if member.offset_data + member.size > size:
                    raise tarfile.ReadError(f"{member.name} is cut off")
                places[name.as_posix()] = member.offset_data, member.size
    return Members(places, unsafe)


def read_member(path: Path, name: str) -> bytes:
    """The content of a member.

    Raises:
        FileNotFoundError: there is none of this name.
        ImageFileError: it is too large, or the tar file cannot be read; see :func:`members`.
    """
    try:
        place = members(path).places.get(name)
    except GPriorError as error:
        raise ImageFileError(str(error)) from error
    if place is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path / name))
    start, length = place
    if length > MAX_BYTES:
        raise ImageFileError(f"{path / name} is {length / 2**30:.3g} GiB: too large for a picture.")
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(length)

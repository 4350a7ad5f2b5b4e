"""Pictures in tar and ArrayRecord files, read where they lie: ``photos.tar/sub/cat.png`` is a member of ``photos.tar``.

Nothing is extracted. Members that lead out of the file by their names, links and special ones are no pictures. A record
is a picture, whose name is its number (``00000012.png``), or a tar file of some, as ``gprior`` packs its results.
"""

import errno
import functools
import io
import os
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images import array_records

TAR = ".tar"

ENDINGS = (TAR, array_records.ENDING)
"""Of files that hold pictures."""

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp"}
"""What pictures begin with that are records."""

MAX_BYTES = 2**30
"""Size of a picture file that is read into memory, at most."""


class Place(NamedTuple):
    """Where a member is.

    Attributes:
        start: where it begins, bytes.
        size: how long it is, bytes.
        record: in which record; None in the file itself.
    """

    start: int
    size: int
    record: int | None = None


class Members(NamedTuple):
    """What is in a file that holds pictures.

    Attributes:
        places: of every regular file, by its name.
        unsafe: names of the others: absolute ones, or with ``..``.
        others: records that are neither a picture nor a tar file.
    """

    places: dict[str, Place]
    unsafe: int = 0
    others: int = 0


def is_archive(path: Path) -> bool:
    """Whether a path is a file that holds pictures."""
    return path.suffix.lower() in ENDINGS and path.is_file()


def split(path: Path) -> tuple[Path, str] | None:
    """The file of a member, and its name there; None of other paths.

    >>> split(Path("cat.png")), split(Path("nowhere.tar/cat.png"))
    (None, None)
    """
    if not any(f"{ending}{os.sep}" in str(path).lower() for ending in ENDINGS):
        return None
    for folder in path.parents:
        if is_archive(folder):
            return folder, path.relative_to(folder).as_posix()
    return None


def members(path: Path) -> Members:
    """The members of a file; it is read through once, and again when it has changed.

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
    if path.suffix.lower() == TAR:
        with tarfile.open(path, "r:") as archive:
            return _of_tar(archive, size)
    places: dict[str, Place] = {}
    unsafe, others = 0, 0
    for number, record in enumerate(array_records.read_records(path)):
        if ending := next((own for head, own in _SIGNATURES.items() if record.startswith(head)), None):
            places[f"{number:08}{ending}"] = Place(0, len(record), number)
        elif record[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(record), mode="r:") as archive:
                found = _of_tar(archive, len(record))
            places |= {name: place._replace(record=number) for name, place in found.places.items()}
            unsafe += found.unsafe
        else:
            others += 1
    return Members(places, unsafe, others)


def _of_tar(archive: tarfile.TarFile, size: int) -> Members:
    places: dict[str, Place] = {}
    unsafe = 0
    for member in archive:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            unsafe += 1
        elif member.isreg() and not member.issparse():
            if member.offset_data + member.size > size:
                raise tarfile.ReadError(f"{member.name} is cut off")
            places[name.as_posix()] = Place(member.offset_data, member.size)
    return Members(places, unsafe)


def read_member(path: Path, name: str) -> bytes:
    """The content of a member.

    Raises:
        FileNotFoundError: there is none of this name.
        ImageFileError: it is too large, or the file cannot be read; see :func:`members`.
    """
    try:
        place = members(path).places.get(name)
        if place is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path / name))
        if place.size > MAX_BYTES:
            raise ImageFileError(f"{path / name} is {place.size / 2**30:.3g} GiB: too large for a picture.")
        if place.record is not None:
            return array_records.read_record(path, place.record)[place.start : place.start + place.size]
    except GPriorError as error:
        raise ImageFileError(str(error)) from error
    with open(path, "rb") as file:
        file.seek(place.start)
        return file.read(place.size)

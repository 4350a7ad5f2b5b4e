"""Files and folders that are complete or absent: everything is written beside its place and renamed into it.

What is unfinished has a name of its own in every process (:func:`temporary_name`): several may write one file at once,
of which the last to end stays, and readers see one of them whole.
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError, OccupiedError


def check_free(path: str | os.PathLike) -> None:
    """Check that a folder can be made at ``path`` without replacing anything; an empty one may be there.

    Raises:
        OccupiedError: ``path`` is taken; it is named as it was given.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OccupiedError(f"{target} exists already: name another folder or remove it first.")


def check_folder(path: str | os.PathLike) -> None:
    """Check that files can be written to a folder at ``path``, which may be there, so that nothing is computed in vain.

    Raises:
        ArgumentError: there is something else.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        what = "a file" if os.path.exists(path) else "a link to nothing"
        raise ArgumentError(f"{path} is {what}: name a folder for the results.")


@contextlib.contextmanager
def new_folder(path: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that becomes ``path`` when the block ends, or vanishes if it fails.

    Args:
        path: the folder to make.
        overwrite: replace what is there; otherwise an existing non-empty folder is an error.

    Raises:
        OccupiedError: ``path`` is taken.
    """
    if not overwrite:
        check_free(path)
    target = Path(path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with named(path):
        temporary = Path(tempfile.mkdtemp(prefix=_prefix(target), suffix=".partial", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp makes private folders.
        _replace_folder(temporary, target)
    except OSError as error:
        given: Any = error.filename  # None, or a descriptor, is no name.
        failed = temporary if given is None or isinstance(given, int) else Path(os.fsdecode(given))
        if not failed.is_relative_to(temporary):
            raise
        with named(Path(path) / failed.relative_to(temporary)):
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _prefix(target: Path) -> str:
    """Of the name of a folder that is to become another: as much of its name as any file system has room for."""
    return f".{target.name[:30]}."


def _replace_folder(source: Path, target: Path) -> None:
    """Rename ``source`` to ``target``; what was there is removed only after the new folder is in place, or put back."""
    if not target.exists():
        source.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=_prefix(target), suffix=".old", dir=target.parent))
    try:
        target.rename(old / "old")
        try:
            source.rename(target)
        except OSError:
            (old / "old").rename(target)
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def read_json(path: str | os.PathLike, remedy: str = "write it again") -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.
        remedy: what to do when it is damaged, the end of the sentence.

    Raises:
        CheckpointError: missing, empty, not JSON, or not an object.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if text.strip() else None
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: {remedy}.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}): {remedy}.") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged, no JSON ({error}): {remedy}.") from error
    if not text.strip():
        raise CheckpointError(f"{path} is empty (a full disk, or a copy that was cut off?): {remedy}.")
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is damaged, no JSON object: {remedy}.")
    return content


def write_json(path: str | os.PathLike, content: dict[str, Any]) -> None:
    """Write a JSON object, see :func:`write_text`."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: str | os.PathLike, text: str) -> None:
    r"""Write text as UTF-8, see :func:`write_bytes`.

    What a file name has that is no text becomes an escape (``\udce9``), which in JSON is what it stands for.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write a file: first beside its place, then renamed into it.

    Raises:
        OSError: it could not be written; what was there before still is.
    """
    path = Path(path)
    temporary = path.with_name(temporary_name())
    try:
        with named(path):
            temporary.write_bytes(content)
            temporary.replace(path)
    finally:
        remove_unfinished(temporary)


@contextlib.contextmanager
def named(path: str | os.PathLike) -> Iterator[None]:
    """Have what a disk refuses name a file, in place of one that is unfinished, which nobody knows, or of none.

    Args:
        path: that was to be written.

    >>> with named("found/cat.png"):
    ...     raise OSError(28, "No space left on device", ".1f0c.partial")
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] No space left on device: 'found/cat.png'
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_unfinished(temporary: Path) -> None:
    """Remove a file if it is there; where nothing can be removed, why it was not written is told already."""
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Write arrays as an ``.npz`` file, see :func:`write_bytes`."""
    write_bytes(path, arrays_bytes(arrays))


def arrays_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Content of an ``.npz`` file of arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def temporary_name(ending: str = "") -> str:
    """A hidden name that no other process and no other call has: of a file that is not finished.

    Args:
        ending: of the name, for programs that go by it.
    """
    return f".{_machine()}-{os.getpid()}-{secrets.token_hex(8)}.partial{ending}"


_OURS = re.compile(r"\.([0-9a-f]{8})-(\d+)-[0-9a-f]{16}\.partial")
_FORGOTTEN = 86_400.0
"""Seconds after which the file of a process on another machine counts as left behind."""


@functools.cache
def _machine() -> str:
    """What tells the processes that we can see from those of other machines and containers."""
    space = "/proc/self/ns/pid"  # Linux: whose process numbers are ours.
    seen = f"{socket.gethostname()} {os.readlink(space) if os.path.islink(space) else ''}"
    return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:8]


def remove_leftovers(*places: Path, folders: bool = False) -> None:
    """Remove the half-written files that processes left when they were killed; not those of living ones.

    Args:
        places: folders to look in.
        folders: remove half-written folders too.
    """
    for place in places:
        for leftover in place.glob(".*.partial"):
            if _is_being_written(leftover):
                continue
            if leftover.is_file():
                leftover.unlink(missing_ok=True)
            elif folders and leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)


def _is_being_written(path: Path) -> bool:
    match = _OURS.fullmatch(path.name)
    if match is None:
        return False  # Of no version that writes now.
    if match[1] == _machine():
        return _is_alive(int(match[2]))
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime < _FORGOTTEN
    return False  # Gone meanwhile.


def _is_alive(process: int) -> bool:
    """Whether there is a process of this number; True where that cannot be asked without harm."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # Another user's.
    return True


def sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

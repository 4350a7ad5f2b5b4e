"""Files and folders that are complete or absent: everything is written beside its place and renamed into it."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import CheckpointError, OccupiedError


def check_free(path: str | os.PathLike) -> None:
    """Check that a folder can be made at ``path`` without replacing anything; an empty one may be there.

    Raises:
        OccupiedError: ``path`` is taken.
    """
    target = Path(path).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OccupiedError(f"{target} exists already: name another folder or remove it first.")


@contextlib.contextmanager
def new_folder(path: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that becomes ``path`` when the block ends, or vanishes if it fails.

    Args:
        path: the folder to make.
        overwrite: replace what is there; otherwise an existing non-empty folder is an error.

    Raises:
        OccupiedError: ``path`` is taken.
    """
    target = Path(path).absolute()
    if not overwrite:
        check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp makes private folders.
        _replace_folder(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_folder(source: Path, target: Path) -> None:
    """Rename ``source`` to ``target``; what was there is removed only after the new folder is in place, or put back."""
    if not target.exists():
        source.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
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
    """Write a JSON object: first beside its place, then renamed into it."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write a file: first beside its place, then renamed into it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Write arrays as an ``.npz`` file: first beside its place, then renamed into it."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def remove_leftovers(*folders: Path) -> None:
    """Remove the half-written files that a process left in folders when it was killed."""
    for folder in folders:
        for leftover in folder.glob(".*.partial"):
            if leftover.is_file():
                leftover.unlink(missing_ok=True)


def sha256(path: str | os.PathLike) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

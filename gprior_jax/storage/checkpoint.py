"""Pytrees on disk, as Orbax checkpoints. The only importer of Orbax.

What it wrote is mostly read without it (:mod:`gprior_jax.storage.stored`).

Beside what Orbax writes, a checkpoint holds ``digests.json`` with the SHA-256 of every file. They are compared before
Orbax reads: it reads many arrays at once, and one that fails leaves the others behind, which then speak up from a
closed event loop where no caller can catch them. So damage is found before there is anything to leave behind.
"""

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gprior_jax.errors import CheckpointError
from gprior_jax.storage.atomic import read_json, sha256, write_json
from gprior_jax.storage.differences import differences
from gprior_jax.storage.stored import read_stored
from gprior_jax.typing import PyTree

DIGESTS = "digests.json"

_TURNS = threading.Lock()
"""Threads write and read in turns: where two do at once, Orbax 0.12 closes the event loop of one under the other."""

_REMEDY = "copy it again, or convert or train the model again"


def _orbax() -> Any:
    # Orbax takes a third of a second to import and is needed only where files are read or written.
    from orbax.checkpoint import v1

    return v1


def save_tree(path: str | os.PathLike, tree: PyTree) -> None:
    """Write a pytree of arrays to an Orbax checkpoint at ``path``; an existing one is replaced."""
    path = Path(path).absolute()
    with _TURNS:
        _orbax().save(path, tree, overwrite=True)
    # A note with the absolute path on this machine, needed on object stores only: it is nothing to share.
    (path / "commit_success.txt").unlink(missing_ok=True)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    write_json(path / DIGESTS, {file.relative_to(path).as_posix(): sha256(file) for file in files})


def load_tree(path: str | os.PathLike, abstract: PyTree) -> PyTree:
    """Read a pytree written by :func:`save_tree`.

    Args:
        path: the checkpoint.
        abstract: a tree of arrays or ``jax.ShapeDtypeStruct`` with the structure, shapes and dtypes to restore; stored
            numbers are cast to these dtypes.

    Raises:
        CheckpointError: missing, damaged, or of another structure or shape.
    """
    path = _whole(path)
    try:
        stored = read_stored(path)
        found = _as_wanted(stored, abstract) if stored is not None else _by_orbax(path, abstract)
    except _DifferingError as error:
        raise CheckpointError(f"{path} belongs to another model: {error}.") from None
    except Exception as error:  # Orbax raises many kinds; all of them mean that this folder cannot be used.
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} cannot be read: {reason}; {_REMEDY}.") from error
    # Committed to no device, as freshly made arrays are: what is jitted for these serves them too.
    return jax.device_put(found)


class _DifferingError(Exception):
    """A checkpoint has another structure or other shapes than are wanted: what sets them apart."""


def _check_alike(stored: PyTree, abstract: PyTree) -> None:
    if differing := differences(stored, abstract):
        raise _DifferingError(differing)


def _as_wanted(stored: PyTree, abstract: PyTree) -> PyTree:
    """Arrays of nested dicts in the structure and the dtypes of an abstract tree."""
    _check_alike(stored, abstract)
    arrays = dict(zip(_names(stored), jax.tree.leaves(stored), strict=True))
    leaves, structure = jax.tree.flatten(abstract)
    named = zip(_names(abstract), leaves, strict=True)
    return structure.unflatten([arrays[name].astype(leaf.dtype) for name, leaf in named])


def _names(tree: PyTree) -> list[str]:
    return [
        jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _by_orbax(path: Path, abstract: PyTree) -> PyTree:
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    with _TURNS, _quiet(), _alone():
        _check_alike(_orbax().metadata(path).metadata, abstract)
        wanted = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), abstract)
        return jax.tree.map(np.asarray, _orbax().load(path, wanted))


def save_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays, or nothing that :func:`load_arrays` takes; an existing checkpoint is replaced."""
    save_tree(path, {name: np.asarray(value) for name, value in arrays.items()})


def load_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read what :func:`save_arrays` wrote.

    Raises:
        CheckpointError: missing, or damaged.
    """
    return load_stored(path)


def load_stored(path: str | os.PathLike) -> PyTree:
    """Read what :func:`save_tree` wrote as it is stored, nested dicts of numpy arrays in their own dtypes.

    Raises:
        CheckpointError: missing, or damaged.
    """
    path = _whole(path)
    try:
        if (stored := read_stored(path)) is not None:
            return stored
        with _TURNS, _quiet(), _alone():
            return jax.tree.map(np.asarray, _orbax().load(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} cannot be read: {reason}; {_REMEDY}.") from error


def _whole(path: str | os.PathLike) -> Path:
    """The absolute path of a checkpoint all of whose files are as they were written.

    Raises:
        CheckpointError: missing or damaged.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise CheckpointError(f"{path} is missing: the folder is incomplete; convert or train the model again.")
    if not (path / DIGESTS).is_file():
        raise CheckpointError(f"{path} has no {DIGESTS}: it is of an older version, or not whole; {_REMEDY}.")
    for name, digest in read_json(path / DIGESTS, _REMEDY).items():
        # A name that leads out of the folder belongs to no checkpoint of ours.
        file = path / name
        if ".." in Path(name).parts or not file.is_relative_to(path) or not file.is_file() or sha256(file) != digest:
            raise CheckpointError(f"{path} is damaged: {name} is missing or has other content; {_REMEDY}.")
    return path


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Inside, Orbax reads for this process by itself, and waits for no other host of a TPU pod."""
    if jax.process_count() == 1:
        yield
        return
    context, own = _orbax().Context(), jax.process_index()
    context.multiprocessing.primary_host, context.multiprocessing.active_processes = own, {own}
    context.multiprocessing.barrier_sync_key_prefix = f"process_{own}"
    with context:
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what Orbax says beside the error that it raises."""
    logger = logging.getLogger("absl")
    disabled = logger.disabled
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.disabled = True
        try:
            yield
        finally:
            logger.disabled = disabled

"""Pytrees on disk, as Orbax checkpoints. The only importer of Orbax."""

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from gprior_jax.errors import CheckpointError
from gprior_jax.typing import PyTree


def _orbax() -> Any:
    # Orbax takes a third of a second to import and is needed only where files are read or written.
    from orbax.checkpoint import v1

    return v1


def save_tree(path: str | os.PathLike, tree: PyTree) -> None:
    """Write a pytree of arrays to an Orbax checkpoint at ``path``; an existing one is replaced."""
    path = Path(path).absolute()
    _orbax().save(path, tree, overwrite=True)
    # A note with the absolute path on this machine, needed on object stores only: it is nothing to share.
    (path / "commit_success.txt").unlink(missing_ok=True)


def load_tree(path: str | os.PathLike, abstract: PyTree) -> PyTree:
    """Read a pytree written by :func:`save_tree`.

    Args:
        path: the checkpoint.
        abstract: a tree of arrays or ``jax.ShapeDtypeStruct`` with the structure, shapes and dtypes to restore; stored
            numbers are cast to these dtypes.

    Raises:
        CheckpointError: missing, unreadable, or of another structure or shape.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise CheckpointError(f"{path} is missing: the folder is incomplete; convert or train the model again.")
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])

    def spec(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=device)

    try:
        with _quiet():
            if differing := _differences(_shapes(_orbax().metadata(path).metadata), _shapes(abstract)):
                raise ValueError(differing)
            return _orbax().load(path, jax.tree.map(spec, abstract))
    except Exception as error:  # Orbax raises many kinds; all of them mean that this folder cannot be used.
        _outwait_reads()
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} is damaged or belongs to another model: {reason}") from error


def _shapes(tree: PyTree) -> dict[str, tuple[int, ...]]:
    """Shape of every leaf by its dotted path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): tuple(leaf.shape) for path, leaf in leaves}


def _differences(found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]) -> str:
    """What sets two trees apart, in words; empty where nothing does."""
    other = sorted(name for name in found.keys() & wanted.keys() if found[name] != wanted[name])
    kinds = {
        "missing": sorted(wanted.keys() - found.keys()),
        "unexpected": sorted(found.keys() - wanted.keys()),
        "misshapen": [f"{name} {list(found[name])} instead of {list(wanted[name])}" for name in other],
    }
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)


def _outwait_reads() -> None:
    """Let reads that Orbax has given up end, without what they say.

    When one array cannot be read, Orbax closes its event loop while the others are still on their way; each then fails
    to report to that loop, and Python prints a traceback, which no caller can catch.
    """
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if "Event loop is closed" not in str(unraisable.exc_value):
            before(unraisable)

    sys.unraisablehook = hook
    try:
        time.sleep(_GRACE_S)
    finally:
        sys.unraisablehook = before


_GRACE_S = 0.5
"""Reads of a damaged folder are small or fail at once; a longer one would only print what is kept back here."""


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

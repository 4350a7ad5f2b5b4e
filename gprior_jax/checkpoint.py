"""Pytrees on disk, as Orbax checkpoints. The only importer of Orbax."""

import os
import warnings
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
    _orbax().save(Path(path).absolute(), tree, overwrite=True)


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _orbax().load(path, jax.tree.map(spec, abstract))
    except Exception as error:  # Orbax raises many kinds; all of them mean that this folder cannot be used.
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} is damaged or belongs to another model: {reason}") from error

"""Pytrees as one safetensors file: no code in it, readable by every framework, what people share.

Keys are joined by dots, as PyTorch's are: ``generator.block_0.kernel``.
"""

import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import CheckpointError, require
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.storage.differences import differences
from gprior_jax.typing import PyTree

_REMEDY = "copy or fetch it again"

_KINDS = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": np.dtype(jnp.bfloat16),  # Which its own reader to numpy does not know, though its writer does.
    "I64": np.int64,
    "U64": np.uint64,
    "I32": np.int32,
    "U32": np.uint32,
    "I16": np.int16,
    "U16": np.uint16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
    "C64": np.complex64,
}


def write_tensors(path: str | os.PathLike, tree: PyTree, metadata: dict[str, Any] | None = None) -> None:
    """Write a pytree of arrays with string keys to a safetensors file; an existing one is replaced.

    Args:
        path: the file.
        tree: nested dicts of arrays, whose keys have no dots.
        metadata: JSON, kept in the file's header under ``gprior_jax``.

    Raises:
        CheckpointError: keys with dots, or the file does not hold what was written.
        MissingExtraError: safetensors is not installed.
    """
    library = require("safetensors.numpy", "hub")
    # In another order than C's, safetensors 0.8 would write them as they lie (findings/safetensors_layout.sh).
    arrays = {name: _plain(leaf) for name, leaf in _named(tree).items()}
    data = library.save(arrays, None if metadata is None else {"gprior_jax": json.dumps(metadata)})
    again = _arrays(data)
    for name, array in arrays.items():
        if again[name].dtype != array.dtype or again[name].tobytes() != array.tobytes():
            raise CheckpointError(f"safetensors did not keep {name} as it is: install another version of it.")
    write_bytes(Path(path), data)


def read_tensors(path: str | os.PathLike, abstract: PyTree) -> PyTree:
    """Read what :func:`write_tensors` wrote.

    Args:
        path: the file.
        abstract: a tree with the structure, shapes and dtypes to restore; stored numbers are cast to these dtypes.

    Raises:
        CheckpointError: missing, damaged, or of another structure or shape.
        MissingExtraError: safetensors is not installed.
    """
    arrays = load_tensors(path)
    if differing := differences(arrays, _named(abstract)):
        raise CheckpointError(f"{path} belongs to another model: {differing}.")
    leaves, structure = jax.tree_util.tree_flatten_with_path(abstract)
    found = [arrays[_name(place)].astype(leaf.dtype) for place, leaf in leaves]
    return jax.device_put(jax.tree.unflatten(structure, found))


def load_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, by name, whatever they belong to.

    Raises:
        CheckpointError: missing or damaged.
        MissingExtraError: safetensors is not installed.
    """
    require("safetensors", "hub")
    try:
        return _arrays(Path(path).read_bytes())
    except Exception as error:  # It raises a class of its own for what is damaged.
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path} cannot be read: {reason}; {_REMEDY}.") from error


def _plain(leaf: Any) -> np.ndarray:
    """In the order of C and of this machine's bytes."""
    array = np.array(leaf, order="C")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file's bytes."""
    library = require("safetensors", "hub")
    found = {}
    for name, part in library.deserialize(data):
        if part["dtype"] not in _KINDS:
            raise CheckpointError(f"{name} is of type {part['dtype']}, which is none of {', '.join(_KINDS)}")
        found[name] = np.frombuffer(part["data"], _KINDS[part["dtype"]]).reshape(part["shape"])
    return found


def _named(tree: PyTree) -> dict[str, Any]:
    """Leaves by their joined keys."""
    return {_name(place): leaf for place, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def _name(place: tuple[Any, ...]) -> str:
    keys = [str(getattr(key, "key", key)) for key in place]
    if bad := [key for key in keys if "." in key]:
        raise CheckpointError(f"the network has a part {bad[0]!r}: names with dots cannot be written to safetensors.")
    return ".".join(keys)

"""Arrays of a checkpoint as Orbax keeps them, read by TensorStore, which Orbax reads with, too.

Orbax takes a fifth of a second to import and three tenths to read what TensorStore reads in four hundredths (135
arrays, 6 MB). What a checkpoint says of itself tells whether it is of the kind that is read here; Orbax reads others.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.typing import PyTree

_STATE = "state"
"""The folder of a checkpoint that holds its arrays (Orbax's ``checkpoint.v1``)."""

_DICT_KEY = 2
"""Orbax's number for the key of a dict (``orbax.checkpoint._src.metadata.tree.KeyType``)."""


def read_stored(path: Path) -> PyTree | None:
    """Nested dicts of numpy arrays in their own dtypes; None for what Orbax has to read.

    Args:
        path: of a whole checkpoint.

    Raises:
        Exception: of TensorStore's, where an array cannot be read.
    """
    described = path / _STATE / "_METADATA"
    if not described.is_file():
        return None
    told = json.loads(described.read_bytes())
    if not (told.get("use_ocdbt") and told.get("use_zarr3")):
        return None
    places = [_place(entry) for entry in told.get("tree_metadata", {}).values()]
    if not all(places) or (tensorstore := _library()) is None:
        return None
    return _nested(places, _arrays(tensorstore, path / _STATE, [".".join(place or ()) for place in places]))


def _library() -> Any:
    """TensorStore, which Orbax has brought along so far."""
    try:
        return importlib.import_module("tensorstore")
    except ImportError:
        return None


def _place(entry: dict[str, Any]) -> tuple[str, ...] | None:
    """The keys of an array, outermost first; None of anything else."""
    keys, value = entry["key_metadata"], entry["value_metadata"]
    if value["value_type"] not in ("jax.Array", "np.ndarray") or value.get("skip_deserialize"):
        return None
    return tuple(key["key"] for key in keys) if all(key["key_type"] == _DICT_KEY for key in keys) else None


def _arrays(tensorstore: Any, folder: Path, names: list[str]) -> list[np.ndarray]:
    """Arrays by Orbax's names, all of them read at once."""
    context = tensorstore.Context()
    specs = [
        {"driver": "zarr3", "kvstore": {"driver": "ocdbt", "base": folder.as_uri() + "/", "path": f"{name}/"}}
        for name in names
    ]
    opening = [tensorstore.open(spec, context=context, open=True) for spec in specs]
    reading = [opened.result().read() for opened in opening]
    return [np.asarray(read.result()) for read in reading]


def _nested(places: list[Any], arrays: list[np.ndarray]) -> PyTree:
    """Nested dicts with arrays at their places."""
    whole: dict[str, Any] = {}
    for place, array in zip(places, arrays, strict=True):
        inner = whole
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
        inner[place[-1]] = array
    return whole

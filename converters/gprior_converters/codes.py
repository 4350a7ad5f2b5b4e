"""Latent codes as ``.pt`` files.

Known are bare tensors (e4e, pSp, ReStyle, PTI, StyleCLIP), tensors by name, and what rosinality's projector writes:
``{picture: {"img", "latent", "noise"}}``. Nothing in a file is executed, see :mod:`gprior_converters.reading`; archives
that hold numpy's arrays, which ``weights_only`` refuses, are read by :mod:`gprior_converters.unpickler`.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from gprior_converters import reading, tensors, unpickler
from gprior_jax.errors import CheckpointError


def read_codes(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a file by the picture that they belong to (``""`` where the file names none), and by name.

    A bare tensor has the name ``""``; what is no tensor is left out.

    Raises:
        CheckpointError: damaged, no such file, or one that could run code.
    """
    content = _load(path)
    if tensors.is_tensor(content):
        return {"": {"": tensors.as_array(path, "the tensor", content)}}
    if isinstance(content, list | tuple) and content and all(map(tensors.is_tensor, content)):
        arrays = [tensors.as_array(path, f"tensor {i}", each) for i, each in enumerate(content)]
        return {str(i): {"": array} for i, array in enumerate(arrays)}
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, no codes: save the tensor alone.")
    pictures = {str(key): value for key, value in content.items() if isinstance(value, dict) and _arrays(path, value)}
    return {key: _arrays(path, value) for key, value in pictures.items()} or {"": _arrays(path, content)}


def _arrays(path: Path, entries: dict[Any, Any]) -> dict[str, np.ndarray]:
    """The tensors of a dict; a picture is no code, and of a list of noise maps the number is kept."""
    found = {
        str(key): tensors.as_array(path, str(key), value)
        for key, value in entries.items()
        if tensors.is_tensor(value) and key != "img"
    }
    maps = entries.get("noise")
    return found | ({"noise": np.array(len(maps))} if isinstance(maps, list | tuple) else {})


def _load(path: Path) -> Any:
    try:
        return reading.load(path, drop_arrays=False)
    except CheckpointError as error:
        if "Python objects" not in str(error) or not zipfile.is_zipfile(path):
            raise
        try:
            return _plain(unpickler.read_archive(path, str(path)))
        except CheckpointError:
            raise
        except Exception as damage:  # Of damage any error may come.
            raise error from damage


def _plain(value: Any) -> Any:
    """What the restricted reader made, with arrays in place of their claims."""
    if isinstance(value, unpickler.Array):
        return np.array(value.values())
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value

"""Latent codes among what a file holds: by the picture that they belong to, and by name.

Known are bare tensors (e4e, pSp, ReStyle, PTI, StyleCLIP), tensors by name, and what rosinality's projector writes:
``{picture: {"img", "latent", "noise"}}``. Files are read by :mod:`gprior_converters.objects`, which executes nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from gprior_converters.objects import read_objects
from gprior_jax.errors import CheckpointError


def read_codes(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a file, see :func:`group`.

    Raises:
        CheckpointError: damaged, no such file, or one that could run code.
    """
    return group(path, read_objects(path))


def group(path: Path, content: Any) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a file by the picture that they belong to (``""`` where the file names none), and by name.

    A bare array has the name ``""``; what is no array is left out.

    Args:
        path: the file, for messages.
        content: what it holds.

    Raises:
        CheckpointError: no arrays.
    """
    if isinstance(content, np.ndarray):
        return {"": {"": content}}
    if isinstance(content, list) and content and all(isinstance(each, np.ndarray) for each in content):
        return {str(i): {"": array} for i, array in enumerate(content)}
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, no codes: save the array alone.")
    pictures = {str(key): _arrays(value) for key, value in content.items() if isinstance(value, dict)}
    return {key: arrays for key, arrays in pictures.items() if arrays} or {"": _arrays(content)}


def _arrays(entries: dict[Any, Any]) -> dict[str, np.ndarray]:
    """The arrays of a dict; a picture is no code, and of a list of noise maps the number is kept."""
    found = {str(key): value for key, value in entries.items() if isinstance(value, np.ndarray) and key != "img"}
    maps = entries.get("noise")
    return found | ({"noise": np.array(len(maps))} if isinstance(maps, list) else {})

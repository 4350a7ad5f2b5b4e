"""Our own files of directions: one direction or boundary an ``.npz``; and those that the bundled priors come with.

A file holds ``boundary`` (float32 ``[D]``, of W+ ``[L, D]``), ``space``, ``name`` and ``about`` (JSON: how it was
found, the model's name and the fingerprint of its weights, accuracies), and where they are known ``layers`` (absent for
all), ``deviation`` and ``offset``, see :class:`gprior_jax.editing.directions.Direction`.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from gprior_jax.editing.directions import Direction, Space
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.storage.atomic import write_arrays
from gprior_jax.summary import fingerprint, versions
from gprior_jax.zoo.bundled import resolve

FOLDER = "directions"
"""Of a model folder: directions that it comes with."""

_MOST_BYTES = 1 << 26
"""No direction is larger: 18 rows of 512 numbers are 36 KiB."""


def save_direction(path: str | os.PathLike, direction: Direction, about: Mapping[str, Any] | None = None) -> None:
    """Write a direction, whole or not at all.

    Args:
        path: the file, ``.npz``; its folder is made.
        direction: what to write.
        about: how it was found, JSON.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_direction(f"{folder}/smile.npz", Direction(np.eye(4)[0], "z", name="smile"), {"accuracy": 0.9})
    ...     print(load_direction(f"{folder}/smile.npz").name, about_direction(f"{folder}/smile.npz"))
    smile {'accuracy': 0.9}
    """
    arrays: dict[str, Any] = {
        "boundary": direction.vector,
        "space": direction.space,
        "name": direction.name,
        "about": json.dumps(dict(about or {}), ensure_ascii=False),
    }
    if direction.layers is not None:
        arrays["layers"] = np.array(direction.layers, np.int64)
    known = {"deviation": direction.deviation, "offset": direction.offset}
    arrays |= {name: float(value) for name, value in known.items() if value is not None}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_arrays(path, arrays)


def about_model(prior: Prior, model: str) -> dict[str, Any]:
    """What a file of a direction says of the model that it was found with."""
    return {"model": model, "weights": fingerprint(prior.params), "versions": versions()}


def is_direction(path: str | os.PathLike) -> bool:
    """Whether a file is one that :func:`save_direction` writes; not that it is in order."""
    try:
        with zipfile.ZipFile(path) as file:
            return {"boundary.npy", "space.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def load_direction(path: str | os.PathLike) -> Direction:
    """Read what :func:`save_direction` wrote.

    Raises:
        CheckpointError: another file, or damaged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_direction(f"{folder}/smile.npz", Direction(np.eye(4)[0], "w", layers=(2, 3)))
    ...     print(load_direction(f"{folder}/smile.npz").layers)
    (2, 3)
    """
    return _read(path)[0]


def about_direction(path: str | os.PathLike) -> dict[str, Any]:
    """What a file says about its direction, see :func:`save_direction`.

    Raises:
        CheckpointError: another file, or damaged.

    >>> import gprior_jax as gp
    >>> file = sorted((gp.zoo.bundled_folder("builtin:portraits") / "directions").glob("*.npz"))[0]
    >>> about_direction(file)["model"]
    'builtin:portraits'
    """
    return _read(path)[1]


def _read(path: str | os.PathLike) -> tuple[Direction, dict[str, Any]]:
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise ValueError("it is larger than any direction")
            file.seek(0)
            with np.load(file) as arrays:  # Without pickles: nothing in a file is executed.
                stored = {name: arrays[name] for name in arrays.files}
        if "boundary" not in stored or "space" not in stored:
            raise ValueError(f"it holds {', '.join(list(stored)[:6]) or 'nothing'}, no boundary with its space")
        return _direction(stored), _about(stored)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist: name a file of a direction.") from None
    except (OSError, ValueError, TypeError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is no direction of this program, or damaged ({error}): write it again."
        ) from error


def _direction(stored: Mapping[str, np.ndarray]) -> Direction:
    space = str(stored["space"])
    if space not in get_args(Space):
        raise ValueError(f"its space is {space!r}")
    layers = None
    if "layers" in stored:
        layers = tuple(int(layer) for layer in np.atleast_1d(stored["layers"]))
    numbers = {name: float(stored[name]) for name in ("deviation", "offset") if name in stored}
    if not all(map(np.isfinite, numbers.values())):
        raise ValueError("its deviation or its offset is no finite number")
    name = str(stored["name"]) if "name" in stored else ""
    return Direction(stored["boundary"], cast(Space, space), layers, name, **numbers)


def _about(stored: Mapping[str, np.ndarray]) -> dict[str, Any]:
    found = json.loads(str(stored["about"])) if "about" in stored else {}
    if not isinstance(found, dict):
        raise ValueError("what it says about itself is no JSON object")
    return found


def bundled_directions(name: str | os.PathLike) -> dict[str, Path]:
    """The directions that a prior comes with: their names and files.

    Args:
        name: of a bundled prior, or a model folder, where ``directions/`` holds them.

    Returns:
        files for :func:`load_direction` and :func:`about_direction`, by name; none where there are none.

    Raises:
        CheckpointError: no such prior.

    >>> bundled_directions("builtin")
    {}
    """
    return {path.stem: path for path in sorted((resolve(name) / FOLDER).glob("*.npz"))}

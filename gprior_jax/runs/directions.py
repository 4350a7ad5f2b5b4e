"""Directions out of files: our own, and plain arrays."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gprior_jax.editing.directions import Direction, Space
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior


def read_directions(
    path: Path, prior: Prior, space: Space | None = None, tell: Callable[[str], None] = lambda sentence: None
) -> list[Direction]:
    """The directions that a file holds.

    Args:
        path: ``.npz`` with ``boundary`` and ``space``, or ``.npy``.
        prior: whose codes they are to move.
        space: of a file that does not say it.
        tell: called with a sentence where something is assumed.

    Raises:
        CheckpointError: damaged, no direction, or of a space that is in doubt.
    """
    try:
        with open(path, "rb") as file:
            loaded = np.load(file)
            arrays = {"boundary": loaded} if isinstance(loaded, np.ndarray) else {n: loaded[n] for n in loaded.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} holds no direction that can be read ({error}): write it again.") from error
    if "boundary" not in arrays or arrays["boundary"].dtype.kind != "f":
        raise CheckpointError(f"{path} holds no direction (no array boundary of floats): name another file.")
    vector = np.asarray(arrays["boundary"], np.float32)
    vector = vector[0] if vector.ndim > 1 and len(vector) == 1 else vector
    named = str(arrays["space"]) if "space" in arrays else space
    if named is None and vector.ndim == 2:
        named = "w_plus"
    if named not in ("z", "w", "w_plus"):
        raise CheckpointError(f"{path} does not say its space: name it, as in z:{path.name} or w:{path.name}.")
    layers = tuple(map(int, arrays["layers"])) if arrays.get("layers", np.zeros(0)).size else None
    name = str(arrays["name"]) if "name" in arrays else path.stem
    numbers = {n: float(arrays[n]) for n in ("deviation", "offset") if n in arrays and np.isfinite(arrays[n])}
    json.loads(str(arrays.get("about", "{}")))
    return [Direction(vector, named, layers, name, numbers.get("deviation"), numbers.get("offset"))]

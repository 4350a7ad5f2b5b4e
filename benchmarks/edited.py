"""What the programs that measure boundaries share: pictures of moved codes, and the files."""

from pathlib import Path
from typing import Any

import numpy as np

import gprior_jax as gp
from gprior_jax.editing import Direction
from gprior_jax.inversion.batching import in_batches
from gprior_jax.runs.directions_file import save_direction
from gprior_jax.summary import fingerprint

PICTURES = 64
SEED = 1
"""Of those that edits are measured on."""


def draw(prior: Any, styles: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """Pictures of styles."""
    return in_batches(lambda rows: gp.synthesize(prior, rows, space="w_plus"), batch_size, styles)


def rises(scores: np.ndarray) -> float:
    """Part of the rows that rise with every step."""
    return float((np.diff(scores, axis=1) > 0).all(1).mean())


def write(folder: Path | None, prior: Any, direction: Direction, facts: dict[str, Any]) -> None:
    """A file of a boundary, if one is asked for."""
    if folder is not None:
        about = {"kind": "boundary", "model": prior.name, "weights": fingerprint(prior.params)} | facts
        save_direction(folder / f"{direction.name}.npz", direction, about)

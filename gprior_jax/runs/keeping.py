"""What was known of an inpainted picture, kept in its edits as it is in its result."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.images.arrays import from_uint8
from gprior_jax.runs.entries import run_of
from gprior_jax.runs.record import Record, read_record
from gprior_jax.tasks.finishing import Blend, blend
from gprior_jax.typing import Array


class Measured(NamedTuple):
    """What was known of a picture, and how its filling meets it.

    Attributes:
        observed: ``[R, R, C]`` in [-1, 1]; times what was known of a pixel.
        known: ``[R, R, 1]``, 1 where a pixel was known, 0 where it was missing.
        blend: see :func:`gprior_jax.tasks.finishing.blend`.
    """

    observed: np.ndarray
    known: np.ndarray
    blend: Blend

    @property
    def missing(self) -> np.ndarray:
        """Part of an edit at every pixel of its picture, ``[R, R, 1]``."""
        return 1.0 - self.known

    def into(self, images: np.ndarray) -> np.ndarray:
        """Images ``[K, R, R, C]`` with what was known, as the result of an inpainting has it.

        >>> half = Measured(np.zeros((2, 2, 1), np.float32), np.eye(2, dtype=np.float32)[..., None], "paste")
        >>> half.into(np.ones((1, 2, 2, 1), np.float32))[0, ..., 0].tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        """
        if self.blend == "paste":  # On the host: a slider has no time for a program more.
            return np.where(self.known > 0, self.observed, 0) + self.missing * np.clip(images, -1.0, 1.0)
        whole = np.divide(self.observed, self.known, out=self.observed.copy(), where=self.known > 0)
        observed, known = jnp.asarray(whole), jnp.asarray(self.known)
        return np.stack([np.asarray(_blended(self.blend, image, observed, known)) for image in jnp.asarray(images)])


def _blend(mode: Blend, image: Array, observed: Array, known: Array) -> Array:
    return blend(image, observed, known, mode)


_blended = jit(_blend, use="once", static_argnums=0)


def measured_of(record: Record, settings: Mapping[str, Any]) -> Measured | None:
    """What is kept of a record's picture; None where nothing is, or that is not known.

    Args:
        record: of a run.
        settings: of the run.
    """
    mode = settings.get("blend") or "paste"
    if settings.get("task") != "inpaint" or mode == "none" or record.known is None:
        return None
    return Measured(np.asarray(from_uint8(record.target)), record.known.astype(np.float32) / 255.0, mode)


def doubt(record: Record, settings: Mapping[str, Any]) -> str:
    """Why known pixels are not kept where they were in the result; empty where nothing is to be said."""
    kept = settings.get("task") == "inpaint" and (settings.get("blend") or "paste") != "none"
    if not kept or record.known is not None:
        return ""
    told = "does not say which pixels were known, as an earlier version wrote it"
    return f"{record.name} {told}: all of it is edited; inpaint the picture again to keep them."


def read_measured(source: str | os.PathLike) -> Measured | None:
    """What is kept of the picture of an ``.npz`` file that a run wrote; see :func:`measured_of`.

    Raises:
        CheckpointError: another file, or damaged.
    """
    return measured_of(read_record(source), run_of(Path(source))["settings"])


def keep_measured(source: str | os.PathLike, images: np.ndarray) -> np.ndarray:
    """Edited images of an inpainted picture, with its known pixels as they were; of another record as they are.

    Args:
        source: the ``.npz`` file that a run wrote.
        images: ``[K, R, R, C]`` in [-1, 1], as :func:`gprior_jax.editing.render` draws them.

    Raises:
        CheckpointError: another file, or damaged.
    """
    measured = read_measured(source)
    return images if measured is None else measured.into(images)

"""States of images that are under way, in the folder of their run: ``.states/NAME``, one Orbax checkpoint each."""

import contextlib
import glob
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gprior_jax.errors import CheckpointError
from gprior_jax.inversion.saving import Arrays, Saver
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Loaded
from gprior_jax.storage.checkpoint import load_arrays, save_arrays

FOLDER = ".states"
_OF = "made_from"

_HALF = ".orbax-checkpoint-tmp"
"""In the name of a checkpoint while Orbax writes it."""


class States:
    """The states that a folder holds; each is of one content of files and one set of settings."""

    def __init__(self, folder: Path, settings: object):
        """Of an output folder and its settings, JSON."""
        self._path, self._settings = folder / FOLDER, json.dumps(settings, sort_keys=True)

    def saver(self, seconds: float) -> Saver:
        """What a stream saves by, tagged by :class:`gprior_jax.runs.job.Loaded`."""
        return Saver(seconds, self.save, self.load)

    def save(self, loaded: Loaded, arrays: Arrays) -> None:
        """Keep where an image is, in place of where it was."""
        self._path.mkdir(exist_ok=True)
        save_arrays(self._path / loaded.item.name, arrays | {_OF: self._made_from(loaded)})

    def load(self, loaded: Loaded) -> Arrays | None:
        """Where an image was; None where that is not known, damaged, or of other files or settings."""
        try:
            arrays = load_arrays(self._path / loaded.item.name)
        except CheckpointError:
            return None
        made_from = arrays.pop(_OF, np.zeros(0))
        return arrays if np.array_equal(made_from, self._made_from(loaded)) else None

    def forget(self, item: Item) -> None:
        """Let go of the state of an image that is done."""
        if self._path.is_dir():
            half_written = self._path.glob(f"{glob.escape(item.name)}{_HALF}*")  # By one that was killed.
            for path in (self._path / item.name, *half_written):
                shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._path.rmdir()  # When it is empty.

    def sweep(self, items: Iterable[Item]) -> None:
        """Let go of what processes have left of images that are done, that were killed before they did."""
        if self._path.is_dir():
            left = {path.name.partition(_HALF)[0] for path in self._path.iterdir()}
            for item in items:
                if item.name in left:
                    self.forget(item)

    def _made_from(self, loaded: Loaded) -> np.ndarray:
        told = json.dumps([self._settings, loaded.digests, loaded.item.id])
        return np.frombuffer(hashlib.sha256(told.encode()).digest(), np.uint8)

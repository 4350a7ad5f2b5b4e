"""Where the solvers of jobs were when a server was stopped: a checkpoint of each."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gprior_jax.errors import CheckpointError
from gprior_jax.inversion.saving import Arrays
from gprior_jax.serving.jobs import Job
from gprior_jax.storage.checkpoint import load_arrays, save_arrays

LOG = logging.getLogger("gprior_jax.serving")

_COUNTED = "counted"


class States:
    """The states of jobs in a folder, ``NAME.state`` each."""

    def __init__(self, folder: Path, name_of: Callable[[Job], str]):
        """Use a folder; ``name_of`` names jobs in it."""
        self._folder, self._name_of = folder, name_of

    def _path(self, job: Job) -> Path:
        return self._folder / f"{self._name_of(job)}.state"

    def save(self, job: Job, arrays: Arrays) -> None:
        """Save where a job is; where that fails it is told in the log, and the job starts again later."""
        try:
            save_arrays(self._path(job), arrays | {_COUNTED: np.array(job.counted)})
        except Exception:
            LOG.exception("where a job of the task %s was is not saved: it starts again", job.asked.task)

    def load(self, job: Job) -> Arrays | None:
        """Where a job was, and its steps into it; None where it is not known, and it starts."""
        job.counted = (0, 0)
        if not self._path(job).is_dir():
            return None
        try:
            arrays = load_arrays(self._path(job))
            job.counted = tuple(arrays.pop(_COUNTED).tolist())
        except (CheckpointError, KeyError):
            return None
        return arrays

    def forget(self, job: Job) -> None:
        """Let go of the state of a job."""
        if self._path(job).is_dir():
            shutil.rmtree(self._path(job), ignore_errors=True)

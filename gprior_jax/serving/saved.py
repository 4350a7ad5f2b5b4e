"""Jobs of a server that was told to stop, in a folder, until one that starts again goes on with them.

Of every job that had not ended there are ``NAME.npz`` (what was asked, and what was read of its files) and, where it
had taken steps, ``NAME.state`` (where its solver was, an Orbax checkpoint). Both go when it has ended. Of one whose
result was kept there is ``NAME.npz`` with that, until it is in memory again.
"""

import contextlib
import functools
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.inversion.saving import Arrays, Saver
from gprior_jax.runs.record import read_about
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.jobs import Job, Kept, State
from gprior_jax.serving.making import LaneKey, Maker, Plan, Ready
from gprior_jax.serving.states import States
from gprior_jax.storage.atomic import remove_leftovers, write_arrays
from gprior_jax.storage.locks import hold

LOG = logging.getLogger("gprior_jax.serving")

_ARRAY = "array_"
"""Prefix of what was read of a job's files."""


_FILE = "file_"
"""Prefix of what came of a job."""

_OTHERS = "it was asked of a server of another model, seed or version: start that one again."


class SavedJobs:
    """The jobs in a folder."""

    patience = 30.0
    """See :class:`gprior_jax.serving.book.Saving`."""

    def __init__(self, folder: Path):
        """Take a folder, which nobody else may read: there are pictures in it.

        Raises:
            ArgumentError: it is a file, others may read what is in it, or another server has it.
        """
        if folder.exists() and not folder.is_dir():
            raise ArgumentError(f"{folder} is a file: name a folder for jobs that have not ended.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(folder)
        lock = hold(folder / ".lock")
        if lock is None:
            raise ArgumentError(f"{folder} is that of another server: name a folder of its own.")
        self._folder, self._lock = folder, lock
        self._states = States(folder, lambda job: job.id)
        remove_leftovers(folder)

    def __str__(self) -> str:
        return str(self._folder)

    def release(self) -> None:
        """Let other servers have the folder."""
        self._lock.release()

    def write(self, job: Job, ready: Ready, fingerprint: str) -> bool:
        """Save a job as it was asked for; whether that could be done.

        Args:
            job: that has not ended.
            ready: its picture.
            fingerprint: of the settings that it is worked on with.
        """
        about: dict[str, Any] = {"asked": job.asked.given(), "fingerprint": fingerprint, "steps": job.counted}
        about |= {"digests": ready.digests, "remarks": ready.remarks}
        return self._put(job, about, {_ARRAY + name: array for name, array in ready.arrays.items()})

    def write_ended(self, job: Job) -> None:
        """Save what came of a job that is done."""
        kept = job.kept
        if kept is None or job.ended is None or not job.is_clients:
            return
        about = {"asked": job.asked.given(), "numbers": kept.numbers, "age": time.monotonic() - job.ended}
        about |= {"steps": job.counted, "lane": job.lane[1], "num_steps": job.num_steps, "more": list(kept.more)}
        files = {"png": kept.png, "npz": kept.npz} | kept.more
        self._put(job, about, {_FILE + name: np.frombuffer(content, np.uint8) for name, content in files.items()})

    def _put(self, job: Job, about: dict[str, Any], arrays: Arrays) -> bool:
        about |= {"came": time.time() - (time.monotonic() - job.created)}
        path = self._folder / f"{job.id}.npz"
        try:
            write_arrays(path, arrays | {"about": json.dumps(about)})
            path.chmod(0o600)
        except OSError:
            LOG.exception("a job of the task %s is not saved", job.asked.task)
            return False
        return True

    def saver(self) -> Saver:
        """What a stream saves the states of its jobs by when it is ended, and has them back."""
        return Saver(float("inf"), self._save, self._states.load)

    def _save(self, job: Job, arrays: Arrays) -> None:
        if (self._folder / f"{job.id}.npz").exists():  # Else it has ended, or is no job of a client.
            self._states.save(job, arrays)

    def forget(self, job: Job) -> None:
        """Let go of a job that has ended."""
        (self._folder / f"{job.id}.npz").unlink(missing_ok=True)
        self._states.forget(job)

    def jobs(self, maker: Maker, tell: Callable[[str], None]) -> Iterator[Job]:
        """The jobs that are here: those that are done as they ended, then the others as they came.

        One that cannot be gone on with stays, and that is told.
        """
        abouts: dict[Path, dict[str, Any]] = {}
        for path in sorted(self._folder.glob("*.npz")):
            try:
                about = read_about(path)
            except CheckpointError as error:
                tell(f"{error}: left where it is.")
                continue
            if "came" in about:
                abouts[path] = about
            else:
                tell(f"{path} is no job of a server: left where it is.")
        plan = functools.cache(maker.plan)  # Which looks at all weights.
        for path, about in sorted(abouts.items(), key=lambda each: _turn(each[1])):
            try:
                if "numbers" in about:
                    yield _ended(path, about)
                    path.unlink()
                else:
                    yield _job(maker, plan, path, about)
            except (ArgumentError, CheckpointError) as error:
                tell(f"{path} is left where it is: {error}")
            except Exception as error:  # What it was asked with, or its pictures' sizes, mean nothing here.
                LOG.info("a saved job cannot be gone on with", exc_info=error)
                tell(f"{path} is left where it is: {_OTHERS}")


def _turn(about: dict[str, Any]) -> tuple[bool, float]:
    """Where a job is among others; a shelf wants those first that ended first."""
    return ("numbers" not in about, about["came"] if "numbers" not in about else -about["age"])


def _close(folder: Path) -> None:
    """Take others' rights away from a folder that was there already and is empty; one with files is left as it is.

    Raises:
        ArgumentError: others have rights to it.
    """
    if os.name != "posix" or not folder.stat().st_mode & 0o077:
        return
    if not any(folder.iterdir()):
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
            return
    raise ArgumentError(f"others may read {folder}, and jobs have pictures: name a folder in it that is not there yet.")


def _ended(path: Path, about: dict[str, Any]) -> Job:
    """A job that is done."""
    asked = Asked(**about["asked"])
    with np.load(path) as stored:
        files = {name.removeprefix(_FILE): stored[name].tobytes() for name in stored.files if name.startswith(_FILE)}
    more = {name: files[name] for name in about["more"]}
    lane = asked.of_lane(), tuple(about["lane"])
    job = Job(asked, lane, None, about["num_steps"], float("inf"), id=path.stem, state=State.DONE)
    job.kept, job.ended = Kept(files["png"], files["npz"], about["numbers"], more), time.monotonic() - about["age"]
    job.counted = about["steps"]
    return job


def _job(maker: Maker, plan_of: Callable[[LaneKey], Plan], path: Path, about: dict[str, Any]) -> Job:
    """A job as it was; its time runs from now.

    Raises:
        ArgumentError: it was asked of a server of other settings.
    """
    asked = Asked(**about["asked"])
    with np.load(path) as stored:
        arrays = {name.removeprefix(_ARRAY): stored[name] for name in stored.files if name.startswith(_ARRAY)}
    ready = maker.ready(asked, arrays, about["digests"], about["remarks"])
    plan = plan_of(ready.lane)
    if plan.fingerprint != about["fingerprint"]:
        raise ArgumentError(_OTHERS)
    job = Job(asked, ready.lane, ready, plan.num_steps, time.monotonic() + maker.limits.timeout, id=path.stem)
    job.counted = about["steps"]
    return job

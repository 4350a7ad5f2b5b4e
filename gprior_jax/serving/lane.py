"""A lane: one stream, in a thread of its own, that all jobs of one kind go through."""

import logging
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Protocol

import jax
import numpy as np

from gprior_jax.errors import GPriorError
from gprior_jax.images.arrays import trusted_range
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.saving import Saver
from gprior_jax.inversion.starts import asked_with
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.making import LaneKey, Plan, Ready

LOG = logging.getLogger("gprior_jax.serving")

_WEIGHT = 0.1
"""Of the latest step in the mean time of a step."""


class Dispatcher(Protocol):
    """What gives a lane its jobs."""

    def next_job(self, lane: "Lane") -> "Job | None":
        """The next job for a lane, None if there is none yet; waits where the lane has none under way.

        Raises:
            StopIteration: the lane is to end.
        """
        ...

    def is_stopping(self) -> bool:
        """Whether lanes are to save where their jobs are, and end."""
        ...

    def came_out(self, lane: "Lane", job: Job, result: Result) -> None:
        """A job has left a lane with a result."""
        ...

    def refused(self, lane: "Lane", job: Job, error: GPriorError) -> None:
        """A job cannot be worked on; the others can."""
        ...

    def broke(self, lane: "Lane", error: Exception) -> None:
        """A lane cannot go on."""
        ...

    def closed(self, lane: "Lane") -> None:
        """A lane has ended."""
        ...


class StoppedError(Exception):
    """A lane is to end where it is."""


class Lane(threading.Thread):
    """One stream.

    Attributes:
        key: what its jobs have in common.
        plan: how they are worked on.
        jobs: those that are under way.
        is_leaving: it takes no more, and ends with its last.
        used: when it last was given a job or ended one, on :func:`time.monotonic`'s clock.
        began: when it was first given one; None before.
        pace: seconds of a step; None before one was taken.
    """

    def __init__(self, key: LaneKey, plan: Plan, dispatcher: Dispatcher, saver: Saver | None = None):
        super().__init__(name=f"gprior lane {key[0].task}", daemon=True)
        self.key, self.plan, self._dispatcher, self._saver = key, plan, dispatcher, saver
        self.jobs: set[Job] = set()
        self.is_leaving, self.used = False, time.monotonic()
        self.began: float | None = None
        self.pace: float | None = None

    def run(self) -> None:
        """Work on jobs until the dispatcher has no more."""
        try:
            with trusted_range():
                plan = self.plan
                own: dict[str, Any] = {"slots": plan.maker.slots, "samples": plan.samples, "saver": self._saver}
                for job, result in stream(plan.inverter, self._entries(), key=plan.maker.key, **own):
                    self._dispatcher.came_out(self, job, result)
        except StoppedError:  # The stream has saved its jobs.
            pass
        except Exception as error:
            LOG.exception("a lane of the task %s broke", self.key[0].task)
            self._dispatcher.broke(self, error)
        finally:
            self._dispatcher.closed(self)

    def _entries(self) -> Iterator[Entry | None]:
        while True:
            try:
                job = self._dispatcher.next_job(self)
            except StopIteration:
                return
            if job is None or job.ready is None:  # Cancelled in this moment.
                yield None
                continue
            entry = self._entry(job, job.ready)
            try:  # What a stream cannot take ends all of it.
                alone = (entry.observed, np.asarray(entry.id), entry.operator, None, entry.label)
                asked = asked_with(self.plan.samples, entry.operator)
                self.plan.inverter.starting(asked).inputs(*jax.tree.map(lambda leaf: np.asarray(leaf)[None], alone))
            except GPriorError as error:
                self._dispatcher.refused(self, job, error)
                continue
            yield entry

    def _entry(self, job: Job, ready: Ready) -> Entry:
        watch = partial(self._watch, job)
        found = job.film, self.plan.key_of(job.asked)
        return Entry(job, ready.id, ready.arrays["observed"], ready.operator, None, ready.label, watch, *found)

    def _watch(self, job: Job, step: int, numbers: dict[str, float]) -> bool:
        if self._dispatcher.is_stopping():
            raise StoppedError
        before, since = job.step, job.seen
        leaves = job.saw(step, numbers)
        if since is not None and job.seen is not None and job.step > before:
            took = (job.seen - since) / (job.step - before)
            self.pace = took if self.pace is None else (1 - _WEIGHT) * self.pace + _WEIGHT * took
        return leaves

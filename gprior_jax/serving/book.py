"""All jobs of an engine: those that wait, those that are under way, and those that have ended."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from gprior_jax.inversion.saving import Saver
from gprior_jax.serving.jobs import Job, State
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.making import Maker, Ready
from gprior_jax.serving.queue import Queue
from gprior_jax.serving.shelf import Shelf

_LEFT = {
    False: (State.CANCELLED, "the server was shut down before it had ended."),
    True: (State.SAVED, "the server was shut down: it goes on when it is started again, ask then."),
}
"""What becomes of jobs that have not ended when an engine is closed, by whether they are saved."""


class Saving(Protocol):
    """The place of jobs that have not ended when an engine is closed."""

    @property
    def patience(self) -> float:
        """Seconds in which lanes save where their jobs are; of one that is compiling, they start again."""
        ...

    def saver(self) -> Saver:
        """What a stream saves the states of its jobs by when it is ended, and has them back."""
        ...

    def write(self, job: Job, ready: Ready, fingerprint: str) -> bool:
        """Save a job as it was asked for; whether that could be done."""
        ...

    def write_ended(self, job: Job) -> None:
        """Save what came of a job that is done."""
        ...

    def forget(self, job: Job) -> None:
        """Let go of a job that has ended."""
        ...

    def jobs(self, maker: Maker, tell: Callable[[str], None]) -> Iterator[Job]:
        """The jobs of an earlier engine."""
        ...

    def release(self) -> None:
        """The engine is closed."""
        ...


class Book:
    """All jobs. Not for several threads.

    Attributes:
        queue: those that wait.
        shelf: all by their names.
        under_way: those in lanes, and those that are being finished.
        listeners: called with every job that has ended.
    """

    def __init__(self, limits: Limits, saved: Saving | None, changed: Callable[[], None]):
        """Have none yet.

        Args:
            limits: of how many wait, and of what is kept.
            saved: the place of those that have not ended when an engine is closed; None cancels them.
            changed: called when a job has come or ended.
        """
        self._timeout, self._saved, self._changed = limits.timeout, saved, changed
        self.queue = Queue(limits.queue)
        self.shelf = Shelf(60.0 * limits.keep_minutes, 1e6 * limits.keep_megabytes)
        self.under_way: set[Job] = set()
        self.listeners: list[Callable[[Job], None]] = []

    def take(self, job: Job) -> None:
        """A job has come, or one that had ended before has come back."""
        self.shelf.add(job)
        if job.has_ended:
            self.shelf.end(job)
        else:
            self.queue.add(job)
        self._changed()

    def end(self, job: Job, state: State, why: str) -> None:
        """A job has ended, unless it had before."""
        self.queue.remove(job)
        if job.has_ended:
            return
        job.state, job.why, job.ready, job.ended = state, why, None, time.monotonic()
        if state is not State.SAVED:
            self._forget(job)
        self.shelf.end(job)
        for listener in self.listeners:
            listener(job)
        self._changed()

    def remove(self, job: Job) -> None:
        """Nobody wants a job that has ended."""
        self.shelf.remove(job)
        self._forget(job)

    def _forget(self, job: Job) -> None:
        if self._saved is not None:
            self._saved.forget(job)

    def expire(self) -> None:
        """End the jobs that have waited too long."""
        for job in self.queue:
            if time.monotonic() > job.deadline:
                why = f"its turn did not come within {self._timeout:g} seconds: send it again later."
                self.end(job, State.FAILED, why)

    def save(self, maker: Maker) -> list[Job]:
        """The jobs that have not ended, as they were asked for in their place, where there is one."""
        left = [*self.queue, *self.under_way]
        if self._saved is not None:
            plans = {lane: maker.plan(lane) for lane in {job.lane for job in left}}
            for job in left:
                if job.is_clients and job.ready is not None:
                    job.is_saved = self._saved.write(job, job.ready, plans[job.lane].fingerprint)
        return left

    def save_ended(self) -> None:
        """Put what came of jobs in their place, where there is one."""
        if self._saved is not None:
            for job in self.shelf.ended():
                self._saved.write_ended(job)

    def leave(self, job: Job) -> None:
        """An engine is closed, and a job has not ended."""
        self.end(job, *_LEFT[job.is_saved])

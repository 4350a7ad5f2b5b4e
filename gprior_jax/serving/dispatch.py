"""What lanes ask for: their next job, and what becomes of those that come out of them."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gprior_jax.errors import GPriorError, is_out_of_memory
from gprior_jax.inversion.result import Result
from gprior_jax.serving.book import Book
from gprior_jax.serving.jobs import Job, Kept, State
from gprior_jax.serving.lane import Lane
from gprior_jax.serving.lanes import Lanes
from gprior_jax.serving.making import Plan, Ready

LOG = logging.getLogger("gprior_jax.serving")

_JOIN_S = 5.0
"""Seconds that lanes have to end."""

_FAULT = "the server failed at this job, its log says why: send it again later."


class Dispatch:
    """An engine's :class:`gprior_jax.serving.lane.Dispatcher`, in the threads of its lanes."""

    def __init__(
        self,
        changed: threading.Condition,
        book: Book,
        lanes: Lanes,
        finish: Callable[[Plan, Job, Ready, Result], Kept],
    ):
        """Give out the jobs of an engine.

        Args:
            changed: that all of the engine is guarded by; told of what changes.
            book: its jobs.
            lanes: its lanes.
            finish: makes what is kept of a job that has left its lane.
        """
        self._changed, self._book, self._lanes, self._make_kept = changed, book, lanes, finish
        self._finisher = ThreadPoolExecutor(1, "gprior finisher")
        self._is_stopping, self._is_ended = False, False

    # What the engine asks for.

    def open_lanes(self) -> None:
        """See :meth:`gprior_jax.serving.lanes.Lanes.open`; the engine's condition is held."""
        if not self._is_stopping:
            self._lanes.open(self._book.queue, self)
        self._changed.notify_all()

    def stop(self) -> None:
        """Let lanes save where their jobs are, and end."""
        self._is_stopping = True

    def settle(self) -> None:
        """Wait until all jobs that have left their lanes are finished."""
        self._finisher.submit(lambda: None).result()

    def end(self) -> None:
        """Let all lanes end."""
        with self._changed:
            self._is_stopping = self._is_ended = True
            lanes = list(self._lanes)
            self._changed.notify_all()
        for lane in lanes:
            lane.join(timeout=_JOIN_S)
        self._finisher.shutdown(wait=not any(lane.is_alive() for lane in lanes), cancel_futures=True)

    # What lanes ask for.

    def is_stopping(self) -> bool:
        """See :class:`gprior_jax.serving.lane.Dispatcher`."""
        return self._is_stopping

    def next_job(self, lane: Lane) -> Job | None:
        """The next job of a lane; see there."""
        with self._changed:
            while True:
                self._book.expire()
                job = None if lane.is_leaving or self._is_stopping else self._book.queue.pop(lane.key)
                if job is not None:
                    lane.jobs.add(job)
                    self._book.under_way.add(job)
                    lane.used = job.started = time.monotonic()
                    lane.began = lane.began or job.started
                    job.state = State.RUNNING
                    return job
                if lane.jobs:
                    return None
                if lane.is_leaving or self._is_ended:
                    raise StopIteration
                self._changed.wait()

    def came_out(self, lane: Lane, job: Job, result: Result) -> None:
        """A job has left a lane: it is finished beside the lane's work."""
        with self._changed:
            lane.jobs.discard(job)
            lane.used = time.monotonic()
            if job.has_ended:  # Cancelled on the way.
                self._book.under_way.discard(job)
                self._changed.notify_all()
                return
        self._finisher.submit(self._finish, lane.plan, job, result)

    def refused(self, lane: Lane, job: Job, error: GPriorError) -> None:
        """A job does not fit."""
        with self._changed:
            lane.jobs.discard(job)
            self._book.end(job, State.FAILED, str(error))
            self._book.under_way.discard(job)

    def broke(self, lane: Lane, error: Exception) -> None:
        """A lane ends, and its jobs; where it had none, those that would be its next."""
        why = str(error) if isinstance(error, GPriorError) else _FAULT
        if is_out_of_memory(error):
            why = "memory did not suffice: ask for fewer codes."
        with self._changed:
            for job in lane.jobs or [job for job in self._book.queue if job.lane == lane.key]:
                self._book.end(job, State.FAILED, why)
                self._book.under_way.discard(job)
            lane.jobs = set()

    def closed(self, lane: Lane) -> None:
        """A lane has ended: there is room for another."""
        with self._changed:
            self._lanes.remove(lane)
            self.open_lanes()

    def _finish(self, plan: Plan, job: Job, result: Result) -> None:
        """Make what is kept of a job."""
        kept, why = None, ""
        try:
            ready = job.ready
            if ready is not None:
                kept = self._make_kept(plan, job, ready, result)
        except Exception as error:
            LOG.exception("a job of the task %s could not be finished", job.asked.task)
            why = str(error) if isinstance(error, GPriorError) else _FAULT
        with self._changed:
            if not job.has_ended:
                job.kept = kept
                self._book.end(job, State.FAILED if kept is None else State.DONE, why)
            self._book.under_way.discard(job)
            self._changed.notify_all()

"""The engine: jobs in a bounded queue, a bounded number of lanes that work on them, and what came of them."""

import threading
import time
from collections.abc import Callable
from typing import Any

from gprior_jax.errors import GPriorError
from gprior_jax.inversion.filming import Film
from gprior_jax.inversion.result import Result
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.book import Book, Saving
from gprior_jax.serving.dispatch import Dispatch
from gprior_jax.serving.finishing import kept_of
from gprior_jax.serving.jobs import Job, Kept, State
from gprior_jax.serving.lanes import Lanes
from gprior_jax.serving.making import LaneKey, Maker, Plan, Ready

_TICK_S = 1.0
"""Seconds between two looks at what nobody asks for."""

_HEARD_S = 5.0
"""Seconds that clients have at the end to ask what came of their jobs."""


class ClosingError(GPriorError):
    """The server takes no more jobs."""


class Engine:
    """Takes jobs, works on them in lanes, and keeps what came of them. For any number of threads.

    Attributes:
        maker: what makes jobs ready.
        limits: what is taken on.
        listeners: called with every job that has ended.
    """

    def __init__(
        self,
        maker: Maker,
        saved: Saving | None = None,
        finish: Callable[[Plan, Job, Ready, Result], Kept] = kept_of,
    ):
        """Start without lanes.

        Args:
            maker: what makes jobs ready.
            saved: keeps jobs that have not ended when this is closed, for :meth:`go_on`.
            finish: makes what is kept of a job that has left its lane.
        """
        self.maker, self.limits, self._saved = maker, maker.limits, saved
        self._changed = threading.Condition()
        self._book = Book(self.limits, saved, self._changed.notify_all)
        self._queue, self._shelf = self._book.queue, self._book.shelf
        self.listeners = self._book.listeners
        self._lanes = Lanes(maker, self.limits.lanes, None if saved is None else saved.saver())
        self._dispatch = Dispatch(self._changed, self._book, self._lanes, finish)
        self._is_closing, self._is_closed, self._warming = False, False, 0
        threading.Thread(target=self._tick, name="gprior janitor", daemon=True).start()

    # What requests ask for.

    def check_room(self) -> None:
        """Raise :class:`ClosingError` or :class:`gprior_jax.serving.queue.FullError` where no job is taken now."""
        with self._changed:
            if self._is_closing:
                raise ClosingError("the server is shutting down: send the picture again later.")
            self._queue.check_room(min(60.0, max(1.0, self._lanes.pause())))

    def submit(
        self,
        asked: Asked,
        ready: Ready,
        most_steps: float = float("inf"),
        film: Film | None = None,
        owner: Any = None,
    ) -> Job:
        """Take a job.

        Args:
            asked: its settings.
            ready: its picture.
            most_steps: it leaves after so many.
            film: takes pictures of it on the way.
            owner: see :class:`Job`.

        Raises:
            ClosingError: the server is shutting down.
            FullError: too many are waiting.
        """
        steps = self.maker.plan(ready.lane).num_steps
        with self._changed:
            self.check_room()
            job = Job(asked, ready.lane, ready, steps, time.monotonic() + self.limits.timeout, most_steps)
            job.film, job.owner = film, owner
            self._book.take(job)
            self._dispatch.open_lanes()
            return job

    def go_on(self, tell: Callable[[str], None]) -> int:
        """Take up the jobs that an earlier engine has saved; how many of them go on, however many may wait."""
        jobs = [] if self._saved is None else list(self._saved.jobs(self.maker, tell))
        with self._changed:
            for job in jobs:
                self._book.take(job)
            self._dispatch.open_lanes()
        return sum(not job.has_ended for job in jobs)

    def warm(self, asked: Asked, ready: Ready, owner: Any = None) -> None:
        """Compile what jobs of a kind need, by one that takes a step; the server is ready when that is done."""

        def warmed(ended: Job) -> None:
            self._warming -= ended is job and ended.state is State.DONE

        with self._changed:
            self._warming += 1
            job = self.submit(asked, ready, most_steps=1, owner=owner)
            job.deadline, job.told = float("inf"), True
            self.listeners.append(warmed)

    @property
    def is_ready(self) -> bool:
        """Whether jobs are taken and what was to be compiled is."""
        return not (self._warming or self._is_closing)

    @property
    def is_closing(self) -> bool:
        """Whether no more jobs are taken."""
        return self._is_closing

    def find(self, name: str) -> Job:
        """The job of a name; raises as :meth:`gprior_jax.serving.shelf.Shelf.find`."""
        with self._changed:
            return self._shelf.find(name)

    def cancel(self, name: str, why: str = "it was cancelled.") -> Job:
        """End a job at once, and forget what came of one that has ended; it leaves its lane with the next step."""
        with self._changed:
            job = self._shelf.find(name)
            if job.has_ended:
                self._book.remove(job)
            self._book.end(job, State.CANCELLED, why)
            return job

    def stop(self, name: str) -> Job:
        """Let a job leave with the next step, done with the best that it has found; one that waits, with its first."""
        with self._changed:
            job = self._shelf.find(name)
            job.is_stopped = True
            return job

    def let_go(self, is_meant: Callable[[LaneKey], bool]) -> None:
        """Let lanes of some kinds end with their last job; they begin anew where more of it comes."""
        with self._changed:
            self._lanes.let_go(is_meant)
            self._changed.notify_all()

    def told(self, job: Job) -> dict[str, Any]:
        """How far a job is, JSON."""
        with self._changed:
            place = self._queue.place(job)
            return job.answer(place, self._lanes.seconds_left(job, place))

    def counts(self) -> dict[str, int]:
        """What is going on, for metrics."""
        with self._changed:
            return {
                "queued": len(self._queue),
                "running": sum(len(lane.jobs) for lane in self._lanes),
                "lanes": len(self._lanes),
                "slots": self.maker.slots * len(self._lanes),
                "kept_bytes": self._shelf.kept_bytes,
            }

    def close(self, grace: float) -> tuple[int, int]:
        """Take no more jobs, let those that were accepted end, cancel or save what has not by then, and end the lanes.

        Args:
            grace: seconds that jobs have.

        Returns:
            How many were cancelled, and how many saved.
        """
        until = time.monotonic() + grace
        with self._changed:
            if self._is_closed:
                return 0, 0
            self._is_closing = True
            ended_before = set(self._shelf.ended())
            while (self._queue or self._book.under_way) and time.monotonic() < until:
                self._changed.wait(0.05)
        left = self._save()
        with self._changed:
            for job in left:
                self._book.leave(job)
            # Whoever asks now and then hears of the end, too.
            until = min(until, time.monotonic() + _HEARD_S)
            while time.monotonic() < until and not all(job.told for job in self._shelf.ended() - ended_before):
                self._changed.wait(0.05)
            self._is_closed = True
        self._dispatch.end()
        if self._saved is not None:
            self._book.save_ended()
            self._saved.release()
        states = [job.state for job in left if job.is_clients]
        return states.count(State.CANCELLED), states.count(State.SAVED)

    def _save(self) -> list[Job]:
        """The jobs that have not ended; where there is a place for them, once they are saved there."""
        with self._changed:
            left = self._book.save(self.maker)
            if self._saved is None:
                return left
            self._dispatch.stop()
            until = time.monotonic() + self._saved.patience
            while any(lane.jobs for lane in self._lanes) and time.monotonic() < until:
                self._changed.wait(0.05)
        self._dispatch.settle()  # Jobs that had left their lanes have ended then.
        return [job for job in left if not job.has_ended]

    # Inside.

    def _tick(self) -> None:
        """Now and then: jobs that have waited too long, lanes that are to make room, results that are too old."""
        while not self._is_closed:
            time.sleep(_TICK_S)
            with self._changed:
                self._book.expire()
                self._lanes.sweep()
                self._dispatch.open_lanes()
                self._shelf.sweep()

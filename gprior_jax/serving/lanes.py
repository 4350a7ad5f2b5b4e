"""Which lanes there are: one for every kind of job that waits, as far as there may be some, and turns beyond that."""

import time
from collections.abc import Callable, Iterator

from gprior_jax.compiling import programs
from gprior_jax.inversion.saving import Saver
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.lane import Dispatcher, Lane
from gprior_jax.serving.making import LaneKey, Maker
from gprior_jax.serving.queue import Queue

_TURN_S = 10.0
"""A job whose kind has no lane waits for so long before a lane that is at work makes room for it."""

_IDLE_S = 600.0
"""A lane without a job for so long ends: its arrays are memory that others could have. Its program stays compiled."""

_FORGOTTEN = 32
"""Lanes after which compiled programs are forgotten: some recipes have a program for every number of steps."""


class Lanes:
    """The lanes of an engine. Not for several threads."""

    def __init__(self, maker: Maker, most: int, saver: Saver | None = None):
        """Have at most ``most``; ``saver`` keeps where their jobs are when they are ended."""
        self._maker, self._most, self._saver, self._made = maker, most, saver, 0
        self._lanes: dict[LaneKey, Lane] = {}
        self._next: LaneKey | None = None

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def of(self, job: Job) -> Lane | None:
        """The lane of a job's kind, if there is one."""
        return self._lanes.get(job.lane)

    def seconds_left(self, job: Job, place: int) -> float | None:
        """Until a job ends, by the pace of its lane; None where that is not known.

        Args:
            job: the job.
            place: how many are before it in the queue; -1 where it does not wait.
        """
        lane = self.of(job)
        if lane is None or lane.pace is None:
            return None
        turns = max(place, 0) // self._maker.slots + (1 if place >= 0 else 0)
        return lane.pace * (job.num_steps * (turns + 1) - job.step)

    def pause(self) -> float:
        """Seconds until about one job has ended."""
        paces = [lane.pace * lane.plan.num_steps / self._maker.slots for lane in self if lane.pace]
        return min(paces, default=1.0)

    def let_go(self, is_meant: Callable[[LaneKey], bool]) -> None:
        """Some lanes end with their last job."""
        for lane in self:
            lane.is_leaving = lane.is_leaving or is_meant(lane.key)

    def sweep(self) -> None:
        """Lanes that have had nothing to do for long end."""
        latest = time.monotonic() - _IDLE_S
        for lane in self:
            lane.is_leaving = lane.is_leaving or (not lane.jobs and lane.used < latest)

    def remove(self, lane: Lane) -> None:
        """A lane has ended."""
        del self._lanes[lane.key]

    def open(self, queue: Queue, dispatcher: Dispatcher) -> None:
        """Begin lanes for what waits; where there are enough, one of them is to make room."""
        # That which room was made for goes first, however long the queue of what was worked on is.
        for job in sorted(queue, key=lambda job: job.lane != self._next):
            if job.lane in self._lanes:
                continue
            if len(self._lanes) >= self._most:
                self._make_room(job, queue)
                return
            self._next = None
            self._lanes[job.lane] = lane = Lane(job.lane, self._maker.plan(job.lane), dispatcher, self._saver)
            self._made += 1
            if self._made % _FORGOTTEN == 0:
                programs.forget()
            lane.start()

    def _make_room(self, job: Job, queue: Queue) -> None:
        """Let a lane go for a job without one: the least used of those at rest, or the one at work for longest."""
        if any(lane.is_leaving for lane in self):
            return
        self._next = job.lane
        wanted = {job.lane for job in queue}
        resting = [lane for lane in self if not lane.jobs and lane.key not in wanted]
        if resting:
            min(resting, key=lambda lane: lane.used).is_leaving = True
            return
        # Each has its turn from its first job on: what comes before is compiling.
        begun = {lane.began: lane for lane in self if lane.began is not None}
        if begun and time.monotonic() - max(job.created, min(begun)) > _TURN_S:
            begun[min(begun)].is_leaving = True

"""The queue: jobs in the order in which they came, at most so many."""

import math
from collections.abc import Iterator

from gprior_jax.errors import GPriorError
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.making import LaneKey


class FullError(GPriorError):
    """The queue is full.

    Attributes:
        seconds: after which to try again.
    """

    def __init__(self, seconds: int):
        super().__init__(f"too many jobs are waiting: try again in {seconds} s.")
        self.seconds = seconds


class Queue:
    """Jobs that wait. Not for several threads."""

    def __init__(self, most: int):
        """Hold at most ``most`` jobs."""
        self._most, self._jobs = most, dict[str, Job]()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def check_room(self, pause: float) -> None:
        """Raise :class:`FullError`, with seconds after which to try again, where nothing can be added."""
        if len(self._jobs) >= self._most:
            raise FullError(math.ceil(pause))

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        self._jobs[job.id] = job

    def remove(self, job: Job) -> None:
        """Take a job out, if it is here."""
        self._jobs.pop(job.id, None)

    def pop(self, lane: LaneKey) -> Job | None:
        """Take the first job of a lane out; None if there is none."""
        found = next((job for job in self._jobs.values() if job.lane == lane), None)
        return None if found is None else self._jobs.pop(found.id)

    def place(self, job: Job) -> int:
        """How many jobs of its lane are before a job; -1 where it does not wait."""
        if job.id not in self._jobs:
            return -1
        return [other.id for other in self._jobs.values() if other.lane == job.lane].index(job.id)

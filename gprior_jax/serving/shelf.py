"""Finished jobs, kept for a while."""

import collections
import time

from gprior_jax.errors import ArgumentError
from gprior_jax.serving.jobs import Job

_REMEMBERED = 10_000
"""Jobs of which it is known that they were there once."""


class UnknownJobError(ArgumentError):
    """There is no job of this name."""


class GoneError(UnknownJobError):
    """There was one, whose result is kept no longer."""


class Shelf:
    """All jobs by their names; those that have ended until they are too old, or too many. Not for several threads."""

    def __init__(self, seconds: float, most_bytes: float):
        """Keep what has ended for ``seconds``, the newest of it as far as it takes no more than ``most_bytes``."""
        self._seconds, self._most_bytes = seconds, most_bytes
        self._jobs: dict[str, Job] = {}
        self._ended: collections.deque[Job] = collections.deque()
        self._gone: collections.OrderedDict[str, None] = collections.OrderedDict()
        self.kept_bytes = 0

    def add(self, job: Job) -> None:
        """Put a new job here."""
        self._jobs[job.id] = job

    def end(self, job: Job) -> None:
        """A job has ended: its time runs from now."""
        if job.id in self._jobs:
            self._ended.append(job)
            self.kept_bytes += 0 if job.kept is None else job.kept.size
        self.sweep()

    def find(self, name: str) -> Job:
        """The job of a name.

        Raises:
            GoneError: it is kept no longer.
            UnknownJobError: there was none.
        """
        self.sweep()
        if name in self._gone:
            raise GoneError("this job is kept no longer: send the picture again.")
        if name not in self._jobs:
            raise UnknownJobError("there is no such job: use an id that was answered to a request for a job.")
        return self._jobs[name]

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        if job in self._ended:
            self._ended.remove(job)
            self._forget(job)

    def ended(self) -> set[Job]:
        """All that have ended and are here."""
        return set(self._ended)

    def sweep(self) -> None:
        """Forget what is too old or too much."""
        now = time.monotonic()
        while self._ended and (
            self.kept_bytes > self._most_bytes or now - (self._ended[0].ended or now) > self._seconds
        ):
            self._forget(self._ended.popleft())

    def _forget(self, job: Job) -> None:
        del self._jobs[job.id]
        self.kept_bytes -= 0 if job.kept is None else job.kept.size
        self._gone[job.id] = None
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)

"""Items that are under way when the studio is stopped: where their solvers were, until the next start.

What was asked of an item, and its photograph, its session has already. So there is one checkpoint for each,
``.under-way/SESSION-ITEM-SETTINGS.state``, which counts as long as the settings are worked on in the same way.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gprior_jax.inversion.saving import Arrays, Saver
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.making import Maker, Ready
from gprior_jax.serving.states import States
from gprior_jax.studio.owned import Owned
from gprior_jax.studio.sessions import Session

UNDER_WAY = ".under-way"
"""Folder beside the sessions."""


class Unfinished:
    """Where items were; a :class:`gprior_jax.serving.book.Saving`."""

    patience = 10.0
    """Whoever ends the studio waits for so long where a program is being compiled."""

    def __init__(self, folder: Path, maker: Maker):
        """Keep states in the folder of sessions.

        Args:
            folder: of sessions.
            maker: that items are made ready by.
        """
        self._folder, self._maker = folder / UNDER_WAY, maker
        self._states = States(self._folder, self._name)

    def _name(self, job: Job) -> str:
        fingerprint = self._maker.plan(job.lane).fingerprint
        return f"{_own(job)}-{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}"

    def _all(self, job: Job) -> list[Path]:
        return list(self._folder.glob(f"{_own(job)}-*.state")) if isinstance(job.owner, Owned) else []

    def saver(self) -> Saver:
        """What a stream saves states by when it is ended, and has them back."""
        return Saver(float("inf"), self._save, self._load)

    def _save(self, job: Job, arrays: Arrays) -> None:
        if job.is_saved and not job.has_ended:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._states.save(job, arrays)

    def _load(self, job: Job) -> Arrays | None:
        if not self._all(job):  # Settings need not be told then, which takes a look at all weights.
            job.counted = (0, 0)
            return None
        return self._states.load(job)

    def write(self, job: Job, ready: Ready, fingerprint: str) -> bool:
        """Whether an item can go on."""
        return isinstance(job.owner, Owned) and not job.owner.piece.is_removed

    def write_ended(self, job: Job) -> None:
        """Results are in their sessions."""

    def forget(self, job: Job) -> None:
        """Let go of the state of an item that has ended."""
        for path in self._all(job):
            shutil.rmtree(path, ignore_errors=True)

    def jobs(self, maker: Maker, tell: Callable[[str], None]) -> Iterator[Job]:
        """None: see :meth:`gprior_jax.studio.workspace.Workspace.go_on`."""
        yield from ()

    def release(self) -> None:
        """States stay for the next start."""


def _own(job: Job) -> str:
    """What the states of an item are called."""
    return f"{job.owner.session.id}-{job.owner.piece.id}"


def forget_gone(folder: Path, sessions: Callable[[], Iterable[Session]]) -> None:
    """Let go of where items were that are gone, as with a session that was removed before they went on.

    Args:
        folder: of sessions.
        sessions: that are there.
    """
    states = list((folder / UNDER_WAY).glob("*.state"))  # Before: what comes meanwhile stays.
    there = {f"{session.id}-{name}" for session in sessions() for name in session.items}
    for path in states:
        if path.name.rpartition("-")[0] not in there:
            shutil.rmtree(path, ignore_errors=True)

"""Compiling what is needed before anybody asks for it."""

import contextlib
import logging
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gprior_jax.errors import GPriorError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import save_image
from gprior_jax.inversion.result import Result
from gprior_jax.serving.asked import Asked, Task
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.lane import Lane
from gprior_jax.serving.making import Ready
from gprior_jax.studio.orders import Files, Order
from gprior_jax.studio.owned import Owned
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session
from gprior_jax.studio.workspace import Workspace

LOG = logging.getLogger("gprior_jax.studio")

_RESTS_S = 3.0
"""Nothing has been worked on for so long before a restoration is compiled."""

_LOOKS_S = 0.2
"""Between two looks whether anything is."""

_LOWEST = 19
"""Of a thread's niceness: whatever is asked for goes first."""

_FACTOR, _BOX = 4, 2
"""Of what is enlarged, the page's own; and of a mask: the program is the same for all."""


def warm(workspace: Workspace, picture: np.ndarray) -> None:
    """Compile what a photograph needs first: the encoder's answer, and an inversion with the page's settings.

    Args:
        workspace: of the studio.
        picture: any, uint8 ``[R, R, C]``.

    Raises:
        GPriorError: such an inversion is beyond the limits.
    """
    workspace.first_look(from_uint8(picture))
    asked = Asked(method=workspace.maker.first, label=_label(workspace))
    with contextlib.ExitStack() as left:
        ready, owner = left.enter_context(_rehearsal(workspace, asked, picture))
        workspace.engine.warm(asked, ready, Owned(*owner, after=left.pop_all().close))


def _go_last() -> None:
    """Let everything else go before this thread, and those that it begins."""
    if sys.platform == "linux":  # Elsewhere a process has one niceness.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)


def _label(workspace: Workspace) -> int | None:
    return 0 if workspace.prior.num_classes else None


@contextlib.contextmanager
def _rehearsal(workspace: Workspace, asked: Asked, picture: np.ndarray) -> Iterator[tuple[Ready, tuple]]:
    """An item of a session that is nobody's, made ready, and what it is owned by; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session.new(Path(folder) / "rehearsal", "", workspace.model)
        piece = Piece("1", {"state": "queued"})
        photograph = session.folder / "photograph.png"
        save_image(photograph, picture)
        files = Files(photograph, session.results(piece))
        piece.prepared = workspace.maker.prepare(Order("photograph", asked, None), files)
        yield piece.prepared.ready(), (workspace.prior, workspace.model, session, piece)


class Restorations:
    """Compiles what restorations need, one task after the other, while nothing else is worked on.

    Attributes:
        workspace: of the studio.
        picture: any, uint8 ``[R, R, C]``.
        tasks: of them; all that the prior has unless given.
        compiled: those that have been.
    """

    def __init__(self, workspace: Workspace, picture: np.ndarray, tasks: Sequence[Task] | None = None):
        """See :meth:`start`."""
        restorations: list[Task] = [task for task in workspace.maker.tasks if task != "invert"]
        self.workspace, self.picture = workspace, picture
        self.tasks: Sequence[Task] = restorations if tasks is None else tasks
        self.compiled = list[Task]()

    def start(self) -> threading.Thread:
        """Begin, in a thread that everything else goes before."""
        thread = threading.Thread(target=self._work, name="gprior warming", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        _go_last()
        for task in self.tasks:
            if not self._wait():
                return
            factor, box = _FACTOR if task == "upscale" else None, _BOX if task == "inpaint" else None
            asked = Asked(task=task, label=_label(self.workspace), factor=factor, box=box)
            try:
                with _rehearsal(self.workspace, asked, self.picture) as (ready, owner):
                    self.compiled += [task] if _Alone(self.workspace, asked, ready, Owned(*owner)).run() else []
            except GPriorError as error:  # Beyond the limits, as it is said of whoever asks for it.
                LOG.info("%s is not compiled beforehand: %s", task, error)
            except Exception:  # It is compiled when it is needed, then.
                LOG.exception("%s could not be compiled beforehand", task)

    def _wait(self) -> bool:
        """Wait until nothing has been worked on for a while; whether the engine goes on."""
        engine, rested = self.workspace.engine, 0.0
        while rested < _RESTS_S and not engine.is_closing:
            time.sleep(_LOOKS_S)
            now = engine.counts()
            is_busy = now["queued"] or now["running"] or not engine.is_ready or not self.workspace.book.is_complete
            rested = 0.0 if is_busy else rested + _LOOKS_S
        return not engine.is_closing


class _Alone:
    """Gives a lane in this thread, beside the engine's, one job of one step; see :class:`Dispatcher` of lanes."""

    def __init__(self, workspace: Workspace, asked: Asked, ready: Ready, owner: Owned):
        plan = workspace.maker.plan(ready.lane)
        self._engine, self._owner = workspace.engine, owner
        self._job = Job(asked, ready.lane, ready, plan.num_steps, math.inf, most_steps=1)
        self._lane, self._is_given, self._is_done = Lane(ready.lane, plan, self), False, False

    def run(self) -> bool:
        """Whether it came to its end."""
        self._lane.run()
        return self._is_done

    def next_job(self, lane: Lane) -> Job:
        """The job, once."""
        if self._is_given:
            raise StopIteration
        self._is_given = True
        lane.jobs.add(self._job)
        return self._job

    def is_stopping(self) -> bool:
        """With the engine."""
        return self._engine.is_closing

    def came_out(self, lane: Lane, job: Job, result: Result) -> None:
        """Its files are written as those of any other, which compiles what that needs."""
        lane.jobs.discard(job)
        self._owner.finish(lane.plan, job, result)
        self._is_done = True

    def refused(self, lane: Lane, job: Job, error: GPriorError) -> None:
        """Nobody waits for it."""
        lane.jobs.discard(job)

    def broke(self, lane: Lane, error: Exception) -> None:
        """The lane has told the log."""

    def closed(self, lane: Lane) -> None:
        """There is no other."""

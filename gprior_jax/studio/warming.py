"""Compiling what is needed before anybody asks for it."""

import contextlib
import dataclasses
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
from gprior_jax.studio.orders import Files, Order, stored_order
from gprior_jax.studio.owned import Owned
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session
from gprior_jax.studio.workspace import Workspace

LOG = logging.getLogger("gprior_jax.studio")

_RESTS_S = 3.0
"""Nothing has been worked on for so long before a restoration is compiled."""

_SOON_S = 0.4
"""Likewise, of what is being chosen on the page: it will be asked for soon."""

_LOOKS_S = 0.2
"""Between two looks whether anything is, where something is to be compiled."""

_IDLES_S = 2.0
"""Likewise where nothing is, unless something is chosen meanwhile."""

_MOST_CHOSEN, _MOST_EARLIER = 16, 4
"""Kinds that are compiled because they were chosen on the page, and in earlier sessions."""

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
    """Compiles what restorations need, and what people choose, one after the other, while nothing else is worked on.

    First comes what is being chosen on the page just now, then each restoration by itself, then what was chosen last in
    earlier sessions.

    Attributes:
        workspace: of the studio.
        picture: any, uint8 ``[R, R, C]``.
        compiled: settings of what has been.
    """

    def __init__(self, workspace: Workspace, picture: np.ndarray, tasks: Sequence[Task] | None = None):
        """See :meth:`start`; ``tasks`` are the restorations, all that the prior has unless given."""
        self.workspace, self.picture = workspace, picture
        restorations: list[Task] = [task for task in workspace.maker.tasks if task != "invert"]
        own: Sequence[Task] = restorations if tasks is None else tasks
        self._known = {_kind(Asked(method=workspace.maker.first, label=_label(workspace)))}
        self._planned = [Asked(task=task) for task in own] + _chosen(workspace)
        self._chosen = 0
        self.compiled = list[Asked]()

    def start(self) -> threading.Thread:
        """Begin, in a thread that everything else goes before."""
        thread = threading.Thread(target=self._work, name="gprior warming", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        _go_last()
        while (asked := self._next()) is not None:
            self._known.add(_kind(asked))
            try:
                with _rehearsal(self.workspace, asked, self.picture) as (ready, owner):
                    self.compiled += [asked] if _Alone(self.workspace, asked, ready, Owned(*owner)).run() else []
            except GPriorError as error:  # Beyond the limits, as it is said of whoever asks for it.
                LOG.info("%s is not compiled beforehand: %s", asked.task, error)
            except Exception:  # It is compiled when it is needed, then.
                LOG.exception("%s could not be compiled beforehand", asked.task)

    def _next(self) -> Asked | None:
        """What is compiled next, once nothing has been worked on for a while; None where nothing ever is."""
        engine, rested = self.workspace.engine, 0.0
        while not engine.is_closing and (self._planned or self._chosen < _MOST_CHOSEN):
            self._pause()
            now = engine.counts()
            is_busy = now["queued"] or now["running"] or not engine.is_ready or not self.workspace.book.is_complete
            rested = 0.0 if is_busy else rested + _LOOKS_S
            has_room = self._chosen < _MOST_CHOSEN
            if has_room and rested >= _SOON_S and (asked := self._new(self.workspace.expected)) is not None:
                self._chosen += 1
                return asked
            while rested >= _RESTS_S and self._planned:
                if (asked := self._new(self._planned.pop(0))) is not None:
                    return asked
        return None

    def _pause(self) -> None:
        """Until the next look."""
        self.workspace.is_chosen.clear()
        if self._planned or self._new(self.workspace.expected) is not None:
            time.sleep(_LOOKS_S)
        else:
            self.workspace.is_chosen.wait(_IDLES_S)

    def _new(self, asked: Asked | None) -> Asked | None:
        """Settings as they are rehearsed; None where that has been done."""
        if asked is None:
            return None
        factor = asked.factor or (_FACTOR if asked.task == "upscale" else None)
        box = _BOX if asked.task == "inpaint" else None
        label = _label(self.workspace)
        asked = dataclasses.replace(asked, factor=factor, box=box, label=label, seed=0, crop="center")
        return None if _kind(asked) in self._known else asked


def _kind(asked: Asked) -> tuple[Asked, int | None]:
    """What has one program, of pictures of the prior's size."""
    return asked.of_lane(), asked.factor


def _chosen(workspace: Workspace) -> list[Asked]:
    """What was chosen last in earlier sessions."""
    found: dict[tuple[Asked, int | None], Asked] = {}
    pieces = [piece for session in workspace.sessions()[::-1] for piece in list(session.items.values())[::-1]]
    for piece in pieces:
        if "photograph" not in piece.about or len(found) >= _MOST_EARLIER:
            continue
        with contextlib.suppress(GPriorError, KeyError, TypeError):  # Of another version, say.
            asked = stored_order(piece.about).asked
            found.setdefault(_kind(asked), asked)
    return list(found.values())


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

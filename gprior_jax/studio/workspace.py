"""What is done in sessions: photographs taken in and worked on, pictures drawn, codes given out."""

import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gprior_jax.editing.points import Point
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.engine import ClosingError, Engine
from gprior_jax.serving.jobs import Job
from gprior_jax.serving.queue import FullError
from gprior_jax.studio.directions import Directions
from gprior_jax.studio.drawing import draw
from gprior_jax.studio.kept_codes import KeptCodes
from gprior_jax.studio.library import Library
from gprior_jax.studio.making import StudioMaker, is_lane_of
from gprior_jax.studio.orders import Files, Order, stored_order
from gprior_jax.studio.owned import Codes, Owned, codes_of, uses
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.room import GIGABYTES
from gprior_jax.studio.sessions import Session, UnknownItemError
from gprior_jax.studio.unfinished import forget_gone
from gprior_jax.studio.uploads import Uploads, unpack
from gprior_jax.studio.views import FirstLook
from gprior_jax.summary import fingerprint

LOG = logging.getLogger("gprior_jax.studio")

_DRAWN_BYTES = 100_000
"""Of a drawn item, about."""

_FULL_S = 0.5
"""Between two tries to go on with what there is no room for in the queue."""


class Workspace(Library):
    """All sessions in one folder, and an engine that works on their items. For several threads.

    Attributes:
        engine: what works.
        maker: what makes items ready.
        first_look: what the encoder answers to a picture.
        book: the directions that are known.
        expected: what is being chosen on the page, to be compiled beforehand.
        is_chosen: set when that has become another.
    """

    def __init__(self, engine: Engine, folder: str | os.PathLike, model: str, gigabytes: float = GIGABYTES):
        """Take a folder; see :class:`gprior_jax.studio.library.Library`.

        Args:
            engine: what works.
            folder: for sessions.
            model: name or folder of the prior.
            gigabytes: that are kept at most.
        """
        assert isinstance(engine.maker, StudioMaker)
        super().__init__(folder, model, gigabytes)
        self.engine = engine
        self.maker: StudioMaker = engine.maker
        self._codes = KeptCodes()
        self._notes = ThreadPoolExecutor(1, "gprior notes")
        self.first_look = FirstLook(self.prior)
        self.expected: Asked | None = None
        self.is_chosen = threading.Event()
        self.book = Directions(self.prior, model, self.path / ".directions")
        engine.listeners.append(self._ended)

    @property
    def prior(self) -> Prior:
        """The generator."""
        return self.engine.maker.prior

    @functools.cached_property
    def weights(self) -> str:
        """Fingerprint of the generator's weights."""
        return fingerprint(self.prior.params)

    def close(self) -> None:
        """Let others have the folder, once the engine is closed."""
        self._notes.shutdown(wait=True)
        self.release()

    def remove(self, name: str) -> Session:
        """Put a session where it can be had back from, until the next start; nothing is ready for it any more."""
        session = self.put_away(name, self._cancel)
        self.engine.let_go(lambda lane: is_lane_of(lane, session.id))
        return session

    # Items.

    def take(self, session: Session, order: Order, uploads: Uploads) -> Piece:
        """Take a photograph in, and begin to work on it.

        Raises:
            GPriorError: the order or its files cannot be used, or too many wait; nothing is left of them.
        """
        asked = order.asked
        self.maker.recipe(asked)
        self.make_room(sum(len(each) for each in uploads if each is not None))
        about = {"name": order.name, "task": asked.task, "state": "queued", "settings": order.given()}
        with self._adding(session, about) as piece:
            folder = session.photographs(piece)
            files, order = unpack(folder, session.results(piece), order, uploads, self.prior, self.model)
            piece.about |= {"photograph": files.photograph.name, "settings": order.given()}
            self._work(session, piece, order, files)
        return piece

    @contextlib.contextmanager
    def _adding(self, session: Session, about: dict[str, Any]) -> Iterator[Piece]:
        """An item of a session, see :meth:`Session.adding`; where it fails nobody works on it any more."""
        piece = None
        try:
            with session.adding(about) as piece:
                yield piece
        except BaseException:
            if piece is not None:
                self._cancel(piece)
            raise

    def _work(self, session: Session, piece: Piece, order: Order, files: Files) -> None:
        """Begin to work on an item."""
        piece.prepared = prepared = self.maker.prepare(order, files)
        ready = prepared.ready(session.id)
        piece.about |= prepared.write_placed(session.photographs(piece)) | {"model": self.model}
        if (picture := self.first_look(ready.arrays["observed"])) is not None:  # What the encoder answers.
            piece.view.show(picture)
        owner = Owned(self.prior, self.model, session, piece)
        piece.job = self.engine.submit(order.asked, ready, film=piece.view.film(), owner=owner)

    def again(self, session: Session, name: str) -> Piece:
        """Begin once more to work on an item that has ended without a result, with what was asked.

        Raises:
            GPriorError: it has a result, or what it was asked with cannot be used now; it stays as it is.
        """
        piece = session.find(name)
        with piece.lock:
            session.check_open()
            if piece.is_removed:
                raise UnknownItemError("the item was removed: bring it back first.")
            if piece.is_under_way:
                return piece
            if not piece.can_begin_again:
                raise ArgumentError(f"{piece.about['name']} is done: drop the photograph for another result.")
            before = piece.about
            piece.begin_again()
            try:
                self._work(session, piece, stored_order(before), session.files(piece))
                session.save()
            except BaseException:
                self._cancel(piece)
                piece.about, piece.prepared = before, None
                piece.view.end()
                raise
        return piece

    def go_on(self, tell: Callable[[str], None]) -> int:
        """Work on what was under way when an earlier studio was stopped; on how many."""
        forget_gone(self.path, self.sessions)
        count, items = 0, [(session, piece) for session in self.sessions() for piece in list(session.items.values())]
        while items:
            try:
                count += self._goes_on(*items[0], tell)
            except ClosingError:  # This one and the others go on with the start after.
                break
            except FullError:
                time.sleep(_FULL_S)
                continue
            del items[0]
        return count

    def _goes_on(self, session: Session, piece: Piece, tell: Callable[[str], None]) -> bool:
        """Whether an item goes on.

        Raises:
            ClosingError: the studio is being stopped.
            FullError: too many wait; the item is as it was, here too.
        """
        with piece.lock:
            if piece.is_removed or piece.job is not None or not piece.is_under_way:
                return False
            self.engine.check_room()
            before = piece.about
            piece.begin_again()
            session.save()  # Before: what kills the process shall not do so at every start.
            try:
                if before.get("goes_on") != self.weights:
                    of = before.get("model", session.about["model"])
                    raise ArgumentError(f"it was begun with {of}: start it again here, or the studio with {of}.")
                self._work(session, piece, stored_order(before), session.files(piece))
                return True
            except (ClosingError, FullError):
                self._leave(session, piece, before)
                raise
            except Exception as error:  # The others go on, whatever is wrong with this one.
                why = _why_not(error)
                self._leave(session, piece, piece.about | {"state": "cancelled", "error": why})
                tell(f"{piece.about['name']} does not go on: {why}")
                return False

    def _leave(self, session: Session, piece: Piece, about: dict[str, Any]) -> None:
        """An item is not worked on; this is told of it."""
        piece.about, piece.prepared = about, None
        piece.view.end()
        session.save()

    def draw(self, session: Session, told: Any) -> Piece:
        """An item that is drawn from the prior; see :func:`gprior_jax.studio.drawing.draw`."""
        self.make_room(_DRAWN_BYTES)
        drawn = draw(self.prior, self.model, told)
        about = {"name": drawn.name, "task": "generate", "state": "done", "settings": drawn.settings}
        about |= {"model": self.model}
        with session.adding(about) as piece:
            drawn.write(session.results(piece))
            piece.about |= {"files": {"result": f"{drawn.name}.png"}, "result": {"status": "drawn", "remarks": []}}
            piece.about |= uses(self.prior, self.model, session, session.results(piece) / f"{drawn.name}.npz")
        return piece

    def stop(self, session: Session, name: str) -> Piece:
        """Let an item end soon with the best that was found."""
        piece = session.find(name)
        if piece.job is not None and piece.is_under_way:
            self.engine.stop(piece.job.id)
        return piece

    def discard(self, session: Session, name: str) -> Piece:
        """Cancel an item that is under way, or remove one that is not; one that is done meanwhile stays."""
        piece = session.find(name)
        if piece.is_under_way:
            self._cancel(piece)
            session.save()
            return piece
        with piece.lock:
            if piece.is_under_way:  # It has begun again meanwhile.
                self._cancel(piece)
                return piece
            session.remove(piece)
        self._codes.forget(session.id, name)
        return piece

    def _cancel(self, piece: Piece) -> None:
        """End what is under way of an item; what is being written of it is written, and it is done then."""
        with piece.lock:
            if not piece.is_under_way:
                return
            if piece.job is not None:
                self.engine.cancel(piece.job.id)
            else:  # It has not gone on yet.
                piece.about |= {"state": "cancelled", "error": "it was cancelled."}

    def _ended(self, job: Job) -> None:
        """A job of the engine has ended; the engine waits, so that files are for another thread."""
        if isinstance(job.owner, Owned):
            self._notes.submit(job.owner.ended, job)

    # Codes.

    def point(self, session: str, item: str) -> Point:
        """The codes of an item that is done, see :meth:`codes`."""
        return self.codes(session, item).point

    def codes(self, session: str, item: str) -> Codes:
        """The codes of an item that is done, and what stays of its picture.

        Raises:
            GPriorError: it is not, or holds none of the prior's.
        """
        found = self.session(session)
        piece = found.find(item)
        if (codes := self._codes.find(session, item)) is not None:
            return codes
        if piece.about["state"] != "done":
            raise ArgumentError(f"{piece.about['name']} is not done: wait for it, or choose another.")
        return self._codes.keep(session, item, codes_of(self.prior, self.model, found, found.codes(piece)))


def _why_not(error: Exception) -> str:
    """Why an item does not go on, a sentence."""
    if isinstance(error, GPriorError):
        return str(error)
    if isinstance(error, OSError | KeyError):
        return "its photograph cannot be read."
    LOG.error("an item does not go on", exc_info=error)
    return "the studio failed at it, its log says why: start it again later."

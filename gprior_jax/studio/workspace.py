"""All sessions in one folder, and what is done in them."""

import collections
import contextlib
import logging
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.editing.points import Point
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import save_image
from gprior_jax.runs.names import as_text
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.engine import Engine
from gprior_jax.serving.jobs import Job, State
from gprior_jax.serving.making import Ready
from gprior_jax.storage.atomic import remove_leftovers
from gprior_jax.storage.locks import hold
from gprior_jax.studio.directions import Directions
from gprior_jax.studio.drawing import draw
from gprior_jax.studio.making import StudioMaker
from gprior_jax.studio.orders import Files, Order
from gprior_jax.studio.owned import Owned, codes_of, uses
from gprior_jax.studio.sessions import REMOVED, Piece, Session, UnknownItemError, is_name
from gprior_jax.studio.uploads import Uploads, unpack
from gprior_jax.studio.views import FirstLook

LOG = logging.getLogger("gprior_jax.studio")

_MOST_POINTS = 64
"""Codes that are kept in memory: those of 20 codes of the bundled prior are 40 kB."""

_LONGEST_TITLE = 100


class Workspace:
    """All sessions in one folder. For several threads.

    Attributes:
        engine: what works.
        maker: what makes items ready.
        path: the folder.
        model: what commands call the prior.
        first_look: what the encoder answers to a picture.
        book: the directions that are known.
    """

    def __init__(self, engine: Engine, folder: str | os.PathLike, model: str):
        """Take a folder, which is made for nobody else to read; sessions of earlier starts are in it.

        Raises:
            ArgumentError: it is a file, or another studio has it.
        """
        assert isinstance(engine.maker, StudioMaker)
        # Absolute: commands that the page lets one keep run anywhere.
        self.engine, self.path, self.model = engine, Path(folder).absolute(), model
        self.maker: StudioMaker = engine.maker
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"{self.path} is a file: name a folder for sessions.")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = hold(self.path / ".lock")
        if lock is None:
            raise ArgumentError(f"{self.path} is that of another studio: name a folder of its own.")
        self._file_lock, self._lock = lock, threading.RLock()
        self._sessions, self._removed = self._read(), dict[str, Session]()
        self._points: collections.OrderedDict[tuple[str, str], Point] = collections.OrderedDict()
        self._notes = ThreadPoolExecutor(1, "gprior notes")
        self.first_look = FirstLook(self.prior)
        self.book = Directions(self.prior, model, self.path / ".directions")
        engine.listeners.append(self._ended)

    def warm(self, picture: np.ndarray) -> None:
        """Compile what a photograph needs first: the encoder's answer, and an inversion with the page's settings.

        Args:
            picture: any, uint8 ``[R, R, C]``.

        Raises:
            GPriorError: such an inversion is beyond the limits.
        """
        self.first_look(from_uint8(picture))
        asked = Asked(method=self.maker.first, label=0 if self.prior.num_classes else None)
        folder = tempfile.TemporaryDirectory()
        try:
            session = Session.new(Path(folder.name) / "rehearsal", "", self.model)
            piece = Piece("1", {"state": "queued"})
            photograph = session.folder / "photograph.png"
            save_image(photograph, picture)
            files = Files(photograph, session.results(piece))
            piece.prepared = self.maker.prepare(Order("photograph", asked, None), files)
            owner = Owned(self.prior, self.model, session, piece, after=folder.cleanup)
            self.engine.warm(asked, piece.prepared.ready(), owner)
        except BaseException:
            folder.cleanup()
            raise

    @property
    def prior(self) -> Prior:
        """The generator."""
        return self.engine.maker.prior

    def close(self) -> None:
        """Let others have the folder, once the engine is closed."""
        self._notes.shutdown(wait=True)
        self._file_lock.release()

    def _read(self) -> dict[str, Session]:
        """Sessions of earlier starts; what was removed then goes."""
        shutil.rmtree(self.path / REMOVED, ignore_errors=True)
        remove_leftovers(self.path)
        found: dict[str, Session] = {}
        for folder in sorted(self.path.iterdir()):
            if is_name(folder.name) and (folder / "session.json").is_file():
                try:
                    found[folder.name] = Session.read(folder)
                except (CheckpointError, OSError) as error:
                    LOG.warning("%s", error)
        return _by_age(found)

    # Sessions.

    def sessions(self) -> list[Session]:
        """All of them, as they were begun."""
        with self._lock:
            return list(self._sessions.values())

    def begin(self, title: str = "") -> Session:
        """Begin a session."""
        with self._lock:
            name = secrets.token_hex(6)
            own = _title(title) or f"Session {len(self._sessions) + 1}"
            self._sessions[name] = session = Session.new(self.path / name, own, self.model)
            return session

    def session(self, name: str) -> Session:
        """The session of a name.

        Raises:
            UnknownItemError: there is none.
        """
        with self._lock:
            if name not in self._sessions:
                raise UnknownItemError("there is no such session: begin another, or choose one of the list.")
            return self._sessions[name]

    def has(self, session: Session) -> bool:
        """Whether a session is still there."""
        with self._lock:
            return self._sessions.get(session.id) is session

    def rename(self, name: str, title: Any) -> Session:
        """Give a session another title.

        Raises:
            ArgumentError: it is none.
        """
        if not isinstance(title, str) or not _title(title):
            raise ArgumentError("the title is empty: give some words.")
        session = self.session(name)
        session.rename(_title(title))
        return session

    def remove(self, name: str) -> Session:
        """Put a session where it can be had back from, until the next start."""
        session = self.session(name)
        pieces = session.shut()
        for piece in pieces:
            self._cancel(piece)
        with contextlib.ExitStack() as held:
            for piece in pieces:
                held.enter_context(piece.lock)  # What is being written is written first.
            held.enter_context(self._lock)
            if name in self._sessions:
                self._move_away(session, pieces)
        return session

    def _move_away(self, session: Session, pieces: list[Piece]) -> None:
        try:
            (self.path / REMOVED).mkdir(mode=0o700, exist_ok=True)
            session.folder.replace(self.path / REMOVED / session.id)
        except OSError:  # It stays as it is.
            session.is_removed = False
            raise
        self._removed[session.id] = self._sessions.pop(session.id)
        for piece in pieces:
            piece.is_removed = True

    def restore(self, name: str) -> Session:
        """Have a session back that was removed.

        Raises:
            UnknownItemError: there is none.
        """
        with self._lock:
            if name in self._sessions:
                return self._sessions[name]
            session = self._removed.get(name)
            if session is None:
                why = "what is removed is gone at the next start."
                raise UnknownItemError(f"there is no such session to bring back: {why}")
            shutil.rmtree(session.folder, ignore_errors=True)  # Of what was under way when it was removed.
            (self.path / REMOVED / name).replace(session.folder)
            del self._removed[name]
            session.is_removed = False
            for piece in session.items.values():
                piece.is_removed = False
            session.save()
            self._sessions[name] = session
            self._sessions = _by_age(self._sessions)
            return session

    def folder(self, session: str, item: str | None = None) -> Path:
        """The folder of a session, or that of what came of an item.

        Raises:
            UnknownItemError: there is none.
        """
        found = self.session(session)
        return found.folder if item is None else found.results(found.find(item))

    # Items.

    def take(self, session: Session, order: Order, uploads: Uploads) -> Piece:
        """Take a photograph in, and begin to work on it.

        Raises:
            GPriorError: the order or its files cannot be used, or too many wait; nothing is left of them.
        """
        asked = order.asked
        self.maker.recipe(asked)
        about = {"name": order.name, "task": asked.task, "state": "queued", "settings": order.given()}
        with self._adding(session, about) as piece:
            folder = session.photographs(piece)
            files, order = unpack(folder, session.results(piece), order, uploads, self.prior, self.model)
            piece.about |= {"photograph": files.photograph.name, "settings": order.given()}
            piece.prepared = prepared = self.maker.prepare(order, files)
            ready = prepared.ready(session.id)
            piece.about |= prepared.write_placed(folder)
            self._look(piece, ready)
            owner = Owned(self.prior, self.model, session, piece)
            piece.job = self.engine.submit(asked, ready, film=piece.view.film(), owner=owner)
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

    def _look(self, piece: Piece, ready: Ready) -> None:
        """Show what the encoder answers."""
        picture = self.first_look(ready.arrays["observed"])
        if picture is not None:
            piece.view.show(picture)

    def draw(self, session: Session, told: Any) -> Piece:
        """An item that is drawn from the prior; see :func:`gprior_jax.studio.drawing.draw`."""
        drawn = draw(self.prior, self.model, told)
        about = {"name": drawn.name, "task": "generate", "state": "done", "settings": drawn.settings}
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
        """Cancel an item that is under way, or remove one that is not."""
        piece = session.find(name)
        if self._cancel(piece):
            return piece
        session.remove(piece)
        with self._lock:
            self._points.pop((session.id, name), None)
        return piece

    def _cancel(self, piece: Piece) -> bool:
        if piece.job is None or not piece.is_under_way:
            return False
        self.engine.cancel(piece.job.id)
        return piece.job.state is State.CANCELLED

    def _ended(self, job: Job) -> None:
        """A job of the engine has ended; the engine waits, so that files are for another thread."""
        if isinstance(job.owner, Owned):
            self._notes.submit(job.owner.ended, job)

    # Codes.

    def point(self, session: str, item: str) -> Point:
        """The codes of an item that is done.

        Raises:
            GPriorError: it is not, or holds none of the prior's.
        """
        found = self.session(session)
        piece = found.find(item)
        with self._lock:
            if (point := self._points.get((session, item))) is not None:
                self._points.move_to_end((session, item))
                return point
        if piece.about["state"] != "done":
            raise ArgumentError(f"{piece.about['name']} is not done: wait for it, or choose another.")
        point = codes_of(self.prior, self.model, found, found.codes(piece))
        with self._lock:
            self._points[session, item] = point
            while len(self._points) > _MOST_POINTS:
                self._points.popitem(last=False)
        return point


def _by_age(sessions: dict[str, Session]) -> dict[str, Session]:
    return dict(sorted(sessions.items(), key=lambda each: str(each[1].about["created"])))


def _title(text: str) -> str:
    return as_text(" ".join(str(text).split())[:_LONGEST_TITLE])

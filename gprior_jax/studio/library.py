"""All sessions in one folder: those of earlier times, new ones, what is removed and brought back."""

import contextlib
import logging
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.names import as_text
from gprior_jax.storage.atomic import remove_leftovers
from gprior_jax.storage.locks import hold
from gprior_jax.studio.damaged import Damaged, read_folder
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.room import Room, size_of
from gprior_jax.studio.sessions import GONE, REMOVED, Session, UnknownItemError

LOG = logging.getLogger("gprior_jax.studio")

_LONGEST_TITLE = 100


class Library:
    """All sessions in one folder. For several threads.

    Attributes:
        path: the folder.
        model: what commands call the prior.
    """

    def __init__(self, folder: str | os.PathLike, model: str, gigabytes: float):
        """Take a folder, which is made for nobody else to read; sessions of earlier starts are in it.

        Args:
            folder: for sessions.
            model: what commands call the prior.
            gigabytes: that are kept at most: nothing more is taken then.

        Raises:
            ArgumentError: it is a file, or another studio has it.
        """
        # Absolute: commands that the page lets one keep run anywhere.
        self.path, self.model = Path(folder).absolute(), model
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"{self.path} is a file: name a folder for sessions.")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = hold(self.path / ".lock")
        if lock is None:
            raise ArgumentError(f"{self.path} is that of another studio: name a folder of its own.")
        self._file_lock, self._lock = lock, threading.RLock()
        self._sessions, self._damaged = self._read()
        self._removed = dict[str, Session | Damaged]()
        self._room = Room(self.path, gigabytes)

    def release(self) -> None:
        """Let others have the folder."""
        self._file_lock.release()

    def _read(self) -> tuple[dict[str, Session], dict[str, Damaged]]:
        """Sessions of earlier starts, and what is left of damaged ones; what was removed then goes."""
        shutil.rmtree(self.path / REMOVED, ignore_errors=True)
        remove_leftovers(self.path)
        found = [read_folder(folder) for folder in sorted(self.path.iterdir())]
        damaged = {each.id: each for each in found if isinstance(each, Damaged)}
        for each in damaged.values():
            LOG.warning("%s: %s", each.folder, each.why)
        return _by_age({each.id: each for each in found if isinstance(each, Session)}), damaged

    def sessions(self) -> list[Session]:
        """All of them, as they were begun."""
        with self._lock:
            return list(self._sessions.values())

    def damaged(self) -> list[Damaged]:
        """What is left of sessions that cannot be read."""
        with self._lock:
            return list(self._damaged.values())

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

    def folder(self, session: str, item: str | None = None) -> Path:
        """The folder of a session, or that of what came of an item.

        Raises:
            UnknownItemError: there is none.
        """
        found = self.session(session)
        return found.folder if item is None else found.results(found.find(item))

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

    def put_away(self, name: str, cancel: Callable[[Piece], Any]) -> Session:
        """Put a session where it can be had back from, until the next start.

        Args:
            name: of the session.
            cancel: ends what is under way of an item.
        """
        session = self.session(name)
        pieces = session.shut()
        for piece in pieces:
            cancel(piece)
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

    def put_damaged_away(self, name: str) -> Damaged | None:
        """Put what is left of a damaged session where it can be had back from; None where there is none of the name."""
        with self._lock:
            found = self._damaged.get(name)
            if found is not None:
                (self.path / REMOVED).mkdir(mode=0o700, exist_ok=True)
                found.folder.replace(self.path / REMOVED / name)
                self._removed[name] = self._damaged.pop(name)
            return found

    def restore(self, name: str) -> Session | Damaged:
        """Have a session back that was removed, or what is left of a damaged one.

        Raises:
            UnknownItemError: there is none.
        """
        with self._lock:
            if name in self._sessions:
                return self._sessions[name]
            session = self._removed.get(name)
            if session is None:
                raise UnknownItemError(f"there is no such session to bring back: {GONE}")
            if isinstance(session, Damaged):
                (self.path / REMOVED / name).replace(session.folder)
                self._damaged[name] = session
                del self._removed[name]
                return session
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

    # Room.

    def used(self) -> dict[str, int]:
        """Bytes of every session, by its name; of damaged ones, too."""
        return {session.id: self._room.of(session) for session in self._held()}

    def _held(self) -> list[Session | Damaged]:
        """All that the folder holds."""
        return [*self.sessions(), *self.damaged()]

    @property
    def most_bytes(self) -> int:
        """That the folder may hold."""
        return self._room.most_bytes

    def make_room(self, more: int) -> None:
        """Make sure that so many bytes more may come; what was removed goes for them, nothing else.

        Raises:
            NoRoomError: there is no room.
        """
        if self._room.is_enough(self._held(), more):
            return
        removed = [self.path / REMOVED, *(session.folder / REMOVED for session in self.sessions())]
        self._room.check(self._held(), more - sum(map(size_of, removed)))  # Else it would go in vain.
        with self._lock:
            shutil.rmtree(self.path / REMOVED, ignore_errors=True)
            self._removed.clear()
        for session in self.sessions():
            session.forget_removed()
        self._room.check(self._held(), more)


def _by_age(sessions: dict[str, Session]) -> dict[str, Session]:
    return dict(sorted(sessions.items(), key=lambda each: str(each[1].about["created"])))


def _title(text: str) -> str:
    return as_text(" ".join(str(text).split())[:_LONGEST_TITLE])

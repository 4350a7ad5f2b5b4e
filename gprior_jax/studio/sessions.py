"""Sessions as folders: a folder for what came of every photograph, as its command writes it, and what they are of.

A session ``S`` is a folder with ``session.json`` (its title, and what its items are), ``photographs/I/`` (the
photograph of item ``I`` as it was sent, its mask, its square), ``I/`` (what ``gprior invert`` and the restorations
write of it) and ``edits/I.json`` (what the page keeps). What was removed is in ``.removed/`` until the next start.
"""

import contextlib
import datetime
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.serving.shelf import UnknownJobError
from gprior_jax.storage.atomic import read_json, remove_leftovers, write_json, write_text
from gprior_jax.studio.orders import Files
from gprior_jax.studio.pieces import UNDER_WAY, Piece

REMOVED = ".removed"
PHOTOGRAPHS = "photographs"
EDITS = "edits"

MOST_EDIT = 256_000
"""Bytes of what the page keeps of an item."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NUMBER = re.compile(r"[1-9]\d{0,8}")

GONE = "what is removed is gone at the next start, and before where its room is needed."
"""Of what cannot be brought back."""

_INTERRUPTED = "the studio was stopped before it was done: start it again."


class UnknownItemError(UnknownJobError):
    """There is no session or item of this name."""


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


class Session:
    """A session. For several threads.

    Attributes:
        id: name of its folder.
        folder: where it is.
        about: its title, when it was begun, the model.
        items: by number, in the order in which they came.
        writes: how often something of it was written.
        is_removed: it takes no more items.
    """

    def __init__(self, folder: Path, about: dict[str, Any], items: dict[str, Piece]):
        """Take a folder that is there; see :meth:`new` and :meth:`read`."""
        self.id, self.folder, self.about, self.items = folder.name, folder, about, items
        self._lock = threading.RLock()
        self._removed: dict[str, Piece] = {}
        self.writes, self.is_removed = 0, False

    @classmethod
    def new(cls, folder: Path, title: str, model: str) -> "Session":
        """Begin one."""
        folder.mkdir(mode=0o700)
        session = cls(folder, {"title": title, "created": now(), "model": model, "next": 1}, {})
        session.save()
        return session

    @classmethod
    def read(cls, folder: Path) -> "Session":
        """One of an earlier start; of what was under way then goes on what was ended in order.

        Raises:
            CheckpointError: it is none.
        """
        told = read_json(folder / "session.json", "the folder of a session has one")
        try:
            abouts = {name: dict(about) for name, about in told.pop("items").items() if _NUMBER.fullmatch(name)}
            about = {"title": str(told["title"]), "created": told["created"], "model": told["model"]}
            about["next"] = max([int(told["next"]), *(int(name) + 1 for name in abouts)])
            pieces = {name: Piece(name, own) for name, own in abouts.items() if {"name", "task", "state"} <= own.keys()}
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise CheckpointError(f"{folder / 'session.json'} is damaged: the folder is passed over.") from None
        session = cls(folder, about, pieces)
        session._begin()
        return session

    def _begin(self) -> None:
        """After a start: what was removed before goes.

        What was under way is queued again where the studio was ended in order. Else the process was killed, maybe by
        what it worked on: that begins when it is told to.
        """
        shutil.rmtree(self.folder / REMOVED, ignore_errors=True)
        remove_leftovers(self.folder, self.folder / EDITS)
        for piece in self.items.values():
            if piece.about["state"] in UNDER_WAY:
                if "goes_on" not in piece.about:
                    piece.about |= {"state": "cancelled", "error": _INTERRUPTED}
                shutil.rmtree(self.folder / piece.id, ignore_errors=True)
            with contextlib.suppress(OSError, ValueError):
                piece.edit = json.loads((self.folder / EDITS / f"{piece.id}.json").read_text(encoding="utf-8"))
        self.save()

    def save(self) -> None:
        """Write what it is."""
        with self._lock:
            self.writes += 1
            items = {name: piece.about for name, piece in self.items.items()}
            write_json(self.folder / "session.json", self.about | {"items": items})

    def wrote(self) -> None:
        """Something of it was written: how much it holds is looked at again."""
        with self._lock:
            self.writes += 1

    def rename(self, title: str) -> None:
        """Give it another title."""
        self.about["title"] = title
        self.save()

    def find(self, name: str) -> Piece:
        """The item of a number.

        Raises:
            UnknownItemError: there is none.
        """
        piece = self.items.get(name)
        if piece is None:
            raise UnknownItemError("there is no such item in this session: it was removed, or never came.")
        return piece

    def results(self, piece: Piece) -> Path:
        """The folder of what came of an item."""
        return self.folder / piece.id

    def codes(self, piece: Piece) -> Path:
        """The file of its codes, of an item that is done."""
        return self.results(piece) / f"{Path(piece.about['files']['result']).stem}.npz"

    def photographs(self, piece: Piece) -> Path:
        """The folder of what was sent with an item."""
        return self.folder / PHOTOGRAPHS / piece.id

    def files(self, piece: Piece) -> Files:
        """The files that the command of an item reads and writes, of a photograph."""
        folder = self.photographs(piece)
        mask, template, faces = (folder / name for name in ("mask.png", "template.json", "faces.json"))
        there = [path if path.exists() else None for path in (mask, template, faces)]
        return Files(folder / piece.about["photograph"], self.results(piece), *there)

    def shut(self) -> list[Piece]:
        """Take no more items; gives those that are there."""
        with self._lock:
            self.is_removed = True
            return list(self.items.values())

    def check_open(self) -> None:
        """Raise :class:`UnknownItemError` where it is removed."""
        if self.is_removed:
            raise UnknownItemError("the session was removed: bring it back, or choose another.")

    @contextlib.contextmanager
    def adding(self, about: dict[str, Any]) -> Iterator[Piece]:
        """An item that is there when the block ends; where it fails nothing is.

        Raises:
            UnknownItemError: the session is removed, before the block or meanwhile.
        """
        with self._lock:
            self.check_open()
            number = str(self.about["next"])
            self.about["next"] += 1
        piece = Piece(number, {"created": now()} | about)
        try:
            # Without parents: the folder of a session that was removed meanwhile does not come back.
            (self.folder / PHOTOGRAPHS).mkdir(exist_ok=True)
            self.photographs(piece).mkdir()
            yield piece
            with self._lock:
                self.check_open()
                self.items[number] = piece
                self.save()
        except BaseException:
            with piece.lock, self._lock:
                piece.is_removed = True  # A job of it writes nothing any more.
                self.items.pop(number, None)
            for folder in (self.photographs(piece), self.results(piece)):
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def keep_edit(self, piece: Piece, content: bytes) -> None:
        """Keep what the page has of an item.

        Raises:
            ArgumentError: too much, or no JSON.
            UnknownItemError: it was removed meanwhile.
        """
        if len(content) > MOST_EDIT:
            raise ArgumentError(f"the history of edits is too long: send at most {MOST_EDIT // 1000} kB.")
        try:
            edit = json.loads(content, parse_constant=_none_such)
            text = json.dumps(edit, ensure_ascii=False)
            text.encode()
        except (ValueError, RecursionError):
            why = "send one without NaN, of text that is Unicode"
            raise ArgumentError(f"the history of edits is no JSON: {why}.") from None
        with piece.lock:
            if piece.is_removed:
                raise UnknownItemError("the item was removed: bring it back first.")
            (self.folder / EDITS).mkdir(exist_ok=True)
            write_text(self.folder / EDITS / f"{piece.id}.json", text)
            piece.edit = edit
        self.wrote()

    def forget_removed(self) -> None:
        """Let go for good of what was removed."""
        with self._lock:
            self._removed.clear()
            shutil.rmtree(self.folder / REMOVED, ignore_errors=True)
            self.wrote()

    def remove(self, piece: Piece) -> None:
        """Put an item that is not under way where it can be had back from."""
        with piece.lock, self._lock:
            if self.items.pop(piece.id, None) is not None:
                piece.is_removed, self._removed[piece.id] = True, piece
                _move(self.folder, self.folder / REMOVED, piece)
                self.save()

    def restore(self, name: str) -> Piece:
        """Have an item back that was removed.

        Raises:
            UnknownItemError: there is none.
        """
        with self._lock:
            if name in self.items:
                return self.items[name]
            piece = self._removed.pop(name, None)
            if piece is None:
                raise UnknownItemError(f"there is no such item to bring back: {GONE}")
            _move(self.folder / REMOVED, self.folder, piece)
            piece.is_removed, self.items[name] = False, piece
            self.items = dict(sorted(self.items.items(), key=lambda each: int(each[0])))
            self.save()
            return piece


def _none_such(name: str) -> None:
    """NaN and infinity, which Python reads and JSON has not."""
    raise ValueError(name)


def _move(source: Path, target: Path, piece: Piece) -> None:
    for place in (Path(piece.id), Path(PHOTOGRAPHS, piece.id), Path(EDITS, f"{piece.id}.json")):
        if (source / place).exists():
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            (source / place).replace(target / place)


def is_name(name: str) -> bool:
    """Whether a session may have a name: it can be no path.

    >>> is_name("q3T-_x"), is_name(".."), is_name("a/b")
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None

"""How much the folder of a studio holds, and may hold."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from gprior_jax.errors import ArgumentError

GIGABYTES = 20.0
"""Of a folder, unless another number is given: ten thousand photographs of two megabytes, with what is made of them."""


class NoRoomError(ArgumentError):
    """The folder holds as much as it may."""


class Held(Protocol):
    """A session, or what is left of one."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def folder(self) -> Path:
        """Where it is."""
        ...

    @property
    def writes(self) -> int:
        """How often something of it was written."""
        ...


class Room:
    """The sizes of sessions, looked at again when something of them was written. For several threads."""

    def __init__(self, folder: Path, gigabytes: float):
        """Look at a folder, which may hold so much."""
        self._folder, self.most_bytes = folder, int(1e9 * gigabytes)
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, session: Held) -> int:
        """Bytes of a session, with what was removed of it."""
        writes, size = self._known.get(session.id, (-1, 0))
        if writes != session.writes:
            writes = session.writes  # Before: what is written meanwhile is looked at again.
            size = size_of(session.folder)
            self._known[session.id] = writes, size
        return size

    def is_enough(self, sessions: Iterable[Held], more: int) -> bool:
        """Whether so many bytes more may come."""
        return self._used(sessions) + more <= self.most_bytes

    def check(self, sessions: Iterable[Held], more: int) -> None:
        """Raise :class:`NoRoomError` where they may not."""
        used = self._used(sessions)
        if used + more > self.most_bytes:
            told = f"{self._folder} holds {used / 1e9:.3g} GB, and may hold {self.most_bytes / 1e9:.3g}"
            raise NoRoomError(f"{told}: remove sessions, or let the studio keep more gigabytes.")

    def _used(self, sessions: Iterable[Held]) -> int:
        beside = (entry for entry in self._folder.iterdir() if entry.name.startswith(".") and entry.is_dir())
        return sum(map(self.of, sessions)) + sum(map(size_of, beside))


def size_of(folder: str | os.PathLike) -> int:
    """Bytes of all files below a folder; of what goes meanwhile none."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    total += size_of(entry)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        pass
    return total

"""Locks between processes: a file that one of them holds, and that is free again when it ends, however it ends.

They are those of the operating system (``flock``): nothing that a killed process leaves behind counts. Where there are
none (Windows, some network file systems) nothing is locked: two processes may then do the same work, and what they
write is whole all the same (:mod:`gprior_jax.storage.atomic`).
"""

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl


class Lock:
    """A lock that is held, until :meth:`release` or the end of a ``with`` block."""

    def __init__(self, path: Path, file: int):
        """Take over the open file of a lock; see :func:`hold`."""
        self._path, self._file = path, file

    def release(self) -> None:
        """Let go, and remove the file, and its folder if nothing else is in it; once more does nothing."""
        if self._file < 0:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()  # Before it is let go: who opened it meanwhile sees that it is no longer there.
        os.close(self._file)
        self._file = -1
        with contextlib.suppress(OSError):
            self._path.parent.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def hold(path: str | os.PathLike, wait: bool = False) -> Lock | None:
    """Hold a lock file; its folder is made.

    Args:
        path: the file.
        wait: until nobody else holds it.

    Returns:
        The lock; None where another one holds it, and nothing was waited for.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/locks/cat"
    ...     with hold(path):
    ...         print(hold(path))
    ...     os.path.exists(path)
    None
    False
    """
    path = Path(path)
    if fcntl is None:
        return Lock(path, -1)
    while True:
        with contextlib.suppress(FileExistsError):
            os.makedirs(path.parent)
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # The last one to let go has removed the folder meanwhile.
        try:
            if not _lock(file, wait):
                os.close(file)
                return None
            if _is_at(path, file):
                return Lock(path, file)
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # It was removed while we waited: whoever comes next takes another file.


def _lock(file: int, wait: bool) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return True  # This file system has no locks.
    return True


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def any_held(folder: Path, but: Path | None = None) -> bool:
    """Whether anyone holds a lock in a folder, ``but`` one; those that nobody holds are removed.

    >>> any_held(Path("nowhere"))
    False
    """
    held = False
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            if path != but:
                lock = hold(path)
                held = held or lock is None
                if lock is not None:
                    lock.release()
    return held

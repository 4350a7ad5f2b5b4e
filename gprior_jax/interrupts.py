"""Ctrl-C and SIGTERM in the program ``gprior``: one sentence and an exit code, at any moment.

Python's own way raises ``KeyboardInterrupt`` wherever the main thread is: among the imports of other packages, whose
traceback nobody wants; in a finaliser, where it is swallowed; not at all while XLA compiles, which can take a minute.
And an interpreter that shuts down while XLA's threads still compute crashes. So the program leaves by ``os._exit``,
once everything is flushed: what is written, is written whole and renamed into its place, and nothing waits for the end.

Nothing here touches a process that merely imports the package.
"""

import contextlib
import itertools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

PATIENCE_S = 1.0
"""The main thread has so long to answer a signal; one that is deep in compiled code is not waited for."""

_TWICE_S = 0.5
"""A SIGTERM that follows another so soon is the same: ``timeout`` sends it to the program and to its group."""

_MODULES = ("gprior_jax", "gprior_jax.__main__", "gprior_jax.cli.main")
"""That ``python -m`` runs as the program."""

_SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class _State:
    """What the program's handlers know.

    Attributes:
        number: the first signal that came; 0 before one has.
        since: when it did, by the monotonic clock.
        answered: how many the main thread has seen.
        raises: whether it is told by an exception, so that what is going on can be ended in order.
        remedy: end of the sentence.
        ends: whether the program is ending in order, see :func:`end_in_order`.
        code: to leave with when all is done; None before.
    """

    number: int = 0
    since: float = 0.0
    answered: int = 0
    raises: bool = False
    remedy: str = ""
    ends: bool = False
    code: int | None = None


_state = _State()


def is_program() -> bool:
    """Whether this process runs the program: its script, or ``python -m gprior_jax``, whose modules are being found."""
    first = sys.argv[0] if getattr(sys, "argv", None) else ""
    if first == "-m":
        return any(m == "-m" and name in _MODULES for m, name in itertools.pairwise(sys.orig_argv))
    return os.path.basename(first).lower() in ("gprior", "gprior.exe", "gprior-script.py")


def install() -> None:
    """Answer signals with a sentence and the exit code from now on; what ignores them goes on ignoring them."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) == _answer:
        return
    for number in _SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _answer)
    sys.unraisablehook = _unraisable
    _watch()


def run(function: Callable[[], int]) -> int:
    """The exit code of the program's work, which a signal ends by ``KeyboardInterrupt``.

    Args:
        function: gives the exit code; says itself, by :func:`sentence`, that it was interrupted.
    """
    install()
    _state.raises = True
    if _state.number:  # Between the imports and now.
        leave(exit_code())
    try:
        code = function()
        _state.raises = False
    except KeyboardInterrupt:  # Before the work had begun, or after its end.
        _say_and_leave()
    _state.code = code
    if _state.number:
        leave(code)
    return code


def exit_code() -> int:
    """The code of an interrupted program: 130, or 143 where it was SIGTERM."""
    return 128 + (_state.number or signal.SIGINT)


def sentence(told: str = "") -> str:
    """What an interrupted program says; ``told`` is what its work says already."""
    word = _SIGNALS.get(signal.Signals(_state.number or signal.SIGINT), "interrupted")
    if told.startswith("interrupted"):
        return word + told.removeprefix("interrupted")
    return told or f"{word}{_state.remedy or '.'}"


def set_remedy(remedy: str) -> None:
    """Say how the sentence ends from now on: ``"; the same command goes on where it stopped."``."""
    _state.remedy = remedy


def end_in_order() -> None:
    """End in order, however long that takes: SIGTERM, which some send twice, is not heard again; Ctrl-C is."""
    if signal.getsignal(signal.SIGTERM) == _answer:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _state.ends = True


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


def _say_and_leave() -> NoReturn:
    with contextlib.suppress(OSError):
        # Not through sys.stderr, which the main thread may hold.
        os.write(2, f"\ngprior: {sentence()}\n".encode())
    os._exit(exit_code())


def _answer(number: int, frame: FrameType | None) -> None:
    if _state.code is not None:
        leave(_state.code)  # All is done and written: only the interpreter was being taken apart.
    now, _state.answered = time.monotonic(), _state.answered + 1
    if number == _state.number == signal.SIGTERM and now - _state.since < _TWICE_S:
        return  # Between the first one and what ends in order, which hears none.
    if not _state.number:
        _state.number, _state.since = number, now
    if _state.answered > 1 or not _state.raises:
        _say_and_leave()
    raise KeyboardInterrupt


def _unraisable(unraisable: Any) -> None:
    """An interrupt that came in a finaliser, which would swallow it."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        _say_and_leave()
    sys.__unraisablehook__(unraisable)


def _watch() -> None:
    """Leave for a main thread that does not answer."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def wait() -> None:
        came = 0
        with writer:  # Kept open as long as this thread runs.
            while numbers := reader.recv(64):
                known = [number for number in numbers if number in set(_SIGNALS)]
                if known:
                    came += len(known)
                    time.sleep(PATIENCE_S)
                    if _state.answered < came and not _state.ends:
                        _state.number = _state.number or known[0]
                        _say_and_leave()

    threading.Thread(target=wait, name="gprior signals", daemon=True).start()

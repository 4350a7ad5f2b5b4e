"""Progress on standard error: a bar on a terminal, lines in a log."""

import sys
import time
from collections.abc import Callable
from typing import Any

from gprior_jax.errors import require

LINE_SHARE = 0.1
"""In a log a line is written after every tenth of the work ..."""

LINE_SECONDS = (2.0, 30.0)
"""... but not sooner than the first after the last line, and not later than the second."""


class Bar:
    """How far a piece of work is: a bar of tqdm's on a terminal, else a line of its own now and then."""

    def __init__(self, title: str, unit: str, binary: bool = False, clock: Callable[[], float] = time.monotonic):
        """Show nothing yet.

        Args:
            title: what is done.
            unit: of what is counted.
            binary: count in KiB, MiB, ...
            clock: tells seconds.
        """
        self._title, self._unit, self._binary, self._clock = title, unit, binary, clock
        self._shown: Any = None

    def update(self, done: int, total: int | None, **facts: str) -> None:
        """Tell how much is done, of how much, and what else there is to say.

        What is done by the first call took no measured time (a compilation, a transfer that goes on): it counts for
        nothing in the rate.
        """
        if self._shown is None:
            self._shown = self._start(done, total)
        if facts:
            self._shown.set_postfix(facts, refresh=False)
        self._shown.update(done - self._shown.n)

    def close(self) -> None:
        """End it; of a bar that stood still the last numbers stay."""
        if self._shown is not None:
            self._shown.close()
            self._shown = None

    def _start(self, done: int, total: int | None) -> Any:
        tqdm = require("tqdm", "cli").tqdm
        if not sys.stderr.isatty():
            size = tqdm.format_sizeof if self._binary else None
            return _Lines(self._title, self._unit, done, total, size, self._clock)
        scale = {"unit_scale": True, "unit_divisor": 1024} if self._binary else {}
        return tqdm(total=total, initial=done, desc=self._title, unit=self._unit, dynamic_ncols=True, **scale)


class _Lines:
    """What stands for a bar where standard error is no terminal: a file in which a bar would be one endless line."""

    def __init__(
        self,
        title: str,
        unit: str,
        done: int,
        total: int | None,
        size: Callable[..., str] | None,
        clock: Callable[[], float],
    ):
        self.n = done
        self._title, self._unit, self._total, self._size, self._clock = title, unit, total, size, clock
        self._first = self._told = (done, clock())
        self._facts: dict[str, str] = {}
        self._is_told = False

    def set_postfix(self, facts: dict[str, str], refresh: bool = False) -> None:
        self._facts = facts

    def update(self, more: int) -> None:
        self.n += more
        then, at = self._told
        waited, self._is_told = self._clock() - at, False
        soon, late = LINE_SECONDS
        is_part = self._total is not None and self.n - then >= LINE_SHARE * self._total
        if waited >= late or (is_part and waited >= soon) or self.n == self._total:
            self._tell()

    def close(self) -> None:
        if not self._is_told:
            self._tell()

    def _tell(self) -> None:
        now = self._clock()
        self._told, self._is_told = (self.n, now), True
        words = [f"{self._title}: {self._counted()}", *(f"{name} {value}" for name, value in self._facts.items())]
        done, seconds = self.n - self._first[0], now - self._first[1]
        if done and self._total and self.n < self._total:
            words.append(f"{span(seconds * (self._total - self.n) / done)} left")
        print(", ".join(words), file=sys.stderr, flush=True)

    def _counted(self) -> str:
        if self._size is not None:
            told = [self._size(number, divisor=1024) for number in (self.n, self._total) if number is not None]
            return f"{'/'.join(told)}{self._unit}"
        share = "" if not self._total else f"/{self._total}"
        return f"{self._unit} {self.n}{share}"


def span(seconds: float) -> str:
    """A time in words, as short as it can be.

    >>> span(9.6), span(200), span(7300)
    ('10 s', '3 min', '2 h 2 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"

"""What a run tells while it goes on: a CSV file, rows with its pace, and TensorBoard's files where they are wanted."""

import csv
import io
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np

from gprior_jax.errors import require
from gprior_jax.storage.atomic import named, write_bytes

Report = Callable[[dict[str, Any]], None]

_ROWS = 10
"""The pace is that of so many rows: of the machine as it is, without the compilation of the first steps."""


class Pace:
    """How fast a run is, and how long it will take."""

    def __init__(self, seen: int, end: int, clock: Callable[[], float] = time.monotonic):
        """Start the clock.

        Args:
            seen: images seen so far.
            end: images of the whole run.
            clock: tells seconds.
        """
        self._end, self._clock = end, clock
        self._started, self._marks = (seen, clock()), deque(maxlen=_ROWS + 1)

    def at(self, seen: int) -> dict[str, float]:
        """``images_per_second`` and ``seconds_left``, at so many images."""
        # Until there are two rows, the compilation counts.
        first, then = self._marks[0] if self._marks else self._started
        now = self._clock()
        self._marks.append((seen, now))
        rate = (seen - first) / max(now - then, 1e-9)
        return {"images_per_second": rate, "seconds_left": (self._end - seen) / rate if rate else float("inf")}


def require_tensorboard() -> ModuleType:
    """tensorboardX, or the sentence that says what to install."""
    return require("tensorboardX", "tensorboard")


class TensorBoard:
    """Scalars and sheets of samples in files that TensorBoard shows."""

    def __init__(self, folder: Path, seen: int):
        """Open the folder; what an interrupted run wrote beyond ``seen`` images is not shown."""
        writer = require_tensorboard().SummaryWriter
        self._writer = writer(str(folder), purge_step=seen or None, filename_suffix=f".from-{seen}")

    def row(self, row: dict[str, Any]) -> None:
        """Add the numbers of a row of the log."""
        for name, value in row.items():
            if name != "images" and value != "":
                self._writer.add_scalar(name, float(value), row["images"])
        self._writer.flush()

    def sheet(self, pixels: np.ndarray, seen: int) -> None:
        """Add a sheet of samples, uint8 ``[H, W, 3]``."""
        self._writer.add_image("samples", pixels, seen, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class Log:
    """Means of the terms between two rows, appended to a CSV file that a resumed run takes up where it left off."""

    def __init__(self, path: Path, fields: tuple[str, ...], seen: int, pace: Pace, *reports: Report):
        """Open the file, without the rows that come after ``seen`` images.

        Args:
            path: the file.
            fields: its columns.
            seen: images seen so far.
            pace: of the run.
            reports: are told every row, with the pace.
        """
        self._path, self._fields, self._pace, self._reports = path, fields, pace, reports
        self._terms: list[tuple[dict[str, jax.Array], int]] = []
        # A row without its end is what a full disk has left of one.
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        rows = list(csv.DictReader(line for line in lines if line.endswith("\n")))
        text = io.StringIO()
        writer = csv.DictWriter(text, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if int(row["images"]) <= seen)
        write_bytes(path, text.getvalue().encode())

    def add(self, terms: dict[str, jax.Array], number: int = 1) -> None:
        """Keep the terms of some steps; they stay on the device until the next row is written.

        Args:
            terms: named scalars, or those of every step ``[N]``.
            number: how many of them count, the first.
        """
        self._terms.append((terms, number))

    def write(self, seen: int, progress: dict[str, Any]) -> None:
        """Append a row of means and report it."""
        terms, self._terms = jax.device_get(self._terms), []
        row: dict[str, Any] = {"images": seen} | progress
        for name in self._fields[len(row) :]:
            values = [np.ravel(each[name])[:number] for each, number in terms if name in each]
            row[name] = f"{np.mean(np.concatenate(values), dtype=float):.6g}" if values else ""
        with named(self._path), open(self._path, "a", newline="") as file:
            csv.DictWriter(file, self._fields, lineterminator="\n").writerow(row)
        told = row | self._pace.at(seen)
        for report in self._reports:
            report(told)

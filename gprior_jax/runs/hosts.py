"""A run by several processes that start together and end together: the hosts of a pod.

Nothing is sent between them: what is done is in the records of the output folder, which all of them see, and what is in
hand is under its locks. Each does its own share first, and then what no one has done and no one has in hand, so that
none is idle and the images of one that has died, the first one too, are done by the others. The first one looks at
every image in the end, and writes the report; where it has died, the last one of the others does.

On the way each writes a small file in ``.hosts/`` now and then, from which the first tells how far all are.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import CheckpointError
from gprior_jax.inversion.batching import inversion_batch_size
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Job
from gprior_jax.runs.runner import Outcome, run
from gprior_jax.runs.shares import WHOLE, Part, Share, Unrecorded, recorded_names
from gprior_jax.storage.atomic import read_json, remove_leftovers, write_json

HOSTS = ".hosts"
"""Folder of the small files, in the output folder."""

_EVERY = 10.0
"""Seconds between two of them, and between two sentences."""

_SILENT = 6.0
"""Times that, after which a process is called silent."""


def run_with_hosts(
    job: Job,
    items: Sequence[Item],
    out: str | os.PathLike,
    share: Share,
    *,
    batch_size: int | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    every: float = _EVERY,
    **options: Any,
) -> Outcome:
    """Do a list of images together with other processes that call this with the other shares of the same list.

    Args:
        job: see :func:`gprior_jax.runs.run`.
        items: the whole list.
        out: a folder that all processes see.
        share: of this process; the first one tells how far all are.
        batch_size: see :func:`gprior_jax.runs.run`; of each process.
        tell: called with sentences.
        every: seconds between two sentences on the progress.
        options: see :func:`gprior_jax.runs.run`.

    Returns:
        Of the first process the outcome of all, of the others what they themselves have done.

    Raises:
        ArgumentError: see :func:`gprior_jax.runs.run`.
    """
    size = batch_size or inversion_batch_size(job.resolution, max(1, len(share.of(items, items))))
    failed: dict[str, str] = {}
    more = {"batch_size": size, "tell": tell, "failed": failed} | options
    with _Report(Path(out), share, len(items), failed, tell, every) as report:
        first = run(job, items, out, part=_Named(share, report), **more)
        rest: Part = WHOLE if share.number == 0 else Unrecorded(Path(out))
        last = run(job, items, out, part=rest, **more)
        report.is_last = last.is_whole
    if share.number == 0:
        return last
    entries = {entry.row["name"]: entry for outcome in (first, last) for entry in outcome.entries}
    return last._replace(entries=list(entries.values()))


class Told(NamedTuple):
    """What a process tells of itself.

    Attributes:
        failed: how many inputs it could not use.
        updated: when it told so, seconds since 1970 by its own clock.
    """

    failed: int
    updated: float


def read_hosts(folder: Path) -> dict[int, Told]:
    """What the processes that work into an output folder tell of themselves, by their numbers."""
    found: dict[int, Told] = {}
    for path in sorted((folder / HOSTS).glob("*.json")):
        with contextlib.suppress(CheckpointError, KeyError, ValueError, TypeError):
            content = read_json(path)
            found[int(path.stem)] = Told(int(content["failed"]), float(content["updated"]))
    return found


class _Report:
    """Writes the small file of a process, and of the first tells how far all are, in a thread."""

    def __init__(
        self,
        folder: Path,
        share: Share,
        total: int,
        failed: dict[str, str],
        tell: Callable[[str], None],
        every: float,
    ):
        self._folder, self._share, self._total, self._failed = folder, share, total, failed
        self._tell, self._every = tell, every
        self.is_last = False
        self.names: frozenset[str] = frozenset()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._began, self._seen = time.monotonic(), 0

    def __enter__(self) -> "_Report":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        hosts = self._folder / HOSTS
        with contextlib.suppress(OSError):
            # The last one removes those of killed processes, too.
            for path in hosts.glob("*.json" if self.is_last else f"{self._share.number}.json"):
                path.unlink(missing_ok=True)
            remove_leftovers(hosts)
            hosts.rmdir()

    def look(self, names: Iterable[str]) -> None:
        """Take the names that the images have in the folder, and count those that are done already."""
        names = frozenset(names)
        self._seen, self.names = len(recorded_names(self._folder) & names), names

    def _go(self) -> None:
        before = ""
        while True:
            with contextlib.suppress(OSError):  # A full disk, a folder that is not made yet: no reason to end the run.
                self._write()
            if self._end.wait(self._every):
                return
            if self._share.number == 0 and self.names and (sentence := self._sentence()) != before:
                self._tell(sentence)
                before = sentence

    def _write(self) -> None:
        if not self._folder.is_dir():
            return  # The run makes it, if it is not refused.
        (self._folder / HOSTS).mkdir(exist_ok=True)
        content = {"process": self._share.number, "processes": self._share.shares, "failed": len(self._failed)}
        write_json(self._folder / HOSTS / f"{self._share.number}.json", content | {"updated": time.time()})

    def _sentence(self) -> str:
        hosts = {number: told for number, told in read_hosts(self._folder).items() if number < self._share.shares}
        done, failed = len(recorded_names(self._folder) & self.names), sum(told.failed for told in hosts.values())
        rate = max(0, done - self._seen) / (time.monotonic() - self._began)
        silent = [n for n, told in hosts.items() if time.time() - told.updated > _SILENT * self._every]
        return progress_told(self._share.shares, done, self._total, failed, rate, silent)


class _Named:
    """A share that tells what the images are called in the folder."""

    def __init__(self, share: Share, report: _Report):
        self._share, self._report = share, report

    def of(self, items: Sequence[Item], named: Sequence[Item]) -> list[Item]:
        """Those of the share."""
        self._report.look(item.name for item in named)
        return self._share.of(items, named)


def progress_told(processes: int, done: int, total: int, failed: int, rate: float, silent: Sequence[int] = ()) -> str:
    """How far several processes are, in words.

    >>> progress_told(4, 37, 64, 1, 2.0, [3])
    '4 processes: 37 of 64 images done, 1 failed, 2 images/s, 13 s left; process 3 is silent: it may have died'
    """
    told = f"{processes} processes: {done} of {total} images done"
    told += f", {failed} failed" if failed else ""
    left = max(0, total - done - failed)
    told += f", {rate:.3g} images/s, {_duration(left / rate)} left" if rate > 0 and left else ""
    if silent:
        one = len(silent) == 1
        which = f"process {silent[0]} is" if one else f"processes {', '.join(map(str, silent))} are"
        told += f"; {which} silent: {'it' if one else 'they'} may have died"
    return told


def _duration(seconds: float) -> str:
    """Seconds in words, to be read at a glance.

    >>> _duration(13.4), _duration(500), _duration(20_000)
    ('13 s', '8 min', '5.6 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

"""One task over many files: batches of one shape, results written as they come, bad files reported at the end."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError, ImageFileError
from gprior_jax.images.files import unreadable
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.inversion.devices import device_facts
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import Entry, entry_of
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.items import Item
from gprior_jax.runs.names import as_text
from gprior_jax.runs.record import Record, read_record
from gprior_jax.runs.report import MAX_IMAGES, record_block
from gprior_jax.summary import versions
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Progress

_PAUSE = 0.5
"""Seconds between looks at images that another process has in hand."""


class Batch(NamedTuple):
    """Images that are worked on at once.

    Attributes:
        items: what is to be written.
        places: their places in the batch; the others hold copies.
        arrays: what :meth:`Job.load` gave, stacked: ``[B, ...]``.
        ids: ``[B]``.
    """

    items: list[Item]
    places: list[int]
    arrays: Arrays
    ids: np.ndarray


class Job(Protocol):
    """What is done with every file; :mod:`gprior_jax.runs` has inversion, restoration and attribution."""

    @property
    def resolution(self) -> int:
        """Side of the images that are worked on, from which the batch size is chosen."""
        ...

    @property
    def devices(self) -> int | None:
        """Devices that a batch is spread over, see :func:`gprior_jax.inversion.devices.spread`."""
        ...

    def settings(self) -> dict[str, Any]:
        """Everything that decides the results, as JSON.

        Raises:
            ValueError: what is asked for does not fit together.
        """
        ...

    def load(self, item: Item) -> Arrays:
        """Read one item; every item gives arrays of the same shapes, by name.

        Raises:
            ImageFileError: it cannot be used; the others go on.
        """
        ...

    def start(self, batch_size: int) -> "Solve":
        """What solves batches of this size; called once, when there is something to do."""
        ...


Solve = Callable[[Batch, Progress | None], Iterator[Record]]
"""``solve(batch, progress)``: the records of a batch, in the order of its items."""


class Outcome(NamedTuple):
    """What a run came to.

    Attributes:
        entries: of all inputs that are done, in the order of the inputs.
        failed: ``{source: sentence}`` of inputs that could not be used.
        report: the report's path.
        run: content of ``run.json``: all images of the folder, also those of other runs into it.
        recorded: their entries.
    """

    entries: list[Entry]
    failed: dict[str, str]
    report: Path
    run: dict[str, Any]
    recorded: list[Entry]


def run(
    job: Job,
    items: Sequence[Item],
    out: str | os.PathLike,
    *,
    batch_size: int | None = None,
    size: int | None = None,
    facts: dict[str, Any] | None = None,
    watch: Callable[[str], Progress | None] = lambda title: None,
    tell: Callable[[str], None] = lambda sentence: None,
    blocks: Callable[[list[Entry]], Iterable[str]] = lambda entries: (),
) -> Outcome:
    """Do every item that is not done yet.

    Several processes may work into one folder: each takes the images in hand that no other one has, and the last to end
    lists all.

    Args:
        job: what is done.
        items: the inputs.
        out: folder for the results, see :mod:`gprior_jax.runs.folder`.
        batch_size: images at once; None chooses by resolution.
        size: side of the written PNG; None keeps the result's.
        facts: what else ``run.json`` shall record.
        watch: makes the callback for the progress of a batch, from its title; called once more when the batch is done,
            as ``callback({})``.
        tell: called with every sentence about an input that cannot be used, when that is found.
        blocks: makes HTML that comes first in the report, of all images that are done in the folder.

    Raises:
        ArgumentError: the folder holds results of other settings, or inputs; or numbers out of range.
    """
    for name, number in (("batch_size", batch_size), ("size", size)):
        if number is not None and number < 1:
            raise ArgumentError(f"{name} {number}: use at least 1.")
    started = time.time()
    batch_size = batch_size or max(1, default_batch_size(job.resolution, len(items)))
    folder = OutputFolder(out, job.settings(), items)
    with folder.at_work():
        work = _Work(job, folder, folder.named(items), size, tell)
        work.look()
        solve: Solve | None = None
        with contextlib.closing(work.batches(batch_size)) as batches:
            for title, batch, digests in batches:
                solve = solve or job.start(batch_size)
                progress = watch(title)
                for item, sha256, record in zip(batch.items, digests, solve(batch, progress), strict=True):
                    folder.write(item, record, size, sha256)
                    work.keep(item, record)
                if progress is not None:
                    progress({})
        told = {
            "versions": versions(),
            "device": device_facts(job.devices, batch_size),
            "seconds": round(time.time() - started, 2),
            "batch_size": batch_size,
        }
        ending = end(folder, work.items, work.entries, work.failed, (facts or {}) | told, blocks, tell)
    ordered = [work.entries[item.name] for item in work.items if item.name in work.entries]
    return Outcome(ordered, work.failed, ending.report, ending.run, ending.entries)


@dataclasses.dataclass
class _Work:
    """The items of a run, and what has become of them.

    Attributes:
        items: in the order that they came in, under the names that they have in the folder.
        entries: of those that are done, by name.
        failed: ``{source: sentence}``.
    """

    job: Job
    folder: OutputFolder
    items: list[Item]
    size: int | None
    tell: Callable[[str], None]
    entries: dict[str, Entry] = dataclasses.field(default_factory=dict)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)

    def keep(self, item: Item, record: Record) -> None:
        """Note an image that is done."""
        self.entries[item.name] = entry_of(record, record_block(record) if len(self.entries) < MAX_IMAGES else "")

    def look(self) -> None:
        """Take up what is done already."""
        for item in filter(self.folder.is_done, self.items):
            self._take_up(item)
        if self.entries:
            self.tell(f"{len(self.entries)} of {len(self.items)} images are done already")

    def _take_up(self, item: Item) -> bool:
        try:
            record = read_record(self.folder.path / f"{item.name}.npz")
        except CheckpointError:  # Damaged further in: to be done again.
            return False
        self.folder.mend(item, record, self.size)
        self.keep(item, record)
        return True

    def batches(self, size: int) -> Generator[tuple[str, Batch, list[list[str]]], None, None]:
        """Batches of one shape with their titles, and the fingerprints of their files, taken before these were read.

        An image's place in its batch follows from the list alone, whatever is done already, cannot be read, or is done
        by another process: XLA's sums can depend on the place in the last bit, and an interrupted run shall end like
        one that was not. Free places are filled with copies.
        """
        ordered = sorted(range(len(self.items)), key=lambda i: (self.items[i].source, self.items[i].id))
        places = list(enumerate(ordered))
        waiting = [dict(places[start : start + size]) for start in range(0, len(places), size)]
        is_told = False
        while waiting:
            others, idle = [], True
            for numbers in waiting:
                with contextlib.ExitStack() as locks:
                    loaded, busy = self._load(numbers, locks)
                    if busy:
                        others.append(busy)
                    if loaded:
                        idle = False
                        title = f"images {min(loaded) + 1} to {max(loaded) + 1} of {len(self.items)}"
                        yield title, _stacked(loaded, size), [digests for _, _, digests in loaded.values()]
            waiting = others
            if waiting and idle:
                if not is_told:
                    count = sum(map(len, waiting))
                    self.tell(f"{count} images are in the hands of another process: waiting for them")
                    is_told = True
                time.sleep(_PAUSE)

    def _load(
        self, numbers: Mapping[int, int], locks: contextlib.ExitStack
    ) -> tuple[dict[int, tuple[Item, Arrays, list[str]]], dict[int, int]]:
        """What is to be done of some items, by the places that they have in the list, and which others have in hand.

        Args:
            numbers: indices into the items by their places.
            locks: where the locks of what is to be done are put.
        """
        loaded: dict[int, tuple[Item, Arrays, list[str]]] = {}
        busy: dict[int, int] = {}
        for place, index in numbers.items():
            item = self.items[index]
            if item.name in self.entries:
                continue
            taken = self.folder.take(item)
            if taken is None:
                busy[place] = index
                continue
            item, lock = taken
            self.items[index] = item
            if lock is None and self._take_up(item):
                continue
            if lock is not None:
                locks.enter_context(lock)
            try:
                digests = item.digests()
                loaded[place] = item, self.job.load(item), digests
            except (ImageFileError, OSError) as error:
                why = unreadable(item.source, error) if isinstance(error, OSError) else error
                self.failed[as_text(item.source)] = as_text(str(why))
                self.tell(as_text(str(why)))
        return loaded, busy


def _stacked(loaded: Mapping[int, tuple[Item, Arrays, list[str]]], size: int) -> Batch:
    """A batch of a size of what was loaded, by the places in the list."""
    by_place = {place % size: each for place, each in loaded.items()}
    first, *_ = by_place
    filled = [by_place.get(place, by_place[first]) for place in range(size)]
    return Batch(
        items=[item for item, _, _ in loaded.values()],
        places=list(by_place),
        arrays={name: np.stack([arrays[name] for _, arrays, _ in filled]) for name in filled[0][1]},
        ids=np.array([item.id for item, _, _ in filled]),
    )

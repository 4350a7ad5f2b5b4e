"""One task over many files: batches of one shape, results written as they come, bad files reported at the end."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError, ImageFileError
from gprior_jax.inversion.batching import default_batch_size
from gprior_jax.inversion.devices import device_facts
from gprior_jax.runs.folder import Entry, OutputFolder, entry_of
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import Record, read_record
from gprior_jax.runs.report import MAX_IMAGES, record_block, write_report
from gprior_jax.summary import versions
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Progress


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
        """Read one item; every item (of a group, see :class:`Grouped`) gives arrays of the same shapes, by name.

        Raises:
            ImageFileError: it cannot be used; the others go on.
        """
        ...

    def start(self, batch_size: int) -> "Solve":
        """What solves batches of this size; called once, when there is something to do."""
        ...


@runtime_checkable
class Grouped(Protocol):
    """A job whose items are of several shapes; those of a batch are of one."""

    def group(self, item: Item) -> int:
        """A number that is equal for items which can share a batch; it depends on the item's files alone."""
        ...


Solve = Callable[[Batch, Progress | None], Iterator[Record]]
"""``solve(batch, progress)``: the records of a batch, in the order of its items."""


class Outcome(NamedTuple):
    """What a run came to.

    Attributes:
        entries: of all images that are done, in the order of the inputs.
        failed: ``{source: sentence}`` of inputs that could not be used.
        report: the report's path.
    """

    entries: list[Entry]
    failed: dict[str, str]
    report: Path


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
    finished: Callable[[Item, Record], None] | None = None,
) -> Outcome:
    """Do every item that is not done yet.

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
        blocks: makes HTML that comes first in the report, of all images that are done.
        finished: called with every image when its files are written, and with those that are done already.

    Raises:
        ArgumentError: the folder holds a run with other settings, or inputs; or numbers out of range.
    """
    for name, number in (("batch_size", batch_size), ("size", size)):
        if number is not None and number < 1:
            raise ArgumentError(f"{name} {number}: use at least 1.")
    started = time.time()
    batch_size = batch_size or max(1, default_batch_size(job.resolution, len(items)))
    folder = OutputFolder(out, job.settings(), items)
    failed: dict[str, str] = {}
    entries: dict[int, Entry] = {}
    todo = set(items)
    for item in filter(folder.is_done, items):
        with contextlib.suppress(CheckpointError):  # Damaged further in: to be done again.
            record = read_record(folder.path / f"{item.name}.npz")
            entries[item.id] = entry_of(record, record_block(record) if len(entries) < MAX_IMAGES else "")
            todo.remove(item)
            if finished is not None:
                finished(item, record)
    if entries:
        tell(f"{len(entries)} of {len(items)} images are done already")
    solve: Solve | None = None
    for batch, digests in _batches(job, items, todo, batch_size, failed, tell):
        solve = solve or job.start(batch_size)
        progress = watch(f"images {batch.items[0].id + 1} to {batch.items[-1].id + 1} of {len(items)}")
        for item, sha256, record in zip(batch.items, digests, solve(batch, progress), strict=True):
            folder.write(item, record, size, sha256)
            if finished is not None:
                finished(item, record)
            entries[item.id] = entry_of(record, record_block(record) if len(entries) < MAX_IMAGES else "")
        if progress is not None:
            progress({})
    told = {
        "versions": versions(),
        "device": device_facts(job.devices, batch_size),
        "seconds": round(time.time() - started, 2),
        "batch_size": batch_size,
    }
    ordered = [entries[item.id] for item in items if item.id in entries]
    content = folder.finish(ordered, failed, (facts or {}) | told)
    return Outcome(ordered, failed, write_report(folder.path, content, ordered, blocks(ordered)))


def _batches(
    job: Job,
    items: Sequence[Item],
    todo: set[Item],
    size: int,
    failed: dict[str, str],
    tell: Callable[[str], None],
) -> Iterator[tuple[Batch, list[list[str]]]]:
    """Batches of one shape, with the fingerprints of their files, taken before these were read.

    An image's place in its batch follows from the list, whatever else is done already or cannot be read: XLA's sums can
    depend on the place in the last bit, and an interrupted run shall end like one that was not. Free places are filled
    with copies.
    """
    for group in _groups(job, items, size):
        loaded: dict[int, tuple[Item, Arrays, list[str]]] = {}
        for place, item in enumerate(group):
            try:
                if item in todo:
                    digests = item.digests()
                    loaded[place] = item, job.load(item), digests
            except (ImageFileError, OSError) as error:
                failed[str(item.source)] = str(error)
                tell(str(error))
        if loaded:
            first, *_ = loaded
            places = [place if place in loaded else first for place in range(size)]
            batch = Batch(
                items=[item for item, _, _ in loaded.values()],
                places=list(loaded),
                arrays={n: np.stack([loaded[place][1][n] for place in places]) for n in loaded[first][1]},
                ids=np.array([loaded[place][0].id for place in places]),
            )
            yield batch, [digests for _, _, digests in loaded.values()]


def _groups(job: Job, items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """The items of each batch: of one shape, in their order."""
    shapes: dict[int, list[Item]] = {}
    for item in sorted(items):
        shapes.setdefault(job.group(item) if isinstance(job, Grouped) else 0, []).append(item)
    for same in shapes.values():
        yield from (same[start : start + size] for start in range(0, len(same), size))

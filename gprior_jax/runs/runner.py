"""One task over many files: batches of one shape, results written as they come, bad files reported at the end."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import ArgumentError, is_out_of_memory
from gprior_jax.inversion.batching import inversion_batch_size
from gprior_jax.inversion.devices import cores, device_facts
from gprior_jax.inversion.meter import TooManyImagesError
from gprior_jax.inversion.saving import Saver
from gprior_jax.runs.ending import end, note
from gprior_jax.runs.entries import Entry
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Flow, Job, Metered, Solve, Streaming
from gprior_jax.runs.pipeline import Ahead, Behind, Clock
from gprior_jax.runs.record import Record
from gprior_jax.runs.shares import WHOLE, Part
from gprior_jax.runs.states import States
from gprior_jax.runs.work import Work
from gprior_jax.summary import versions
from gprior_jax.typing import Progress


class Outcome(NamedTuple):
    """What a run came to.

    Attributes:
        entries: of all inputs that are done, in the order of the inputs.
        failed: ``{source: sentence}`` of inputs that could not be used.
        report: the report's path.
        run: content of ``run.json``: all images of the folder, also those of other runs into it.
        recorded: their entries.
        is_whole: false of a share that has left the report, and all images but its own, to others that are at work in
            the folder: ``run`` and ``recorded`` are then of what is known so far.
    """

    entries: list[Entry]
    failed: dict[str, str]
    report: Path
    run: dict[str, Any]
    recorded: list[Entry]
    is_whole: bool = True


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
    finished: Callable[[Item, Record], Record] | None = None,
    save_every: float | None = None,
    part: Part = WHOLE,
    failed: dict[str, str] | None = None,
) -> Outcome:
    """Do every item that is not done yet.

    Several processes may work into one folder: each takes the images in hand that no other one has, and the last to end
    lists all.

    Args:
        job: what is done.
        items: the inputs.
        out: folder for the results, see :mod:`gprior_jax.runs.folder`.
        batch_size: images at once, no more than there are; None chooses by resolution and device.
        size: side of the written PNG; None keeps the result's.
        facts: what else ``run.json`` shall record.
        watch: makes the callback for the progress of a batch, from its title; called once more when the batch is done,
            as ``callback({})``.
        tell: called with every sentence about an input that cannot be used, when that is found.
        blocks: makes HTML that comes first in the report, of all images that are done in the folder.
        finished: called with every image when its files are written, and with those that are done already; what it
            gives is told of the image.
        save_every: how often to keep the states of images that are under way, so that an interrupted run goes on in
            the middle of them; None keeps none, and does these images from the start.
        part: which of the items are done here, under the names and ids that they have in the whole list. Of several
            processes with parts of one list in one folder the last to end writes the report.
        failed: where inputs that could not be used are noted as they are found.

    Raises:
        ArgumentError: the folder holds results of other settings, or inputs; or numbers out of range.

    >>> import gprior_jax as gp, jax, tempfile
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(prior, recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, out)
    ...     again = gp.runs.run(job, items, out)  # Nothing is left to do.
    >>> [entry.row["name"] for entry in again.entries], done.failed
    (['portrait_1', 'portrait_2', 'portrait_3'], {})
    """
    if save_every is not None and not 0.0 < save_every < float("inf"):
        raise ArgumentError(f"save_every {save_every}: use a number above 0.")
    for name, number in (("batch_size", batch_size), ("size", size)):
        if number is not None and number < 1:
            raise ArgumentError(f"{name} {number}: use at least 1.")
    started = time.time()
    if isinstance(job, Metered):
        job.meter.again()
    batch_size = batch_size or inversion_batch_size(job.resolution, max(1, len(part.of(items, items))))
    batch_size = min(batch_size, max(1, len(items)))
    folder = OutputFolder(out, job.settings(), items)
    with folder.at_work() as lock:
        own = part.of(items, folder.named(items))
        work = Work(job, folder, own, size, tell, finished, failed={} if failed is None else failed)
        work.look()
        around = _Around(size, watch, States(folder.path, folder.settings), save_every, Clock(), Clock())
        batch_size = _within_memory(job, work, batch_size, around)
        around.states.sweep(item for item in work.items if item.name in work.entries)
        told = {
            "versions": versions(),
            "device": device_facts(job.devices, batch_size),
            "seconds": round(time.time() - started, 2),
            "batch_size": batch_size,
            "steps": job.meter.told() if isinstance(job, Metered) else None,
            "waited": {"input": round(around.for_input.seconds, 2), "output": round(around.for_output.seconds, 2)},
        }
        ended = (folder, work.items, work.entries, work.failed, (facts or {}) | told)
        ending = None if part == WHOLE else note(*ended)
        is_whole = ending is None or not folder.leave(lock)
        if ending is None or is_whole:
            ending = end(*ended, blocks, tell)
    ordered = [work.entries[item.name] for item in work.items if item.name in work.entries]
    return Outcome(ordered, work.failed, ending.report, ending.run, ending.entries, is_whole)


class _Around(NamedTuple):
    """What goes on around the solver; see :func:`run`."""

    size: int | None
    watch: Callable[[str], Progress | None]
    states: States
    save_every: float | None
    for_input: Clock
    for_output: Clock

    @property
    def saver(self) -> Saver | None:
        return None if self.save_every is None else self.states.saver(self.save_every)


def _within_memory(job: Job, work: Work, batch_size: int, around: _Around) -> int:
    """Do all items, with fewer at once where memory does not suffice; how many it came to."""
    while True:
        try:
            _do(job, work, batch_size, around)
            return batch_size
        except Exception as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
            fits = error.fits if isinstance(error, TooManyImagesError) else batch_size // 2
        finally:
            work.again()
        # What the failed attempt held is free from here on.
        work.tell(f"memory did not suffice for {batch_size} images at once: going on with {fits}")
        batch_size = fits


def _do(job: Job, work: Work, batch_size: int, around: _Around) -> None:
    """Do all items that are not done."""
    flow = job.stream(batch_size, around.saver) if isinstance(job, Streaming) else None
    if flow is None and around.saver is not None:
        work.tell("no states are saved: images are solved in batches, which start again after an interruption")
    # An image's files are written while others are under way.
    with Behind(2 * batch_size, around.for_output, min(_WRITERS, cores())) as behind:
        hand_over = partial(_hand_over, work, around, behind)
        if flow is None:
            _in_batches(job, work, batch_size, around, hand_over)
        else:
            _as_they_come(flow, work, batch_size, around, hand_over)


_WRITERS = 4
"""Threads that write: a PNG of 1024 px takes a third of a second to compress, in which others run."""

HandOver = Callable[[Item, Record, list[str]], None]


def _hand_over(work: Work, around: _Around, behind: Behind, item: Item, record: Record, sha256: list[str]) -> None:
    """Have the files of an image written, and noted then that it is done."""

    def note() -> None:
        work.keep(item, record)
        around.states.forget(item)
        work.let_go(item)

    behind(partial(work.folder.write, item, record, around.size, sha256), note)


def _in_batches(job: Job, work: Work, batch_size: int, around: _Around, hand_over: HandOver) -> None:
    """Batch after batch, the next one read while one is solved."""
    solve: Solve | None = None
    with Ahead(work.batches(batch_size), 1, work.stop, around.for_input) as batches:
        for title, batch, digests in batches:
            solve = solve or job.start(batch_size)
            progress = around.watch(title)
            for item, sha256, record in zip(batch.items, digests, solve(batch, progress), strict=True):
                hand_over(item, record, sha256)
            if progress is not None:
                progress({})


def _as_they_come(flow: Flow, work: Work, slots: int, around: _Around, hand_over: HandOver) -> None:
    """Images in places of one program, those of one shape after those of another."""
    for indices in work.groups():
        progress = around.watch(f"{len(indices)} images, {slots} at once")
        with Ahead(work.singles(indices), slots, work.stop, around.for_input) as inputs:
            for loaded, record in flow(inputs.polled(), len(indices), progress):
                hand_over(loaded.item, record, loaded.digests)
        if progress is not None:
            progress({})

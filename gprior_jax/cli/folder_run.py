"""One task over many files: batches of one shape, results written as they come, bad files reported at the end."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from gprior_jax import tasks
from gprior_jax.cli import common
from gprior_jax.errors import ImageFileError, Status
from gprior_jax.images import arrays as im
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.runs import report
from gprior_jax.runs.folder import Item, OutputFolder, Record, finite_or_none
from gprior_jax.runs.folder import digests as file_digests
from gprior_jax.tasks import Restoration

Arrays = dict[str, np.ndarray]
"""What belongs to an item, by name: ``"observed"``, and what else the task needs (``"known"``, a mask); with
``"truth"`` (``[R, R, 3]`` in [-1, 1]), the ground truth, metrics are computed; it is NaN for an item that has none."""


class Job(Protocol):
    """What a command does with its files."""

    @property
    def restores(self) -> bool:
        """Whether the input is a measurement (gray, small, ...), not the image itself."""
        ...

    def load(self, item: Item) -> Arrays:
        """Read one item; every item gives arrays of the same shapes.

        Raises:
            ImageFileError: it cannot be used; the others go on.
        """
        ...

    def solve(self, batch: Arrays, options: tasks.BatchOptions) -> Restoration:
        """Solve a batch; its arrays have a leading axis of images, the options name ids, devices and progress."""
        ...


class Options(NamedTuple):
    """How to go over the files.

    Attributes:
        batch_size: images at once; the last batch is padded.
        devices: devices that a batch is spread over.
        size: side of the PNG; None keeps the prior's.
        as_json: print the summary as JSON.
    """

    batch_size: int
    devices: int
    size: int | None
    as_json: bool


def run_folder(job: Job, items: Sequence[Item], folder: OutputFolder, options: Options) -> int:
    """Do every item that is not done yet.

    Returns:
        The exit code: 1 if an input could not be used or gave no finite result, else 0.
    """
    started = time.time()
    failed: dict[str, str] = {}
    todo = [item for item in items if not folder.is_done(item)]
    if len(todo) < len(items):
        common.say(f"{len(items) - len(todo)} of {len(items)} images are done already", options.as_json)
    for batch in _batches(job, items, set(todo), options, failed):
        bar = common.StepBar(f"images {batch.items[0].id + 1} to {batch.items[-1].id + 1} of {len(items)}")
        restoration = job.solve(batch.arrays, {"ids": batch.ids, "devices": options.devices, "progress": bar})
        bar.close()
        records = _records(batch, restoration, job.restores)
        for item, sha256, record in zip(batch.items, batch.digests, records, strict=True):
            folder.write(item, record, options.size, sha256)
    facts = {
        "versions": common.versions(),
        "device": common.device_facts(options.devices),
        "seconds": round(time.time() - started, 2),
        "batch_size": options.batch_size,
    }
    records = folder.finish(items, failed, facts)
    path = report.write_report(folder.path)
    return _summarise(records, failed, str(path), options.as_json)


class Batch(NamedTuple):
    """Images that are inverted at once.

    Attributes:
        items: what is to be written.
        positions: their places in the batch.
        digests: of the files of every item, taken before they were read.
        arrays: what :meth:`Job.load` gave, stacked: ``[B, ...]``.
        ids: ``[B]``.
    """

    items: list[Item]
    positions: list[int]
    digests: list[list[str]]
    arrays: Arrays
    ids: np.ndarray


def _batches(
    job: Job, items: Sequence[Item], todo: set[Item], options: Options, failed: dict[str, str]
) -> Iterator[Batch]:
    """Batches of one shape; unusable files go to ``failed`` and are told at once.

    An image's place in its batch follows from its id, whatever else is done already or cannot be read: XLA's sums can
    depend on the place in the last bit, and an interrupted run shall end like one that was not. Free places are filled
    with copies.
    """
    for start in range(0, len(items), options.batch_size):
        loaded: dict[int, Arrays] = {}
        digests: dict[int, list[str]] = {}
        for position, item in enumerate(items[start : start + options.batch_size]):
            try:
                if item in todo:
                    digests[position] = file_digests(item)
                    loaded[position] = job.load(item)
            except (ImageFileError, OSError) as error:
                failed[str(item.source)] = str(error)
                common.warn(str(error))
        if loaded:
            places = [place if place in loaded else min(loaded) for place in range(options.batch_size)]
            yield Batch(
                items=[items[start + place] for place in loaded],
                positions=list(loaded),
                digests=[digests[position] for position in loaded],
                arrays={name: np.stack([loaded[place][name] for place in places]) for name in loaded[min(loaded)]},
                ids=np.array([start + place for place in places]),
            )


def _records(batch: Batch, restoration: Restoration, restores: bool) -> Iterator[Record]:
    """Records of a batch, in the order of its items."""
    # Without an operator, what a restoration calls consistency is the PSNR of the reconstruction.
    figures = {"consistency" if restores else "psnr": restoration.consistency}
    compared = fidelity(restoration.images, batch.arrays["truth"]) if "truth" in batch.arrays else {}
    for item, i in zip(batch.items, batch.positions, strict=True):
        pictures = _pictures(i, batch.arrays, restoration) if restores else {}
        record = _record(item, i, _measured(i, batch.arrays), restoration)
        found = compared | figures if _has_truth(i, batch.arrays) else figures
        yield record._replace(metrics={name: float(value[i]) for name, value in found.items()}, pictures=pictures)


def _measured(i: int, arrays: Arrays) -> np.ndarray:
    """What was observed of an image; its missing pixels are gray."""
    return arrays["observed"][i] * arrays["known"][i] if "known" in arrays else arrays["observed"][i]


def _has_truth(i: int, arrays: Arrays) -> bool:
    return "truth" in arrays and not np.isnan(arrays["truth"][i]).any()


def _record(item: Item, i: int, observed: np.ndarray, restoration: Restoration) -> Record:
    result, several = restoration.result, restoration.samples.shape[1] > 1
    best = jax.tree.map(lambda leaf: leaf[i, 0], result)
    return Record(
        name=item.name,
        source=str(item.source),
        target=im.to_uint8(observed),
        image=restoration.images[i],
        variables={name: value[i] if several else value[i, 0] for name, value in result.variables.items()},
        terms={"loss": float(best.loss)} | {name: float(value) for name, value in best.terms.items()},
        metrics={},
        step=int(best.step),
        status=Status(int(best.status)),
        history=best.history,
        pictures={},
        samples=im.to_uint8(restoration.samples[i]) if several else np.zeros((0, *best.images.shape), np.uint8),
        sample_losses=result.loss[i] if several else np.zeros(0, np.float32),
    )


def _pictures(i: int, arrays: Arrays, restoration: Restoration) -> dict[str, np.ndarray]:
    found = {"measured": im.to_uint8(_measured(i, arrays))}
    found["reconstruction"] = im.to_uint8(restoration.reconstruction[i])
    if _has_truth(i, arrays):
        found["truth"] = im.to_uint8(arrays["truth"][i])
    if restoration.samples.shape[1] > 1:
        found["mean"] = im.to_uint8(restoration.mean[i])
        level = np.clip(restoration.std[i] / 2.0 / report.ERROR_RANGE, 0.0, 1.0)
        found["std"] = im.to_uint8(np.repeat(level[..., None], 3, axis=-1) * 2.0 - 1.0)
    return found


def _summarise(records: Sequence[Record], failed: dict[str, str], path: str, as_json: bool) -> int:
    diverged = [record.name for record in records if record.status == Status.NONFINITE]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"name": r.name, "source": r.source, "status": r.status.name}
            | {name: finite_or_none(value) for name, value in (r.metrics | r.terms).items()}
            for r in records
        ]
        common.print_json({"images": rows, "failed": failed, "report": path})
    else:
        means = "".join(f", mean {name} {value:.4g}" for name, value in report.mean_metrics(records).items())
        common.say(f"{len(records)} images done{means}: {path}")
    if diverged:
        common.warn(f"the loss of {', '.join(diverged)} became infinite or NaN; its best result before that is kept.")
    if failed:
        common.warn(f"{len(failed)} of {len(records) + len(failed)} inputs could not be used.")
    return 1 if failed or diverged else 0

"""One inversion over many files: batches of one shape, results written as they come, bad files reported at the end."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gprior_jax import image as im
from gprior_jax import io, report
from gprior_jax.cli import common
from gprior_jax.errors import ImageFileError, Status
from gprior_jax.generators.base import Prior
from gprior_jax.inversion.driver import Result, invert, result_psnr
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.outputs import Item, OutputFolder, Record
from gprior_jax.typing import Key


class Options(NamedTuple):
    """How to go over the files.

    Attributes:
        key: the run's key.
        batch_size: images at once; the last batch is padded.
        devices: devices to spread a batch over.
        crop: how a picture becomes square.
        size: side of the PNG.
        as_json: print the summary as JSON.
    """

    key: Key
    batch_size: int
    devices: int | None
    crop: io.Crop
    size: int | None
    as_json: bool


def run_folder(prior: Prior, recipe: Recipe, items: Sequence[Item], folder: OutputFolder, options: Options) -> int:
    """Invert every item that is not done yet.

    Returns:
        The exit code: 1 if an input could not be used or gave no finite result, else 0.
    """
    started = time.time()
    failed: dict[str, str] = {}
    todo = [item for item in items if not folder.is_done(item)]
    if len(todo) < len(items):
        common.say(f"{len(items) - len(todo)} of {len(items)} images are done already", options.as_json)
    for batch in _batches(items, set(todo), prior.resolution, options, failed):
        bar = common.StepBar(f"images {batch.items[0].id + 1} to {batch.items[-1].id + 1} of {len(items)}")
        result = invert(
            prior, batch.images, recipe, key=options.key, ids=batch.ids, devices=options.devices, progress=bar
        )
        bar.close()
        for item, record in zip(batch.items, _records(batch, result), strict=True):
            folder.write(item, record, options.size)
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
        images: ``[B, R, R, C]``.
        ids: ``[B]``.
    """

    items: list[Item]
    positions: list[int]
    images: np.ndarray
    ids: np.ndarray


def _batches(
    items: Sequence[Item], todo: set[Item], size: int, options: Options, failed: dict[str, str]
) -> Iterator[Batch]:
    """Batches of one shape; unreadable files go to ``failed`` and are told at once.

    An image's place in its batch follows from its id, whatever else is done already or cannot be read: XLA's sums can
    depend on the place in the last bit, and an interrupted run shall end like one that was not. Free places are filled
    with copies.
    """
    for start in range(0, len(items), options.batch_size):
        loaded: dict[int, np.ndarray] = {}
        for position, item in enumerate(items[start : start + options.batch_size]):
            try:
                if item in todo:
                    loaded[position] = io.load_image(item.source, size, options.crop)
            except ImageFileError as error:
                failed[str(item.source)] = str(error)
                common.warn(str(error))
        if loaded:
            places = [place if place in loaded else min(loaded) for place in range(options.batch_size)]
            yield Batch(
                items=[items[start + place] for place in loaded],
                positions=list(loaded),
                images=np.stack([loaded[place] for place in places]),
                ids=np.array([start + place for place in places]),
            )


def _records(batch: Batch, result: Result) -> Iterator[Record]:
    psnr = result_psnr(result, batch.images)
    for item, i in zip(batch.items, batch.positions, strict=True):
        yield Record(
            name=item.name,
            source=str(item.source),
            target=im.to_uint8(batch.images[i]),
            image=result.images[i],
            variables={name: value[i] for name, value in result.variables.items()},
            terms={"loss": float(result.loss[i])} | {name: float(value[i]) for name, value in result.terms.items()},
            psnr=float(psnr[i]),
            step=int(result.step[i]),
            status=Status(int(result.status[i])),
            history={name: value[i] for name, value in result.history.items()},
        )


def _summarise(records: Sequence[Record], failed: dict[str, str], path: str, as_json: bool) -> int:
    diverged = [record.name for record in records if record.status == Status.NONFINITE]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"name": r.name, "source": r.source, "psnr": r.psnr, "status": r.status.name} | r.terms for r in records
        ]
        common.print_json({"images": rows, "failed": failed, "report": path})
    else:
        mean = f", mean PSNR {np.mean([r.psnr for r in records]):.2f} dB" if records else ""
        common.say(f"{len(records)} images done{mean}: {path}")
    if diverged:
        common.warn(f"the loss of {', '.join(diverged)} became infinite or NaN; its best result before that is kept.")
    if failed:
        common.warn(f"{len(failed)} of {len(records) + len(failed)} inputs could not be used.")
    return 1 if failed or diverged else 0

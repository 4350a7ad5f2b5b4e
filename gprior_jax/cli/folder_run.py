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
    """How to go over the files; none of it changes an image's result.

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
    batches = -(-len(todo) // options.batch_size)
    for number, (batch, images) in enumerate(_batches(todo, prior.resolution, options, failed)):
        bar = common.StepBar(f"batch {number + 1}/{batches}")
        result = invert(
            prior,
            images,
            recipe,
            key=options.key,
            ids=np.array([item.id for item in batch]),
            batch_size=options.batch_size,
            devices=options.devices,
            progress=bar,
        )
        bar.close()
        for item, record in zip(batch, _records(batch, images, result), strict=True):
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


def _batches(
    items: Sequence[Item], size: int, options: Options, failed: dict[str, str]
) -> Iterator[tuple[list[Item], np.ndarray]]:
    """Full batches of readable images; unreadable ones go to ``failed`` and are told at once."""
    batch: list[Item] = []
    images: list[np.ndarray] = []
    for item in items:
        try:
            images.append(io.load_image(item.source, size, options.crop))
        except ImageFileError as error:
            failed[str(item.source)] = str(error)
            common.warn(str(error))
            continue
        batch.append(item)
        if len(batch) == options.batch_size:
            yield batch, np.stack(images)
            batch, images = [], []
    if batch:
        yield batch, np.stack(images)


def _records(batch: Sequence[Item], images: np.ndarray, result: Result) -> Iterator[Record]:
    psnr = result_psnr(result, images)
    for i, item in enumerate(batch):
        yield Record(
            name=item.name,
            source=str(item.source),
            target=im.to_uint8(images[i]),
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

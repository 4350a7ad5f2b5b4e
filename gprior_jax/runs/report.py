"""The report of an output folder: one self-contained HTML file."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.images import arrays as im
from gprior_jax.runs.entries import Entry, entry_of, read_records
from gprior_jax.runs.html import ERROR_RANGE, curves, error_map, page, paragraph, picture, row, section, table
from gprior_jax.runs.names import as_text
from gprior_jax.runs.record import Record
from gprior_jax.storage.atomic import write_text
from gprior_jax.summary import flatten

MAX_IMAGES = 200
"""Pictures shown in one report; the table lists all images."""

CAPTIONS = {
    "reconstruction": "the generator's image",
    "mean": "mean of the samples",
    "std": f"deviation of the samples, white from {ERROR_RANGE:.0%} of the range",
}
"""Pictures of a restoration beside its result."""


def record_block(record: Record) -> str:
    """Input, result, error map, curves and metrics of one image, and what a restoration made beside."""
    result = im.to_uint8(record.image)
    decibels = f", {record.metrics['psnr']:.2f} dB" if "psnr" in record.metrics else ""
    shown = [picture(record.target, "input"), picture(result, f"result{decibels}")]
    reference = record.pictures.get("truth", None if record.pictures else record.target)
    if "truth" in record.pictures:
        shown.append(picture(record.pictures["truth"], "ground truth"))
    if reference is not None:
        caption = f"error, white from {ERROR_RANGE:.0%} of the range"
        shown.append(picture(error_map(result, reference), caption))
    shown += [picture(record.pictures[name], text) for name, text in CAPTIONS.items() if name in record.pictures]
    ranked = enumerate(zip(record.samples, record.sample_losses, strict=True), start=1)
    samples = [picture(sample, f"sample {i}, loss {loss:.4g}", 96) for i, (sample, loss) in ranked]
    figures = {"status": record.status.name, "best step": record.step} | record.metrics | record.terms
    return section(record.name, row((*shown, curves(record.history))), row(samples), table([figures]))


def mean_metrics(entries: Sequence[Entry]) -> dict[str, float]:
    """Mean over the images that have it of every metric; infinite where one is."""
    names = dict.fromkeys(name for entry in entries for name in entry.metrics)
    return {name: float(np.mean([e.metrics[name] for e in entries if name in e.metrics])) for name in names}


def write_report(
    folder: str | os.PathLike, run: dict[str, Any], entries: Sequence[Entry], blocks: Iterable[str] = ()
) -> Path:
    """Write ``report.html`` of an output folder.

    Args:
        folder: the output folder.
        run: what its ``run.json`` holds.
        entries: of all images that are done.
        blocks: HTML that comes first.

    Returns:
        The report's path.
    """
    settings = flatten({"settings": run.get("settings", {}), "versions": run.get("versions", {})})
    rows = table([{"setting": name.removeprefix("settings."), "value": value} for name, value in settings.items()])
    shown = [*blocks, f"<details><summary>Settings and versions</summary>{rows}</details>"]
    if entries:
        means = ", ".join(f"{name} {value:.4g}" for name, value in mean_metrics(entries).items())
        shown.append(paragraph(f"{len(entries)} images. Means: {means}."))
    if failed := run.get("failed"):
        shown.append(section("Failed", table([{"file": name, "why": why} for name, why in failed.items()])))
    if len(entries) > MAX_IMAGES:
        shown.append(paragraph(f"The first {MAX_IMAGES} of {len(entries)} images are shown; run.json lists all."))
    path = Path(folder) / "report.html"
    title = f"gprior: {os.path.basename(os.path.realpath(folder))}"
    write_text(path, page(as_text(title), *shown, *(e.block for e in entries)))
    return path


def rewrite_report(
    folder: str | os.PathLike, blocks: Callable[[list[Entry]], Iterable[str]] = lambda entries: ()
) -> Path:
    """Write ``report.html`` again from what is stored in an output folder, ``blocks`` of all images first.

    Raises:
        CheckpointError: not an output folder, or a damaged one.
    """
    run, records = read_records(folder)
    entries: list[Entry] = []
    for record in records:
        entries.append(entry_of(record, record_block(record) if len(entries) < MAX_IMAGES else ""))
    return write_report(folder, run, entries, blocks(entries))

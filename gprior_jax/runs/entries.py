"""What is told of all images of an output folder: rows, curves, and which records there are to tell of."""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import CheckpointError
from gprior_jax.runs.abouts import fingerprint_of
from gprior_jax.runs.record import Record, read_about, read_record
from gprior_jax.storage.atomic import read_json


class Entry(NamedTuple):
    """What the files of the run tell of one image; without its arrays, so that thousands fit in memory.

    Attributes:
        row: of ``run.json``: name, source, status, step, metrics and terms; infinite numbers are None.
        metrics: as measured.
        history: ``{"loss" or a term: [T]}``.
        block: of the report, HTML; empty where it is not shown.
    """

    row: dict[str, Any]
    metrics: dict[str, float]
    history: dict[str, np.ndarray]
    block: str


def entry_of(record: Record, block: str) -> Entry:
    """The entry of a record."""
    # JSON has no infinity (the PSNR of equal images): None stands for it, and for NaN.
    numbers = {n: x if np.isfinite(x) else None for n, x in (record.metrics | record.terms).items()}
    row = {"name": record.name, "source": record.source, "status": record.status.name, "step": record.step}
    return Entry(row | numbers, record.metrics, record.history, block)


def history_table(entries: Sequence[Entry]) -> str:
    """``history.csv``: image, step, loss and terms."""
    names = list(entries[0].history) if entries else ["loss"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "step", *names])
    for entry in entries:
        columns = zip(*(entry.history[name] for name in names), strict=True)
        writer.writerows([entry.row["name"], step, *(f"{x:.6g}" for x in v)] for step, v in enumerate(columns))
    return text.getvalue()


REMEDY = "run the command that made the folder again, which writes it anew"


def read_run(folder: Path) -> dict[str, Any]:
    """What ``run.json`` of an output folder holds, its settings at least.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder: name one that a run has written its results to.")
    found = read_json(folder / "run.json", REMEDY)
    if not isinstance(found.get("settings"), dict):
        raise CheckpointError(f"{folder / 'run.json'} is damaged, it has no settings: {REMEDY}.")
    return found


def run_of(path: Path) -> dict[str, Any]:
    """What is known of the run that a record is of: what ``run.json`` beside it holds, or the record itself.

    So a record is enough by itself, where it was taken out of its folder or comes from ``gprior serve``: it says its
    settings, and maybe its ``"model"``. A ``run.json`` of other settings is that of other results.

    Raises:
        CheckpointError: no record, damaged, or one that does not say its settings.
    """
    about = read_about(path)
    try:
        run = read_run(path.parent)
        if fingerprint_of(run["settings"]) == about.get("fingerprint"):
            return run
    except CheckpointError:  # Not there, or damaged.
        pass
    try:
        settings = json.loads(about["fingerprint"])
    except (KeyError, TypeError, ValueError):
        settings = None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{path} does not say what it was made with: invert the picture again.")
    return {"settings": settings} | ({"model": about["model"]} if "model" in about else {})


def read_records(folder: str | os.PathLike) -> tuple[dict[str, Any], Iterator[Record]]:
    """Read an output folder: ``run.json`` and, as they are asked for, the images that are done.

    These are all that ``run.json`` lists, and those of its settings that a run has finished since; none whose input has
    failed since.

    Raises:
        CheckpointError: not an output folder; of a record, that it is damaged.

    >>> import gprior_jax as gp, jax, tempfile
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[:1]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, out)
    ...     run, records = gp.runs.read_records(out)
    ...     names = [record.name for record in records]
    >>> names, run["settings"]["recipe"]["name"]
    (['portrait_1'], 'mganprior-fast')
    """
    folder = Path(folder)
    run = read_run(folder)
    try:
        listed = {row["name"] for row in run.get("images", [])}
    except (KeyError, TypeError):
        raise CheckpointError(f"{folder / 'run.json'} is damaged, its images have no names: {REMEDY}.") from None
    fingerprint, failed = fingerprint_of(run["settings"]), run.get("failed", {})

    def counts(path: Path) -> bool:
        try:
            about = read_about(path)
        except CheckpointError:
            return path.stem in listed  # Whoever asks for it is told.
        ours = path.stem in listed or about.get("fingerprint") == fingerprint
        return ours and about.get("source") not in failed

    return run, (read_record(path) for path in sorted(folder.glob("*.npz")) if counts(path))

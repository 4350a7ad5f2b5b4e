"""Output folders: what a run writes, and how a second one goes on with it.

For an input ``cat.jpg`` a folder holds ``cat.png`` (the result) and ``cat.npz`` (the variables, the prepared input, the
history and the metrics); for the run ``run.json``, ``history.csv`` and ``report.html``. Further pictures of a
restoration are in folders of their own: ``measured/cat.png``, ``reconstruction/``, ``mean/``, ``std/``,
``samples/cat_1.png``. The ``.npz`` is written last, whole or not at all: an image is done when it is there, was made
from the same files and with the same settings.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png, resized
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import Record, read_about, read_record, write_record
from gprior_jax.storage.atomic import read_json, remove_leftovers, write_bytes, write_json
from gprior_jax.summary import check_same

FORMAT = 2
WRITTEN_PICTURES = ("measured", "reconstruction", "mean", "std")
"""Pictures of a record that are written as files too."""
PASTED = "pasted"
"""Folder of the photographs with their results in them, see :mod:`gprior_jax.runs.pasting`."""


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


class OutputFolder:
    """An output folder of one run.

    Attributes:
        path: the folder.
        settings: what decides the results; a rerun must have the same.
    """

    def __init__(self, path: str | os.PathLike, settings: dict[str, Any], items: Sequence[Item] = ()):
        """Make the folder, or take it up again.

        Args:
            path: the folder.
            settings: JSON; stored under ``"settings"`` in ``run.json``.
            items: of the run; none of their files may lie where results will be written.

        Raises:
            ArgumentError: the folder holds a run with other settings, or an input lies in it.
        """
        self.path, self.settings = Path(path), json.loads(json.dumps(settings))
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"{self.path} is a file: name a folder for the results.")
        inside = [self.path, *(self.path / name for name in (*WRITTEN_PICTURES, "samples", PASTED))]
        written = {folder.resolve() for folder in inside}
        for source in (source for item in items if not item.digest for source in (item.source, *item.companions)):
            if source.resolve().parent in written:
                raise ArgumentError(f"{source} lies where results will be written: give another folder than {path}.")
        self.path.mkdir(parents=True, exist_ok=True)
        remove_leftovers(*inside)
        self._fingerprint = json.dumps(self.settings, sort_keys=True)
        if (self.path / "run.json").exists():
            found = read_json(self.path / "run.json").get("settings", {})
            check_same(found, self.settings, f"{self.path} holds a run", "give another folder for the results")
        else:
            write_json(self.path / "run.json", {"format": FORMAT, "settings": self.settings})

    def is_done(self, item: Item) -> bool:
        """Whether the image was finished with these settings, from a file of the same content."""
        path = self.path / f"{item.name}.npz"
        if not path.exists() or not path.with_suffix(".png").exists():
            return False
        try:
            about = read_about(path)
            same = about["fingerprint"] == self._fingerprint and about["id"] == item.id
            return same and about["sha256"] == item.digests()
        except (OSError, KeyError, CheckpointError):
            return False  # Damaged, or its source is gone: to be done again.

    def write(self, item: Item, record: Record, size: int | None = None, sha256: list[str] | None = None) -> None:
        """Write an image's files.

        Args:
            item: the input.
            record: its result.
            size: side of the PNG, pixels; None keeps the generator's.
            sha256: :meth:`Item.digests` when it was read; None takes those of now.
        """
        pictures = {item.name: resized(im.to_uint8(record.image), size)}
        pictures |= {f"{n}/{item.name}": record.pictures[n] for n in WRITTEN_PICTURES if n in record.pictures}
        pictures |= {f"samples/{item.name}_{k}": sample for k, sample in enumerate(record.samples, start=1)}
        for name, picture in pictures.items():
            path = self.path / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            write_bytes(path, encode_png(picture))
        digests = item.digests() if sha256 is None else sha256
        about = {"sha256": digests, "fingerprint": self._fingerprint, "id": item.id}
        write_record(self.path / f"{item.name}.npz", record, about)

    def finish(self, entries: Sequence[Entry], failed: dict[str, str], facts: dict[str, Any]) -> dict[str, Any]:
        """Write ``run.json`` and ``history.csv``.

        Args:
            entries: of all images that are done, in the order of the inputs.
            failed: ``{source: sentence}`` of inputs that could not be used.
            facts: what else to record (timings, versions).

        Returns:
            What ``run.json`` holds.
        """
        names = list(entries[0].history) if entries else ["loss"]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["image", "step", *names])
        for entry in entries:
            columns = zip(*(entry.history[name] for name in names), strict=True)
            writer.writerows([entry.row["name"], step, *(f"{x:.6g}" for x in v)] for step, v in enumerate(columns))
        write_bytes(self.path / "history.csv", text.getvalue().encode())
        run = {"format": FORMAT, "settings": self.settings, "images": [e.row for e in entries], "failed": failed}
        write_json(self.path / "run.json", run | facts)
        return run | facts


def read_records(folder: str | os.PathLike) -> tuple[dict[str, Any], Iterator[Record]]:
    """Read an output folder: ``run.json`` and, as they are asked for, the images that are done.

    Of a run that has ended, these are the images that it lists: files of an input that has failed since are left alone.

    Raises:
        CheckpointError: not an output folder.
    """
    folder = Path(folder)
    run = read_json(folder / "run.json")
    listed = [folder / f"{row['name']}.npz" for row in run["images"]] if "images" in run else folder.glob("*.npz")
    return run, (read_record(path) for path in sorted(listed))

"""Output folders: what an inversion writes, and how a second run goes on with it.

For an input ``cat.jpg`` a folder holds ``cat.png`` (the result) and ``cat.npz`` (the variables, the prepared input, the
history and the metrics); for the run ``run.json`` and ``history.csv``. Further pictures of a restoration are in folders
of their own: ``measured/cat.png``, ``reconstruction/``, ``mean/``, ``std/``, ``samples/cat_1.png``. The ``.npz`` is
written last, whole or not at all: an image is done when it is there, was made from the same files and with the same
settings.
"""

import contextlib
import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from gprior_jax.storage.atomic import read_json
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.storage.atomic import write_json
from gprior_jax.storage.atomic import sha256
from gprior_jax.images import arrays as im
from gprior_jax.errors import CheckpointError, GPriorError, Status
from gprior_jax.images.files import encode_png

FORMAT = 1
HISTORY = "history_"
VARIABLE = "variable_"
TERM = "term_"
METRIC = "metric_"
PICTURE = "picture_"
WRITTEN_PICTURES = ("measured", "reconstruction", "mean", "std")
"""Pictures of a record that are written as files too."""


class Item(NamedTuple):
    """One input of a run.

    Attributes:
        id: index in the sorted list of inputs; the image's random key is folded from it.
        source: the file.
        name: stem of the files written for it.
        companions: other files that its result depends on: its mask, its ground truth.
    """

    id: int
    source: Path
    name: str
    companions: tuple[Path, ...] = ()


class Record(NamedTuple):
    """What is stored of one image.

    Attributes:
        name: stem of its files.
        source: the input file.
        target: uint8 ``[H, W, C]``, the input as it was inverted.
        image: float32 ``[R, R, C]``, the result, in [-1, 1].
        variables: ``{name: array}``, the best iterate; with several samples their axis comes first.
        terms: ``{name: value}`` at the best iterate, and ``"loss"``; of the best sample.
        metrics: ``{name: value}``: ``"psnr"`` (dB) and others, where there is something to compare with.
        step: the step the best iterate was found at.
        status: how it ended.
        history: ``{"loss" or a term: [T]}``, of the best sample.
        pictures: uint8 ``[H, W, 3]`` by name: ``"measured"``, ``"reconstruction"``, ``"mean"``, ``"std"``, ``"truth"``.
        samples: uint8 ``[K, R, R, C]``, the best first; K is 0 where there is one result only.
        sample_losses: ``[K]``, the objective that ranks them.
    """

    name: str
    source: str
    target: np.ndarray
    image: np.ndarray
    variables: dict[str, np.ndarray]
    terms: dict[str, float]
    metrics: dict[str, float]
    step: int
    status: Status
    history: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]
    samples: np.ndarray
    sample_losses: np.ndarray

    def brief(self) -> "Record":
        """The record without its arrays, so that those of thousands of images fit in memory."""
        none = np.zeros(0)
        arrays = {"target": none, "image": none, "samples": none, "sample_losses": none}
        return self._replace(**arrays, variables={}, history={}, pictures={})


def name_items(sources: Sequence[Path]) -> list[Item]:
    """Give every file of a sorted list an id and a name of its own: its stem, numbered where two share one.

    >>> [item.name for item in name_items([Path("a/cat.png"), Path("b/cat.png"), Path("dog.png")])]
    ['cat', 'cat_2', 'dog']
    """
    items: list[Item] = []
    taken: set[str] = set()
    for index, source in enumerate(sources):
        name, number = source.stem, 1
        while name.lower() in taken or name.lower() in ("run", "history", "report"):
            number += 1
            name = f"{source.stem}_{number}"
        taken.add(name.lower())
        items.append(Item(index, source, name))
    return items


class OutputFolder:
    """An output folder of one run.

    Attributes:
        path: the folder.
        settings: what decides the results; a rerun must have the same.
    """

    def __init__(self, path: str | os.PathLike, settings: dict[str, Any]):
        """Make the folder, or take it up again.

        Args:
            path: the folder.
            settings: JSON; stored under ``"settings"`` in ``run.json``.

        Raises:
            GPriorError: the folder holds a run with other settings.
        """
        self.path, self.settings = Path(path), json.loads(json.dumps(settings))
        if self.path.exists() and not self.path.is_dir():
            raise GPriorError(f"{self.path} is a file: name a folder with --out.")
        self.path.mkdir(parents=True, exist_ok=True)
        for inside in ("", "samples/", *(f"{name}/" for name in WRITTEN_PICTURES)):
            for leftover in self.path.glob(f"{inside}.*.partial"):  # Of a run that was killed.
                leftover.unlink(missing_ok=True)
        self._fingerprint = json.dumps(self.settings, sort_keys=True)
        if (self.path / "run.json").exists():
            found = read_json(self.path / "run.json").get("settings", {})
            if differing := _differing(found, self.settings):
                raise GPriorError(f"{self.path} holds a run with other {differing}: give another --out.")
        else:
            write_json(self.path / "run.json", {"format": FORMAT, "settings": self.settings})

    def is_done(self, item: Item) -> bool:
        """Whether the image was finished with these settings, from a file of the same content."""
        path = self.path / f"{item.name}.npz"
        if not path.exists() or not path.with_suffix(".png").exists():
            return False
        try:
            with _arrays(path) as arrays:
                about = json.loads(str(arrays["about"]))
            same = about["fingerprint"] == self._fingerprint and about["id"] == item.id
            return same and about["sha256"] == digests(item)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False  # Damaged, or its source is gone: to be done again.

    def write(self, item: Item, record: Record, size: int | None = None, sha256: list[str] | None = None) -> None:
        """Write an image's files.

        Args:
            item: the input.
            record: its result.
            size: side of the PNG, pixels; None keeps the generator's.
            sha256: :func:`digests` of the item when it was read; None takes those of now.
        """
        picture = im.to_uint8(record.image)
        write_bytes(self.path / f"{item.name}.png", encode_png(_resized(picture, size)))
        for name in WRITTEN_PICTURES:
            if name in record.pictures:
                self._write_picture(f"{name}/{item.name}.png", record.pictures[name])
        for index, sample in enumerate(record.samples, start=1):
            self._write_picture(f"samples/{item.name}_{index}.png", sample)
        about = {
            "name": record.name,
            "source": record.source,
            "sha256": digests(item) if sha256 is None else sha256,
            "fingerprint": self._fingerprint,
            "id": item.id,
        }
        arrays: dict[str, Any] = {"target": record.target, "image": record.image, "about": json.dumps(about)}
        arrays |= {"step": record.step, "status": int(record.status), "samples": record.samples}
        arrays["sample_losses"] = record.sample_losses
        for prefix, field in _DICTS.items():
            arrays |= {prefix + key: value for key, value in getattr(record, field).items()}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_bytes(self.path / f"{item.name}.npz", buffer.getvalue())

    def _write_picture(self, name: str, picture: np.ndarray) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, encode_png(picture))

    def finish(self, items: Sequence[Item], failed: dict[str, str], facts: dict[str, Any]) -> list[Record]:
        """Write ``run.json`` and ``history.csv`` from what is done.

        Args:
            items: all inputs of the run.
            failed: ``{source: sentence}`` of inputs that could not be used.
            facts: what else to record (timings, versions).

        Returns:
            :meth:`Record.brief` of the records, in the order of the inputs.
        """
        history, records = _HistoryTable(), []
        for item in items:
            if str(item.source) not in failed:
                record = read_record(self.path / f"{item.name}.npz")
                history.add(record)
                records.append(record.brief())
        summary = {"format": FORMAT, "settings": self.settings, "images": [_row(r) for r in records], "failed": failed}
        write_bytes(self.path / "history.csv", (history.text.getvalue() or "image,step,loss\n").encode())
        write_json(self.path / "run.json", summary | facts)
        return records


_DICTS = {VARIABLE: "variables", TERM: "terms", METRIC: "metrics", HISTORY: "history", PICTURE: "pictures"}
"""Prefix in the file of every field of a record that is a dict."""


def digests(item: Item) -> list[str]:
    """Fingerprints of the files that an image's result depends on."""
    return [sha256(path) for path in (item.source, *item.companions)]


def check_apart(folder: str | os.PathLike, items: Sequence[Item]) -> None:
    """Make sure that no result will be written over an input.

    Raises:
        GPriorError: an input, a mask or a ground truth lies in the output folder or in one of its folders of pictures.
    """
    path = Path(folder).resolve()
    written = {path, *(path / name for name in (*WRITTEN_PICTURES, "samples"))}
    for item in items:
        for source in (item.source, *item.companions):
            if source.resolve().parent in written:
                raise GPriorError(f"{source} lies where results will be written: give another --out than {folder}.")


def _resized(picture: np.ndarray, size: int | None) -> np.ndarray:
    if size is None or size == picture.shape[0]:
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def _differing(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    names = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    return ", ".join(f"{name} ({found.get(name)!r} there, {wanted.get(name)!r} now)" for name in names)


def _row(record: Record) -> dict[str, Any]:
    numbers = {name: finite_or_none(value) for name, value in (record.metrics | record.terms).items()}
    row = {"name": record.name, "source": record.source, "status": record.status.name, "step": record.step}
    return row | numbers


def finite_or_none(value: float) -> float | None:
    """JSON has no infinity (the PSNR of equal images): None stands for it, and for NaN."""
    return value if np.isfinite(value) else None


class _HistoryTable:
    """CSV with one row an image and step, a column for every named term of the first image."""

    def __init__(self):
        self.text = io.StringIO()
        self._writer = csv.writer(self.text, lineterminator="\n")
        self._names: list[str] = []

    def add(self, record: Record) -> None:
        """Append an image's rows."""
        if not self._names:
            self._names = list(record.history)
            self._writer.writerow(["image", "step", *self._names])
        for step, values in enumerate(zip(*(record.history[name] for name in self._names), strict=True)):
            self._writer.writerow([record.name, step, *(f"{value:.6g}" for value in values)])


@contextlib.contextmanager
def _arrays(path: str | os.PathLike) -> Iterator[np.lib.npyio.NpzFile]:
    # np.load leaves the file open when it is no zip file; this does not.
    with open(path, "rb") as file, np.load(file) as arrays:
        yield arrays


def read_record(path: str | os.PathLike) -> Record:
    """Read what :meth:`OutputFolder.write` stored of one image.

    Raises:
        CheckpointError: not such a file, or damaged.
    """
    try:
        with _arrays(path) as arrays:
            stored = {name: arrays[name] for name in arrays.files}
        about = json.loads(str(stored["about"]))

        def having(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}

        return Record(
            name=about["name"],
            source=about["source"],
            target=stored["target"],
            image=stored["image"],
            variables=having(VARIABLE),
            terms={name: float(value) for name, value in having(TERM).items()},
            metrics={name: float(value) for name, value in having(METRIC).items()},
            step=int(stored["step"]),
            status=Status(int(stored["status"])),
            history=having(HISTORY),
            pictures=having(PICTURE),
            samples=stored["samples"],
            sample_losses=stored["sample_losses"],
        )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no result of this program, or damaged: {error}") from error


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

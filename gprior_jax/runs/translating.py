"""Translation of files: an output folder with a picture for every input, which a second run goes on with.

For an input ``cat.jpg`` a folder holds ``cat.png``; for the run ``run.json``, which says what every picture was made
from, and ``report.html`` with the pictures before and after. ``run.json`` is written after every picture: one is done
when it is listed there, made of a file of the same content.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError, CheckpointError, GPriorError, ImageFileError
from gprior_jax.images.arrays import from_uint8, rgb_uint8, to_uint8
from gprior_jax.images.files import as_channels, encode_png, picture_of
from gprior_jax.images.listing import place_of
from gprior_jax.images.opening import open_picture
from gprior_jax.images.ranges import trusted_range
from gprior_jax.images.samples import ValueRange, range_setting
from gprior_jax.nn.whole import Statistics
from gprior_jax.runs import html
from gprior_jax.runs.items import RESERVED, Item
from gprior_jax.runs.names import as_text, choose_name, digest_of, same_name
from gprior_jax.runs.report import MAX_IMAGES
from gprior_jax.storage.atomic import read_json, remove_leftovers, write_bytes, write_json, write_text
from gprior_jax.storage.locks import Lock, hold
from gprior_jax.storage.names import listed
from gprior_jax.summary import check_same, fingerprint, summarise, versions
from gprior_jax.translation.translator import Translator, prepare_translator, translate
from gprior_jax.typing import Key

FORMAT = 1

_TOLD = 5
"""Gray or large pictures that are named."""

_LARGE = 2.0
"""Times the size that a network was trained at, from which a picture is large: features are then not where it knows
them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Translation:
    """What is done with every picture.

    Attributes:
        translator: the network.
        key: of dropout, from which each picture's is folded; None drops nothing.
        statistics: what batch norm normalises by.
        size: length of the shorter side that pictures are resized to first (bicubic, as in the published programs),
            pixels; None leaves them as they are.
        value_range: of files of more than 8 bits a sample.
        pieces: see :func:`gprior_jax.translation.translate`; decides no result.
    """

    translator: Translator
    key: Key | None = None
    statistics: Statistics = "own"
    size: int | None = None
    value_range: ValueRange = "auto"
    pieces: Literal["auto", "whole", "bands"] = "auto"

    def settings(self) -> dict[str, Any]:
        """Everything that decides the results, as JSON."""
        module = self.translator.module
        key = self.key if module.has_dropout else None
        return {
            "network": summarise(module),
            "weights": fingerprint(self.translator.params),
            "dropout": None if key is None else jax.random.key_data(key).tolist(),
            "statistics": self.statistics if module.has_running_statistics else "own",
            "size": self.size,
            "range": range_setting(self.value_range),
        }

    def read(self, path: Path) -> np.ndarray:
        """A picture as the network takes it, uint8 ``[H, W, C]``.

        Raises:
            ImageFileError: it cannot be used.
        """
        channels = self.translator.channels[0]
        picture = open_picture(path, picture_of(channels), value_range=self.value_range)
        if self.size is not None:
            factor = self.size / min(picture.size)
            width, height = (max(1, round(factor * side)) for side in picture.size)
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        return as_channels(picture, channels)

    def translated(self, pixels: np.ndarray, identity: int) -> np.ndarray:
        """One picture, uint8 before and after.

        Args:
            pixels: what :meth:`read` gave.
            identity: the picture's id, which its dropout is drawn by.
        """
        key = None if self.key is None else jax.random.fold_in(self.key, identity)
        with trusted_range():
            found = translate(self.translator, from_uint8(pixels), key=key, statistics=self.statistics, run=self.pieces)
        if not np.isfinite(np.asarray(found)).all():
            raise ImageFileError("the network gives numbers that are not finite for it: check the model.")
        return to_uint8(found)


class Outcome(NamedTuple):
    """What a run came to.

    Attributes:
        rows: of ``run.json``, of the pictures that are done, in the order of the inputs.
        failed: ``{source: sentence}`` of inputs that could not be used.
        report: the report's path.
    """

    rows: list[dict[str, Any]]
    failed: dict[str, str]
    report: Path


def translate_files(
    job: Translation,
    items: Sequence[Item],
    out: str | os.PathLike,
    *,
    facts: dict[str, Any] | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Translate every picture that is not done yet.

    Args:
        job: how.
        items: the inputs.
        out: folder for the results.
        facts: what else ``run.json`` shall record.
        tell: called with a sentence about inputs that cannot be used, or look wrong.
        progress: told how many pictures are done, and of how many.

    Raises:
        ArgumentError: the folder holds results of other settings, or an input.
        GPriorError: another process works in it.
    """
    folder = _Folder(Path(out), job.settings(), items)
    job = dataclasses.replace(job, translator=prepare_translator(job.translator))
    failed: dict[str, str] = {}
    remarks = _Remarks([], [])
    rows = []
    with folder.lock:
        folder.open()
        for number, item in enumerate(folder.named(items), start=1):
            try:
                rows.append(_translate_file(job, folder, item, remarks))
            except ImageFileError as error:
                failed[as_text(item.source)] = as_text(str(error))
                tell(as_text(str(error)))
            progress(number, len(items))
        folder.end(facts or {}, failed)
        report = _write_report(folder, job)
    remarks.tell(job, tell)
    return Outcome(rows, failed, report)


class _Remarks(NamedTuple):
    """Names of pictures that a network may do badly with."""

    gray: list[str]
    large: list[str]

    def add(self, job: Translation, name: str, pixels: np.ndarray) -> None:
        """Look at a picture as the network takes it."""
        if pixels.shape[-1] == 3 and (pixels == pixels[..., :1]).all():
            self.gray.append(name)
        if (side := job.translator.trained_size) and min(pixels.shape[:2]) >= _LARGE * side:
            self.large.append(name)

    def tell(self, job: Translation, tell: Callable[[str], None]) -> None:
        """One sentence for either kind."""
        translator = job.translator
        if self.gray:
            tell(f"{translator} takes colours, and was shown gray in all of them: {listed(self.gray, _TOLD)}.")
        if self.large:
            tell(
                f"{translator} was trained at {translator.trained_size} px, and these are much larger: "
                f"{listed(self.large, _TOLD)}; size {translator.trained_size} (--size) shows them as it knows them."
            )


def _translate_file(job: Translation, folder: "_Folder", item: Item, remarks: _Remarks) -> dict[str, Any]:
    """The row of one picture, translated unless it is done."""
    digest = item.digests()[0]
    if (row := folder.done(item, digest)) is not None:
        return row
    pixels = job.read(item.source)
    remarks.add(job, item.source.name, pixels)
    try:
        result = job.translated(pixels, item.id)
    except ImageFileError as error:
        raise ImageFileError(f"{item.source}: {error}") from error
    return folder.write(item, digest, result)


class _Folder:
    """An output folder and what ``run.json`` in it says."""

    def __init__(self, path: Path, settings: dict[str, Any], items: Sequence[Item]):
        self.path, self._settings = path, settings
        if os.path.lexists(path) and not path.is_dir():
            raise ArgumentError(f"{path} is a file: name a folder for the results.")
        for item in items:
            if os.path.realpath(item.source.parent) == os.path.realpath(path):
                raise ArgumentError(f"{item.source} lies where results will be written: give another folder.")
        self._rows: dict[str, dict[str, Any]] = {}
        self.run: dict[str, Any] = {}

    @property
    def lock(self) -> Lock:
        """To be held while there is work.

        Raises:
            GPriorError: another process holds it.
        """
        lock = hold(self.path / ".locks" / "run")
        if lock is None:
            raise GPriorError(f"another process works in {self.path}: wait until it ends, or give another folder.")
        return lock

    def open(self) -> None:
        """Take up what is there; of other settings only where nothing is done."""
        remove_leftovers(self.path)
        try:
            found = read_json(self.path / "run.json")
            rows = {str(row["name"]): row for row in found["images"]}
        except (CheckpointError, KeyError, TypeError):
            found, rows = {}, {}  # Not there, or damaged: everything is done again.
        if rows:
            check_same(
                found.get("settings", {}), self._settings, f"{self.path} holds a run", "give another folder for these"
            )
        self._rows, self.run = rows, {"format": FORMAT, "settings": self._settings}
        write_json(self.path / "run.json", self.run | {"images": list(rows.values())})

    def named(self, items: Sequence[Item]) -> list[Item]:
        """Items under names that belong to no other file."""
        known = {row.get("place"): name for name, row in self._rows.items()}
        taken = dict.fromkeys(RESERVED, "") | {same_name(n): row.get("below", "") for n, row in self._rows.items()}
        named = []
        for item in items:
            place = place_of(item.source)
            name = known.get(digest_of(place))
            if name is None:
                name = choose_name(item.below, place, lambda wish: taken.get(same_name(wish)))
                taken[same_name(name)] = item.below
            named.append(item._replace(name=name))
        return named

    def done(self, item: Item, digest: str) -> dict[str, Any] | None:
        """The row of a picture that is done."""
        row = self._rows.get(item.name)
        if row is None or row.get("sha256") != digest or not (self.path / f"{item.name}.png").is_file():
            return None
        return row

    def write(self, item: Item, digest: str, picture: np.ndarray) -> dict[str, Any]:
        """Write a result, and that it is there."""
        write_bytes(self.path / f"{item.name}.png", encode_png(picture))
        row = {"name": item.name, "source": as_text(item.source), "below": item.below}
        row |= {"place": digest_of(place_of(item.source)), "sha256": digest}
        row |= {"height": picture.shape[0], "width": picture.shape[1]}
        self._rows[item.name] = row
        write_json(self.path / "run.json", self.run | {"images": list(self._rows.values())})
        return row

    def end(self, facts: dict[str, Any], failed: dict[str, str]) -> None:
        """Write down what the run was."""
        self.run |= facts | {"images": self.rows, "failed": failed, "versions": versions()}
        write_json(self.path / "run.json", self.run)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of all pictures of the folder."""
        return [self._rows[name] for name in sorted(self._rows)]


def _write_report(folder: _Folder, job: Translation) -> Path:
    """Write ``report.html``: pictures before and after."""
    blocks = []
    for row in folder.rows[:MAX_IMAGES]:
        with Image.open(folder.path / f"{row['name']}.png") as opened:
            after = np.asarray(opened)
        cells = [html.Cell("after", after.reshape(*after.shape[:2], -1), "after", other="before", slides=True)]
        with contextlib.suppress(ImageFileError):  # It may be gone by now.
            cells.insert(0, html.Cell("before", rgb_uint8(job.read(Path(row["source"]))), "before", other="after"))
        blocks.append(html.image_section(row["name"], html.row([html.compared(cells)])))
    count = f"{len(folder.rows)} picture{'s' if len(folder.rows) != 1 else ''} by {job.translator}."
    shown = f" The first {MAX_IMAGES} are shown." if len(folder.rows) > MAX_IMAGES else ""
    parts = [html.paragraph(f"{count}{shown}")]
    if failed := folder.run.get("failed"):
        parts.append(html.section("Failed", html.table([{"file": n, "why": why} for n, why in failed.items()])))
    path = folder.path / "report.html"
    title = f"gprior: {as_text(os.path.basename(os.path.realpath(folder.path)))}"
    write_text(path, html.page(title, *parts, *blocks, columns=("before", "after")))
    return path

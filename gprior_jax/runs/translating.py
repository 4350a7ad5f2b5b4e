"""Translation of files: an output folder with a picture for every input, which a second run goes on with.

The folder is that of :mod:`gprior_jax.runs.translated`; with the pictures before and after there is ``report.html``.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from PIL import Image

from gprior_jax.errors import ImageFileError
from gprior_jax.images.arrays import from_uint8, rgb_uint8, to_uint8
from gprior_jax.images.files import as_channels, picture_of
from gprior_jax.images.opening import open_picture
from gprior_jax.images.ranges import trusted_range
from gprior_jax.images.samples import ValueRange, range_setting
from gprior_jax.nn.whole import Statistics
from gprior_jax.runs import html
from gprior_jax.runs.items import Item
from gprior_jax.runs.names import as_text
from gprior_jax.runs.report import MAX_IMAGES
from gprior_jax.runs.shares import WHOLE, Part
from gprior_jax.runs.translated import TranslatedFolder
from gprior_jax.storage.atomic import write_text
from gprior_jax.storage.names import listed
from gprior_jax.summary import fingerprint, summarise
from gprior_jax.translation.translator import Translator, prepare_translator, translate
from gprior_jax.typing import Key

_PAUSE = 0.2
"""Seconds between looks at pictures that another process has in hand."""

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
    part: Part = WHOLE,
) -> Outcome:
    """Translate every picture that is not done yet; several processes may share a folder.

    Args:
        job: how.
        items: the inputs.
        out: folder for the results.
        facts: what else ``run.json`` shall record.
        tell: called with a sentence about inputs that cannot be used, or look wrong.
        progress: told how many pictures are done, and of how many.
        part: which of the items are done here, under the names that they have in the whole list.

    Raises:
        ArgumentError: the folder holds results of other settings, or an input.
    """
    folder = TranslatedFolder(Path(out), job.settings(), items)
    job = dataclasses.replace(job, translator=prepare_translator(job.translator))
    failed: dict[str, str] = {}
    remarks = _Remarks([], [])
    rows: dict[str, dict[str, Any]] = {}
    with folder.at_work():
        own = waiting = part.of(items, folder.named(items))
        while waiting:
            busy = []
            for item in waiting:
                try:
                    row = _translate_file(job, folder, item, remarks)
                except ImageFileError as error:
                    failed[as_text(item.source)] = as_text(str(error))
                    tell(as_text(str(error)))
                else:
                    if row is None:
                        busy.append(item)
                        continue
                    rows[item.name] = row
                progress(len(rows) + len(failed), len(own))
            if busy:
                time.sleep(_PAUSE)
            waiting = busy
        folder.end(own, facts or {}, failed)
        report = _write_report(folder, job)
    remarks.tell(job, tell)
    return Outcome([rows[item.name] for item in own if item.name in rows], failed, report)


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


def _translate_file(job: Translation, folder: TranslatedFolder, item: Item, remarks: _Remarks) -> dict[str, Any] | None:
    """The row of one picture, translated unless it is done; None where another process has it in hand."""
    lock = folder.take(item)
    if lock is None:
        return None
    with lock:
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


def _write_report(folder: TranslatedFolder, job: Translation) -> Path:
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

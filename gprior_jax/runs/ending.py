"""What a run leaves when it ends: ``run.json``, ``history.csv`` and ``report.html`` of all that its folder holds."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import CheckpointError
from gprior_jax.runs.entries import Entry, entry_of, history_table
from gprior_jax.runs.folder import FORMAT, OutputFolder
from gprior_jax.runs.items import Item
from gprior_jax.runs.names import as_text
from gprior_jax.runs.record import read_record
from gprior_jax.runs.report import MAX_IMAGES, record_block, write_report
from gprior_jax.storage.atomic import read_json, write_json, write_text


class Ending(NamedTuple):
    """What a folder holds when a run into it has ended.

    Attributes:
        run: content of ``run.json``.
        entries: of all images that are done in the folder, by whichever run, sorted by name.
        report: the report's path.
    """

    run: dict[str, Any]
    entries: list[Entry]
    report: Path


def end(
    folder: OutputFolder,
    items: Sequence[Item],
    entries: Mapping[str, Entry],
    failed: Mapping[str, str],
    facts: Mapping[str, Any],
    blocks: Callable[[list[Entry]], Iterable[str]] = lambda entries: (),
    tell: Callable[[str], None] = lambda sentence: None,
) -> Ending:
    """Write the files of all images of a folder; what other runs have finished in it stays listed.

    Args:
        folder: the output folder.
        items: of this run, under the names that they have there.
        entries: of those of them that are done, by name.
        failed: ``{source: sentence}`` of those that could not be used. Failures of other runs stay, unless their file
            is gone.
        facts: what else to record (timings, versions).
        blocks: makes HTML that comes first in the report.
        tell: called with a sentence about each record that is damaged.
    """
    with folder.locked():
        all_failed = _failed_before(folder.path, items) | dict(failed)
        names = _names(folder, items, entries, all_failed)
        told = [_entry(folder.path, name, entries.get(name), i < MAX_IMAGES, tell) for i, name in enumerate(names)]
        every = [entry for entry in told if entry is not None]
        run = {"format": FORMAT, "settings": folder.settings, "images": [e.row for e in every], "failed": all_failed}
        run |= facts
        write_text(folder.path / "history.csv", history_table(every))
        write_json(folder.path / "run.json", run)
        return Ending(run, every, write_report(folder.path, run, every, blocks(every)))


def note(
    folder: OutputFolder,
    items: Sequence[Item],
    entries: Mapping[str, Entry],
    failed: Mapping[str, str],
    facts: Mapping[str, Any],
) -> Ending:
    """Put the images of one share among those of ``run.json``; no record is read.

    ``history.csv`` and ``report.html`` stay as they are: they are for the last process to end (:func:`end`). For what
    the arguments are see there.
    """
    with folder.locked():
        before = _run_before(folder.path)
        rows = {row["name"]: row for row in before.get("images", [])}
        for item in items:
            rows.pop(item.name, None)
        rows |= {name: entry.row for name, entry in entries.items()}
        listed = [rows[name] for name in sorted(rows)]
        all_failed = _failed_before(folder.path, items) | dict(failed)
        run = {"format": FORMAT, "settings": folder.settings, "images": listed, "failed": all_failed}
        run |= facts
        write_json(folder.path / "run.json", run)
    return Ending(run, [entries[name] for name in sorted(entries)], folder.path / "report.html")


def _run_before(folder: Path) -> dict[str, Any]:
    """What ``run.json`` tells so far; nothing where it is not there, or damaged."""
    try:
        return read_json(folder / "run.json")
    except CheckpointError:
        return {}


def _failed_before(folder: Path, items: Sequence[Item]) -> dict[str, str]:
    """What earlier runs could not use and this one did not try, as far as it is still there."""
    before = _run_before(folder).get("failed", {})
    own = {as_text(item.source) for item in items}
    return {source: why for source, why in before.items() if source not in own and not _is_gone(Path(source))}


def _is_gone(source: Path) -> bool:
    """Whether a file is not where it was; what was named from another working folder may still be there."""
    return not os.path.lexists(source) and source.parent.is_dir()


def _names(
    folder: OutputFolder, items: Sequence[Item], entries: Mapping[str, Entry], failed: Mapping[str, str]
) -> list[str]:
    """Names of all images to be listed: an old result of an input that has failed since is left alone."""
    unlisted = {item.name for item in items} - entries.keys()
    stored = {name for name, about in folder.records().items() if about["source"] not in failed}
    return sorted(stored - unlisted | entries.keys())


def _entry(folder: Path, name: str, known: Entry | None, shown: bool, tell: Callable[[str], None]) -> Entry | None:
    """The entry of an image, with its block if it is shown; None of a damaged record."""
    if known is not None and bool(known.block) >= shown:
        return known if shown else known._replace(block="")
    try:
        record = read_record(folder / f"{name}.npz")
    except CheckpointError as error:
        tell(f"{error}: left out; run its input again.")
        return known
    return entry_of(record, record_block(record) if shown else "")

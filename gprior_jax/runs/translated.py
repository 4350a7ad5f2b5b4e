"""The output folder of a translation, which several processes may share.

For an input ``cat.jpg`` it holds ``cat.png``; for the run ``run.json``, which says what every picture was made from. It
is written after every picture: one is done when it is listed there, made of a file of the same content.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images.files import encode_png
from gprior_jax.images.listing import place_of
from gprior_jax.runs.items import RESERVED, Item
from gprior_jax.runs.names import as_text, choose_name, digest_of, same_name
from gprior_jax.storage.atomic import check_folder, read_json, remove_leftovers, temporary_name, write_bytes, write_json
from gprior_jax.storage.locks import Lock, any_held, hold
from gprior_jax.summary import check_same, versions

FORMAT = 1


class Unlisted(NamedTuple):
    """Pictures that the ``run.json`` of a folder does not list: what no process has done so far.

    Attributes:
        folder: the output folder.
    """

    folder: Path

    def of(self, items: Sequence[Item], named: Sequence[Item]) -> list[Item]:
        """Those that it does not list; files are not looked at."""
        try:
            listed = {row["name"] for row in read_json(self.folder / "run.json")["images"]}
        except (CheckpointError, KeyError, TypeError):
            listed = set()
        return [item for item in named if item.name not in listed]


class TranslatedFolder:
    """An output folder and what ``run.json`` in it says."""

    def __init__(self, path: Path, settings: dict[str, Any], items: Sequence[Item]):
        self.path, self._settings = path, settings
        check_folder(path)
        for item in items:
            if os.path.realpath(item.source.parent) == os.path.realpath(path):
                raise ArgumentError(f"{item.source} lies where results will be written: give another folder.")
        self._rows: dict[str, dict[str, Any]] = {}
        self.run: dict[str, Any] = {}

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Take up what is there, of other settings only where nothing is done; inside, nobody else makes it another's.

        Raises:
            ArgumentError: it holds results of other settings, or another process makes some.
        """
        with self._locked():
            remove_leftovers(self.path)
            self._open(is_shared=any_held(self._locks, but=self._run_lock))
            lock = hold(self._locks / temporary_name())
        assert lock is not None
        with lock:
            yield

    @property
    def _locks(self) -> Path:
        return self.path / ".locks"

    @property
    def _run_lock(self) -> Path:
        return self._locks / ".run"  # No picture has this name: none begins with a dot.

    def _locked(self) -> Lock:
        """The lock of ``run.json``; to be held for a moment."""
        lock = hold(self._run_lock, wait=True)
        assert lock is not None
        return lock

    def take(self, item: Item) -> Lock | None:
        """The lock of a picture, to be held until it is written; None where another process has it."""
        lock = hold(self._locks / f"{item.name}.lock")
        if lock is not None and item.name not in self._rows:
            self._rows = self._there()[1] | self._rows  # Another one may have done it meanwhile.
        return lock

    def _there(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """What ``run.json`` holds, and its rows by name; nothing where it is not there, or damaged."""
        try:
            found = read_json(self.path / "run.json")
            return found, {str(row["name"]): row for row in found["images"]}
        except (CheckpointError, KeyError, TypeError):
            return {}, {}  # Everything is done again.

    def _open(self, is_shared: bool) -> None:
        found, rows = self._there()
        if rows or (found and is_shared):
            check_same(
                found.get("settings", {}), self._settings, f"{self.path} holds a run", "give another folder for these"
            )
        self._rows, self.run = rows, {"format": FORMAT, "settings": self._settings}
        self._write_run()

    def _write_run(self) -> None:
        write_json(self.path / "run.json", self.run | {"images": self.rows})

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
        with self._locked():
            found, rows = self._there()
            self.run |= {"failed": found["failed"]} if "failed" in found else {}
            self._rows = self._rows | rows | {item.name: row}
            self._write_run()
        return row

    def end(self, items: Sequence[Item], facts: dict[str, Any], failed: dict[str, str]) -> None:
        """Write down what the run was.

        Args:
            items: that it was to do.
            facts: what else to record.
            failed: ``{source: sentence}`` of those that could not be used; what other runs could not use stays listed
                as long as it is there.
        """
        own = {as_text(item.source) for item in items}
        with self._locked():
            found, rows = self._there()
            before = found.get("failed", {})
            kept = {source: why for source, why in before.items() if source not in own and os.path.lexists(source)}
            self._rows = self._rows | rows
            self.run |= facts | {"failed": kept | failed, "versions": versions()}
            self._write_run()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of all pictures of the folder."""
        return [self._rows[name] for name in sorted(self._rows)]

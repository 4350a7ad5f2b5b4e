"""Output folders: what a run writes, and how a second one goes on with it.

For an input ``cat.jpg`` a folder holds ``cat.png`` (the result) and ``cat.npz`` (the variables, the prepared input, the
history and the metrics); for the run ``run.json``, ``history.csv`` and ``report.html``. Further pictures of a
restoration are in folders of their own: ``measured/cat.png``, ``reconstruction/``, ``mean/``, ``std/``,
``low/``, ``high/``, ``width/``, ``samples/cat_1.png``. The ``.npz`` is written last, whole or not at all: an image is
done when it is there, was made from the same files, under the same id and with the same settings.

A folder belongs to its settings and holds whatever is run into it with these: one list of inputs or another, by one
process or by several at once. Every record says which file it is of, so that a name stays with its file. While
processes work, they hold locks in ``.locks/``: one for every image that is in hand.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.images.files import encode_png, resized
from gprior_jax.images.listing import place_of
from gprior_jax.runs.abouts import About, abouts, fingerprint_of, is_same
from gprior_jax.runs.items import RESERVED, Item
from gprior_jax.runs.names import choose_name, digest_of, same_name
from gprior_jax.runs.record import Record, read_about, write_record
from gprior_jax.storage.atomic import check_folder, read_json, remove_leftovers, temporary_name, write_bytes, write_json
from gprior_jax.storage.locks import Lock, any_held, hold
from gprior_jax.summary import check_same

FORMAT = 3
WRITTEN_PICTURES = ("measured", "reconstruction", "mean", "std", "low", "high", "width")
"""Pictures of a record that are written as files too."""
FILMS = "films"
"""Folder of films, see :mod:`gprior_jax.runs.filming`."""
PASTED = "pasted"
"""Folder of the photographs with their results in them, see :mod:`gprior_jax.runs.pasting`."""


class OutputFolder:
    """An output folder of one run.

    Attributes:
        path: the folder.
        settings: what decides the results, as the folder tells it; a rerun must have the same. Fields that have come
            since it was begun, and have their defaults, are not among them.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as out:
    ...     folder = OutputFolder(out, {"task": "mine", "steps": 3})
    ...     again = OutputFolder(out, {"task": "mine", "steps": 3})  # Taken up again.
    >>> again.settings
    {'task': 'mine', 'steps': 3}
    """

    def __init__(self, path: str | os.PathLike, settings: dict[str, Any], items: Sequence[Item] = ()):
        """Make the folder, or take it up again; of other settings only where nothing is done in it.

        Args:
            path: the folder.
            settings: JSON, as :func:`gprior_jax.summary.summarise` tells it with its defaults; stored under
                ``"settings"`` in ``run.json``.
            items: of the run; none of their files may lie where results will be written.

        Raises:
            ArgumentError: the folder holds results of other settings, or an input lies in it.
        """
        self.path, self._wanted = Path(path), settings
        check_folder(self.path)
        inside = [self.path, *(self.path / name for name in (*WRITTEN_PICTURES, "samples", PASTED, FILMS))]
        written = {os.path.realpath(folder) for folder in inside}
        for source in (source for item in items if not item.digest for source in (item.source, *item.companions)):
            if os.path.realpath(source.parent) in written:
                raise ArgumentError(f"{source} lies where results will be written: give another folder than {path}.")
        self._settle(settings)
        self._locks = self.path / ".locks"
        self._taken: dict[str, str] = {}
        self.path.mkdir(parents=True, exist_ok=True)
        with self.locked():
            self._open()
        remove_leftovers(*inside)

    def _open(self) -> None:
        there, is_whole = self._settings_there()
        if there is not None:
            try:
                check_same(there, self._wanted, f"{self.path} holds a run", "give another folder for the results")
                self._settle(there)
            except ArgumentError:
                if abouts(self.path) or any_held(self._locks, but=self._run_lock):
                    raise
                self._settle(self._wanted)
                is_whole = False  # Nothing is done, and nobody is about to.
        if not is_whole:
            write_json(self.path / "run.json", {"format": FORMAT, "settings": self.settings})

    def _settle(self, settings: dict[str, Any]) -> None:
        """Take settings as those of the folder: in these words records of one run say what they were made with."""
        self.settings = json.loads(json.dumps(settings))
        self._fingerprint = fingerprint_of(self.settings)

    def _settings_there(self) -> tuple[dict[str, Any] | None, bool]:
        """Settings of the folder's results, and whether ``run.json`` tells them; else the results do themselves."""
        try:
            found = read_json(self.path / "run.json").get("settings")
            if isinstance(found, dict):
                return found, True
        except CheckpointError:  # Not there, or damaged.
            pass
        return next((json.loads(about["fingerprint"]) for about in abouts(self.path).values()), None), False

    @property
    def _run_lock(self) -> Path:
        return self._locks / ".run"  # No image has this name: none begins with a dot.

    def locked(self) -> Lock:
        """The lock of what belongs to all images, ``run.json`` first of all; to be held for a moment."""
        lock = hold(self._run_lock, wait=True)
        assert lock is not None
        return lock

    def at_work(self) -> Lock:
        """A lock to hold as long as results may come: nobody takes the folder for other settings.

        Raises:
            ArgumentError: another process has done so since it was opened.
        """
        with self.locked():
            lock = hold(self._locks / temporary_name())
            assert lock is not None
            try:
                self._open()
                any_held(self._locks, but=self._run_lock)  # Sweeps what killed processes have left.
            except BaseException:
                lock.release()
                raise
        return lock

    def leave(self, lock: Lock) -> bool:
        """Let the lock of :meth:`at_work` go, and say whether others are still at work in the folder.

        Of several processes that leave, the last one to do so, and no other, finds nobody.
        """
        with self.locked():
            lock.release()
            return any_held(self._locks, but=self._run_lock)

    def records(self) -> dict[str, About]:
        """What the finished records of these settings say of themselves, by name, sorted."""
        found = abouts(self.path)
        return {name: about for name, about in found.items() if about.get("fingerprint") == self._fingerprint}

    def named(self, items: Sequence[Item]) -> list[Item]:
        """Items under the names, and with the ids, that they have in this folder.

        A file that the folder has a record of, however it was found then, keeps its name and its id. Another one takes
        no name that belongs to a file elsewhere. Items that are not below an input have the names that they came with.
        """
        stored = self.records()
        owners = {same_name(name): about for name, about in stored.items()}
        known = {about["place"]: name for name, about in stored.items() if about.get("place")}
        found: dict[int, Item] = {}
        self._taken = {}
        for index, item in enumerate(items):
            name = known.pop(digest_of(place_of(item.source)), None) if item.below else item.name
            if name is not None:
                own = item._replace(name=name, id=stored[name]["id"]) if item.below else item
                found[index], self._taken[same_name(name)] = own, item.below
        for index, item in enumerate(items):
            if index not in found:
                found[index] = self._renamed(item, owners)
        return [found[index] for index in range(len(items))]

    def _renamed(self, item: Item, owners: dict[str, About]) -> Item:
        """An item under a name that is free, or that the folder has for a file of its content and id.

        Args:
            item: the item.
            owners: what records say of themselves, by their names as :func:`same_name` has them.
        """

        def owner(wish: str) -> str | None:
            key = same_name(wish)
            if key in self._taken or wish in RESERVED:
                return self._taken.get(key, "")
            about = owners.get(key)
            return None if about is None or is_same(about, item) else about.get("below", "")

        name = choose_name(item.below, place_of(item.source), owner)
        self._taken[same_name(name)] = item.below
        return item._replace(name=name)

    def take(self, item: Item) -> tuple[Item, Lock | None] | None:
        """Take an image in hand.

        Returns:
            The item, under the name that it has now, and the lock to hold until it is written; without a lock where it
            is done already. None where another process has it in hand.
        """
        while True:
            lock = hold(self._locks / f"{item.name}.lock")
            if lock is None:
                return None
            about = self._about(item.name)
            if about is None:
                return item, lock
            if not item.below or about.get("place") == digest_of(place_of(item.source)) or is_same(about, item):
                item = item._replace(id=about["id"]) if item.below else item
                if not self.is_done(item):
                    return item, lock
                lock.release()
                return item, None
            lock.release()  # Another process has given the name to another file meanwhile.
            self._taken.pop(same_name(item.name), None)
            item = self._renamed(item, {same_name(name): about for name, about in self.records().items()})

    def _about(self, name: str) -> About | None:
        """What the record of a name says of itself; None where there is none of these settings."""
        try:
            about = read_about(self.path / f"{name}.npz")
        except CheckpointError:
            return None
        return about if about.get("fingerprint") == self._fingerprint else None

    def is_done(self, item: Item) -> bool:
        """Whether the image was finished with these settings, from files of the same content."""
        about = self._about(item.name)
        return about is not None and is_same(about, item)

    def write(self, item: Item, record: Record, size: int | None = None, sha256: list[str] | None = None) -> None:
        """Write an image's files.

        Args:
            item: the input.
            record: its result.
            size: side of the PNG, pixels; None keeps the generator's.
            sha256: :meth:`Item.digests` when it was read; None takes those of now.
        """
        self._write_pictures(item.name, record, size, [True] * len(_pictures(item.name, record)))
        digests = item.digests() if sha256 is None else sha256
        about: About = {"sha256": digests, "fingerprint": self._fingerprint, "id": item.id, "below": item.below}
        if item.below:
            about["place"] = digest_of(place_of(item.source))
        write_record(self.path / f"{item.name}.npz", record, about)

    def mend(self, item: Item, record: Record, size: int | None = None) -> None:
        """Write those pictures of a finished image again that are missing, or that are to have another side now."""
        wrong = [not (self.path / f"{name}.png").exists() for name in _pictures(item.name, record)]
        wrong[0] = _side_of(self.path / f"{item.name}.png") != (size or record.image.shape[0])
        self._write_pictures(item.name, record, size, wrong)

    def _write_pictures(self, name: str, record: Record, size: int | None, chosen: Sequence[bool]) -> None:
        for (each, picture), is_chosen in zip(_pictures(name, record).items(), chosen, strict=True):
            if is_chosen:
                path = self.path / f"{each}.png"
                path.parent.mkdir(exist_ok=True)
                write_bytes(path, encode_png(resized(picture, size) if each == name else picture))


def _pictures(name: str, record: Record) -> dict[str, np.ndarray]:
    """Pictures of a record by the names of their files, uint8; the result comes first."""
    pictures = {name: im.to_uint8(record.image)}
    pictures |= {f"{n}/{name}": record.pictures[n] for n in WRITTEN_PICTURES if n in record.pictures}
    return pictures | {f"samples/{name}_{k}": sample for k, sample in enumerate(record.samples, start=1)}


def _side_of(path: Path) -> int | None:
    """Side of a picture that was written, from the head of its file; None where there is none."""
    try:
        with Image.open(path) as opened:
            return opened.size[0]
    except (OSError, SyntaxError, ValueError):
        return None

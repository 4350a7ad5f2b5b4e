"""The items of a run on their way: what is done already, what is in hand, what another process has, what failed."""

import dataclasses
import threading
from collections.abc import Callable, Generator, Iterable, Mapping

import numpy as np

from gprior_jax.errors import CheckpointError, ImageFileError
from gprior_jax.images.files import unreadable
from gprior_jax.runs.entries import Entry, entry_of
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Batch, Grouped, Job, Loaded
from gprior_jax.runs.names import as_text
from gprior_jax.runs.record import Record, read_record
from gprior_jax.runs.report import MAX_IMAGES, record_block
from gprior_jax.storage.locks import Lock

_PAUSE = 0.5
"""Seconds between looks at images that another process has in hand."""


@dataclasses.dataclass
class Work:
    """The items of a run, and what has become of them.

    Attributes:
        items: in the order that they came in, under the names that they have in the folder.
        finished: called with every image that is done, when its files are written or found; gives what is to be told.
        entries: of those that are done, by name.
        failed: ``{source: sentence}``.
    """

    job: Job
    folder: OutputFolder
    items: list[Item]
    size: int | None
    tell: Callable[[str], None]
    finished: Callable[[Item, Record], Record] | None = None
    entries: dict[str, Entry] = dataclasses.field(default_factory=dict)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    _locks: dict[str, Lock] = dataclasses.field(default_factory=dict)
    _is_told: bool = False
    _stopped: threading.Event = dataclasses.field(default_factory=threading.Event)

    def keep(self, item: Item, record: Record) -> None:
        """Note an image that is done."""
        if self.finished is not None:
            record = self.finished(item, record)
        self.entries[item.name] = entry_of(record, record_block(record) if len(self.entries) < MAX_IMAGES else "")

    def look(self) -> None:
        """Take up what is done already."""
        for item in filter(self.folder.is_done, self.items):
            self._take_up(item)
        if self.entries:
            self.tell(f"{len(self.entries)} of {len(self.items)} images are done already")

    def _take_up(self, item: Item) -> bool:
        try:
            record = read_record(self.folder.path / f"{item.name}.npz")
        except CheckpointError:  # Damaged further in: to be done again.
            return False
        self.folder.mend(item, record, self.size)
        self.keep(item, record)
        return True

    def batches(self, size: int) -> Generator[tuple[str, Batch, list[list[str]]], None, None]:
        """Batches of one shape with their titles, and the fingerprints of their files, taken before these were read.

        An image's place in its batch follows from the list alone, whatever is done already, cannot be read, or is done
        by another process: XLA's sums can depend on the place in the last bit, and an interrupted run shall end like
        one that was not. Free places are filled with copies.
        """
        waiting = self._planned(size)
        while waiting and not self._stopped.is_set():
            others, idle = [], True
            for first, numbers in waiting:
                loaded, busy = self._load_all(numbers)
                if busy:
                    others.append((first, busy))
                if loaded:
                    idle = False
                    title = f"images {min(loaded) + 1} to {max(loaded) + 1} of {len(self.items)}"
                    yield title, _stacked(loaded, first, size), [each.digests for each in loaded.values()]
            waiting = others
            if waiting and idle:
                self._wait(sum(len(numbers) for _, numbers in waiting))

    def singles(self, indices: Iterable[int]) -> Generator[Loaded | None, None, None]:
        """Items one by one, those that another process has in hand last; None where all that are left are."""
        waiting = list(indices)
        while waiting and not self._stopped.is_set():
            others = []
            for index in waiting:
                loaded, is_busy = self._load(index)
                if loaded is not None:
                    yield loaded
                elif is_busy:
                    others.append(index)
            if others and len(others) == len(waiting):
                yield None
                self._wait(len(others))
            waiting = others

    def _wait(self, count: int) -> None:
        """Pause before another look at images that another process has in hand."""
        if not self._is_told:
            self.tell(f"{count} images are in the hands of another process: waiting for them")
            self._is_told = True
        self._stopped.wait(_PAUSE)

    def stop(self) -> None:
        """Wait for no other process any more."""
        self._stopped.set()

    def groups(self) -> list[list[int]]:
        """Indices into the items, in order, those whose arrays have one shape together."""
        groups: dict[int, list[int]] = {}
        for index in sorted(range(len(self.items)), key=lambda i: (self.items[i].source, self.items[i].id)):
            group = self.job.group(self.items[index]) if isinstance(self.job, Grouped) else 0
            groups.setdefault(group, []).append(index)
        return list(groups.values())

    def _planned(self, size: int) -> list[tuple[int, dict[int, int]]]:
        """Batches as their first number, and indices into the items by number: in order, group after group."""
        planned, first = [], 0
        for indices in self.groups():
            for start in range(0, len(indices), size):
                batch = indices[start : start + size]
                planned.append((first, dict(enumerate(batch, first))))
                first += len(batch)
        return planned

    def _load_all(self, numbers: Mapping[int, int]) -> tuple[dict[int, Loaded], dict[int, int]]:
        """What is to be done of some items, by their numbers, and which others have in hand."""
        loaded, busy = {}, {}
        for number, index in numbers.items():
            own, is_busy = self._load(index)
            if own is not None:
                loaded[number] = own
            elif is_busy:
                busy[number] = index
        return loaded, busy

    def _load(self, index: int) -> tuple[Loaded | None, bool]:
        """An item that is to be done, in hand; else whether another process has it so."""
        item = self.items[index]
        if item.name in self.entries or as_text(item.source) in self.failed:
            return None, False
        taken = self.folder.take(item)
        if taken is None:
            return None, True
        item, lock = taken
        self.items[index] = item
        if lock is None and self._take_up(item):
            return None, False
        if lock is not None:
            self._locks[item.name] = lock
        try:
            digests = item.digests()
            return Loaded(item, self.job.load(item), digests), False
        except (ImageFileError, OSError) as error:
            self.let_go(item)
            why = unreadable(item.source, error) if isinstance(error, OSError) else error
            self.failed[as_text(item.source)] = as_text(str(why))
            self.tell(as_text(str(why)))
        return None, False

    def let_go(self, item: Item) -> None:
        """Let other processes have an image that was in hand."""
        if lock := self._locks.pop(item.name, None):
            lock.release()

    def again(self) -> None:
        """Be ready for another pass, after one that has failed."""
        self.let_go_all()
        self._stopped.clear()

    def let_go_all(self) -> None:
        """Let go of what is still in hand when a run ends, however it does."""
        for name in list(self._locks):
            self._locks.pop(name).release()


def _stacked(loaded: Mapping[int, Loaded], start: int, size: int) -> Batch:
    """A batch of a size of what was loaded, by numbers from a start on."""
    by_place = {number - start: each for number, each in loaded.items()}
    first, *_ = by_place
    filled = [by_place.get(place, by_place[first]) for place in range(size)]
    return Batch(
        items=[each.item for each in loaded.values()],
        places=list(by_place),
        arrays={name: np.stack([each.arrays[name] for each in filled]) for name in filled[0].arrays},
        ids=np.array([each.item.id for each in filled]),
    )

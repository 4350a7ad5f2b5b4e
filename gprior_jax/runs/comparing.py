"""Pairs of pictures compared one after the other: the next ones are read meanwhile, and what was measured is on disk.

There it serves twice. What the figures of the two sets need (features and patches) takes no memory until they are
computed; and a comparison that was interrupted goes on behind the last pair that it had measured. When all is done it
is removed.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gprior_jax.errors import CheckpointError, ImageFileError
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.runs import evaluation
from gprior_jax.runs.evaluation import Row, Sets
from gprior_jax.runs.folder import PASTED
from gprior_jax.runs.items import Item
from gprior_jax.runs.pairs import Pair
from gprior_jax.runs.pipeline import Ahead, Behind, Clock
from gprior_jax.runs.record import read_about
from gprior_jax.runs.squares import pasted_figures
from gprior_jax.storage.atomic import remove_leftovers, write_arrays
from gprior_jax.storage.locks import hold
from gprior_jax.summary import summarise, versions

FOLDER = ".evaluation"
"""Of what is measured, in the folder for the figures, while a comparison is under way."""

_AHEAD, _BEHIND = 2, 4
"""Pairs that wait to be measured, and to be written."""


class Comparison(NamedTuple):
    """How pairs are compared.

    Attributes:
        names: figures of every pair, see :data:`gprior_jax.runs.evaluation.METRICS`.
        network: adds the distance of its features, and figures of the sets on them.
        lpips: adds that distance.
        sets: of the two sets.
        size: side at which a pair is compared, pixels; None takes the result's own.
    """

    names: tuple[str, ...]
    network: PerceptualNetwork | None
    lpips: LPIPS | None
    sets: Sets
    size: int | None = None

    def told(self) -> str:
        """Everything that decides figures, as text."""
        networks = [None if each is None else summarise(each) for each in (self.network, self.lpips)]
        return json.dumps([self.names, networks, self.sets.told(), self.size, versions()], sort_keys=True)


class Kept:
    """What was measured of pairs, a file of each in a folder; removed in the end."""

    def __init__(self, folder: Path, told: str):
        """Take up what is in a folder; it counts where it was measured in the same way."""
        self._folder, self._told = folder, told
        remove_leftovers(folder)

    def _path(self, place: int) -> Path:
        return self._folder / f"{place:07}.npz"

    def digest(self, place: int, pair: Pair, size: int) -> str:
        """What tells a pair, as the one of its place, from every other one.

        Raises:
            ImageFileError: a file cannot be read.
        """
        pasted = pair.result.parent / PASTED / pair.result.name
        files = Item(0, pair.result, "", (pair.reference, *([pasted] if pasted.is_file() else [])))
        told = json.dumps([self._told, files.digests(), place, size, str(pair.crop), pair.gray])
        return hashlib.sha256(told.encode()).hexdigest()

    def values(self, place: int, digest: str) -> dict[str, float] | None:
        """Figures of a pair, where they are here."""
        try:
            about = read_about(self._path(place))
        except CheckpointError:  # Not there, or damaged: to be measured again.
            return None
        return about["values"] if about["digest"] == digest else None

    def put(self, place: int, digest: str, values: dict[str, float], described: dict[str, np.ndarray]) -> None:
        """Keep the figures of a pair, and what describes it to the figures of the sets."""
        write_arrays(self._path(place), described | {"about": json.dumps({"digest": digest, "values": values})})

    def names(self) -> list[str]:
        """Of the arrays that describe a pair."""
        with np.load(self._path(0)) as arrays:
            return [name for name in arrays.files if name != "about"]

    def column(self, count: int, name: str) -> np.ndarray:
        """One array of the first pairs, ``[count, ...]``."""
        found: np.ndarray | None = None
        for place in range(count):
            with np.load(self._path(place)) as arrays:
                own = arrays[name]
            found = np.empty((count, *own.shape), own.dtype) if found is None else found
            found[place] = own
        assert found is not None
        return found


@contextlib.contextmanager
def kept_in(out: Path | None, told: str) -> Iterator[Kept]:
    """What is measured, in a folder of ``out`` that outlives an interruption.

    Without ``out``, or where another process has that folder, it is in one that does not.
    """
    folder = None if out is None else out / FOLDER
    lock = None if folder is None else hold(folder / ".lock")
    if folder is None or lock is None:
        with tempfile.TemporaryDirectory() as own:
            yield Kept(Path(own), told)
        return
    with lock:
        folder.mkdir(exist_ok=True)  # Where nothing can be locked, no lock has made it.
        yield Kept(folder, told)
        # The lock's file stays until it is let go, with the folder: whoever made it anew meanwhile would lose it.
        for path in folder.glob("*.npz"):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


class _Read(NamedTuple):
    """A pair on its way.

    Attributes:
        place: among all that can be compared.
        size: at which it is, pixels.
        digest: see :meth:`Kept.digest`.
        values: figures that are there already; of one that is to be measured those of what was pasted.
        images: ``[S, S, C]`` in [-1, 1], the result and its reference; none where it is measured already.
    """

    place: int
    pair: Pair
    size: int
    digest: str
    values: dict[str, float]
    images: tuple[np.ndarray, ...] = ()


def compare(
    pairs: Sequence[Pair], comparison: Comparison, kept: Kept, failed: dict[str, str], waited: tuple[Clock, Clock]
) -> list[Row]:
    """Figures of pairs, in their order.

    Args:
        pairs: what is compared.
        comparison: how.
        kept: has what was measured before, and takes what is now.
        failed: ``{result: sentence}``, to be filled with those that cannot be read.
        waited: count how long nothing was measured for lack of pictures, and of room for what is to be written.
    """
    rows: list[Row] = []
    source = _read(pairs, comparison, kept, failed)
    with Behind(_BEHIND, waited[1]) as behind, Ahead(source, _AHEAD, clock=waited[0]) as every:
        for each in every:
            values = each.values
            if each.images:
                values, described = _measured(comparison, each)
                behind(partial(kept.put, each.place, each.digest, values, described))
            rows.append(Row(each.pair, each.size, values))
    return rows


def _read(pairs: Sequence[Pair], comparison: Comparison, kept: Kept, failed: dict[str, str]) -> Iterator[_Read]:
    place, value_range = 0, comparison.sets.value_range
    for pair in pairs:
        try:
            size = comparison.size or evaluation.side_of(pair.result)
            digest = kept.digest(place, pair, size)
            images, values = (), kept.values(place, digest)
            if values is None:
                images = tuple(evaluation.load(pair, name, size, value_range) for name in ("result", "reference"))
                values = pasted_figures(pair, comparison.names, value_range)
        except ImageFileError as error:
            failed[os.fspath(pair.result)] = str(error)
            continue
        yield _Read(place, pair, size, digest, values, images)
        place += 1


def _measured(comparison: Comparison, each: _Read) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Figures of a pair, and what describes it."""
    names, network, lpips, sets, _ = comparison
    found, features = jax.device_get(evaluation.measure(names, network, lpips, *each.images))
    order = [name for name in (*names, "perceptual", "lpips") if name in found]
    return {name: float(found[name]) for name in order} | each.values, sets.describe(each.place, each.images, features)


def figures(comparison: Comparison, rows: Sequence[Row], kept: Kept) -> dict[str, Any]:
    """Figures of the two sets, see :meth:`gprior_jax.runs.evaluation.Sets.figures`."""
    if len(rows) < 2:
        return {}
    return comparison.sets.figures(rows, kept.names(), partial(kept.column, len(rows)))

"""From an order to an image on its way into a stream, and from its result to the files that its command writes."""

import dataclasses
import functools
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gprior_jax import runs
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import to_uint8
from gprior_jax.images.files import encode_png, load_image
from gprior_jax.images.listing import Found
from gprior_jax.images.remarks import collected
from gprior_jax.inversion.devices import device_facts, spread
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.keys import seeded
from gprior_jax.runs.aligning import cropping
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import Entry, entry_of
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.items import name_items
from gprior_jax.runs.job import Loaded
from gprior_jax.runs.report import record_block
from gprior_jax.runs.streaming import labels
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.making import LaneKey, Maker, Plan, Ready, task_of
from gprior_jax.storage.atomic import write_bytes
from gprior_jax.studio.orders import Files, Order, command_of
from gprior_jax.summary import versions
from gprior_jax.typing import Key

_FIRST = ("w_plus", "mganprior")
"""Methods, by preference: styles are edited best, and start from the encoder where there is one."""


@dataclasses.dataclass(frozen=True, eq=False)
class StudioPlan(Plan):
    """How items of a lane are worked on: those of one class, each as a run of its command."""

    def key_of(self, asked: Asked) -> Key:
        """That of a run with the seed."""
        return seeded(asked.seed)

    @property
    def samples(self) -> int | None:
        """Every restoration has an axis of samples, as those of commands have."""
        return None if self.task is None else self.asked.samples or 1

    @functools.cached_property
    def inverter(self) -> Inverter:
        """The recipe made ready for the prior, held to the class."""
        maker = self.maker
        return Inverter(held(maker.prior, self.asked), self.recipe, devices=spread(maker.devices, maker.slots))


def held(prior: Prior, asked: Asked) -> Prior:
    """A prior, held to the class that is asked for.

    Raises:
        ArgumentError: there is no such class, or none is asked for.
    """
    if asked.label is not None:
        return with_label(prior, asked.label)
    if prior.num_classes:
        raise ArgumentError(f"{prior} has classes: choose one, 0 to {prior.num_classes - 1}.")
    return prior


def is_lane_of(lane: LaneKey, session: str) -> bool:
    """Whether a lane is a session's own; see :meth:`Prepared.ready`."""
    return lane[1][-1] == _number_of(session)


def _number_of(session: str) -> int:
    """Beyond every side of a picture."""
    return zlib.crc32(session.encode()) + (1 << 32)


@dataclasses.dataclass(frozen=True, eq=False)
class StudioMaker(Maker):
    """Makes items ready as their commands do."""

    @property
    def name(self) -> str:
        """What commands call the prior."""
        return self.model or "builtin"

    @property
    def first(self) -> str:
        """The method of an inversion unless another is chosen."""
        return next((name for name in _FIRST if name in self.methods), self.methods[0])

    def unchecked(self, asked: Asked) -> Recipe:
        """The recipe of the command, whatever the limits are."""
        command, task = command_of(asked, self.name), task_of(asked, 1)
        if task is None or not isinstance(command, Restore):
            return command.recipe()
        return command.task_recipe(held(self.prior, asked), task)

    def plan(self, lane: LaneKey) -> Plan:
        """How items of a lane are worked on."""
        asked, shape = lane
        return StudioPlan(self, asked, self.recipe(asked), task_of(asked, self.prior.resolution // shape[0]))

    def prepare(self, order: Order, files: Files) -> "Prepared":
        """Read an item's files as its command does.

        Raises:
            ArgumentError: settings that do not fit.
            ImageFileError: files that cannot be used.
        """
        asked, said = order.asked, list[str]()
        self.recipe(asked)
        command = command_of(asked, self.name, files, order.placing)
        items = name_items([Found(files.photograph, files.photograph.name)])
        with collected() as remarks:
            job, (item,) = command.job(held(self.prior, asked), items)
            if isinstance(job, runs.Restoring):
                job = dataclasses.replace(job, tell=said.append, say=said.append)
            digests = item.digests()
            loaded = Loaded(item, job.load(item), digests)
        return Prepared(self, asked, job, loaded, files, remarks + said)


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """An item that was read.

    Attributes:
        maker: that has read it.
        asked: its settings.
        job: what its command does.
        loaded: the photograph.
        files: of it.
        remarks: what was said of them.
        began: when, on :func:`time.time`'s clock.
    """

    maker: StudioMaker
    asked: Asked
    job: runs.Inversion | runs.Restoring
    loaded: Loaded
    files: Files
    remarks: list[str]
    began: float = dataclasses.field(default_factory=time.time)

    @property
    def name(self) -> str:
        """Stem of its results' files."""
        return self.loaded.item.name

    def ready(self, session: str = "") -> Ready:
        """As an engine takes it.

        Args:
            session: its name. Where a lane has one place, every session has lanes of its own, so that nobody waits for
                others: two of them at once take less time than one with two places, and alone half of it
                (``benchmarks/RESULTS.md``).
        """
        arrays = self.loaded.arrays
        operator = None
        if isinstance(self.job, runs.Restoring):
            whole = self.job.task.operator(self.loaded.alone().arrays)
            operator = jax.tree.map(lambda leaf: np.asarray(leaf)[0], whole)
        lane = dataclasses.replace(self.asked.of_lane(), label=self.asked.label)
        leaves = jax.tree.leaves(operator)
        shapes = tuple(n for array in (arrays["observed"], *leaves) for n in array.shape)
        if self.maker.slots == 1:
            shapes += (_number_of(session),)
        return Ready((lane, shapes), arrays, operator, None, self.loaded.digests, self.remarks, self.loaded.item.id)

    def write_placed(self, folder: Path) -> dict[str, Any]:
        """Write the square of the photograph as it is, where that is not what was observed of it; what to know of it.

        Args:
            folder: for it.
        """
        observed, prior = self.loaded.arrays["observed"], self.maker.prior
        if self.asked.task in ("colorize", "inpaint"):
            crop = cropping(self.job.crop, self.loaded.item)
            observed = load_image(self.files.photograph, prior, crop)
        write_bytes(folder / "placed.png", encode_png(to_uint8(observed)))
        return {"placed": True}

    def write(self, plan: Plan, result: Result, steps: int) -> Entry:
        """Write what its command writes of a result.

        Args:
            plan: of its lane.
            result: of this image alone; of restorations with an axis of samples.
            steps: that were taken.
        """
        batch, item = self.loaded.alone(), self.loaded.item
        whole = jax.tree.map(lambda leaf: np.asarray(leaf)[None], result)
        (record,) = self.job.records(plan.inverter, batch, whole, labels(batch))
        folder = OutputFolder(self.files.out, self.job.settings(), [item])
        entry = entry_of(record, record_block(record))
        with folder.at_work():
            folder.write(item, record, None, self.loaded.digests)
            end(folder, [item], {item.name: entry}, {}, self._facts(steps))
        return entry

    def _facts(self, steps: int) -> Mapping[str, Any]:
        """What ``run.json`` tells beside the settings."""
        return {
            "model": self.maker.name,
            "method": self.asked.method,
            "versions": versions(),
            "device": device_facts(self.maker.devices, self.maker.slots),
            "seconds": round(time.time() - self.began, 2),
            "batch_size": 1,
            "steps_taken": steps,
        }

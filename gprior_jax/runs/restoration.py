"""Restoration of files: what was observed of them, or what is made of intact ones, and the ground truth beside."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gprior_jax.errors import ImageFileError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import ValueRange, load_image
from gprior_jax.images.frames import Frame
from gprior_jax.images.opening import size_of
from gprior_jax.images.placement import Cropping
from gprior_jax.images.samples import range_setting
from gprior_jax.inversion.classes import ClassFinder, ClassSearch
from gprior_jax.inversion.devices import Devices, spread
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.saving import Saver
from gprior_jax.keys import folded, purpose
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.runs.aligning import Cropper, crop_setting, cropping, framed
from gprior_jax.runs.calibrations import Calibrated, as_settings, uncertain, with_intervals
from gprior_jax.runs.filming import Filming, filmed
from gprior_jax.runs.inversion import (
    class_finder,
    inversion_settings,
    label_of,
    labelled,
    labels_of,
    with_styles,
)
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Batch, Flow, Solve
from gprior_jax.runs.measurements import Reader, tells_consistency
from gprior_jax.runs.record import Record, record_of
from gprior_jax.runs.report import ERROR_RANGE
from gprior_jax.runs.streaming import Streamed, is_streamed
from gprior_jax.tasks import Arrays, Restoration, Task, complete
from gprior_jax.typing import Key, Progress


@dataclasses.dataclass(frozen=True, eq=False)
class Restoring:
    """Restore pictures; a :class:`gprior_jax.runs.Job`.

    Attributes:
        prior: the generator.
        recipe: how.
        key: the run's key.
        task: which.
        reader: reads what was observed.
        about: settings of the task and the reader, JSON, for ``run.json``.
        samples: solutions per image.
        simulate: the files are intact: degrade them first, and compare with them.
        truths: files of the intact pictures, by the items' sources.
        crop: how a picture becomes square.
        devices: devices that a batch is spread over, or (images, codes); None takes the cores of a CPU, else one.
        tell: called with a sentence about a ground truth that cannot be read, and with what the reader doubts.
        labels: every item has a class of its own, of a prior with classes that is held to none.
        spoilt: names of items whose ground truth could not be read.
        value_range: of files of more than 8 bits a sample.
        say: called with what the reader notes.
        filming: makes films; None makes none.
        search: see :class:`gprior_jax.runs.Inversion`.
        meter: measures the steps.
        calibrated: of the intervals that are wanted; None wants none.

    >>> import gprior_jax as gp, jax
    >>> from gprior_jax.runs.measurements import Whole
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.restoration("colorize", prior)
    >>> task, reader = gp.tasks.COLORIZE, Whole(prior, gray=True)
    >>> job = gp.runs.Restoring(prior, recipe, jax.random.key(0), task, reader, {"task": "colorize"})
    >>> item = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[0]
    >>> job.load(item)["observed"].shape, job.settings()["task"]
    ((64, 64, 3), 'colorize')
    """

    prior: Prior
    recipe: Recipe
    key: Key
    task: Task
    reader: Reader
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    samples: int = 1
    simulate: bool = False
    truths: Mapping[Path, Path] = dataclasses.field(default_factory=dict)
    crop: Cropper = "center"
    devices: Devices | None = None
    tell: Callable[[str], None] = lambda sentence: None
    labels: bool = False
    spoilt: set[str] = dataclasses.field(default_factory=set)
    value_range: ValueRange = "auto"
    say: Callable[[str], None] = lambda sentence: None
    filming: Filming | None = None
    search: ClassSearch | None = None
    meter: Meter = dataclasses.field(default_factory=Meter)
    calibrated: Calibrated | None = None

    @property
    def resolution(self) -> int:
        """The prior's."""
        return self.prior.resolution

    def settings(self) -> dict[str, Any]:
        """Weights, recipe, key, task and how pictures are read."""
        own = {"task": self.task.name, "samples": self.samples, "simulate": self.simulate}
        own |= {"crop": crop_setting(self.crop), "range": range_setting(self.value_range)}
        own |= {} if self.calibrated is None else {"intervals": as_settings(self.calibrated.calibration)}
        asked = self.task.asked(self.samples)
        return inversion_settings(self.prior, self.recipe, self.key, self.labels, self.search, asked) | own | self.about

    def group(self, item: Item) -> int:
        """As the reader groups them."""
        return 0 if self.simulate else self.reader.group(item)

    def load(self, item: Item) -> Arrays:
        """What was observed, its class, and the ground truth where there is one; NaN for an item that has none."""
        arrays = self._simulated(item) if self.simulate else self.reader.observed(item)
        factor = self.resolution // arrays["observed"].shape[0]
        if self.calibrated is not None and self.calibrated.factor != factor:
            told = f"by {self.calibrated.factor}, the calibration of the intervals is for no other factor"
            raise ImageFileError(f"{item.source} is to be enlarged by {factor} and not {told}: calibrate for it.")
        if note := self.reader.note(item, arrays):
            self.say(note)
        if doubt := self.reader.doubt(item, arrays):
            self.tell(doubt)
        own = label_of(self.prior, item) if self.labels and self.search is None else {}
        return self._with_truth(item, arrays) | own | framed(self.crop, item)

    def _with_truth(self, item: Item, arrays: Arrays) -> Arrays:
        if self.simulate or not self.truths:
            return arrays
        truth = np.full(self.prior.image_shape, np.nan, np.float32)
        try:
            if item.source in self.truths:
                path = self.truths[item.source]
                truth = load_image(path, self.prior, self._truth_cropping(item, path), self.value_range)
        except ImageFileError as error:
            self.spoilt.add(item.name)
            self.tell(f"{error} {item.source.name} is restored without metrics.")
        return arrays | {"truth": truth}

    def _truth_cropping(self, item: Item, path: Path) -> Cropping:
        """As the item is cut; its square is as much larger as the ground truth is."""
        own = cropping(self.crop, item)
        return own.scaled(size_of(path)[0] / size_of(item.source, smallest=1)[0]) if isinstance(own, Frame) else own

    def _simulated(self, item: Item) -> Arrays:
        """An intact picture, and what the task undoes done to it."""
        intact = load_image(item.source, self.prior, cropping(self.crop, item), self.value_range)
        key = purpose(folded(self.key, item.id), "degradation")
        degraded = im.to_uint8(self.task.degrade(jax.device_put(intact), key))
        return {"observed": im.from_uint8(degraded), "truth": intact} | self.reader.beside(item)  # As of a file.

    def start(self, batch_size: int) -> Solve:
        """Make the recipe ready for the prior."""
        finder = class_finder(self.prior, self.recipe, self.search, self.key)
        return partial(self._solve, self._inverter(batch_size), finder)

    def stream(self, slots: int, saver: Saver | None = None) -> Flow | None:
        """Images that end early make room for the next, where no search for classes looks at whole batches."""
        # Of an image that is gone on with the earlier pictures are gone.
        whole = (self.search, None if saver is None else self.filming)
        if not is_streamed(self.recipe, saver, whole):
            return None
        inverter = self._inverter(slots)
        records, operator = partial(self.records, inverter), self.task.operator
        return Streamed(inverter, self.key, records, operator, self.samples, saver, self.filming).flow(slots)

    def _inverter(self, batch_size: int) -> Inverter:
        return Inverter(
            self.prior, self.recipe, devices=spread(self.devices, batch_size), labels=self.labels, meter=self.meter
        )

    def _solve(
        self, inverter: Inverter, finder: ClassFinder | None, batch: Batch, progress: Progress | None
    ) -> Iterator[Record]:
        observed, operator = batch.arrays["observed"], self.task.operator(batch.arrays)
        labels = labels_of(self.prior, batch, finder, operator, progress)
        with im.trusted_range():
            solve = partial(
                inverter.invert,
                observed,
                key=self.key,
                ids=batch.ids,
                operator=operator,
                label=labels,
                samples=self.samples,
                progress=progress,
            )
            result = filmed(self.filming, batch, lambda film: solve(film=film), lambda found: found.images[:, 0])
        yield from self.records(inverter, batch, result, labels)

    def records(self, inverter: Inverter, batch: Batch, result: Result, labels: np.ndarray | None) -> Iterator[Record]:
        """The records of a batch and its result."""
        restored = complete(result, batch.arrays["observed"], self.task.operator(batch.arrays), self.task.finish)
        unsure = None
        if self.samples > 1:
            calibration = None if self.calibrated is None else self.calibrated.calibration
            unsure = uncertain(self.task, batch.arrays, restored, calibration)
        compared = fidelity(restored.images, batch.arrays["truth"]) if "truth" in batch.arrays else {}
        for item, i in zip(batch.items, batch.places, strict=True):
            own = {name: array[i] for name, array in batch.arrays.items()}
            own |= {} if labels is None else {"label": labels[i]}
            if "truth" in own and np.isnan(own["truth"]).any():
                del own["truth"]
            figures = (compared if "truth" in own else {}) | {"consistency": restored.consistency}
            metrics = {name: float(value[i]) for name, value in figures.items()}
            if "missing" in own:
                metrics["missing"] = float(own["missing"])
                if not tells_consistency(metrics["missing"], metrics["consistency"]):
                    del metrics["consistency"]
            record = restored_record(item, own, restored, i, metrics)
            record = record if unsure is None else with_intervals(record, unsure, i, own.get("truth"))
            yield with_styles(inverter, record)


def restored_record(item: Item, arrays: Arrays, restored: Restoration, i: int, metrics: dict[str, float]) -> Record:
    """The record of one image of a restoration, with its pictures and samples.

    Args:
        item: the input.
        arrays: what was read of it.
        restored: of its batch.
        i: its place there.
        metrics: of its result.
    """
    measured = arrays["observed"] * arrays.get("known", np.float32(1.0))  # Missing pixels are gray.
    best = jax.tree.map(lambda leaf: leaf[i, 0], restored.result)._replace(images=restored.images[i])
    record = record_of(item.name, item.source, measured, best, metrics)
    pictures = {"measured": measured, "reconstruction": restored.reconstruction[i]}
    if "truth" in arrays:
        pictures["truth"] = arrays["truth"]
    if restored.samples.shape[1] > 1:
        level = np.clip(restored.std[i] / 2.0 / ERROR_RANGE, 0.0, 1.0)
        pictures |= {"mean": restored.mean[i], "std": np.repeat(level[..., None], 3, axis=-1) * 2.0 - 1.0}
        record = record._replace(
            variables={name: value[i] for name, value in restored.result.variables.items()},
            samples=im.to_uint8(restored.samples[i]),
            sample_losses=restored.result.loss[i],
        )
    drawn = {name: im.to_uint8(picture) for name, picture in pictures.items()}
    known = np.round(255.0 * arrays["known"]).astype(np.uint8) if "known" in arrays else None
    record = record._replace(pictures=drawn, frame=arrays.get("frame"), known=known)
    return labelled(record, arrays["label"]) if "label" in arrays else record

"""Plain inversion of files."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from gprior_jax.editing.points import Point, codes
from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.generators.labels import as_labels, with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import psnr_of, trusted_range
from gprior_jax.images.samples import ValueRange, range_setting
from gprior_jax.inversion.classes import ClassFinder, ClassSearch
from gprior_jax.inversion.devices import Devices, spread
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.saving import Saver
from gprior_jax.inversion.starts import ONE_ANSWER, Asked
from gprior_jax.latents import WhitenedStyles
from gprior_jax.operators import Forward
from gprior_jax.runs.aligning import Cropper, crop_setting, read_square
from gprior_jax.runs.filming import Filming, filmed
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Batch, Flow, Solve
from gprior_jax.runs.record import Record, record_of
from gprior_jax.runs.streaming import Streamed, is_streamed
from gprior_jax.summary import fingerprint, summarise
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Key, Progress


@dataclasses.dataclass(frozen=True, eq=False)
class Inversion:
    """Find the latent codes that explain pictures; a :class:`gprior_jax.runs.Job`.

    Attributes:
        prior: the generator.
        recipe: how.
        key: the run's key.
        crop: how a picture becomes square.
        devices: devices that a batch is spread over, or (images, codes); None takes the cores of a CPU, else one.
        read: reads an item, ``[R, R, C]`` in [-1, 1]; None reads its file.
        labels: every item has a class of its own, of a prior with classes that is held to none.
        value_range: of files of more than 8 bits a sample.
        filming: makes films; None makes none.
        search: finds the class of every item, where ``labels`` are wanted and nobody names them.
        meter: measures the steps.

    >>> import gprior_jax as gp
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> item = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[0]
    >>> job.resolution, job.load(item)["observed"].shape
    (64, (64, 64, 3))
    """

    prior: Prior
    recipe: Recipe
    key: Key
    crop: Cropper = "center"
    devices: Devices | None = None
    read: Callable[[Item], np.ndarray] | None = None
    labels: bool = False
    value_range: ValueRange = "auto"
    filming: Filming | None = None
    search: ClassSearch | None = None
    meter: Meter = dataclasses.field(default_factory=Meter)

    @functools.cached_property
    def image_shape(self) -> tuple[int, ...]:
        """The prior's; asked for once, not for every picture."""
        return self.prior.image_shape

    @property
    def resolution(self) -> int:
        """The prior's."""
        return self.image_shape[0]

    def settings(self) -> dict[str, Any]:
        """Weights, recipe, key and crop."""
        own = {"crop": crop_setting(self.crop), "range": range_setting(self.value_range)}
        return inversion_settings(self.prior, self.recipe, self.key, self.labels, self.search) | own

    def load(self, item: Item) -> Arrays:
        """The picture at the prior's resolution, and its class."""
        label = label_of(self.prior, item) if self.labels and self.search is None else {}
        if self.read is not None:
            return {"observed": self.read(item)} | label
        return read_square(item, self.image_shape, self.crop, self.value_range) | label

    def start(self, batch_size: int) -> Solve:
        """Make the recipe ready for the prior."""
        finder = class_finder(self.prior, self.recipe, self.search, self.key)
        inverter = self._inverter(batch_size)
        return partial(invert_batch, inverter, self.key, psnr_metric, filming=self.filming, finder=finder)

    def records(self, inverter: Inverter, batch: Batch, result: Result, labels: np.ndarray | None) -> Iterator[Record]:
        """The records of a batch and its result."""
        return records_of(inverter, psnr_metric, batch, result, labels)

    def stream(self, slots: int, saver: Saver | None = None) -> Flow | None:
        """Images that end early make room for the next, where no search for classes looks at whole batches."""
        # Of an image that is gone on with the earlier pictures are gone.
        whole = (self.search, None if saver is None else self.filming)
        if not is_streamed(self.recipe, saver, whole):
            return None
        inverter = self._inverter(slots)
        records = partial(self.records, inverter)
        return Streamed(inverter, self.key, records, saver=saver, filming=self.filming).flow(slots)

    def _inverter(self, batch_size: int) -> Inverter:
        return Inverter(
            self.prior, self.recipe, devices=spread(self.devices, batch_size), labels=self.labels, meter=self.meter
        )


def psnr_metric(images: np.ndarray, observed: np.ndarray) -> dict[str, np.ndarray]:
    """``{"psnr": [B]}`` of results and what they explain."""
    difference = np.clip(images, -1, 1) - np.clip(observed, -1, 1)
    return {"psnr": np.asarray(psnr_of(np.mean(np.square(difference), axis=(1, 2, 3))))}


def invert_batch(
    inverter: Inverter,
    key: Key,
    metrics: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]],
    batch: Batch,
    progress: Progress | None,
    *,
    filming: Filming | None = None,
    finder: ClassFinder | None = None,
) -> Iterator[Record]:
    """The records of a batch that was inverted as it is, with ``metrics(images, observed)``, each ``[B]`` by name."""
    observed = batch.arrays["observed"]
    labels = labels_of(inverter.prior, batch, finder, progress=progress)
    with trusted_range():
        solve = partial(inverter.invert, observed, key=key, ids=batch.ids, label=labels, progress=progress)
        result = filmed(filming, batch, lambda film: solve(film=film), lambda found: found.images)
    yield from records_of(inverter, metrics, batch, result, labels)


def records_of(
    inverter: Inverter,
    metrics: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]],
    batch: Batch,
    result: Result,
    labels: np.ndarray | None,
) -> Iterator[Record]:
    """The records of a batch and its result."""
    observed = batch.arrays["observed"]
    found = metrics(result.images, observed)
    for item, i in zip(batch.items, batch.places, strict=True):
        own = jax.tree.map(lambda leaf, i=i: leaf[i], result)
        figures = {name: float(values[i]) for name, values in found.items()}
        record = record_of(item.name, item.source, observed[i], own, figures)
        record = record if labels is None else labelled(record, labels[i])
        record = record._replace(frame=batch.arrays["frame"][i]) if "frame" in batch.arrays else record
        yield with_styles(inverter, record)


def class_finder(prior: Prior, recipe: Recipe, search: ClassSearch | None, key: Key) -> ClassFinder | None:
    """What finds the classes of batches, where they are searched for."""
    return None if search is None else ClassFinder(prior, recipe, search, key=key)


def labels_of(
    prior: Prior,
    batch: Batch,
    finder: ClassFinder | None,
    operator: Forward | None = None,
    progress: Progress | None = None,
) -> np.ndarray | None:
    """Classes ``[B, num_classes]`` of a batch: those that its items name, or that are found; None where it has none."""
    if finder is None:
        return batch.arrays.get("label")
    with trusted_range():
        found = finder.find(batch.arrays["observed"], batch.ids, operator, progress)
    return np.asarray(as_labels(prior, found.label, found.label.shape))


def label_of(prior: Prior, item: Item) -> Arrays:
    """The class of an item, ``{"label": [num_classes]}``.

    Raises:
        ImageFileError: it has none.
    """
    if item.label is None:
        raise ImageFileError(f"{item.source} has no class: name one, 0 to {prior.num_classes - 1}.")
    return {"label": np.asarray(as_labels(prior, item.label, ()))}


def with_styles(inverter: Inverter, record: Record) -> Record:
    """A record with the styles of its image, where what was found is one code with styles."""
    if not inverter.prior.num_styles:
        return record
    variables = dict(record.variables)
    if len(record.samples):
        variables = {name: values[0] for name, values in variables.items()}
    prior = dataclasses.replace(inverter.prior, label=None) if "label" in variables else inverter.prior
    try:
        parametrization = inverter.recipe.stages[-1].parametrization
        found = codes(prior, [Point(record.name, variables, parametrization)], "w")
    except ArgumentError:  # Several codes, or none.
        return record
    return record._replace(styles=found["w_plus"][0])


def labelled(record: Record, label: np.ndarray) -> Record:
    """A record that holds the class ``[num_classes]`` of its image among its variables; of all its samples."""
    if "label" in record.variables:  # A class that moved; this is where it started.
        return record
    own = np.broadcast_to(label, (len(record.samples), *label.shape)) if len(record.samples) else label
    return record._replace(variables=record.variables | {"label": own})


def inversion_settings(
    prior: Prior,
    recipe: Recipe,
    key: Key,
    labels: bool = False,
    search: ClassSearch | None = None,
    asked: Asked = ONE_ANSWER,
) -> dict[str, Any]:
    """What decides the results of an inversion, as JSON; with ``labels`` every image has a class of its own.

    The recipe is told as it is fitted to the prior and to what is asked for with images: with the encoder that they
    start from, if they do.

    Raises:
        ValueError: the recipe does not fit the prior.
    """
    fitted = recipe.fit(with_label(prior, 0) if labels else prior, asked)  # Recipes fit one class like another.
    measured = any(isinstance(stage.coordinates, WhitenedStyles) for stage in fitted.stages)
    own = None if prior.label is None else np.asarray(prior.label).tolist()
    return {
        "prior": {"weights": fingerprint(prior.params)}
        | summarise({"module": prior.module, "latent": prior.latent})
        | ({"metric": fingerprint({"blocks": prior.metric})} if measured else {}),
        "label": EACH if labels else own,
        "recipe": fitted.summary(),
        "key": jax.random.key_data(key).tolist(),
    } | ({} if search is None else {"class_search": summarise(search)})


EACH = "each"
"""In the settings: every image has a class of its own, which its record holds."""

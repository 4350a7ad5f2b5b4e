"""Projection of files, and how far off the projections are: what attribution to a generator is read off."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images.samples import ValueRange, range_setting
from gprior_jax.inversion.devices import spread
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.saving import Saver
from gprior_jax.metrics.attribution import (
    Attribution,
    Network,
    Reference,
    attribute,
    auc,
    draw_images,
    feature_distances,
)
from gprior_jax.runs.aligning import Cropper, crop_setting, read_square
from gprior_jax.runs.entries import Entry
from gprior_jax.runs.html import chart, histogram, paragraph, table
from gprior_jax.runs.inversion import inversion_settings, invert_batch, records_of
from gprior_jax.runs.items import Item
from gprior_jax.runs.job import Flow, Solve
from gprior_jax.runs.streaming import Streamed, is_streamed
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Key


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Project images and measure how far off they are; a :class:`gprior_jax.runs.Job`.

    The distance is the metric ``"distance"`` of every image; :func:`gprior_jax.metrics.attribution.attribute` says what
    it tells.

    Attributes:
        prior: the generator.
        recipe: how to project; the paper's is :func:`gprior_jax.recipes.projector`.
        key: the run's key.
        network: what the distance is measured with, prepared.
        crop: how a picture becomes square.
        devices: devices that a batch is spread over; None takes the cores of a CPU, else one.
        read: reads an item, ``[R, R, C]`` in [-1, 1]; None reads its file.
        value_range: of files of more than 8 bits a sample.
        meter: measures the steps.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin:portraits")
    >>> network = gp.zoo.load_perceptual("builtin:portraits").prepare()
    >>> job = gp.runs.Projection(prior, gp.recipes.projector(num_steps=2), jax.random.key(0), network)
    >>> item = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[0]
    >>> job.load(item)["observed"].shape, sorted(job.settings())
    ((64, 64, 3), ['crop', 'distance', 'key', 'label', 'prior', 'range', 'recipe'])
    """

    prior: Prior
    recipe: Recipe
    key: Key
    network: Network
    crop: Cropper = "center"
    devices: int | None = None
    read: Callable[[Item], np.ndarray] | None = None
    value_range: ValueRange = "auto"
    meter: Meter = dataclasses.field(default_factory=Meter)

    @property
    def resolution(self) -> int:
        """The prior's."""
        return self.prior.resolution

    def settings(self) -> dict[str, Any]:
        """Weights, recipe, key, crop and the network of the distance."""
        own = {
            "crop": crop_setting(self.crop),
            "range": range_setting(self.value_range),
            "distance": self.network.summary(),
        }
        return inversion_settings(self.prior, self.recipe, self.key) | own

    def load(self, item: Item) -> Arrays:
        """The picture at the prior's resolution."""
        if self.read is not None:
            return {"observed": self.read(item)}
        return read_square(item, self.prior.image_shape, self.crop, self.value_range)

    def start(self, batch_size: int) -> Solve:
        """Make the recipe ready for the prior."""
        return partial(invert_batch, self._inverter(batch_size), self.key, self._distances)

    def stream(self, slots: int, saver: Saver | None = None) -> Flow | None:
        """Images that end early make room for the next."""
        if not is_streamed(self.recipe, saver):
            return None
        inverter = self._inverter(slots)
        return Streamed(inverter, self.key, partial(records_of, inverter, self._distances), saver=saver).flow(slots)

    def _inverter(self, batch_size: int) -> Inverter:
        return Inverter(self.prior, self.recipe, devices=spread(self.devices, batch_size), meter=self.meter)

    def _distances(self, images: np.ndarray, observed: np.ndarray) -> dict[str, np.ndarray]:
        return {"distance": np.asarray(feature_distances(self.network, images, observed))}


def generated_items(prior: Prior, key: Key, number: int) -> tuple[list[Item], Callable[[Item], np.ndarray]]:
    """The first images that a prior draws with a key as the items of a run, and what reads them.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> items, read = generated_items(prior, jax.random.key(0), 2)
    >>> [item.name for item in items], read(items[0]).shape
    (['generated_0', 'generated_1'], (64, 64, 3))
    """
    prepared = prepare(prior)
    told = jax.random.key_data(key).tolist()
    items = [Item(i, Path(f"generated_{i}"), f"generated_{i}", digest=f"key {told} number {i}") for i in range(number)]
    return items, lambda item: draw_images(prepared, key, np.array([item.id]))[0]


MAX_MARKS = 12
"""Images that are marked in the histogram; more would hide it."""


def attributed(reference: Reference, entries: Sequence[Entry]) -> dict[str, Attribution]:
    """Where every image of a run of projections lies, by name; those whose projection is not finite are left out."""
    distances = {entry.row["name"]: entry.metrics["distance"] for entry in entries}
    return {name: attribute(each, reference) for name, each in distances.items() if np.isfinite(each)}


def histogram_of(reference: Reference, found: dict[str, Attribution]) -> str:
    """The distances of the reference and of the images, as SVG."""
    marks = {name: each.distance for name, each in found.items()}
    return histogram(reference._asdict(), marks if len(marks) <= MAX_MARKS else {})


def auc_told(value: float) -> str:
    """How well the reference tells apart, in a sentence."""
    return f"Area under the ROC curve of the reference: {value:.3f}."


def attribution_blocks(reference: Reference, entries: Sequence[Entry]) -> list[str]:
    """What the report of an attribution says first: the reference, and where every image lies."""
    found = attributed(reference, entries)
    rows = [{"image": name, **each._asdict()} for name, each in found.items()]
    drawn = chart(histogram_of(reference, found), "distances of the reference, and of the images")
    return [paragraph(auc_told(auc(reference))), drawn, table(rows)]

"""Plain inversion of files."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import psnr_of, trusted_range
from gprior_jax.images.files import Crop, ValueRange, load_image
from gprior_jax.inversion.devices import spread
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import Record, record_of
from gprior_jax.runs.runner import Batch, Solve
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
        devices: devices that a batch is spread over; None takes the cores of a CPU, else one.
        read: reads an item, ``[R, R, C]`` in [-1, 1]; None reads its file.
        value_range: of files of more than 8 bits a sample.
    """

    prior: Prior
    recipe: Recipe
    key: Key
    crop: Crop = "center"
    devices: int | None = None
    read: Callable[[Item], np.ndarray] | None = None
    value_range: ValueRange = "auto"

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
        return inversion_settings(self.prior, self.recipe, self.key) | {"crop": self.crop, "range": self.value_range}

    def load(self, item: Item) -> Arrays:
        """The picture at the prior's resolution."""
        own = (
            load_image(item.source, self.image_shape, self.crop, self.value_range)
            if self.read is None
            else self.read(item)
        )
        return {"observed": own}

    def start(self, batch_size: int) -> Solve:
        """Make the recipe ready for the prior."""
        inverter = Inverter(self.prior, self.recipe, devices=spread(self.devices, batch_size))
        return partial(invert_batch, inverter, self.key, psnr_metric)


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
) -> Iterator[Record]:
    """The records of a batch that was inverted as it is, with ``metrics(images, observed)``, each ``[B]`` by name."""
    observed = batch.arrays["observed"]
    with trusted_range():
        result = inverter.invert(observed, key=key, ids=batch.ids, progress=progress)
    found = metrics(result.images, observed)
    for item, i in zip(batch.items, batch.places, strict=True):
        own = jax.tree.map(lambda leaf, i=i: leaf[i], result)
        figures = {name: float(values[i]) for name, values in found.items()}
        yield record_of(item.name, str(item.source), observed[i], own, figures)


def inversion_settings(prior: Prior, recipe: Recipe, key: Key) -> dict[str, Any]:
    """What decides the results of an inversion, as JSON.

    Raises:
        ValueError: the recipe does not fit the prior.
    """
    return {
        "prior": {"weights": fingerprint(prior.params)} | summarise({"module": prior.module, "latent": prior.latent}),
        "label": None if prior.label is None else np.asarray(prior.label).tolist(),
        "recipe": recipe.fit(prior).summary(),
        "key": jax.random.key_data(key).tolist(),
    }

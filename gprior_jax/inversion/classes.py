"""Which class an image is of, for a prior with classes: all are drawn and compared, then the best looked at closer."""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import map_latents, sample_z, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.keys import purpose
from gprior_jax.objectives import Objective, Observation
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import Array, ArrayLike, Key, Progress

_KEPT_BYTES = 1 << 30
"""Drawn images are kept from one batch to the next up to so many bytes, one for each number."""


@dataclasses.dataclass(frozen=True)
class ClassSearch:
    """How the class of an image is searched for.

    Attributes:
        keep: classes that are looked at closer, by a short inversion with each; 1 takes the best of the first pass.
        draws: codes that every class is drawn with in the first pass, the same for all; its nearest image counts.
        num_steps: of the short inversions, which are those of the recipe's first stage.

    >>> try:
    ...     ClassSearch(keep=0)
    ... except ValueError as error:
    ...     print(error)
    ClassSearch(keep=0, draws=2, num_steps=30): use numbers from 1 up.
    """

    keep: int = 5
    draws: int = 2
    num_steps: int = 30

    def __post_init__(self):
        if min(self.keep, self.draws, self.num_steps) < 1:
            raise ArgumentError(f"{self}: use numbers from 1 up.")


class Classes(NamedTuple):
    """What a search found.

    Attributes:
        label: ``[B]``, the class of every image.
        candidates: ``[B, keep]``, the classes that were looked at closer, the nearest of the first pass first.
        loss: ``[B, keep]``, what the recipe's objective came to with each; of the first pass where ``keep`` is 1.
    """

    label: np.ndarray
    candidates: np.ndarray
    loss: np.ndarray


def find_classes(
    prior: Prior,
    images: ArrayLike,
    recipe: Recipe,
    *,
    key: Key,
    search: ClassSearch = ClassSearch(),
    ids: ArrayLike | None = None,
    operator: Forward | None = None,
    batch_size: int = 16,
) -> Classes:
    """The classes of images, to be given to :func:`gprior_jax.invert` as ``label``.

    The first pass draws every class, compares the images with what was observed as the recipe does, through the
    operator, and keeps the nearest classes; the second inverts with each of these for a few steps. An image's class
    does not depend on the others.

    Args:
        prior: one with classes, held to none.
        images: ``[B, ...]``, see :func:`gprior_jax.invert`, likewise the others.
        recipe: that images will be inverted with.
        key: the run's key.
        search: how.
        ids: one integer for each image.
        operator: forward operator, with a leading axis of images.
        batch_size: drawn images at once.

    Raises:
        ValueError: a prior without classes, or what does not fit.

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin:cells")
        >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 1), label=3)
        >>> recipe, search = gp.recipes.latent("w", num_steps=2), ClassSearch(keep=2, draws=1, num_steps=1)
        >>> gp.find_classes(prior, images, recipe, key=jax.random.key(0), search=search).candidates.shape
        (1, 2)
    """
    finder = ClassFinder(prior, recipe, search, key=key, batch_size=batch_size)
    observed = np.asarray(images, np.float32)
    return finder.find(observed, np.arange(len(observed)) if ids is None else np.asarray(ids), operator)


class ClassFinder:
    """A search made ready for a prior and a recipe, for as many batches as there are; see :func:`find_classes`."""

    def __init__(
        self,
        prior: Prior,
        recipe: Recipe,
        search: ClassSearch,
        *,
        key: Key,
        devices: int | None = None,
        batch_size: int = 16,
    ):
        """Fit the recipe; nothing is drawn yet."""
        if not prior.num_classes:
            raise ArgumentError(f"{prior} has no classes to search: leave the search out.")
        self._prior, self._search, self._key, self._batch_size = prior, search, key, batch_size
        self._keep = min(search.keep, prior.num_classes)
        solver = dataclasses.replace(recipe.solver, num_steps=search.num_steps, tolerance=0.0, goal=None)
        short = dataclasses.replace(recipe, solver=solver, restarts=1, then=None)
        self._inverter = Inverter(prior, short, devices=devices, labels=True)
        self._drawn: list[tuple[np.ndarray, dict[str, Any]]] | None = None

    def find(
        self,
        observed: np.ndarray,
        ids: np.ndarray,
        operator: Forward | None = None,
        progress: Progress | None = None,
    ) -> Classes:
        """The classes of a batch of images.

        ``progress`` is told how far either pass is as that of an inversion, with ``"stage"``: what is done.
        """
        scores = self._first_pass(observed, operator, progress)
        candidates = np.argsort(scores, axis=1, kind="stable")[:, : self._keep]
        if self._keep == 1:
            return Classes(candidates[:, 0], candidates, np.take_along_axis(scores, candidates, 1))

        def each(leaf: ArrayLike) -> np.ndarray:
            return np.repeat(np.asarray(leaf), self._keep, axis=0)

        found = self._inverter.invert(
            each(observed),
            key=purpose(self._key, "classes"),
            ids=each(ids),
            operator=None if operator is None else jax.tree.map(each, operator),
            label=candidates.ravel(),
            batch_size=len(observed),
            progress=None if progress is None else lambda numbers: progress(numbers | {"stage": "classes tried"}),
        )
        loss = np.asarray(found.loss).reshape(candidates.shape)
        best = np.argmin(np.where(np.isfinite(loss), loss, np.inf), axis=1)
        return Classes(candidates[np.arange(len(best)), best], candidates, loss)

    def _first_pass(self, observed: np.ndarray, operator: Forward | None, progress: Progress | None) -> np.ndarray:
        """How far every class is from every image at its nearest, ``[B, num_classes]``."""
        objective = Objective(self._inverter.recipe.terms)
        through = Identity() if operator is None else operator
        found = [
            np.asarray(_distances(objective, observed, through, im.from_uint8(images), variables))
            for images, variables in self._batches(progress)
        ]
        classes, draws = self._prior.num_classes, self._search.draws
        rows = np.concatenate(found, axis=1)[:, : classes * draws].reshape(len(observed), classes, draws)
        return np.where(np.isfinite(rows), rows, np.inf).min(axis=2)

    def _batches(self, progress: Progress | None = None) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Drawn images, uint8, the draws of a class together, and their codes: batches of one shape."""
        if self._drawn is not None:
            return self._drawn
        classes, draws, size = self._prior.num_classes, self._search.draws, self._batch_size
        z = np.asarray(sample_z(self._prior, purpose(self._key, "draws of classes"), draws))
        short = -classes * draws % size  # Copies of the first, which are cut off again.
        labels = np.pad(np.repeat(np.arange(classes), draws), (0, short))
        codes = np.concatenate([np.tile(z, (classes, 1)), np.repeat(z[:1], short, axis=0)])
        drawn = []
        for i in range(0, len(labels), size):
            drawn.append(self._draw(codes[i : i + size], labels[i : i + size]))
            if progress is not None:
                done = {"step": min(i + size, classes * draws), "num_steps": classes * draws}
                progress(done | {"batch": 0, "batches": 1, "stage": "classes drawn"})
        if sum(images.nbytes for images, _ in drawn) <= _KEPT_BYTES:
            self._drawn = drawn
        return drawn

    def _draw(self, z: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """One batch."""
        images = im.to_uint8(synthesize(self._prior, z, label=label))
        if not self._prior.num_styles:
            return images, {"z": z}
        styles = map_latents(self._prior, z, label=label)
        return images, {"z": z, "w": styles.mean(axis=1), "w_plus": styles}


@partial(jit, use="often")
def _distances(objective: Objective, observed: Any, operator: Forward, drawn: Any, variables: Any) -> Array:
    """The objective of every drawn image ``[D, R, R, C]``, with its codes, for every observation, ``[B, D]``."""

    def one(pixels: Array, operator: Forward) -> Array:
        targets = objective.targets(Observation(pixels, operator))

        def loss(each: tuple[Array, dict[str, Array]]) -> Array:
            image, variables = each
            return objective(image, operator(image), targets, variables, {})[0]

        return jax.lax.map(loss, (drawn, variables))

    return jax.vmap(one)(observed, operator)

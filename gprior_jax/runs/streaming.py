"""Inputs of a run as a stream: what is done with each, and the progress of all."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from gprior_jax.images.arrays import psnr_of
from gprior_jax.images.ranges import trusted_range
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.saving import Saver
from gprior_jax.inversion.stream import Entry, Watch, stream
from gprior_jax.operators import Forward
from gprior_jax.runs.filming import Filming, Reels
from gprior_jax.runs.job import Batch, Flow, Loaded
from gprior_jax.runs.record import Record
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Key, Progress

_EVERY_S = 0.5


def is_streamed(recipe: Recipe, saver: Saver | None = None, whole: tuple[object | None, ...] = ()) -> bool:
    """Whether images of a run come and go, as some may end before others, or states are to be saved.

    Args:
        recipe: how they are inverted.
        saver: of states.
        whole: what looks at batches as a whole (a search for classes), where there is something.

    >>> from gprior_jax import recipes
    >>> is_streamed(recipes.mganprior()), is_streamed(recipes.mganprior(tolerance=0.01))
    (False, True)
    """
    ends_early = any(stage.solver.tolerance > 0.0 or stage.solver.goal is not None for stage in recipe.stages)
    return (ends_early or saver is not None) and all(each is None for each in whole)


class Streamed(NamedTuple):
    """What a job does with a stream.

    Attributes:
        inverter: a recipe made ready.
        key: the run's key.
        records: the records of a batch and its result.
        operator: of the arrays of a batch of one; None observes images as such.
        samples: as of :func:`gprior_jax.invert`.
        saver: of states of images that are under way.
        filming: makes films.
    """

    inverter: Inverter
    key: Key
    records: Callable[[Batch, Result, Any], Iterator[Record]]
    operator: Callable[[Arrays], Forward] | None = None
    samples: int | None = None
    saver: Saver | None = None
    filming: Filming | None = None

    def flow(self, slots: int) -> Flow:
        """What solves a stream of inputs."""

        def run(
            inputs: Iterator[Loaded | None], count: int, progress: Progress | None
        ) -> Iterator[tuple[Loaded, Record]]:
            steps = sum(stage.solver.num_steps for stage in self.inverter.recipe.stages)
            told = None if progress is None else _Progress(progress, steps, count)
            reels = None if self.filming is None else Reels(self.filming)
            entries = (None if each is None else self._entry(each, told, reels) for each in inputs)
            options: Any = {"key": self.key, "slots": slots, "samples": self.samples, "saver": self.saver}
            found = stream(self.inverter, entries, **options)
            try:
                yield from self._ended(found, told, reels)
            finally:
                if reels is not None:
                    reels.close()

        return run

    def _ended(
        self, found: Iterator[tuple[Any, Result]], told: "_Progress | None", reels: Reels | None
    ) -> Iterator[tuple[Loaded, Record]]:
        """Images that have ended and their records."""
        while True:
            with trusted_range():
                ended = next(found, None)
            if ended is None:
                return
            loaded, result = ended
            if reels is not None:
                reels.end(loaded.item.name, np.asarray(result.images if self.samples is None else result.images[0]))
            batch = loaded.alone()
            (record,) = self.records(batch, jax.tree.map(lambda leaf: np.asarray(leaf)[None], result), labels(batch))
            if told is not None:
                told.end(loaded.item.name)
            yield loaded, record

    def _entry(self, loaded: Loaded, told: "_Progress | None", reels: Reels | None) -> Entry:
        arrays = loaded.arrays
        operator = None
        if self.operator is not None:
            operator = jax.tree.map(lambda leaf: np.asarray(leaf)[0], self.operator(loaded.alone().arrays))
        return Entry(
            loaded,
            loaded.item.id,
            arrays["observed"],
            operator=operator,
            label=arrays.get("label"),
            watch=None if told is None else told.watch(loaded.item.name),
            film=None if reels is None else reels.begin(loaded.item.name),
        )


def labels(batch: Batch) -> np.ndarray | None:
    """The classes ``[B, num_classes]`` that the items of a batch have."""
    return batch.arrays.get("label")


class _Progress:
    """Progress of all images of a stream as one: of those that have come, how many of their steps are behind them."""

    def __init__(self, progress: Progress, num_steps: int, count: int):
        self._progress, self._facts = progress, {"num_steps": num_steps, "batches": count}
        self._under_way: dict[str, tuple[int, dict[str, float]]] = {}
        self._ended = 0
        self._last = -np.inf

    def watch(self, name: str) -> Watch:
        """What looks after an image."""

        def look(steps: int, scalars: dict[str, float]) -> bool:
            self._under_way[name] = steps, scalars
            self._tell()
            return False

        return look

    def end(self, name: str) -> None:
        """Note that an image has ended."""
        self._under_way.pop(name, None)
        self._ended += 1

    def _tell(self) -> None:
        if time.monotonic() - self._last < _EVERY_S:
            return
        self._last = time.monotonic()
        steps = sum(steps for steps, _ in self._under_way.values())
        numbers = {"batch": self._ended, "step": steps, "loss": self._mean("loss")}
        if any("pixel_mse" in scalars for _, scalars in self._under_way.values()):
            numbers["psnr"] = float(psnr_of(self._mean("pixel_mse")))
        self._progress(self._facts | numbers)

    def _mean(self, name: str) -> float:
        values = [scalars[name] for _, scalars in self._under_way.values() if np.isfinite(scalars[name])]
        return float(np.mean(values)) if values else float("nan")

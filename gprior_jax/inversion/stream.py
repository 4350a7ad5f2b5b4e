"""Images that are inverted as they come: continuous batching.

A stream has a number of places in one program. An image that has ended leaves its place, and the next one enters:
nothing is compiled again, and its key, its count of steps and its optimiser's state are its own. So what an image gives
is what it gives in a batch, up to the order of float32 sums.
"""

import collections
import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import all_instead, instead, unbound
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.entry import Entry as Entry
from gprior_jax.inversion.entry import Watch as Watch
from gprior_jax.inversion.inputs import Inputs
from gprior_jax.inversion.pool import Image, Pool
from gprior_jax.inversion.result import Result, by_loss
from gprior_jax.inversion.saving import Saved, Saver, Timer, saved_of
from gprior_jax.inversion.stages import NEXT_STAGE
from gprior_jax.inversion.starts import asked_with
from gprior_jax.keys import purpose
from gprior_jax.typing import Key


def stream(
    inverter: Inverter,
    entries: Iterator[Entry | None],
    *,
    key: Key,
    slots: int,
    samples: int | None = None,
    saver: Saver | None = None,
) -> Iterator[tuple[Any, Result]]:
    """Invert images as they come.

    Args:
        inverter: a recipe made ready for a prior.
        entries: the images, all of one shape, with operators of one structure. The next is asked for whenever a place
            is free; None says that there is none yet, and is asked again after a step. Where no image is under way the
            iterator is to wait itself. When it ends, the stream does with its last image.
        key: the run's key.
        slots: images at once; the next multiple of the number of devices. Where they are more than all cores of a CPU
            do well to take in one call of the step, they are in groups that take their steps in turns.
        samples: as of :func:`gprior_jax.invert`.
        saver: keeps the states of images that are under way, and has those of an earlier stream, to go on with.

    Yields:
        the tag and the :class:`Result` of an image, without an axis of images, when it ends.

    Raises:
        ArgumentError: numbers out of range, or an image that the prior does not invert.

    Example:
        >>> import gprior_jax as gp, jax
        >>> from gprior_jax.inversion.driver import Inverter
        >>> prior = gp.load("builtin")
        >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 3))
        >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
        >>> entries = (Entry(f"image {i}", i, image) for i, image in enumerate(images))
        >>> found = dict(stream(Inverter(prior, recipe), entries, key=jax.random.key(0), slots=2))
        >>> sorted(found), found["image 0"].images.shape
        (['image 0', 'image 1', 'image 2'], (64, 64, 3))
    """
    for name, number in (("slots", slots), ("samples", samples)):
        if number is not None and number < 1:
            raise ArgumentError(f"{name} {number}: use at least 1.")
    with instead(inverter.mesh):
        key = unbound(inverter.mesh, key)
    timer, own = Timer(saver), _Stream(inverter, entries, key, slots, samples, saver)
    try:
        while own.take_in():
            for image, result in own.advance():
                found = result if samples is None else by_loss(result, 1)
                yield image.entry.tag, jax.tree.map(lambda leaf: leaf[0], found)
            timer.look(own.under_way())
    except GeneratorExit:
        raise
    except BaseException:
        timer.save(own.under_way())
        raise


class _Stream:
    """A stream under way, see :func:`stream`: its places are made for the first image."""

    def __init__(
        self,
        inverter: Inverter,
        entries: Iterator[Entry | None],
        key: Key,
        slots: int,
        samples: int | None,
        saver: Saver | None,
    ):
        self._inverter, self._entries, self._saver = inverter, entries, saver
        self._key, self._slots, self._samples = key, slots, samples
        self._pools: list[list[Pool]] = []
        self._more = True

    def take_in(self) -> bool:
        """Let images enter as long as there are places; whether there are any, or may be."""
        while self._more and self._has_room:
            entry = next(self._entries, _END)
            if entry is None:
                break
            if isinstance(entry, _End):
                self._more = False
            else:
                self._enter(entry)
        return self._more or any(pool.is_busy for pool in itertools.chain(*self._pools))

    @property
    def _has_room(self) -> bool:
        """Whether an image would begin at once."""
        return not self._pools or sum(pool.room for pool in self._pools[0]) > len(self._pools[0][0].waiting)

    def _enter(self, entry: Entry) -> None:
        """Let an image wait for a place."""
        starting = self._inverter.starting(asked_with(self._samples, entry.operator, entry.init))
        if not self._pools:  # What an encoder that images start from measures is in the program of their steps.
            starting.recipe.check_samples(self._samples or 1)
            self._inverter, self._pools = starting, self._places_of(starting)
        elif starting is not self._inverter:
            raise ArgumentError("images of a stream start alike: give an operator, and init, for all of them or none.")
        image = _entering(starting, entry, self._saver)
        self._pools[0 if image.saved is None else image.saved.stage][0].waiting.append(image)

    def _places_of(self, inverter: Inverter) -> list[list[Pool]]:
        """The places of every stage, those of one call of the step together; the first that are free are taken."""
        pools, key, samples = [], self._key, self._samples or 1
        size = inverter.at_once(self._slots, samples)
        slots, count = min(size, self._slots), -(-self._slots // size)
        for stage in range(len(inverter.recipe.stages)):
            waiting = collections.deque[Image]()
            pools.append([Pool(inverter, stage, key, slots, samples, waiting) for _ in range(count)])
            with instead(inverter.mesh):
                key = purpose(key, NEXT_STAGE)
        return pools

    def advance(self) -> Iterator[tuple[Image, Result]]:
        """A call of steps everywhere; images that have ended the last stage, and their results, ``[samples]``."""
        for stage, pool in [(stage, pool) for stage, own in enumerate(self._pools) for pool in own]:
            for image, result in all_instead(self._inverter.mesh, pool.run()):
                if stage + 1 < len(self._pools):
                    inputs = image.inputs.of_next_stage(result, self._samples or 1)
                    self._pools[stage + 1][0].waiting.append(Image(image.entry, inputs))
                else:
                    yield image, result

    def under_way(self) -> Iterator[tuple[Any, Saved]]:
        """Images as they are now, by their tags."""
        for pool in itertools.chain(*self._pools):
            yield from pool.under_way()


def _entering(inverter: Inverter, entry: Entry, saver: Saver | None) -> Image:
    """An image, from where it was if that is known."""
    inputs = _inputs(inverter, entry)
    arrays = None if saver is None else saver.load(entry.tag)
    if arrays is None:
        return Image(entry, inputs)
    saved = saved_of(arrays)
    if not 0 <= saved.stage < len(inverter.recipe.stages):
        return Image(entry, inputs)
    return Image(entry, inputs if saved.stage == 0 else inputs._replace(hints=saved.hints), saved=saved)


class _End:
    """What an iterator gives that has ended."""


_END = _End()


def _inputs(inverter: Inverter, entry: Entry) -> Inputs:
    """An image's inputs, checked, with an axis of one image."""
    operator, init = jax.tree.map(lambda leaf: np.asarray(leaf)[None], (entry.operator, entry.init))
    label = entry.label if entry.label is None or np.ndim(entry.label) == 0 else np.asarray(entry.label)[None]
    return inverter.inputs(entry.observed[None], np.asarray([entry.id]), operator, init, label)

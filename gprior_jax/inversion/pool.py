"""The places of a stage's program: images enter them, take steps and leave, each with its own count of steps."""

import collections
import dataclasses
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import Status
from gprior_jax.inversion import programs
from gprior_jax.inversion.devices import unbound
from gprior_jax.inversion.entry import Entry
from gprior_jax.inversion.inputs import Inputs
from gprior_jax.inversion.problem import Evaluation
from gprior_jax.inversion.result import Result, result_of
from gprior_jax.inversion.saving import Saved, put_back
from gprior_jax.inversion.solver import State
from gprior_jax.inversion.stages import NEXT_STAGE, Stages
from gprior_jax.keys import purpose
from gprior_jax.typing import Array, Key


@dataclasses.dataclass
class Image:
    """An image in a stage: where it is, and how far.

    Attributes:
        entry: as it came.
        inputs: what it starts from, ``[1, ...]``.
        place: index among all places.
        begun: calls of the step before it entered.
        saved: where it was then.
    """

    entry: Entry
    inputs: Inputs
    place: int = 0
    begun: int = 0
    saved: Saved | None = None

    @property
    def before(self) -> int:
        """Steps that it had taken before it entered."""
        return 0 if self.saved is None else self.saved.steps


class _Now(NamedTuple):
    """How far a pool is; replaced as a whole, so that an interruption finds one step or the next.

    Attributes:
        arrays: states and measurements of all places.
        calls: of the step.
        by: what the last call gave.
    """

    arrays: Any = None
    calls: int = 0
    by: Any = None


class Pool:
    """The places of one stage, those of a device beside one another.

    Where the codes of an image are split over several devices, "a device" here is all of these together.

    Attributes:
        waiting: images that enter where there are places; pools of one stage have one queue.
    """

    def __init__(
        self, inverter: Stages, stage: int, key: Key, slots: int, samples: int, waiting: collections.deque[Image]
    ):
        self._inverter, self._stage, self._key, self._samples = inverter, stage, key, samples
        self._config, restarts = inverter.recipe.stages[stage].solver, inverter.recipe.stages[stage].restarts
        self._rows = samples * restarts
        devices = inverter.places
        self._per_device = -(-slots // devices)
        self._free = [list(range(self._per_device))[::-1] for _ in range(devices)]
        self.waiting = waiting
        self._images: dict[int, Image] = {}
        self._evaluations: dict[int, Evaluation] = {}
        self._now, self._given = _Now(), None
        self._slots, self._step = slots, None
        every = [each.solver.num_steps for each in inverter.recipe.stages]
        self._earlier, self._total = sum(every[:stage]), sum(every)

    @property
    def room(self) -> int:
        """How many places are free."""
        return sum(map(len, self._free))

    @property
    def is_busy(self) -> bool:
        """Whether there are images."""
        return bool(self._images or self.waiting)

    def run(self) -> Iterator[tuple[Image, Result]]:
        """Let images enter, take a call of steps, and give those that have ended with their results, ``[samples]``."""
        while self.waiting and any(self._free):
            self._enter()
        if not self._images:
            return
        # Some may have been saved at their end.
        ended = [image for image in self._images.values() if self._steps(image) >= self._config.num_steps]
        if not ended:
            status = self._advance()
            self._film()
            ended = [image for image in self._images.values() if self._has_ended(image, status)]
        while ended:
            yield from self._leave(ended)
        self._forget()

    def _steps(self, image: Image, ago: int = 0) -> int:
        """That an image has taken, or had some calls ago."""
        taken = (self._now.calls - ago - image.begun) * self._inverter.steps_per_call
        return min(image.before + taken, self._config.num_steps)

    def _enter(self) -> None:
        """Start an image on every device that has a place, as far as there are some."""
        chosen: dict[int, Image] = {}
        for device in sorted(range(len(self._free)), key=lambda device: -len(self._free[device])):
            if self.waiting and self._free[device]:
                chosen[device] = image = self.waiting.popleft()
                image.place, image.begun = device * self._per_device + self._free[device].pop(), self._now.calls
                self._images[image.place] = image
        first, *_ = chosen.values()
        # Devices without a new image start a copy, which goes nowhere.
        each = [chosen.get(device, first) for device in range(len(self._free))]
        inputs = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(image.inputs for image in each))
        keys = jnp.stack([self._key_of(image) for image in each])
        states, measurements = self._inverter.start(self._stage, keys, inputs, self._samples)
        rows = self._as_saved(chosen, states), measurements
        mesh, arrays = self._inverter.mesh, self._now.arrays
        if arrays is None:
            arrays = programs.filled(mesh, self._per_device, rows)
        else:
            arrays = programs.put(mesh, arrays, rows, *self._places(chosen))
        self._now = self._now._replace(arrays=arrays)

    def _key_of(self, image: Image) -> Key:
        """The key of an image's run in this stage."""
        if image.entry.key is None:
            return self._key
        key = unbound(self._inverter.mesh, image.entry.key)
        for _ in range(self._stage):
            key = purpose(key, NEXT_STAGE)
        return key

    def _as_saved(self, chosen: dict[int, Image], states: State) -> State:
        """States ``[D * rows]`` with those of images that were saved in their places."""
        if all(image.saved is None for image in chosen.values()):
            return states
        whole = jax.tree.map(np.array, jax.device_get(states))
        for device, image in chosen.items():
            own = slice(device * self._rows, (device + 1) * self._rows)
            fresh = jax.tree.map(lambda leaf, own=own: leaf[own], whole)
            back = None if image.saved is None else put_back(image.saved, fresh)
            if back is None or image.saved is None:  # Saved by another version: from the start.
                image.saved = None
                continue
            for old, new in zip(jax.tree.leaves(whole), jax.tree.leaves(back), strict=True):
                old[own] = new
        return self._inverter.place(self._stage, whole)

    def under_way(self) -> Iterator[tuple[Any, Saved]]:
        """Images that have taken steps, as they are now."""
        self._settle()
        if self._now.arrays is None or any(leaf.is_deleted() for leaf in jax.tree.leaves(self._now.arrays[0])):
            return  # Interrupted where a call had taken the states and not given any.
        for image in self._images.values():
            if (steps := self._steps(image)) > image.before:
                own = slice(image.place * self._rows, (image.place + 1) * self._rows)
                states = [np.asarray(leaf)[own] for leaf in jax.tree.leaves(self._now.arrays[0])]
                history = self._history(image, np.arange(self._rows))
                history = jax.tree.map(lambda leaf: leaf.T, history)
                yield image.entry.tag, Saved(self._stage, steps, states, history, image.inputs.hints)

    def _places(self, chosen: dict[int, Image]) -> tuple[Array, Array]:
        """A place on every device, and whether it is that of a chosen image."""
        devices = range(len(self._free))
        places = [chosen[i].place % self._per_device if i in chosen else 0 for i in devices]
        return jnp.array(places, jnp.int32), jnp.array([i in chosen for i in devices])

    def _advance(self) -> np.ndarray:
        """Take steps; statuses ``[places, rows]``."""
        length = self._inverter.steps_per_call
        step = self._step = self._step or self._inverter.steps(
            self._stage, length, *self._now.arrays, images=self._slots, last=self._config.num_steps
        )
        started = time.perf_counter()
        self._given = step(*self._now.arrays)
        self._settle()
        if self._inverter.meter is not None:
            self._inverter.meter.add(self._stage, length, time.perf_counter() - started)
        return np.asarray(self._now.arrays[0].status).reshape(-1, self._rows)

    def _film(self) -> None:
        """Take pictures of the images that are due for one."""
        for image in self._images.values():
            if image.entry.film is not None:
                before, done = self._steps(image, ago=1), self._steps(image)
                steps = self._earlier + before, self._earlier + done, self._total
                image.entry.film.look_at_one(*steps, self._rows, image.place * self._rows, self._now.arrays[0])

    def _settle(self) -> None:
        """Note what the last call has given; again, where an interruption came between."""
        if self._given is None or self._now.by is self._given:
            return
        states, evaluation = self._given
        self._evaluations[self._now.calls] = jax.device_get(evaluation)
        self._now = _Now((states, self._now.arrays[1]), self._now.calls + 1, self._given)

    def _has_ended(self, image: Image, status: np.ndarray) -> bool:
        steps = self._steps(image)
        ended = steps >= self._config.num_steps or not (status[image.place] == Status.MAX_STEPS).any()
        if image.entry.watch is None:
            return ended
        seen = jax.tree.map(
            lambda leaf: leaf[-1].reshape(-1, self._rows)[image.place], self._evaluations[self._now.calls - 1]
        )
        losses = np.where(np.isfinite(seen.loss), seen.loss, np.inf)
        best = int(np.argmin(losses))
        told = {name: float(values[best]) for name, values in ({"loss": seen.loss} | seen.terms).items()}
        return bool(image.entry.watch(steps, told)) or ended

    def _leave(self, ended: list[Image]) -> Iterator[tuple[Image, Result]]:
        """Take one image of every device out of those that have ended, with their results."""
        chosen: dict[int, Image] = {}
        for image in list(ended):
            device = image.place // self._per_device
            if device not in chosen:
                chosen[device] = image
                ended.remove(image)
        places, _ = self._places(chosen)
        rows = programs.taken(self._inverter.mesh, self._rows, self._now.arrays, places)
        found = self._inverter.finish(self._stage, *rows)
        for device, image in chosen.items():
            own = slice(device * self._samples, (device + 1) * self._samples)
            solution, best = jax.tree.map(lambda leaf, own=own: leaf[own], found)
            seen = self._history(image, best - device * self._rows)
            del self._images[image.place]
            self._free[device].append(image.place % self._per_device)
            yield image, result_of(solution, seen)

    def _history(self, image: Image, best: np.ndarray) -> Evaluation:
        """All evaluations ``[samples, T]`` of the chosen rows of an image."""
        parts = [self._evaluations[call] for call in range(image.begun, self._now.calls)]
        rows = image.place * self._rows + best
        own = [jax.tree.map(lambda leaf: leaf[:, rows], part) for part in parts]
        if image.saved is not None:
            own.insert(0, jax.tree.map(lambda leaf: leaf[:, best], image.saved.history))
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: self._steps(image)].T, *own)

    def _forget(self) -> None:
        """Let go of evaluations that no image will ask for."""
        oldest = min((image.begun for image in self._images.values()), default=self._now.calls)
        for call in [call for call in self._evaluations if call < oldest]:
            del self._evaluations[call]

"""The state of an image on its way, as named arrays: what a stream gives away to be kept, and goes on from."""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from gprior_jax.inversion.problem import Evaluation
from gprior_jax.inversion.solver import State
from gprior_jax.latents import Variables

Arrays = dict[str, np.ndarray]


class Saver(NamedTuple):
    """Keeps states of images that are under way.

    Attributes:
        seconds: between two savings; a stream that an error or a signal ends saves once more.
        save: takes the tag of an image and its arrays.
        load: gives the arrays of a tag, or None.
    """

    seconds: float
    save: Callable[[Any, Arrays], None]
    load: Callable[[Any], Arrays | None]


class Saved(NamedTuple):
    """Where an image was.

    Attributes:
        stage: of the recipe.
        steps: taken in it.
        states: leaves of its states, ``[rows, ...]``.
        history: evaluations ``[steps, rows]``.
        hints: what it started from in this stage, ``{name: [1, samples or 1, ...]}``.
    """

    stage: int
    steps: int
    states: list[np.ndarray]
    history: Evaluation
    hints: Variables

    def arrays(self) -> Arrays:
        """As named arrays."""
        found: dict[str, Any] = {"stage": np.int32(self.stage), "steps": np.int32(self.steps)}
        found |= {f"state_{i:04}": leaf for i, leaf in enumerate(self.states)}
        found |= {"loss": self.history.loss} | {f"term_{name}": term for name, term in self.history.terms.items()}
        found |= {f"hint_{name}": hint for name, hint in self.hints.items()}
        return {name: np.asarray(value) for name, value in found.items()}


def saved_of(arrays: Arrays) -> Saved:
    """What :meth:`Saved.arrays` names."""

    def named(prefix: str) -> dict[str, Any]:
        own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        return dict(sorted(own.items()))

    loss: Any = arrays["loss"]
    history = Evaluation(loss, named("term_"))
    states = list(named("state_").values())
    return Saved(int(arrays["stage"]), int(arrays["steps"]), states, history, named("hint_"))


def put_back(saved: Saved, states: State) -> State | None:
    """States as they were saved, in the structure of some; None where shapes or types differ."""
    leaves, structure = jax.tree.flatten(states)
    if [(leaf.shape, leaf.dtype) for leaf in leaves] != [(leaf.shape, leaf.dtype) for leaf in saved.states]:
        return None
    return jax.tree.unflatten(structure, saved.states)


class Timer:
    """Says when it is time to save."""

    def __init__(self, saver: Saver | None, clock: Callable[[], float] = time.monotonic):
        """Start counting."""
        self._saver, self._clock = saver, clock
        self._last = clock()

    def look(self, images: Iterable[tuple[Any, Saved]]) -> None:
        """Save images, if it is time."""
        if self._saver is not None and self._clock() - self._last >= self._saver.seconds:
            self.save(images)
            self._last = self._clock()

    def save(self, images: Iterable[tuple[Any, Saved]]) -> None:
        """Save images now."""
        if self._saver is not None:
            for tag, saved in images:
                self._saver.save(tag, saved.arrays())

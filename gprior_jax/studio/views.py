"""What of an inversion under way is looked at: its latest picture, while somebody looks."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial

import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images.arrays import to_uint8
from gprior_jax.inversion.filming import Film
from gprior_jax.typing import Array

_APART_S = 0.3
"""Seconds between two pictures."""

_LOOKS_S = 2.0
"""Seconds after a question how far an item is, in which somebody is taken to look."""


@dataclasses.dataclass(frozen=True)
class Watched(Film):
    """A film that takes a picture whenever one is wanted.

    Attributes:
        is_wanted: whether one is.
    """

    is_wanted: Callable[[], bool] = lambda: True

    def is_due(self, before: int, done: int, num_steps: int) -> bool:
        """Whether one is wanted."""
        return self.is_wanted()


class View:
    """The latest picture of an item.

    Attributes:
        picture: uint8 ``[R, R, C]``; None where there is none, or no longer.
        version: counts pictures.
    """

    def __init__(self):
        """Show nothing yet."""
        self.picture: np.ndarray | None = None
        self.version, self._shown, self._looked, self._watchers = 0, 0.0, 0.0, 0
        self._has_ended = False

    def film(self) -> Film:
        """What takes its pictures."""
        return Watched(lambda images: self.show(to_uint8(images[0])), is_wanted=self._is_wanted)

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, uint8 ``[R, R, C]``."""
        if self._has_ended:  # A job that was cancelled takes its last step, and nobody would let go of that picture.
            return
        self.picture, self.version, self._shown = picture, self.version + 1, time.monotonic()

    def begin(self) -> None:
        """Show what comes from now on."""
        self._has_ended = False

    def end(self) -> None:
        """Show nothing any more."""
        self._has_ended, self.picture = True, None

    def look(self) -> None:
        """Note that somebody has asked."""
        self._looked = time.monotonic()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Inside, somebody looks all the time."""
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    @property
    def is_watched(self) -> bool:
        """Whether somebody looks all the time."""
        return self._watchers > 0

    def _is_wanted(self) -> bool:
        now = time.monotonic()
        return now - self._shown >= _APART_S and (self.is_watched or now - self._looked < _LOOKS_S)


class FirstLook:
    """What the encoder of a prior answers to a picture, at once."""

    def __init__(self, prior: Prior):
        """Prepare it; of a prior without an encoder there is no answer."""
        bare = dataclasses.replace(prior, critic=None, multi_encoder=None, metric=None)
        self._prior = None if prior.encoder is None else prepare(bare)

    def __call__(self, observed: np.ndarray) -> np.ndarray | None:
        """The picture of the code that the encoder gives, uint8 ``[R, R, C]``; None without an encoder.

        Args:
            observed: ``[h, w, c]`` in [-1, 1], gray or reduced by a whole factor as it may be.
        """
        prior = self._prior
        if prior is None or prior.encoder is None:
            return None
        shape = prior.encoder.module.input_shape
        factor = shape[0] // observed.shape[0]
        image = np.repeat(np.repeat(observed, factor, axis=0), factor, axis=1)
        if image.shape[-1] < shape[-1]:
            image = np.repeat(image[..., :1], shape[-1], axis=-1)
        return to_uint8(np.asarray(_answer(prior, jnp.asarray(image)))) if image.shape == shape else None


@partial(jit, use="once")
def _answer(prior: Prior, image: Array) -> Array:
    assert prior.encoder is not None
    space = prior.encoder.module.space
    assert space != "codes"  # Such a one is the prior's ``multi_encoder``.
    return synthesize(prior, prior.encoder.encode(image)[space], space=space)

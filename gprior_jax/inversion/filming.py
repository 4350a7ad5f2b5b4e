"""Pictures of an inversion on its way, a fixed number of them however many steps it takes."""

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.solver import State
from gprior_jax.typing import Array


@dataclasses.dataclass(frozen=True)
class Film:
    """Takes pictures while images are inverted.

    Attributes:
        take: called with the best images so far, float32 ``[B, R, R, C]`` in about [-1, 1], of a batch (of a stream B
            is 1): those of the first iterates, and then at even distances to the last step; copies of a padded batch
            among them.
        frames: how many times at most.
    """

    take: Callable[[np.ndarray], None]
    frames: int = 100

    def __post_init__(self):
        if self.frames < 2:
            raise ArgumentError(f"frames {self.frames}: a film has at least 2.")

    def look(self, before: int, done: int, num_steps: int, rows: int, states: State) -> None:
        """Take a picture if one is due.

        Args:
            before: steps when this was last asked.
            done: steps now.
            num_steps: of all stages.
            rows: states of an image, of which the best is shown.
            states: ``[B * rows]``.
        """
        if self.is_due(before, done, num_steps):
            self.take(np.asarray(_best(rows, states.best_loss, states.best_image)))

    def look_at_one(self, before: int, done: int, num_steps: int, rows: int, first: int, states: State) -> None:
        """Take a picture of one image of a stream, if one is due.

        Args:
            before: steps of the image when this was last asked.
            done: steps now.
            num_steps: of all stages.
            rows: states of an image, of which the best is shown.
            first: index of the first of them.
            states: of all images.
        """
        if self.is_due(before, done, num_steps):
            self.take(_best_of(rows, first, states.best_loss, states.best_image))

    def is_due(self, before: int, done: int, num_steps: int) -> bool:
        """Whether a picture is to be taken; see :meth:`look`."""
        apart = self.frames - 1
        return before == 0 or done * apart // num_steps > before * apart // num_steps


@partial(jit, use="once", static_argnums=0)
def _best(rows: int, losses: Array, images: Array) -> Array:
    """Of every image that state's which has the least loss."""
    best = jnp.argmin(losses.reshape(-1, rows), axis=1)
    # Among an image's own rows, so that nothing is sent between devices.
    return jax.vmap(lambda own, place: own[place])(images.reshape(-1, rows, *images.shape[1:]), best)


def _best_of(rows: int, first: int, losses: Array, images: Array) -> np.ndarray:
    """``[1, R, R, C]``, of the image whose states begin at an index; from the device that it is on."""
    place = first + int(np.argmin(np.asarray(losses)[first : first + rows]))
    for shard in images.addressable_shards:
        begin = shard.index[0].start or 0
        if begin <= place < begin + len(shard.data):
            return np.asarray(shard.data[place - begin])[None]
    raise IndexError(f"row {place} of {len(images)}")

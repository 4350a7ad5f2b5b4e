"""What goes wrong in the training of a GAN, noticed in its log and said in plain words.

A discriminator that is sure of everything teaches nothing, and a generator can draw a few images over and over. Both
show in numbers long before the end of a run: how many images of a batch the discriminator takes for what they are, and
how far each generated image is from the one that is most like it, beside the same of real images.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gprior_jax.training.lanes import Lanes
from gprior_jax.typing import Array

MONITORED = ("real_right", "fake_right", "diversity")
"""Scalars that are watched: the parts of real and of generated images that the discriminator takes for what they are,
and :func:`diversity`."""

_SIDE = 8
"""Images are compared at this side, pixels: what is looked for is whether they show the same."""

_ROWS = 3
"""Rows of the log in a row that something must be wrong in: one may be chance."""

_SURE, _SURE_LOSS = 0.99, 0.05
"""Both parts above, and the discriminator's loss below: log 4 = 1.39 is that of one that cannot tell."""

_COLLAPSED, _VARIED = 0.4, 0.6
"""Diversity below which the generator is said to repeat itself, and above which it is said to have recovered."""

_BEGINNING = 0.5
"""Part of a run in which images that have never differed are those of a generator that is still to learn: dense
networks begin with one image for all codes."""

_GROWS = 1.1
"""Factor by which diversity grows over :data:`_ROWS` rows where it is on its way."""


def diversity(fake: Array, real: Array) -> Array:
    """How far generated images ``[B, R, R, C]`` are from their nearest neighbours, of which real ones have 1; a scalar.

    Nearest neighbours rather than all pairs: a generator of a few images that differ much has none far from another.

    >>> real = jax.random.normal(jax.random.key(0), (16, 8, 8, 1))
    >>> float(diversity(real, real)), float(diversity(real[jnp.arange(16) % 4], real))
    (1.0, 0.0)
    """
    return _nearest(fake) / jnp.maximum(_nearest(real), 1e-6)


def _nearest(images: Array) -> Array:
    """Mean distance of every image of a batch to the one that is most like it."""
    size = images.shape[1] // max(1, images.shape[1] // _SIDE)
    block = images.shape[1] // size
    small = images.reshape(len(images), size, block, size, block, -1).mean((2, 4)).reshape(len(images), -1)
    squares = jnp.sum(jnp.square(small[:, None] - small[None]), -1)
    apart = squares + jnp.where(jnp.eye(len(images), dtype=bool), jnp.inf, 0.0)
    nearest = jnp.min(apart, axis=1)
    return jnp.mean(jnp.sqrt(jnp.where(jnp.isfinite(nearest), nearest, 0.0)))


def watched(lanes: Lanes, of_real: Array, of_fake: Array, real: Array, fake: Array) -> dict[str, Array]:
    """The scalars :data:`MONITORED` of a step, of this device's images; diversity is that of the whole batch."""
    pair = jax.lax.stop_gradient(lanes.gather((fake, real)))
    return {
        "real_right": jnp.mean(of_real > 0, dtype=jnp.float32),
        "fake_right": jnp.mean(of_fake < 0, dtype=jnp.float32),
        "diversity": diversity(*pair),
    }


class Monitor:
    """Looks through the rows of a run's log; each thing is said once, until it is over."""

    def __init__(self, config: Any, tell: Callable[[str], None]):
        """Begin.

        Args:
            config: the run's settings, whose names the advice has.
            tell: called with a sentence.
        """
        self._config, self._tell = config, tell
        self._counts = {"sure": 0, "alike": 0}
        self._said: set[str] = set()
        self._has_varied = False
        self._recent: deque[float] = deque(maxlen=_ROWS + 1)

    def __call__(self, row: dict[str, Any]) -> None:
        """Look at a row."""
        numbers = {name: float(value) for name, value in row.items() if name != "images" and value != ""}
        after = f"after {int(row['images']):,} images"
        lost = [name for name in ("generator", "discriminator") if not math.isfinite(numbers.get(name, 0.0))]
        if lost:
            self._say(
                "lost", f"{after} the loss of the {lost[0]} is no number: begin again with a lower learning_rate."
            )
        if not set(MONITORED) <= numbers.keys():
            return
        right = min(numbers["real_right"], numbers["fake_right"])
        if self._lasts("sure", right > _SURE and numbers["discriminator"] < _SURE_LOSS):
            self._say("sure", f"{after} {self._of_sure(right)}")
        found = numbers["diversity"]
        self._has_varied |= found > _VARIED
        if found > _VARIED and "alike" in self._said:
            self._said.discard("alike")
            self._tell(f"{after} drawn images differ again, by {found:.2f} of what real ones do.")
        self._recent.append(found)
        begun = self._has_varied or int(row["images"]) > _BEGINNING * self._config.total_images
        grows = found > _GROWS * self._recent[0]
        if self._lasts("alike", begun and not grows and found < _COLLAPSED):
            self._say("alike", f"{after} {self._of_alike(found)}")

    def _lasts(self, name: str, is_so: bool) -> bool:
        self._counts[name] = self._counts[name] + 1 if is_so else 0
        if name == "sure" and not is_so:
            self._said.discard(name)
        return self._counts[name] >= _ROWS

    def _say(self, name: str, sentence: str) -> None:
        if name not in self._said:
            self._said.add(name)
            self._tell(sentence)

    def _of_sure(self, right: float) -> str:
        advice = "smooth labels (label_smoothing 0.1), or more generator_steps"
        if getattr(self._config, "discriminator_steps", 1) > 1:
            advice = f"fewer discriminator_steps, {advice}"
        minimax = getattr(self._config, "loss", "") == "minimax"
        why = "its gradient vanishes in the minimax game" if minimax else "it learns little from that"
        first = "loss nonsaturating, " if minimax else ""
        return (
            f"the discriminator tells {right:.1%} of all images apart, and the generator has lost touch: {why}. If it "
            f"stays so, begin again with {first}{advice}."
        )

    def _of_alike(self, diversity: float) -> str:
        return (
            f"drawn images differ from those most like them by {diversity:.2f} of what real ones do: the generator "
            "repeats itself (mode collapse), look at the newest sheet. If it stays so, begin again with a lower "
            "learning_rate, a larger batch_size or another seed."
        )

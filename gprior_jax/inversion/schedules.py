"""Learning rates over the steps: from a rate and the number of steps to a function of the step that optax takes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array

Schedule = Callable[[float, int], float | optax.Schedule]
"""``schedule(rate, num_steps)``, ``rate`` being the highest; of a constant rate, that rate itself."""


def constant(rate: float, num_steps: int) -> float:
    """The rate in all steps."""
    return rate


def cosine(rate: float, num_steps: int) -> optax.Schedule:
    """Fall as a cosine to 0 at the last step."""
    return optax.schedules.cosine_decay_schedule(rate, num_steps)


@dataclasses.dataclass(frozen=True)
class LateLinear:
    """Constant at first, then linearly to 0.

    Attributes:
        start: part of the steps before the rate falls.

    >>> [round(float(LateLinear(0.6)(0.1, 100)(step)), 3) for step in (0, 60, 80, 100)]
    [0.1, 0.1, 0.05, 0.0]
    """

    start: float = 0.75

    def __call__(self, rate: float, num_steps: int) -> optax.Schedule:
        """The schedule of a rate over ``num_steps``."""
        begin = int(self.start * num_steps)
        return optax.schedules.linear_schedule(rate, 0.0, max(1, num_steps - begin), begin)


@dataclasses.dataclass(frozen=True)
class Knots:
    """Through factors at equal distances over the steps, linear in their logarithms; one that was learned, for example.

    Attributes:
        factors: of the rate, above 0, the first at step 0 and the last at the last step.

    Raises:
        ValueError: fewer than two factors, or one that is not above 0.

    >>> [round(float(Knots((1.0, 4.0, 1.0))(0.1, 101)(step)), 3) for step in (0, 25, 50, 100)]
    [0.1, 0.2, 0.4, 0.1]
    """

    factors: tuple[float, ...]

    def __post_init__(self):
        if len(self.factors) < 2:
            raise ArgumentError(f"factors {self.factors}: give at least two.")
        for factor in self.factors:
            check_number("factors", factor, lambda x: x > 0, "numbers above 0")

    def __call__(self, rate: float, num_steps: int) -> optax.Schedule:
        """The schedule of a rate over ``num_steps``."""
        logarithms = jnp.log(jnp.stack([jnp.asarray(factor, jnp.float32) for factor in self.factors]))
        places = jnp.linspace(0.0, max(1, num_steps - 1), len(self.factors))
        return lambda step: rate * jnp.exp(jnp.interp(jnp.asarray(step, jnp.float32), places, logarithms))


RAMP_UP, RAMP_DOWN = 0.05, 0.25
"""Parts of the projector's steps over which the rate rises and falls (stylegan2-ada-pytorch ``projector.py``)."""

CYCLE_PART, CYCLE_LOW, DROP_LOW = 0.9, 0.1, 0.001
"""Where PULSE's cycle ends, the rate's lowest part of it, and at the end of the drop (``PULSE.py``)."""


def projector(rate: float, num_steps: int) -> optax.Schedule:
    """Rise linearly from 0, fall as a cosine to 0 at the end (stylegan2-ada-pytorch ``projector.py``).

    >>> [round(float(projector(0.1, 1000)(step)), 3) for step in (0, 25, 500, 875)]
    [0.0, 0.05, 0.1, 0.05]
    """

    def at(step: Any) -> Array:
        t = jnp.asarray(step) / num_steps
        fall = jnp.minimum(1.0, (1.0 - t) / RAMP_DOWN)
        return rate * (0.5 - 0.5 * jnp.cos(fall * jnp.pi)) * jnp.minimum(1.0, t / RAMP_UP)

    return at


def one_cycle(rate: float, num_steps: int) -> optax.Schedule:
    """Rise linearly from a tenth of the rate to it in the middle, and fall likewise (``linear1cycle``)."""

    def at(step: Any) -> Array:
        return rate * _cycle(jnp.asarray(step) / num_steps)

    return at


def one_cycle_drop(rate: float, num_steps: int) -> optax.Schedule:
    """The cycle in the first 0.9 of the steps, then from a tenth linearly to a thousandth (``linear1cycledrop``)."""

    def at(step: Any) -> Array:
        t = jnp.asarray(step) / num_steps
        drop = CYCLE_LOW + (DROP_LOW - CYCLE_LOW) * (t - CYCLE_PART) / (1.0 - CYCLE_PART)
        return rate * jnp.where(t < CYCLE_PART, _cycle(t / CYCLE_PART), drop)

    return at


def _cycle(t: Array) -> Array:
    return CYCLE_LOW + (1.0 - CYCLE_LOW) * (1.0 - jnp.abs(2.0 * t - 1.0))

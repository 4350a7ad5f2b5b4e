"""Which update rule, at which rates: any optax transformation, and a short way to say the usual ones."""

import dataclasses
from collections.abc import Callable
from typing import Any

import optax

from gprior_jax.inversion.schedules import Schedule, constant

AnyOptimizer = optax.GradientTransformation | Callable[[int], optax.GradientTransformation]
"""What a solver takes: an optax transformation, or a function of the number of steps that makes one. It sees the
variables that are not fixed, a dict by name, of one image. Give one object to runs that shall share their compiled
program: functions that are made anew are other functions to JAX."""


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """An optax optimiser with a learning rate that follows a schedule, and other rates for some variables.

    Attributes:
        kind: an optimiser of optax, or any function of a learning rate (a number or a schedule) that makes one.
        learning_rate: at the start, for variables that ``rates`` does not name.
        rates: (variable, learning rate) for variables with a rate of their own.
        schedule: from a rate and the number of steps to an optax schedule, see
            :mod:`gprior_jax.inversion.schedules`.
        options: (name, value) of further arguments of ``kind``.

    >>> tx = Optimizer(optax.adam, 0.1, rates=(("alpha", 0.01),), options=(("b2", 0.95),))(100)
    >>> sorted(tx.init({"codes": 0.0, "alpha": 0.0}).inner_states)
    ['', 'alpha']
    """

    kind: Callable[..., optax.GradientTransformation] = optax.adam
    learning_rate: float = 0.05
    rates: tuple[tuple[str, float], ...] = ()
    schedule: Schedule = constant
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def is_for_any_steps(self) -> bool:
        """Whether the transformation is the same for any number of steps."""
        return self.schedule is constant

    def __call__(self, num_steps: int) -> optax.GradientTransformation:
        """The transformation for a run of ``num_steps`` over a dict of variables."""
        rates = {"": self.learning_rate} | dict(self.rates)
        scheduled = {name: self.schedule(rate, num_steps) for name, rate in rates.items()}
        parts: dict[Any, Any] = {name: self.kind(rate, **dict(self.options)) for name, rate in scheduled.items()}
        return optax.partition(parts, lambda tree: {name: name if name in rates else "" for name in tree})

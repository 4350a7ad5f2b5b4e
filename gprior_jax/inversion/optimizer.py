"""The optimiser of an inversion as data: hashable, printable, and turned into an optax transformation when needed."""

import dataclasses
from typing import Literal

import optax

from gprior_jax.inversion import schedules
from gprior_jax.latents.parametrization import FIXED
from gprior_jax.typing import PyTree

Schedule = Literal["constant", "cosine", "late_linear", "projector", "one_cycle", "one_cycle_drop"]


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """Which optimiser, at which rates.

    Attributes:
        kind: ``"sgd"`` (no momentum) or ``"adam"``.
        learning_rate: at the start, for variables that ``rates`` does not name.
        rates: (variable, learning rate) for variables with a rate of their own.
        schedule: ``"constant"``; ``"cosine"`` goes to zero at the last step; ``"late_linear"`` is constant until
            ``decay_start`` and then goes linearly to zero; the others are in :mod:`gprior_jax.inversion.schedules`.
        decay_start: part of the steps before ``"late_linear"`` sets in.
        beta1: of Adam.
        beta2: of Adam.
    """

    kind: Literal["sgd", "adam"] = "adam"
    learning_rate: float = 0.05
    rates: tuple[tuple[str, float], ...] = ()
    schedule: Schedule = "constant"
    decay_start: float = 0.75
    beta1: float = 0.9
    beta2: float = 0.999

    def _scheduled(self, rate: float, num_steps: int) -> float | optax.Schedule:
        if self.schedule == "constant":
            return rate
        if self.schedule == "cosine":
            return optax.schedules.cosine_decay_schedule(rate, num_steps)
        if self.schedule in schedules.PUBLISHED:
            return schedules.PUBLISHED[self.schedule](rate, num_steps)
        begin = int(self.decay_start * num_steps)
        return optax.schedules.linear_schedule(rate, 0.0, max(1, num_steps - begin), begin)

    def _transformation(self, rate: float, num_steps: int) -> optax.GradientTransformation:
        scheduled = self._scheduled(rate, num_steps)
        if self.kind == "sgd":
            return optax.sgd(scheduled)
        return optax.adam(scheduled, b1=self.beta1, b2=self.beta2)

    def build(self, num_steps: int) -> optax.GradientTransformation:
        """The optax transformation for a run of ``num_steps`` over a dict of variables.

        >>> tx = Optimizer(rates=(("alpha", 0.01),)).build(100)
        >>> sorted(tx.init({"codes": 0.0, "alpha": 0.0}).inner_states)
        ['alpha', 'codes']
        """
        rates = dict(self.rates)

        def partition(tree: PyTree) -> optax.GradientTransformation:
            parts = {n: self._transformation(rates.get(n, self.learning_rate), num_steps) for n in tree}
            parts |= {name: optax.set_to_zero() for name in tree if name.startswith(FIXED)}
            return optax.partition(parts, {name: name for name in tree})

        def init(params: PyTree) -> optax.OptState:
            return partition(params).init(params)

        def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[optax.Updates, optax.OptState]:
            return partition(updates).update(updates, state, params)

        return optax.GradientTransformation(init, update)

"""Learning rates of published methods."""

import numpy as np
import optax
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import Knots, LateLinear, constant, cosine, one_cycle, one_cycle_drop, projector


def test_golden_cycle_with_drop(golden):
    with np.load(golden / "pulse.npz") as arrays:
        expected = arrays["linear1cycledrop_lr"]
    np.testing.assert_allclose([one_cycle_drop(0.4, 20)(step) for step in range(20)], expected, rtol=1e-6)


@pytest.mark.parametrize(("step", "expected"), [(0, 0.1), (25, 0.55), (50, 1.0), (75, 0.55)])
def test_cycle(step, expected):
    assert float(one_cycle(1.0, 100)(step)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("step", [0, 10, 49, 50, 400, 750, 875, 999])
def test_projector(step):
    t = step / 1000
    # stylegan2-ada-pytorch projector.py, in words: a cosine over the last quarter, a ramp over the first twentieth.
    expected = 0.1 * (0.5 - 0.5 * np.cos(np.pi * min(1, (1 - t) / 0.25))) * min(1, t / 0.05)
    assert float(projector(0.1, 1000)(step)) == pytest.approx(expected, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (cosine, [0.5 * (1 + np.cos(np.pi * t / 10)) for t in range(10)]),
        (LateLinear(0.6), [1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        (LateLinear(0.0), [1 - t / 10 for t in range(10)]),
        (LateLinear(1.0), [1.0] * 10),
    ],
    ids=["cosine", "late", "linear", "never"],
)
def test_falls_to_nothing_at_the_last_step(schedule, factors):
    np.testing.assert_allclose([schedule(0.5, 10)(step) / 0.5 for step in range(10)], factors, rtol=1e-5, atol=1e-7)


def test_a_constant_rate_is_itself():
    assert constant(0.3, 10) == 0.3


SCHEDULES = (constant, cosine, LateLinear(0.5), Knots((1.0, 0.2)), projector, one_cycle, one_cycle_drop)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_optimizer_takes_them(schedule):
    tx = Optimizer(optax.sgd, 1.0, schedule=schedule)(10)
    variables = {"w": np.float32(1.0)}
    state, taken = tx.init(variables), []
    for _ in range(3):
        updates, state = tx.update(variables, state, variables)
        taken.append(-float(updates["w"]))
    at = schedule(1.0, 10)
    np.testing.assert_allclose(taken, [at(step) if callable(at) else at for step in range(3)], rtol=1e-5)


@pytest.mark.parametrize("factors", [(1.0,), (1.0, 0.0), (1.0, float("nan"))])
def test_knots_that_are_none(factors):
    with pytest.raises(ArgumentError, match="factors"):
        Knots(factors)

"""Learning rates of published methods."""

import numpy as np
import pytest

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import one_cycle, one_cycle_drop, projector


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


@pytest.mark.parametrize("schedule", ["projector", "one_cycle", "one_cycle_drop"])
def test_the_optimizer_knows_them(schedule):
    tx = Optimizer("sgd", 1.0, schedule=schedule).build(10)
    variables = {"w": np.float32(1.0)}
    state = tx.init(variables)
    taken = []
    for _ in range(3):
        updates, state = tx.update(variables, state, variables)
        taken.append(-float(updates["w"]))
    rate = {"projector": projector, "one_cycle": one_cycle, "one_cycle_drop": one_cycle_drop}[schedule](1.0, 10)
    np.testing.assert_allclose(taken, [rate(step) for step in range(3)], rtol=1e-5)

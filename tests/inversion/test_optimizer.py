"""The optimiser as data against plain optax, and its schedules against arithmetic."""

import jax
import numpy as np
import optax
import pytest
from batteries import normal

from gprior_jax.inversion.optimizer import Optimizer

STEPS = 10


def trajectory(tx: optax.GradientTransformation, variables) -> list:
    """Iterates on the sum of fourth powers, whose gradients change size."""
    state, iterates = tx.init(variables), []
    for _ in range(STEPS):
        gradient = jax.tree.map(lambda leaf: 4 * leaf**3, variables)
        updates, state = tx.update(gradient, state, variables)
        variables = jax.tree.map(lambda a, b: a + b, variables, updates)
        iterates.append(variables)
    return iterates


def start():
    return {"codes": normal(0, 3, 4), "alpha": normal(1, 3, 2)}


def assert_same(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), actual, expected)


@pytest.mark.parametrize(
    ("optimizer", "plain"),
    [
        (Optimizer("sgd", 0.01), optax.sgd(0.01)),
        (Optimizer("adam", 0.05), optax.adam(0.05)),
        (Optimizer("adam", 0.05, beta1=0.5, beta2=0.9), optax.adam(0.05, b1=0.5, b2=0.9)),
    ],
)
def test_is_plain_optax(optimizer, plain):
    assert_same(trajectory(optimizer.build(STEPS), start()), trajectory(plain, start()))


def test_variables_have_their_own_rates():
    actual = trajectory(Optimizer("adam", 0.05, rates=(("alpha", 0.002),)).build(STEPS), start())
    for name, rate in (("codes", 0.05), ("alpha", 0.002)):
        expected = trajectory(optax.adam(rate), start()[name])
        assert_same([iterate[name] for iterate in actual], expected)


@pytest.mark.parametrize(
    ("attributes", "factors"),
    [
        ({"schedule": "constant"}, [1.0] * 10),
        ({"schedule": "cosine"}, [0.5 * (1 + np.cos(np.pi * t / 10)) for t in range(10)]),
        ({"schedule": "late_linear", "decay_start": 0.6}, [1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        ({"schedule": "late_linear", "decay_start": 0.0}, [1 - t / 10 for t in range(10)]),
        ({"schedule": "late_linear", "decay_start": 1.0}, [1.0] * 10),
    ],
)
def test_schedules(attributes, factors):
    # Gradient descent on a slope of one: every update is minus the rate.
    tx = Optimizer("sgd", 0.5, rates=(("alpha", 0.2),), **attributes).build(STEPS)
    variables = {"codes": np.float32(0), "alpha": np.float32(0)}
    state, taken = tx.init(variables), []
    for _ in range(STEPS):
        updates, state = tx.update({"codes": np.float32(1), "alpha": np.float32(1)}, state, variables)
        taken.append((-float(updates["codes"]) / 0.5, -float(updates["alpha"]) / 0.2))
    np.testing.assert_allclose(taken, np.repeat(np.array(factors)[:, None], 2, axis=1), rtol=1e-5, atol=1e-7)


def test_is_static_data():
    assert hash(Optimizer("adam", 0.1)) == hash(Optimizer("adam", 0.1))
    assert Optimizer("adam", 0.1) != Optimizer("adam", 0.2)

"""The optimiser as data against plain optax."""

import jax
import numpy as np
import optax
import pytest
from batteries import normal

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import constant

STEPS = 10


def trajectory(tx: optax.GradientTransformation, variables) -> list:
    """Iterates on the sum of fourth powers, whose gradients change size."""

    @jax.jit
    def step(variables, state):
        gradient = jax.tree.map(lambda leaf: 4 * leaf**3, variables)
        updates, state = tx.update(gradient, state, variables)
        return optax.apply_updates(variables, updates), state

    state, iterates = tx.init(variables), []
    for _ in range(STEPS):
        variables, state = step(variables, state)
        iterates.append(variables)
    return iterates


def start():
    return {"codes": normal(0, 3, 4), "alpha": normal(1, 3, 2)}


def assert_same(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), actual, expected)


def clipped(rate):
    return optax.chain(optax.clip(0.1), optax.sgd(rate))


@pytest.mark.parametrize(
    ("optimizer", "plain"),
    [
        (Optimizer(optax.sgd, 0.01), optax.sgd(0.01)),
        (Optimizer(), optax.adam(0.05)),
        (Optimizer(optax.adam, 0.05, options=(("b1", 0.5), ("b2", 0.9))), optax.adam(0.05, b1=0.5, b2=0.9)),
        (Optimizer(optax.lion, 0.01), optax.lion(0.01)),
        (Optimizer(optax.adamw, 0.02, options=(("weight_decay", 0.5),)), optax.adamw(0.02, weight_decay=0.5)),
        (Optimizer(clipped, 0.3), clipped(0.3)),
    ],
    ids=["sgd", "adam", "adam_betas", "lion", "adamw", "own"],
)
def test_is_plain_optax(optimizer, plain):
    assert_same(trajectory(optimizer(STEPS), start()), trajectory(plain, start()))


def test_variables_have_their_own_rates():
    actual = trajectory(Optimizer(optax.adam, 0.05, rates=(("alpha", 0.002), ("absent", 9.0)))(STEPS), start())
    for name, rate in (("codes", 0.05), ("alpha", 0.002)):
        expected = trajectory(optax.adam(rate), start()[name])
        assert_same([iterate[name] for iterate in actual], expected)


def test_every_rate_follows_the_schedule():
    # Gradient descent on a slope of one: every update is minus the rate.
    def halving(rate, num_steps):
        assert num_steps == STEPS
        return lambda step: rate * 0.5**step

    tx = Optimizer(optax.sgd, 0.5, rates=(("alpha", 0.2),), schedule=halving)(STEPS)
    variables = {"codes": np.float32(0), "alpha": np.float32(0)}
    state, taken = tx.init(variables), []
    for _ in range(4):
        updates, state = tx.update({"codes": np.float32(1), "alpha": np.float32(1)}, state, variables)
        taken.append((-float(updates["codes"]) / 0.5, -float(updates["alpha"]) / 0.2))
    np.testing.assert_allclose(taken, np.repeat(0.5 ** np.arange(4.0)[:, None], 2, axis=1), rtol=1e-5)


def test_is_static_data():
    assert hash(Optimizer(optax.adam, 0.1)) == hash(Optimizer(optax.adam, 0.1))
    assert Optimizer(optax.adam, 0.1) == Optimizer(optax.adam, 0.1, schedule=constant)
    assert Optimizer(optax.adam, 0.1) != Optimizer(optax.adam, 0.2)

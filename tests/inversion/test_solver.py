"""The solver on problems whose course is known."""

import dataclasses
import functools
import types
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion import solver
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.problem import Measurement, Problem
from gprior_jax.inversion.solver import SolverConfig, State
from gprior_jax.latents import Parametrization
from gprior_jax.objectives import Objective, Observation, Pixel
from gprior_jax.operators import Identity

SHAPE = (2, 2, 3)


@dataclasses.dataclass(frozen=True)
class Free(Parametrization):
    """The image itself is the variable: no generator in the way.

    Attributes:
        limit: pixels are projected to at most this.
    """

    limit: float = np.inf

    def init(self, prior, key, hint=None):
        return {"x": jnp.zeros(SHAPE)} | (hint or {})

    def render(self, prior, variables):
        return variables["x"]

    def project(self, variables):
        return variables | {"x": jnp.minimum(variables["x"], self.limit)}


PIXELS = np.prod(SHAPE)


def problem(parametrization=Free()) -> Problem:
    prior = cast(Prior, types.SimpleNamespace(image_shape=SHAPE))  # Nothing else of it is asked for.
    return Problem(prior, Objective((Pixel(),)), None, parametrization)


def config(rate: float, num_steps: int = 8, **settings) -> SolverConfig:
    """Gradient descent; ``rate`` 1 reaches the minimum of the pixel loss in one step, above 2 it diverges."""
    return SolverConfig(Optimizer(optax.sgd, rate * PIXELS / 2), num_steps, **settings)


@functools.cache
def programs(settings: SolverConfig, parametrization: Parametrization):
    """Compiled start and step of many images, shared by the tests."""
    p = problem(parametrization)
    return jax.jit(jax.vmap(partial(solver.init, p, settings))), jax.jit(jax.vmap(partial(solver.step, p, settings)))


def run(settings: SolverConfig, targets: np.ndarray, hints=None, parametrization=Free()) -> tuple[State, list]:
    """All steps for targets ``[B, 2, 2, 3]``; the losses of every step."""
    wanted = jax.vmap(lambda x: problem().objective.targets(Observation(x, Identity())))(jnp.asarray(targets))
    measurements = Measurement(Identity(), wanted, None, {})
    init, step = programs(settings, parametrization)
    states, losses = init(jax.random.split(jax.random.key(0), len(targets)), hints), []
    for _ in range(settings.num_steps):
        states, evaluation = step(states, measurements)
        losses.append(np.asarray(evaluation.loss))
    return states, losses


def ones(count: int) -> np.ndarray:
    return np.ones((count, *SHAPE), np.float32)


def test_descends_as_computed_by_hand():
    states, losses = run(config(0.5), 2 * ones(1))
    # Half of the rest remains after every step.
    np.testing.assert_allclose(np.stack(losses)[:, 0], 4.0 * 0.25 ** np.arange(8), rtol=1e-5)
    assert int(states.step[0]) == 8
    assert Status(int(states.status[0])) is Status.MAX_STEPS
    # The last update is not evaluated, and so not returned.
    assert int(states.best_step[0]) == 7
    np.testing.assert_allclose(states.best_variables["x"], 2 * (1 - 0.5**7), rtol=1e-5)
    np.testing.assert_allclose(states.variables["x"], 2 * (1 - 0.5**8), rtol=1e-5)


def test_returns_the_best_iterate():
    states, losses = run(config(2.2), ones(1))  # Every step overshoots by 1.2: the start is the best.
    assert losses[-1] > losses[0] == 1.0
    solution = jax.vmap(partial(solver.finalize, problem()))(states, {})
    assert int(solution.step[0]) == 0
    assert float(solution.loss[0]) == 1.0
    np.testing.assert_array_equal(solution.image, 0.0)
    np.testing.assert_array_equal(solution.variables["x"], 0.0)


def test_a_tie_keeps_the_first():
    states, _ = run(config(2.0), ones(1))  # From 0 to 2 and back: the loss is 1 throughout.
    assert int(states.best_step[0]) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])  # The square of the last overflows.
def test_a_nonfinite_image_is_frozen_and_disturbs_nobody(bad):
    targets = ones(3)
    expected, _ = run(config(0.5), targets)
    targets[1, 0, 0, 0] = bad
    states, _ = run(config(0.5), targets)
    assert [Status(int(s)) for s in states.status] == [Status.MAX_STEPS, Status.NONFINITE, Status.MAX_STEPS]
    others = np.array([0, 2])
    for actual, reference in zip(jax.tree.leaves(states), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(actual[others], reference[others])
    assert int(states.step[1]) == 1
    assert np.isinf(states.best_loss[1])
    np.testing.assert_array_equal(states.best_variables["x"][1], 0.0)


def test_the_best_before_a_nonfinite_step_is_kept():
    # The rest grows by 1e10 a step: 1, 1e20, overflow.
    states, losses = run(config(1e10), ones(1))
    assert Status(int(states.status[0])) is Status.NONFINITE
    assert int(states.best_step[0]) == 0
    assert float(states.best_loss[0]) == 1.0
    assert np.isfinite(states.best_variables["x"]).all()
    assert not np.isfinite(losses[-1][0])


def test_converged_images_stop():
    # Rate 1 is done after one step; the other moves on by 1 % of its rest a step.
    targets = np.stack([ones(1)[0] * 0.0, ones(1)[0]])
    states, _ = run(config(0.01, 12, tolerance=1e-3, patience=4), targets)
    assert [Status(int(s)) for s in states.status] == [Status.CONVERGED, Status.MAX_STEPS]
    # The first count of the patience compares with infinity, the second finds no improvement.
    assert [int(s) for s in states.step] == [8, 12]


@pytest.mark.parametrize(("tolerance", "expected"), [(0.9, Status.MAX_STEPS), (0.99, Status.CONVERGED)])
def test_tolerance_is_relative_to_the_best_loss(tolerance, expected):
    # Two steps of rate r divide the loss by (1 - r)^4; the improvement is then (1 - r)^-4 - 1 of the best loss: 0.956.
    rate = 1 - (1 / 1.956) ** 0.25
    states, _ = run(config(rate, 4, tolerance=tolerance, patience=2), ones(1))
    assert Status(int(states.status[0])) is expected


def test_zero_tolerance_never_stops():
    states, _ = run(config(1.0, 9, patience=2), 0 * ones(1))
    assert Status(int(states.status[0])) is Status.MAX_STEPS
    assert int(states.step[0]) == 9


def test_projection_after_start_and_updates():
    states, _ = run(config(1.0), ones(1), {"x": jnp.full((1, *SHAPE), 3.0)}, Free(limit=0.5))
    np.testing.assert_array_equal(states.best_variables["x"], 0.5)
    assert float(states.best_loss[0]) == 0.25


def by_hand(tx: optax.GradientTransformation, target: np.ndarray, num_steps: int) -> list[np.ndarray]:
    """Iterates of plain optax on the mean squared difference, the start first."""

    @jax.jit
    def step(x, state):
        updates, state = tx.update({"x": 2 * (x["x"] - target) / PIXELS}, state, x)
        return optax.apply_updates(x, updates), state

    x, found = {"x": jnp.zeros(SHAPE)}, []
    state = tx.init(x)
    for _ in range(num_steps):
        found.append(np.asarray(x["x"]))
        x, state = step(x, state)
    return found


TARGET = np.linspace(-1, 1, 12, dtype=np.float32).reshape(SHAPE)


def falling(num_steps):
    return optax.lion(optax.schedules.linear_schedule(0.1, 0.0, num_steps))


@pytest.mark.parametrize(
    ("optimizer", "plain"),
    [
        (optax.lion(0.05), optax.lion(0.05)),
        (Optimizer(optax.lion, 0.05), optax.lion(0.05)),
        (falling, falling(8)),
        (optax.chain(optax.clip_by_global_norm(0.1), optax.contrib.muon(0.05)),) * 2,
    ],
    ids=["as_it_is", "with_a_rate", "of_the_steps", "chain"],
)
def test_any_optax_transformation_is_an_optimizer(optimizer, plain):
    states, losses = run(SolverConfig(optimizer, 8), TARGET[None])
    iterates = by_hand(plain, TARGET, 8)
    np.testing.assert_allclose(np.stack(losses)[:, 0], [np.mean((x - TARGET) ** 2) for x in iterates], rtol=1e-4)
    best = int(states.best_step[0])
    assert losses[best][0] < losses[0][0]
    np.testing.assert_allclose(states.best_variables["x"][0], iterates[best], atol=1e-5)


@dataclasses.dataclass(frozen=True)
class Anchored(Free):
    """Beside the image something that is fixed, which the loss depends on, and a count of projections."""

    def init(self, prior, key, hint=None):
        return super().init(prior, key) | {"_anchor": jax.random.normal(key, SHAPE), "_count": jnp.zeros(())}

    def render(self, prior, variables):
        return variables["x"] + variables["_anchor"]

    def project(self, variables):
        return variables | {"_count": variables["_count"] + 1}


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.chain(optax.add_decayed_weights(0.1), optax.adamw(0.1, weight_decay=0.5)),
        Optimizer(optax.adamw, 0.1, rates=(("x", 0.2),), options=(("weight_decay", 0.5),)),
    ],
    ids=["adamw", "rates"],
)
def test_what_is_fixed_no_optimizer_sees(optimizer):
    anchor = np.asarray(jax.random.normal(jax.random.split(jax.random.key(0), 1)[0], SHAPE))
    states, _ = run(SolverConfig(optimizer, 8), TARGET[None], None, Anchored())
    np.testing.assert_array_equal(states.variables["_anchor"][0], anchor)
    np.testing.assert_array_equal(states.best_variables["_anchor"][0], anchor)
    assert np.asarray(states.variables["x"]).all()  # What is free has moved.
    # A projection may change what is fixed: once at the start and after every update.
    assert float(states.variables["_count"][0]) == 9
    # The optimiser's state holds moments of what is free only.
    shapes = sorted({leaf.shape for leaf in jax.tree.leaves(states.optimizer)})
    assert shapes in ([(1,), (1, *SHAPE)], [])
    assert not any("_anchor" in jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(states.optimizer))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_steps": 0}, "num_steps 0: use at least 1"),
        ({"tolerance": 1.0}, "tolerance 1.0"),
        ({"tolerance": -0.1}, "tolerance -0.1"),
        ({"patience": 0}, "patience 0"),
        ({"optimizer": "adam"}, "optimizer 'adam': give an optax transformation"),
        ({"optimizer": 0.1}, "optimizer 0.1: give an optax transformation"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ArgumentError, match=message):
        SolverConfig(**settings)


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.lbfgs(),
        optax.polyak_sgd(0.1),
        optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau(patience=2)),
        lambda steps: optax.adam(0.05),
    ],
    ids=["line search", "value", "chain", "function"],
)
def test_optimizers_that_ask_for_more_than_the_gradient(optimizer):
    _, losses = run(SolverConfig(optimizer, 8), ones(2))
    assert (losses[-1] < losses[0]).all()


@pytest.mark.parametrize("optimizer", [0.1, lambda steps: 0.1, optax.lion, None])
def test_what_is_no_optimizer_is_refused(optimizer):
    with pytest.raises(ArgumentError, match=r"give an optax transformation, such as optax\.lion"):
        SolverConfig(optimizer)

"""The solver on problems whose course is known."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_prior

from gprior_jax.errors import Status
from gprior_jax.inversion import solver
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.problem import Problem, evaluate, observe
from gprior_jax.inversion.solver import SolverConfig, State
from gprior_jax.objectives import Objective, Pixel
from gprior_jax.operators import Identity

SHAPE = (2, 2, 3)


@dataclasses.dataclass(frozen=True)
class Free:
    """The image itself is the variable: no generator in the way.

    Attributes:
        limit: pixels are projected to at most this.
    """

    limit: float = np.inf

    def init(self, prior, key, hint=None):
        return {"x": jnp.zeros(SHAPE)} | (hint or {})

    def render(self, prior, variables):
        return variables["x"]

    def penalty(self, prior, variables):
        return {}

    def project(self, variables):
        return {"x": jnp.minimum(variables["x"], self.limit)}


PIXELS = np.prod(SHAPE)


def problem(parametrization=Free(), terms=(Pixel(),)) -> Problem:  # noqa: B008
    return Problem(random_prior("pggan"), Objective(terms), parametrization)


def config(rate: float, num_steps: int = 8, **settings) -> SolverConfig:
    """Gradient descent; ``rate`` 1 reaches the minimum of the pixel loss in one step, above 2 it diverges."""
    return SolverConfig(Optimizer("sgd", rate * PIXELS / 2), num_steps, **settings)


def run(p: Problem, settings: SolverConfig, targets: np.ndarray, hints=None) -> tuple[State, list]:
    """All steps for targets ``[B, 2, 2, 3]``; the losses of every step."""
    observations = jax.vmap(partial(observe, p))(jnp.asarray(targets), Identity())
    keys = jax.random.split(jax.random.key(0), len(targets))
    states = jax.vmap(partial(solver.init, p, settings))(keys, hints)
    step, losses = jax.jit(jax.vmap(partial(solver.step, p, settings))), []
    for _ in range(settings.num_steps):
        states, evaluation = step(states, observations)
        losses.append(np.asarray(evaluation.loss))
    return states, losses


def ones(count: int) -> np.ndarray:
    return np.ones((count, *SHAPE), np.float32)


def test_descends_as_computed_by_hand():
    states, losses = run(problem(), config(0.5), 2 * ones(1))
    # Half of the rest remains after every step.
    np.testing.assert_allclose(np.stack(losses)[:, 0], 4.0 * 0.25 ** np.arange(8), rtol=1e-5)
    assert int(states.step[0]) == 8
    assert Status(int(states.status[0])) is Status.MAX_STEPS
    # The last update is not evaluated, and so not returned.
    assert int(states.best_step[0]) == 7
    np.testing.assert_allclose(states.best_variables["x"], 2 * (1 - 0.5**7), rtol=1e-5)
    np.testing.assert_allclose(states.variables["x"], 2 * (1 - 0.5**8), rtol=1e-5)


def test_returns_the_best_iterate():
    p = problem()
    states, losses = run(p, config(2.2), ones(1))  # Every step overshoots by 1.2: the start is the best.
    assert losses[-1] > losses[0] == 1.0
    solution = jax.vmap(partial(solver.finalize, p))(states)
    assert int(solution.step[0]) == 0
    assert float(solution.loss[0]) == 1.0
    np.testing.assert_array_equal(solution.image, 0.0)
    np.testing.assert_array_equal(solution.variables["x"], 0.0)


def test_a_tie_keeps_the_first():
    states, _ = run(problem(), config(2.0), ones(1))  # From 0 to 2 and back: the loss is 1 throughout.
    assert int(states.best_step[0]) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])  # The square of the last overflows.
def test_a_nonfinite_image_is_frozen_and_disturbs_nobody(bad):
    targets = ones(3)
    expected, _ = run(problem(), config(0.5), targets)
    targets[1, 0, 0, 0] = bad
    states, _ = run(problem(), config(0.5), targets)
    assert [Status(int(s)) for s in states.status] == [Status.MAX_STEPS, Status.NONFINITE, Status.MAX_STEPS]
    others = np.array([0, 2])
    for actual, reference in zip(jax.tree.leaves(states), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(actual[others], reference[others])
    assert int(states.step[1]) == 1
    assert np.isinf(states.best_loss[1])
    np.testing.assert_array_equal(states.best_variables["x"][1], 0.0)


def test_the_best_before_a_nonfinite_step_is_kept():
    # The rest grows by 1e10 a step: 1, 1e20, overflow.
    states, losses = run(problem(), config(1e10), ones(1))
    assert Status(int(states.status[0])) is Status.NONFINITE
    assert int(states.best_step[0]) == 0
    assert float(states.best_loss[0]) == 1.0
    assert np.isfinite(states.best_variables["x"]).all()
    assert not np.isfinite(losses[-1][0])


def test_converged_images_stop():
    # Rate 1 is done after one step; the other moves on by 1 % of its rest a step.
    targets = np.stack([ones(1)[0] * 0.0, ones(1)[0]])
    states, _ = run(problem(), config(0.01, 12, tolerance=1e-3, patience=4), targets)
    assert [Status(int(s)) for s in states.status] == [Status.CONVERGED, Status.MAX_STEPS]
    # The first count of the patience compares with infinity, the second finds no improvement.
    assert [int(s) for s in states.step] == [8, 12]


@pytest.mark.parametrize(("tolerance", "expected"), [(0.9, Status.MAX_STEPS), (0.99, Status.CONVERGED)])
def test_tolerance_is_relative_to_the_best_loss(tolerance, expected):
    # Two steps of rate r divide the loss by (1 - r)^4; the improvement is then (1 - r)^-4 - 1 of the best loss: 0.956.
    rate = 1 - (1 / 1.956) ** 0.25
    states, _ = run(problem(), config(rate, 4, tolerance=tolerance, patience=2), ones(1))
    assert Status(int(states.status[0])) is expected


def test_zero_tolerance_never_stops():
    states, _ = run(problem(), config(1.0, 9, patience=2), 0 * ones(1))
    assert Status(int(states.status[0])) is Status.MAX_STEPS
    assert int(states.step[0]) == 9


def test_projection_after_start_and_updates():
    limited = problem(Free(limit=0.5))
    states, _ = run(limited, config(1.0), ones(1), {"x": jnp.full((1, *SHAPE), 3.0)})
    np.testing.assert_array_equal(states.best_variables["x"], 0.5)
    assert float(states.best_loss[0]) == 0.25


def test_terms_are_weighted():
    p = problem(terms=(Pixel(3.0), Pixel(0.5, kind="l1")))
    observation = observe(p, 2 * jnp.ones(SHAPE), Identity())
    loss, terms = evaluate(p, {"x": jnp.zeros(SHAPE)}, observation)
    assert (float(loss), float(terms["pixel_mse"]), float(terms["pixel_l1"])) == (13.0, 4.0, 2.0)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([3.0, 1.0, 2.0], 1), ([np.nan, 5.0, 2.0], 2), ([np.inf, np.nan, 9.0], 2), ([np.nan] * 2, 0)],
)
def test_best_restart(losses, expected):
    assert int(solver.best_restart(jnp.array(losses))) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_steps": 0}, "num_steps 0: use at least 1"),
        ({"tolerance": 1.0}, "tolerance 1.0"),
        ({"tolerance": -0.1}, "tolerance -0.1"),
        ({"patience": 0}, "patience 0"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        SolverConfig(**settings)

"""Conjugate gradients with a parabola for the step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.conjugate import NARROWEST, WIDEST, ConjugateGradient

SIZE = 12


def steps(value, start, count: int, first: float = 0.1, **more):
    """Points and values of so many steps."""
    transformation = ConjugateGradient(first)(count)

    @jax.jit
    def step(x, state):
        here, gradient = jax.value_and_grad(value)(x)
        update, state = transformation.update(gradient, state, x, value=here, value_fn=value, **more)
        return jax.tree.map(jnp.add, x, update), state, here

    x, state, seen = start, transformation.init(start), []
    for _ in range(count):
        x, state, here = step(x, state)
        seen.append(here)
    return x, [float(here) for here in seen if not isinstance(here, jax.core.Tracer)]


def problem(seed: int):
    """A least squares problem whose curvatures span two decades, and its solution."""
    basis, _ = np.linalg.qr(normal(seed, SIZE, SIZE).astype(np.float64))
    matrix = basis * np.logspace(0, 1, SIZE)
    target = normal(seed + 1, SIZE)
    return lambda x: jnp.sum(jnp.square(jnp.asarray(matrix, jnp.float32) @ x - target)), np.linalg.solve(matrix, target)


def test_a_quadratic_is_solved_in_twice_as_many_steps_as_it_has_dimensions():
    value, solution = problem(1)
    found, seen = steps(value, jnp.ones(SIZE), 2 * SIZE)
    np.testing.assert_allclose(found, solution, atol=1e-2 * np.abs(solution).max())
    assert seen[-1] < 1e-4 * seen[0]


def test_a_preconditioner_is_a_change_of_coordinates():
    """Preconditioned by R R^T, x goes where R y goes with y found as it is."""
    value, _ = problem(1)
    root = jnp.asarray(np.eye(SIZE) + 0.1 * normal(9, SIZE, SIZE), jnp.float32)
    start = jnp.asarray(normal(3, SIZE))
    x, gradient = root @ start, root.T @ jax.grad(value)(root @ start)
    # The first trial is as long as a part of the variables, which differ: here it is the same one.
    same = jnp.linalg.norm(x) / jnp.linalg.norm(start) * jnp.linalg.norm(gradient) / jnp.linalg.norm(root @ gradient)
    found, seen = steps(value, x, 6, precondition=lambda gradient: root @ (root.T @ gradient))
    other, expected = steps(lambda y: value(root @ y), start, 6, first=0.1 * float(same))
    np.testing.assert_allclose(seen, expected, rtol=1e-2)
    np.testing.assert_allclose(found, root @ other, rtol=0.02, atol=0.02)
    assert abs(steps(value, x, 6)[1][-1] / seen[-1] - 1.0) > 0.1


def test_the_inverse_of_the_curvature_needs_few_steps():
    value, solution = problem(1)
    inverse = jnp.linalg.inv(jax.hessian(value)(jnp.zeros(SIZE)))
    found, _ = steps(value, jnp.ones(SIZE), 4, precondition=lambda gradient: inverse @ gradient)
    np.testing.assert_allclose(found, solution, atol=1e-2 * np.abs(solution).max())
    plain, _ = steps(value, jnp.ones(SIZE), 4)
    assert np.abs(plain - solution).max() > 0.1 * np.abs(solution).max()


def test_steepest_descent_is_not_as_far():
    value, _ = problem(1)
    x, rate = jnp.ones(SIZE), 1.0 / (2 * 10**2)
    for _ in range(2 * SIZE):
        x = x - rate * jax.grad(value)(x)
    assert float(value(x)) > 10 * steps(value, jnp.ones(SIZE), 2 * SIZE)[1][-1]


def test_many_at_once_are_each_alone():
    values = [problem(seed)[0] for seed in (1, 5)]
    transformation = ConjugateGradient()(5)
    targets, start = jnp.asarray(normal(2, 3, SIZE)), jnp.ones((3, SIZE))

    def run(target, x):
        state = transformation.init(x)
        value = lambda x: values[0](x - target)  # noqa: E731
        for _ in range(3):
            update, state = transformation.update(jax.grad(value)(x), state, x, value=value(x), value_fn=value)
            x = x + update
        return x

    together = jax.vmap(run)(targets, start)
    for i in range(3):
        np.testing.assert_allclose(together[i], run(targets[i], start[i]), rtol=1e-3, atol=1e-4)


def test_trees_are_one_vector():
    value, _ = problem(1)
    parts = {"a": jnp.ones(5), "b": jnp.ones(7)}
    split, _ = steps(lambda tree: value(jnp.concatenate([tree["a"], tree["b"]])), parts, 3)
    whole, _ = steps(value, jnp.ones(SIZE), 3)
    np.testing.assert_allclose(np.concatenate([split["a"], split["b"]]), whole, rtol=1e-3, atol=1e-4)


def test_where_the_objective_ends_the_step_is_shortened():
    # Finite below 2 only; the first parabola is tried beyond it.
    value = lambda x: jnp.where(x[0] < 2.0, -x[0], jnp.nan)  # noqa: E731
    transformation, x = ConjugateGradient(first=4.0)(3), jnp.ones(1)
    update, state = transformation.update(jax.grad(value)(x), transformation.init(x), x, value=value(x), value_fn=value)
    np.testing.assert_allclose(update, 4.0 * NARROWEST, rtol=1e-5)
    # A line has no lowest point: the next goes as far as it may.
    x = jnp.zeros(1)
    update, _ = transformation.update(jax.grad(value)(x), state, x, value=value(x), value_fn=value)
    np.testing.assert_allclose(update, 0.4 * WIDEST, rtol=1e-5)


def test_variables_of_zeros_move():
    """They have no length that a first step could be a part of."""
    found, seen = steps(lambda x: jnp.sum(jnp.square(x - 1.0)), jnp.zeros(3), 6)
    np.testing.assert_allclose(found, 1.0, atol=1e-5)
    assert seen[0] == 3.0


def test_a_point_at_the_bottom_stays():
    value = lambda x: jnp.sum(jnp.square(x - 1.0))  # noqa: E731
    found, seen = steps(value, jnp.ones(3), 200)  # As many as would make a length that is doubled overflow.
    np.testing.assert_array_equal(found, 1.0)
    assert seen == [0.0] * 200


def test_a_point_at_the_floor_stays_where_it_came_to_it():
    value, _ = problem(1)
    floored = lambda x: jnp.maximum(value(x), 0.5)  # noqa: E731
    short, seen = steps(floored, jnp.ones(SIZE), 40)
    assert seen[0] > 0.5 == seen[-1]
    long, seen = steps(floored, jnp.ones(SIZE), 300)
    np.testing.assert_array_equal(short, long)
    assert seen[-1] == 0.5


def test_derivatives_go_through_steps_at_the_floor():
    """Which add nothing: they are those of the steps that came to it."""

    def after(count):
        def found(target):
            value = lambda x: jnp.maximum(jnp.sum(jnp.square(x - target)), 0.5)  # noqa: E731
            return steps(value, jnp.full(3, 0.3), count)[0]

        return found

    target = jnp.array([1.0, 2.0, 3.0])
    arrived = next(count for count in range(9) if jnp.sum(jnp.square(after(count)(target) - target)) < 0.5)
    expected = jax.jacobian(after(arrived))(target)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(jax.jacobian(after(arrived + 3))(target), expected, atol=1e-6)


@pytest.mark.parametrize("first", [0.0, -0.1, float("nan")])
def test_the_first_step_is_above_zero(first):
    with pytest.raises(ArgumentError, match="first"):
        ConjugateGradient(first)

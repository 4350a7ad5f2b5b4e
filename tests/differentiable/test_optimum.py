"""The implicit function theorem where the answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.differentiable import Curvature, at_minimum
from gprior_jax.errors import ArgumentError

MATRIX = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
WANTED = np.random.default_rng(1).normal(size=8).astype(np.float32)


def outputs(variables, theta):
    return theta["matrix"] @ variables["x"]


def loss(seen, theta):
    return jnp.sum(jnp.square(seen - theta["wanted"]))


def least_squares(theta):
    return {"x": jnp.linalg.lstsq(theta["matrix"], theta["wanted"])[0]}


THETA = {"matrix": jnp.asarray(MATRIX), "wanted": jnp.asarray(WANTED), "count": jnp.int32(3), "key": jax.random.key(0)}


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_least_squares(kind):
    """Of a linear function both kinds are exact; and the derivative in the matrix is that of the normal equations."""

    def attached(wanted, matrix, x):
        theta = THETA | {"wanted": wanted, "matrix": matrix}
        return at_minimum(outputs, loss, x, theta, Curvature(kind, 0.0, 20, 1e-6))["x"]

    x = least_squares(THETA)
    by_wanted, by_matrix = jax.jacrev(attached, (0, 1))(THETA["wanted"], THETA["matrix"], x)
    np.testing.assert_allclose(by_wanted, np.linalg.pinv(MATRIX), rtol=1e-4, atol=1e-5)

    def solve(matrix):
        return jnp.linalg.solve(matrix.T @ matrix, matrix.T @ WANTED)

    np.testing.assert_allclose(by_matrix, jax.jacrev(solve)(THETA["matrix"]), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(jax.jacfwd(attached)(THETA["wanted"], THETA["matrix"], x), by_wanted, atol=1e-5)


def test_damping_gives_the_least_change_where_the_curvature_is_singular():
    """More numbers than equations: the pseudo-inverse, as damping goes to 0."""
    theta = THETA | {"matrix": jnp.asarray(MATRIX.T), "wanted": jnp.ones(3)}
    x = least_squares(theta)

    def run(wanted):
        return at_minimum(outputs, loss, x, theta | {"wanted": wanted}, Curvature(damping=1e-4))["x"]

    np.testing.assert_allclose(jax.jacrev(run)(theta["wanted"]), np.linalg.pinv(MATRIX.T), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_second_derivatives_follow_the_minimum(mode):
    """Of ``exp(x) - theta x`` it is at ``log(theta)``."""
    theta = jnp.float32(2.0)

    def attached(theta):
        exact = Curvature("hessian", 0.0, 5, 1e-6)
        return at_minimum(lambda x, _: x, lambda x, theta: jnp.exp(x) - theta * x, jnp.log(2.0), theta, exact)

    np.testing.assert_allclose(jax.jacfwd(attached)(theta), 1 / 2, rtol=1e-5)
    np.testing.assert_allclose(mode(jax.jacfwd(attached))(theta), -1 / 4, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "newton"}, "kind 'newton'"),
        ({"damping": -1.0}, "damping must be a number from 0 up"),
        ({"tolerance": 0.0}, "tolerance must be"),
        ({"products": 0}, "products 0"),
    ],
)
def test_bad_settings_are_refused(settings, told):
    with pytest.raises(ArgumentError, match=told):
        Curvature(**settings)

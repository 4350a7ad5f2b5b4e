import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.geometry.symmetric import eigh, largest

TURNED = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
CHANGE = np.random.default_rng(1).normal(size=(5, 5))


def matrix(values):
    return jnp.asarray((TURNED * np.asarray(values)) @ TURNED.T)


def slope(function, at):
    """Along the change, by differences in float64 and by autodiff."""
    with jax.enable_x64(True):
        along = jnp.asarray(CHANGE + CHANGE.T)
        told = jax.jvp(function, (at,), (along,))[1]
        return np.asarray(told), np.asarray((function(at + 1e-6 * along) - function(at - 1e-6 * along)) / 2e-6)


@pytest.mark.parametrize("values", [[0, 0, 0, 1, 3], [0, 1, 2, 3, 4], [1, 1, 1, 1, 5]])
def test_derivatives_of_what_does_not_depend_on_equal_ones(values):
    """The largest value, its vector up to sign, and the projection on what is above."""
    with jax.enable_x64(True):
        at = matrix(np.float64(values))

        def first(m):
            found, vectors = eigh(m)
            return jnp.append(vectors[:, -1] * jnp.sign(vectors[0, -1]), found[-1])

        np.testing.assert_allclose(*slope(first, at), rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(*slope(lambda m: largest(m, jnp.array(0.7)), at), rtol=1e-5, atol=1e-8)


def test_no_derivative_is_nan():
    for values in ([2.0] * 5, [0.0] * 5):
        at = jnp.asarray(matrix(values), jnp.float32)
        assert np.isfinite(jax.grad(lambda m: sum(part.sum() for part in eigh(m)))(at)).all()
    assert float(jax.grad(lambda m: eigh(m)[0].sum())(at)[0, 0]) == pytest.approx(1.0, abs=1e-5)  # The trace.


def test_stacks_of_matrices():
    both = jnp.stack([matrix([0, 1, 2, 3, 4]), matrix([0, 0, 1, 1, 7])])
    np.testing.assert_allclose(eigh(both)[0], [[0, 1, 2, 3, 4], [0, 0, 1, 1, 7]], atol=1e-5)
    slopes = jax.grad(lambda m: eigh(m)[0][:, -1].sum())(both)
    np.testing.assert_allclose(slopes, np.stack([np.outer(TURNED[:, -1], TURNED[:, -1])] * 2), atol=1e-5)

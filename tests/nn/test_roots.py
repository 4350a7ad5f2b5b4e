import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.nn.roots import length, root


def test_one_zero_does_not_spoil_the_others():
    np.testing.assert_allclose(jax.grad(lambda x: root(x).sum())(jnp.array([4.0, 0.0, -1.0])), [0.25, 0.0, 0.0])
    slopes = jax.grad(lambda x: length(x).sum())(jnp.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(slopes, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
    assert float(jax.grad(jax.grad(root))(4.0)) == pytest.approx(-1 / 32)


def test_what_is_no_number_is_no_zero():
    np.testing.assert_array_equal(root(jnp.array([jnp.nan, jnp.inf, 4.0])), [np.nan, np.inf, 2.0])
    assert np.isnan(length(jnp.array([3.0, jnp.nan])))
    assert np.isnan(jax.grad(root)(jnp.nan))


def test_lengths_along_an_axis():
    rows = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(length(rows), np.linalg.norm(rows, axis=1), rtol=1e-6)
    np.testing.assert_allclose(length(rows, 0, keepdims=True), np.linalg.norm(rows, axis=0, keepdims=True), rtol=1e-6)

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import AT, MATRIX, kinked, linear, smooth, sphere
from gprior_jax import geometry


def test_a_profile_along_a_meridian():
    curve = jnp.stack([jnp.linspace(0.0, 1.0, 5), jnp.zeros(5)], 1)
    found = geometry.profile(sphere, curve)
    np.testing.assert_allclose(found.speeds, 4 * 4 * np.sin(0.125), rtol=1e-5)
    np.testing.assert_allclose(found.turns, 0.25, rtol=1e-3)
    np.testing.assert_allclose(found.stretches, 2.0, rtol=1e-5)


def test_lipschitz_constants():
    flat = geometry.lipschitz(linear, jnp.zeros(3), 0.3, jax.random.key(0))
    top = np.linalg.svd(MATRIX, compute_uv=False)[0]
    np.testing.assert_allclose([flat.here, flat.within], top, rtol=1e-4)
    assert flat.secant <= top * 1.0001
    bent = jax.jit(lambda x: geometry.lipschitz(kinked, x, 2.0, jax.random.key(0)))(AT)
    assert bent.within > 1.02 * bent.here
    assert bent.secant > 0.5 * bent.here
    with pytest.raises(ValueError, match="radius must be a number above 0, got 0"):
        geometry.lipschitz(smooth, AT, 0.0, jax.random.key(0))
    with pytest.raises(ValueError, match="num_samples 1: use at least 2"):
        geometry.lipschitz(smooth, AT, 0.1, jax.random.key(0), num_samples=1)


def test_a_radius_may_be_traced():
    found = jax.jit(lambda radius: geometry.lipschitz(linear, jnp.zeros(3), radius, jax.random.key(0)).here)(0.3)
    np.testing.assert_allclose(found, np.linalg.svd(MATRIX, compute_uv=False)[0], rtol=1e-4)


def test_derivatives_of_what_stands_still_or_goes_straight():
    """0 of what is 0, and nothing of it in the others: of x^2 the area is 4 |x y|, here of x and y of 0, 1 and 2."""

    def squared(x):
        return x**2

    def area(x):
        return geometry.plane_metric(squared, x, jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), num=3).area.sum()

    np.testing.assert_allclose(jax.grad(area)(jnp.ones(2)), [2 * 4 * 3.0, 2 * 4 * 3.0], rtol=1e-5)
    for curve in (jnp.zeros((4, 2)), jnp.arange(4.0)[:, None] * jnp.ones(2)):
        slopes = jax.grad(lambda c: sum(part.sum() for part in geometry.profile(lambda x: 2 * x, c)))(curve)
        assert np.isfinite(slopes).all()


def test_a_plane_s_metric():
    u, v = jnp.eye(4)[0], jnp.eye(4)[2]
    found = jax.jit(lambda x: geometry.plane_metric(smooth, x, u, v, extent=0.5, num=3))(AT)
    at = AT + 0.5 * u - 0.5 * v  # The first row is that of -v, its last column that of u.
    whole = geometry.metric(smooth, at)
    wanted = whole[np.ix_([0, 2], [0, 2])]
    np.testing.assert_allclose(found.metrics[0, 2], wanted, rtol=1e-4)
    assert float(found.area[0, 2]) == pytest.approx(float(np.sqrt(np.linalg.det(wanted))), rel=1e-3)

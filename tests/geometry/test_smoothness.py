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
    with pytest.raises(ValueError, match="radius 0"):
        geometry.lipschitz(smooth, AT, 0.0, jax.random.key(0))


def test_a_plane_s_metric():
    u, v = jnp.eye(4)[0], jnp.eye(4)[2]
    found = jax.jit(lambda x: geometry.plane_metric(smooth, x, u, v, extent=0.5, num=3))(AT)
    at = AT + 0.5 * u - 0.5 * v  # The first row is that of -v, its last column that of u.
    whole = geometry.metric(smooth, at)
    wanted = whole[np.ix_([0, 2], [0, 2])]
    np.testing.assert_allclose(found.metrics[0, 2], wanted, rtol=1e-4)
    assert float(found.area[0, 2]) == pytest.approx(float(np.sqrt(np.linalg.det(wanted))), rel=1e-3)

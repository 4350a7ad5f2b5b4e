import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import AT, RADIUS, jacobian64, kinked, linear, smooth, sphere
from gprior_jax import geometry
from gprior_jax.geometry.second_order import second_derivative

HERE, U, V = jnp.array([0.4, 0.3]), jnp.array([1.0, 0.2]), jnp.array([-0.3, 1.0])


def test_curvature_of_known_surfaces():
    """A sphere's is 1 / r^2 in every plane; that of what is flat, or can be unrolled, is 0."""
    assert float(geometry.sectional_curvature(sphere, HERE, U, V)) == pytest.approx(1 / RADIUS**2, rel=1e-3)
    assert float(geometry.sectional_curvature(linear, jnp.ones(3), jnp.eye(3)[0], jnp.eye(3)[1])) == pytest.approx(
        0, abs=1e-3
    )

    def cylinder(x):
        return jnp.stack([jnp.cos(x[0]), jnp.sin(x[0]), x[1]])

    def saddle(x):
        return jnp.stack([x[0], x[1], x[0] * x[1]])

    assert float(geometry.sectional_curvature(cylinder, HERE, U, V)) == pytest.approx(0, abs=1e-3)
    assert float(geometry.sectional_curvature(saddle, jnp.zeros(2), U, V)) == pytest.approx(-1, rel=1e-3)


def test_curvature_does_not_depend_on_the_plane_s_vectors():
    u, v = jnp.eye(4)[:2]
    found = geometry.sectional_curvature(smooth, AT, u, v)
    other = geometry.sectional_curvature(smooth, AT, u + 2 * v, 3 * v)
    assert float(found) == pytest.approx(float(other), rel=1e-3)
    assert abs(found) > 1e-3


def test_christoffel_symbols_of_a_sphere():
    """With latitude p: Gamma^p_ll = sin p cos p, Gamma^l_pl = -tan p."""
    found = geometry.christoffel(sphere, HERE)
    wanted = np.zeros((2, 2, 2))
    wanted[0, 1, 1] = np.sin(0.4) * np.cos(0.4)
    wanted[1, 0, 1] = wanted[1, 1, 0] = -np.tan(0.4)
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    np.testing.assert_allclose(
        geometry.acceleration(sphere, HERE, U), -np.einsum("kij,i,j->k", wanted, U, U), atol=1e-3
    )


def test_christoffel_symbols_by_the_metric_s_differences():
    """From their definition by derivatives of the metric, in float64."""

    def metric(x):
        return jacobian64(x).T @ jacobian64(x)

    at = np.asarray(AT, np.float64)
    slopes = np.stack([(metric(at + e) - metric(at - e)) / 2e-3 for e in 1e-3 * np.eye(4)], -1)  # d_k g_ij
    # Gamma_l,ij = (d_i g_lj + d_j g_li - d_l g_ij) / 2.
    lowered = 0.5 * (np.einsum("lji->lij", slopes) + np.einsum("lij->lij", slopes) - np.einsum("ijl->lij", slopes))
    wanted = np.linalg.solve(metric(at), lowered.reshape(4, 16)).reshape(4, 4, 4)
    np.testing.assert_allclose(geometry.christoffel(smooth, AT), wanted, rtol=0, atol=1e-3 * np.abs(wanted).max())


def test_geodesics_from_the_equator():
    """Along it, and over the pole's side: great circles at even speed."""
    reached = jax.jit(lambda v: geometry.exponential(sphere, jnp.zeros(2), v, 16))(jnp.array([0.6, 0.8]))
    points = np.asarray(jax.vmap(sphere)(reached))
    angles = np.arccos(np.clip(points @ points[0] / RADIUS**2, -1, 1))
    np.testing.assert_allclose(angles, np.linspace(0, 1, 17), atol=1e-3)


def test_kinks():
    """The geodesic equation is no way for LeakyReLU: its second derivative is 0 wherever it is, and the bend is not."""
    assert geometry.kinks(smooth, AT, jnp.ones(4)) < 0.02
    assert float(geometry.kinks(kinked, AT, jnp.ones(4), step=0.5)) == pytest.approx(1.0)
    assert not np.asarray(second_derivative(kinked, AT, jnp.ones(4), jnp.ones(4))).any()
    np.testing.assert_array_equal(geometry.acceleration(kinked, AT, jnp.ones(4)), np.zeros(4))
    curve = jax.jit(lambda: geometry.geodesic(kinked, -AT, AT, num_segments=8, steps=2))()
    straight = geometry.exponential(kinked, -AT, 2 * AT, 8)
    assert curve.energy < 0.97 * geometry.measure(kinked, straight).energy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import RADIUS, sphere
from gprior_jax import geometry


def test_measures_of_a_meridian():
    """Chords of even arcs: the energy is the squared length."""
    curve = jnp.stack([jnp.linspace(0.0, 1.0, 9), jnp.zeros(9)], 1)
    found = geometry.measure(sphere, curve)
    chord = 2 * RADIUS * np.sin(1 / 16)
    np.testing.assert_allclose(found.distances, np.full(8, chord), rtol=1e-5)
    assert float(found.energy) == pytest.approx(float(found.length) ** 2, rel=1e-5)
    assert found.speed_variation < 1e-5


def test_evening_keeps_the_curve():
    """Points of uneven speed along a meridian stay on it."""
    curve = jnp.stack([jnp.linspace(0.0, 1.0, 9) ** 2, jnp.zeros(9)], 1)
    before = geometry.measure(sphere, curve)
    evened = jax.jit(lambda c: geometry.evened(sphere, c, 2))(curve)
    after = geometry.measure(sphere, evened)
    assert before.speed_variation > 0.3
    assert after.speed_variation < 2e-3
    assert float(after.length) == pytest.approx(float(before.length), rel=2e-3)
    assert after.energy < before.energy
    np.testing.assert_allclose(evened[:, 1], 0.0)
    np.testing.assert_allclose(evened[:: len(curve) - 1], curve[:: len(curve) - 1])


def test_a_curve_that_stands_still_has_finite_derivatives():
    curve = jnp.zeros((5, 2))
    assert np.isfinite(jax.grad(lambda c: geometry.measure(sphere, c).length)(curve)).all()
    np.testing.assert_array_equal(geometry.evened(sphere, curve), curve)


def test_arcs():
    found = geometry.arc(jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0]), 4)
    np.testing.assert_allclose(jnp.linalg.norm(found, axis=1), 2.0, rtol=1e-6)
    np.testing.assert_allclose(found[2], [2**0.5, 2**0.5], rtol=1e-6)


@pytest.mark.parametrize("way", [1, -1])
def test_ends_stay_where_the_output_stands_still(way):
    """Half of the line changes nothing: the other points share the rest."""
    curve = jnp.linspace(-1.0, 1.0, 5)[::way, None]
    evened = geometry.evened(jax.nn.relu, curve)
    np.testing.assert_array_equal(evened[:: len(curve) - 1], curve[:: len(curve) - 1])
    np.testing.assert_allclose(evened[1:-1, 0], np.array([0.25, 0.5, 0.75])[::way], rtol=1e-6)

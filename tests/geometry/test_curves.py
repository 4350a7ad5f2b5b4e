import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geometry.surfaces import RADIUS, sphere
from gprior_jax import geometry


def test_evening_does_not_swing():
    """Where the middle is three times as fast as the mean, each correction overshoots by twice what it corrects."""

    def steep(x):
        return jnp.tanh(6 * (x - 0.5))

    curve = first = jnp.array([[0.0], [0.4], [1.0]])
    for _ in range(8):
        curve = geometry.evened(steep, curve)
    assert geometry.measure(steep, curve).speed_variation > 0.3
    found = geometry.evened(steep, first, 8)
    assert found[1, 0] == pytest.approx(0.5, abs=1e-3)
    assert geometry.measure(steep, found).speed_variation < 0.01
    mapped = jax.vmap(lambda c: geometry.evened(steep, c, 8))(jnp.stack([first, found]))
    np.testing.assert_allclose(mapped[0], found, atol=1e-6)


def test_what_is_even_is_not_moved_by_evening():
    """Of several the first is among those to choose from."""
    even = geometry.line(jnp.zeros(2), jnp.ones(2), 4)
    np.testing.assert_array_equal(geometry.evened(lambda x: 2 * x, even, 3), even)


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


def test_derivatives_of_even_speed():
    """It varies by 0, the least that it can; the derivative of that is 0, not none."""
    curve = jnp.arange(5.0)[:, None]
    found = jax.grad(lambda c: sum(part.sum() for part in geometry.measure(lambda x: x, c)))(curve)
    np.testing.assert_allclose(found[:, 0], [-10, 0, 0, 0, 10], atol=1e-5)  # 4 * 2 of the energy, 1 of each length.


def test_derivatives_of_arcs_from_and_to_nothing():
    for one, other in ((jnp.zeros(2), jnp.ones(2)), (jnp.ones(2), jnp.ones(2))):
        found = jax.grad(lambda x, y: geometry.arc(x, y, 4).sum(), argnums=(0, 1))(one, other)
        np.testing.assert_allclose(found, 2.5, rtol=1e-5)


def test_a_way_takes_two():
    with pytest.raises(ValueError, match="a curve of 1 latents: it takes two"):
        geometry.measure(sphere, jnp.zeros((1, 2)))

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from geometry.surfaces import great_circle, linear, smooth, sphere
from gprior_jax import geometry
from gprior_jax.geometry.georce import metric_energy
from gprior_jax.geometry.relaxing import Relaxed, path, relax

A, B = jnp.array([0.9, -0.8]), jnp.array([0.8, 1.1])
"""Far from the equator, where the line of latitude and longitude is a detour."""


@functools.cache
def on_the_sphere():
    return jax.jit(lambda a, b: geometry.geodesic(sphere, a, b, num_segments=32, steps=4))(A, B)


def test_a_linear_generator_has_lines():
    a, b = jnp.array([1.0, 2.0, 3.0]), jnp.array([-1.0, 0.5, 0.0])
    bent = geometry.line(a, b, 4).at[2].add(1.0)
    found = jax.jit(lambda c: geometry.geodesic(linear, a, b, num_segments=4, initial=c))(bent)
    np.testing.assert_allclose(found.curve, geometry.line(a, b, 4), atol=1e-3)
    distance = float(jnp.linalg.norm(linear(a - b)))
    assert float(found.length) == pytest.approx(distance, rel=1e-3)
    assert float(found.energy) == pytest.approx(distance**2, rel=1e-3)
    assert found.energy <= found.line_energy


def test_great_circles():
    """32 chords are shorter than their arc by (angle / 32)^2 / 24, less than 1e-4."""
    found, wanted = on_the_sphere(), great_circle(A, B)
    assert float(found.length) == pytest.approx(wanted, rel=1e-3)
    assert float(found.distance) ** 2 == pytest.approx(float(found.energy), rel=1e-3)
    assert found.line_energy > 1.1 * found.energy
    assert found.speed_variation < 0.02
    normal = np.cross(sphere(A), sphere(B))
    points = np.asarray(jax.vmap(sphere)(found.curve))
    assert np.abs(points @ normal / np.linalg.norm(normal)).max() < 2e-3 * 2


def test_the_exponential_map_goes_the_same_way():
    found = on_the_sphere()
    velocity = (found.curve[1] - found.curve[0]) * 32
    reached = jax.jit(lambda v: geometry.exponential(sphere, A, v))(velocity)
    assert np.linalg.norm(np.asarray(sphere(reached[-1]) - sphere(B))) < 0.1
    measured = geometry.measure(sphere, reached)
    assert measured.speed_variation < 1e-3


def test_many_pairs_are_each_for_itself():
    starts = jnp.stack([A, B, A + 0.1])
    ends = jnp.stack([B, A, B - 0.1])
    settings = {"num_segments": 4, "steps": 3}
    found = jax.jit(lambda a, b: geometry.geodesics(sphere, a, b, batch_size=2, **settings))(starts, ends)
    alone = jax.jit(lambda a, b: geometry.geodesic(sphere, a, b, **settings))(starts[2], ends[2])
    np.testing.assert_allclose(found.curve[2], alone.curve, atol=1e-4)
    assert (found.energy <= found.line_energy).all()
    assert (found.speed_variation < 0.02).all()
    assert float(found.energy[0]) == pytest.approx(float(found.energy[1]), rel=1e-3)
    # Over devices of any mesh, which three pairs do not fill evenly.
    mesh = jax.make_mesh((2, 2), ("x", "y"), devices=jax.devices()[:4])
    spread = jax.jit(lambda f, a, b: geometry.geodesics(f, a, b, batch_size=1, mesh=mesh, **settings))
    over = spread(jax.tree_util.Partial(sphere), starts, ends)
    assert over.curve.shape == found.curve.shape
    for one, other in zip(over, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert geometry.geodesics(sphere, starts[:0], ends[:0], mesh=mesh, **settings).curve.shape == (
        0,
        *found.curve.shape[1:],
    )


def test_a_smooth_generator_by_all_ways():
    """Gauss-Newton, Adam and GEORCE come to one curve; the energies by chords differ in the discretisation."""
    a, b = jnp.array([1.5, -1.0, 0.5, 1.0]), jnp.array([-1.5, 1.0, 1.0, -1.0])
    found = jax.jit(lambda: geometry.geodesic(smooth, a, b, num_segments=16, steps=4))()
    adam = jax.jit(lambda: geometry.descend(smooth, geometry.line(a, b, 16), optax.adam(0.03), 200))()
    control = jax.jit(lambda: geometry.georce(smooth, a, b, num_segments=16, steps=8))()
    by_adam, by_control = (geometry.measure(smooth, curve).energy for curve in (adam, control.curve))
    assert float(by_adam) == pytest.approx(float(found.energy), rel=1e-2)
    assert float(by_control) == pytest.approx(float(found.energy), rel=2e-2)
    assert found.energy < 0.97 * found.line_energy
    first = metric_energy(smooth, geometry.line(a, b, 16))
    assert control.energy < 0.97 * first


def test_no_step_raises_the_energy():
    """Of a function whose second derivative is large, undamped steps would."""
    start = geometry.line(jnp.array([-2.0, 0.1]), jnp.array([2.0, 0.3]), 6)

    def wild(x):
        return jnp.concatenate([jnp.sin(6 * x), x])

    state = Relaxed(start, jnp.float32(1e-4))
    step = jax.jit(lambda s: relax(wild, path(6), s)[0])
    energies = [float(geometry.measure(wild, state.points).energy)]
    for _ in range(8):
        state = step(state)
        energies.append(float(geometry.measure(wild, state.points).energy))
    assert (np.diff(energies) <= 1e-5).all()
    assert energies[-1] < energies[0]
    np.testing.assert_array_equal(state.points[0], start[0])
    np.testing.assert_array_equal(state.points[-1], start[-1])


def test_derivatives_go_through():
    """Of the distance with respect to an end: minus the unit vector of the way there, in the metric."""

    def distance(b):
        return geometry.geodesic(linear, jnp.zeros(3), b, num_segments=2, steps=1).distance

    b = jnp.array([1.0, 2.0, -1.0])
    found = jax.jit(jax.grad(distance))(b)
    wanted = geometry.metric(linear, b) @ b / jnp.linalg.norm(linear(b))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_two_equal_ends():
    found = geometry.geodesic(sphere, A, A, num_segments=4, steps=1)
    assert float(found.energy) == 0.0
    np.testing.assert_allclose(found.curve, jnp.broadcast_to(A, (5, 2)), atol=1e-6)
    slopes = jax.grad(lambda a: geometry.geodesic(sphere, a, A, num_segments=4, steps=1).energy)(A)
    np.testing.assert_allclose(slopes, 0.0, atol=1e-5)


@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_latents_of_numpy(kind):
    """Of any floats, the curve to start from too."""
    ends, initial = np.array([A, B]).astype(kind), np.asarray(geometry.arc(A, B, 4)).astype(kind)
    found = geometry.geodesic(sphere, *ends, num_segments=4, steps=2, initial=initial)
    wanted = geometry.geodesic(sphere, A, B, num_segments=4, steps=2)
    np.testing.assert_allclose(found.length, wanted.length, rtol=1e-2)
    moved = geometry.descend(sphere, initial, optax.adam(0.02), 10)
    assert geometry.measure(sphere, moved).energy < geometry.measure(sphere, initial).energy


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: geometry.geodesic(sphere, A, B[:1]), r"latents of shapes \(2,\) and \(1,\)"),
        (lambda: geometry.geodesic(sphere, A, B, num_segments=1), "num_segments 1: use at least 2"),
        (lambda: geometry.geodesic(sphere, A, B, initial=jnp.zeros((3, 2))), r"an initial curve .*use \[5, 2\]"),
        (lambda: geometry.geodesics(sphere, A[None], jnp.stack([A, B])), "give one end for every start"),
    ],
)
def test_wrong_use(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_ends_are_those_that_were_given():
    """Where the output stands still near one, and where the curve to start from has others."""
    ends = -jnp.ones(1), jnp.ones(1)
    for initial in (None, jnp.linspace(0.0, 3.0, 5)[:, None]):
        found = geometry.geodesic(jax.nn.relu, *ends, num_segments=4, steps=1, initial=initial)
        np.testing.assert_array_equal(found.curve[::4], jnp.stack(ends))

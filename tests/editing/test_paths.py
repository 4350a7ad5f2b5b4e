"""Lines, arcs and paths against plain statements in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal
from hypothesis import given, settings
from hypothesis import strategies as st

from gprior_jax import editing

# Compiled whole: one operation after the other, each would be compiled for itself.
lerp, slerp = jax.jit(editing.lerp), jax.jit(editing.slerp)
morph = jax.jit(editing.morph, static_argnums=1, static_argnames=("closed", "ease", "path"))


def published_slerp(a, b, t):
    """``slerp`` of StyleGAN's ``perceptual_path_length.py`` in float64: of unit vectors, to a unit vector."""
    a, b = (x / np.linalg.norm(x) for x in (a.astype(np.float64), b.astype(np.float64)))
    d = (a * b).sum()
    c = b - d * a
    c = c / np.linalg.norm(c)
    p = t * np.arccos(d)
    turned = a * np.cos(p) + c * np.sin(p)
    return turned / np.linalg.norm(turned)


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 1.0, width=32))
def test_arc_against_the_published_one(seed, t):
    a, b = normal(seed, 2, 16)
    unit = slerp(*(x / np.linalg.norm(x) for x in (a, b)), t)
    np.testing.assert_allclose(unit, published_slerp(a, b, t), atol=2e-6)
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    np.testing.assert_allclose(slerp(a, b, t), length * published_slerp(a, b, t), atol=2e-5)


def test_ends_of_lines_and_arcs():
    a, b = normal(0, 2, 3, 8)
    for path in (lerp, slerp):
        np.testing.assert_allclose(path(a, b, 0.0), a, atol=1e-6)
        np.testing.assert_allclose(path(a, b, 1.0), b, atol=1e-6)


@pytest.mark.parametrize("b", [[2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
def test_vectors_without_a_plane_are_joined_by_a_line(b):
    a, b = jnp.array([1.0, 2.0]), jnp.array(b)
    np.testing.assert_allclose(slerp(a, b, 0.25), 0.75 * a + 0.25 * b, atol=1e-6)
    np.testing.assert_allclose(slerp(b, a, 0.25), 0.25 * a + 0.75 * b, atol=1e-6)


@pytest.mark.parametrize("path", [lerp, slerp])
def test_a_path_is_its_legs(path):
    keys = normal(1, 3, 4, 5)
    found = np.asarray(morph(keys, 4, path=path))
    expected = [path(keys[leg], keys[leg + 1], i / 4) for leg in range(2) for i in range(4)] + [keys[2]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_closed_path_does_not_repeat_its_start():
    keys = normal(2, 3, 5)
    found = np.asarray(morph(keys, 4, closed=True))
    assert found.shape == (12, 5)
    np.testing.assert_allclose(found[:9], morph(keys, 4), atol=1e-6)
    np.testing.assert_allclose(found[8:], morph(keys[[2, 0]], 4)[:-1], atol=1e-6)


def test_easing_slows_down_at_keys_and_keeps_them():
    found = np.asarray(morph(np.array([0.0, 1.0, 0.0], np.float32), 8, ease=True))
    t = np.arange(9) / 8
    np.testing.assert_allclose(found[:9], 3 * t**2 - 2 * t**3, atol=1e-6)
    np.testing.assert_allclose(found, found[::-1], atol=1e-6)


@pytest.mark.parametrize(("keys", "steps", "told"), [(1, 3, "there is 1 key"), (2, 0, "steps 0")])
def test_paths_that_are_none(keys, steps, told):
    with pytest.raises(ValueError, match=told):
        morph(np.zeros((keys, 4), np.float32), steps)


def test_interpolation_as_published():
    first, second = normal(20, 4, 5), normal(21, 4, 5)
    weights = np.linspace(0, 1, 7)[:, None, None]
    np.testing.assert_allclose(editing.interpolate(first, second), first + weights * (second - first), atol=1e-6)
    with pytest.raises(ValueError, match="interior -1"):
        editing.interpolate(first, second, -1)

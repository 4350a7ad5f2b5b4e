"""Distances of arrays, and the weights of what is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.objectives import HUBER_DELTA, distance, known_weights
from gprior_jax.objectives.distances import at_most
from gprior_jax.operators import box_mask
from objectives.compared import A, B


@pytest.mark.parametrize("kind", ["mse", "l1"])
def test_distances_are_means(kind):
    expected = np.mean((A - B) ** 2) if kind == "mse" else np.mean(np.abs(A - B))
    assert float(distance(A, B, kind)) == pytest.approx(expected, rel=1e-5)


def test_huber_is_quadratic_then_linear():
    d = HUBER_DELTA
    values = [float(distance(jnp.zeros(1), jnp.full(1, x), "huber")) for x in (0.5 * d, d, 3 * d, 30 * d)]
    np.testing.assert_allclose(values, [0.25 * d**2, d**2, 5 * d**2, 59 * d**2], rtol=1e-5)


@pytest.mark.parametrize("kind", ["mse", "l1", "huber"])
def test_weights_make_a_weighted_mean(kind):
    weights = np.zeros((16, 16, 1), np.float32)
    weights[:, :4] = 4
    expected = float(distance(A[:, :4], B[:, :4], kind))
    assert float(distance(A, B, kind, weights)) == pytest.approx(expected, rel=1e-5)


def test_a_mask_becomes_weights_of_mean_one():
    known = np.asarray(box_mask(16, 8))
    weights = np.asarray(known_weights(known))
    np.testing.assert_allclose(weights, known * 256 / 192, rtol=1e-6)
    # A cell of features counts by the part of it that is known: corners wholly, edges by three quarters.
    cells = np.asarray(known_weights(known, (3, 3)))[..., 0]
    assert cells.mean() == pytest.approx(1.0, rel=1e-6)
    parts = [[known[a:b, c:d].mean() for c, d in ((0, 6), (5, 11), (10, 16))] for a, b in ((0, 6), (5, 11), (10, 16))]
    np.testing.assert_allclose(cells, np.array(parts) / np.mean(parts), rtol=1e-5)


def test_what_is_all_known_has_no_weights():
    assert known_weights(None) is None
    assert known_weights(None, (4, 4)) is None


def test_a_mask_without_a_known_pixel_has_finite_weights():
    np.testing.assert_array_equal(known_weights(np.zeros((4, 4, 1), np.float32)), 0.0)


def test_images_are_reduced_by_area_where_they_are_larger():
    np.testing.assert_allclose(at_most(A, 8), A.reshape(8, 2, 8, 2, 3).mean((1, 3)), atol=1e-6)
    np.testing.assert_allclose(at_most(A[:, :8], 4), A[:, :8].reshape(4, 4, 2, 4, 3).mean((1, 3)), atol=1e-6)
    assert at_most(A, 16) is at_most(A, None) is A
    assert at_most(A[:1], 4).shape == (1, 4, 3)

"""Arithmetic of codes against plain statements in NumPy."""

import jax
import numpy as np
import pytest
from batteries import normal

from gprior_jax import editing


def test_transfer_is_the_formula_of_image2stylegan():
    w1, w2, w3 = normal(0, 3, 6, 8)
    np.testing.assert_allclose(editing.transfer(w1, w2, w3, 1.5), w1 + np.float32(1.5) * (w3 - w2), atol=1e-6)
    np.testing.assert_array_equal(editing.transfer(w1, w2, w2), w1)


def test_arithmetic_is_that_of_means():
    king, man, woman = normal(1, 3, 8), normal(2, 2, 8), normal(3, 1, 8)
    expected = king.mean(0) - man.mean(0) + woman.mean(0)
    np.testing.assert_allclose(editing.arithmetic([king, woman], [man]), expected, atol=1e-6)
    half = king.mean(0) + 0.5 * (woman.mean(0) - man.mean(0))
    np.testing.assert_allclose(editing.arithmetic([king, woman], [man], 0.5), half, atol=1e-6)
    np.testing.assert_allclose(editing.arithmetic([king], strength=3.0), king.mean(0), atol=1e-6)


def test_origin_counts_where_more_is_added_than_taken_away():
    a, b, origin = normal(4, 1, 8), normal(5, 1, 8), normal(6, 8)
    np.testing.assert_allclose(editing.arithmetic([a, b], origin=origin), (a + b)[0] - origin, atol=1e-6)
    with_origin, without = (editing.arithmetic([a, b], [a], origin=o) for o in (origin, 0.0))
    np.testing.assert_allclose(with_origin, without, atol=1e-5)


def test_arithmetic_of_nothing():
    with pytest.raises(ValueError, match="nothing to add up"):
        editing.arithmetic([])


def test_scatter_stays_within_its_extent_and_fills_it():
    code = normal(7, 500)
    off = np.asarray(editing.scatter(code, jax.random.key(0), 0.25)) - code
    assert off.shape == (8, 500)
    assert 0.24 < np.abs(off).max() <= 0.25 + 1e-6
    assert abs(off.mean()) < 0.02

"""Maps that are read by rows."""

import jax.numpy as jnp
import numpy as np

from gprior_jax.translation.rows import Kept, Pixels, computed_pixels


def added(first, second):
    return first + second


def test_a_formula_is_computed_of_the_rows_that_are_read():
    """Of maps rows, of vectors all; nested formulas take the leaves in their order."""
    own = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    per_channel = jnp.array([10.0, 20.0])
    inner = (added, (None, None))
    pixels = Pixels((added, (inner, None)), (Kept(own), per_channel, Kept(2 * own)))
    assert pixels.shape == (4, 3)
    assert pixels.numbers_of_row == 12
    found = computed_pixels(pixels.formula, pixels.read(1, 3))
    np.testing.assert_array_equal(found, 3 * own[1:3] + [10.0, 20.0])


def test_a_map_without_a_formula_is_its_only_leaf():
    own = np.ones((4, 3, 2), np.float32)
    np.testing.assert_array_equal(computed_pixels(None, Pixels(None, (Kept(own),)).read(2, 4)), own[2:4])

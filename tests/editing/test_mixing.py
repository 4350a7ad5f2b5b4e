"""Exchange of styles against plain statements in NumPy."""

import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax import editing
from gprior_jax.generators.synthesis import synthesize

PRIOR = random_prior("stylegan2_plain")


@pytest.mark.parametrize(
    ("layers", "num_styles", "expected"),
    [
        ("coarse", 18, (0, 4)),
        ("middle", 18, (4, 8)),
        ("fine", 18, (8, 18)),
        ("middle", 6, (4, 6)),
        ("0-3", 6, (0, 4)),
        ("5", 6, (5, 6)),
        ("4-", 6, (4, 6)),
    ],
)
def test_ranges_of_styles(layers, num_styles, expected):
    assert editing.style_range(layers, num_styles) == expected


@pytest.mark.parametrize("layers", ["fine", "6", "3-2", "0-6", "9-", "low", "", "-3", "0-3-4"])
def test_ranges_that_are_none(layers):
    with pytest.raises(ValueError, match="layers"):
        editing.style_range(layers, 6)


def test_crossover_takes_a_range_of_the_donor():
    base, donor = normal(8, 2, 6, 4)
    expected = base.copy()
    expected[2:5] = donor[2:5]
    np.testing.assert_array_equal(editing.crossover(base, donor, 2, 5), expected)
    np.testing.assert_array_equal(editing.crossover(base, donor, 0, 6), donor)


def test_mixing_grid_as_the_published_loop():
    rows, columns = normal(9, 2, 4, 5), normal(10, 3, 4, 5)
    grid = editing.mixing_grid(rows, columns, 2, 4)
    assert grid.shape == (2, 3, 4, 5)
    for i in range(2):
        for j in range(3):
            w = rows[i].copy()
            w[2:4] = columns[j][2:4]
            np.testing.assert_array_equal(grid[i, j], w)
    assert synthesize(PRIOR, grid, space="w_plus").shape == (2, 3, 8, 8, 3)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [("0-2,5", (0, 1, 2, 5)), ("coarse", (0, 1, 2, 3)), ("all", tuple(range(6))), ("1,0", (0, 1))],
)
def test_lists_of_styles(layers, expected):
    assert editing.style_layers(layers, 6) == expected


def test_lists_of_styles_that_are_none():
    for layers in ("0-2,", "0,7", "fine"):
        with pytest.raises(ValueError, match="layers"):
            editing.style_layers(layers, 6)

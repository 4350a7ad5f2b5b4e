"""What is a direction."""

import numpy as np
import pytest

from gprior_jax.editing import Direction
from gprior_jax.errors import ArgumentError


@pytest.mark.parametrize("vector", [np.zeros(5), np.ones((2, 5)), np.full(5, np.nan)])
def test_no_direction(vector):
    with pytest.raises(ArgumentError, match="finite numbers that are not all zero"):
        Direction(vector, "w")

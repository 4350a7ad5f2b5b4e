"""Forward operators."""

import jax
import numpy as np
import pytest
from batteries import OPERATORS, normal

from gprior_jax.operators import Identity


def test_identity_changes_nothing():
    image = normal(1, 4, 4, 3)
    assert Identity()(image) is image


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_pytrees(name):
    leaves, structure = jax.tree.flatten(OPERATORS[name])
    image = normal(2, 16, 16, 3)
    again = jax.tree.unflatten(structure, leaves)
    np.testing.assert_array_equal(again(image), OPERATORS[name](image))

"""What the formulations of small maps are made of; the convolutions are in test_batched and test_transposed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import small

CASES = [
    ((3, 3), 1, ((1, 1), (1, 1))),
    ((4, 4), 2, ((1, 1), (1, 1))),
    ((2, 3), 2, ((0, 2), (1, 0))),
    ((4, 4), 3, ((2, -1), (2, -1))),
]


@pytest.mark.parametrize(("size", "stride", "padding"), CASES, ids=str)
def test_putting_back_is_the_transpose_of_seeing(size, stride, padding):
    x = jnp.asarray(normal(0, 2, 7, 6, 3))
    found, pull = jax.vjp(lambda x: small.seen(x, size, stride, padding), x)
    products = jnp.asarray(normal(1, *found.shape))
    put = small.put_back(jnp.moveaxis(products, (3, 4), (0, 1)), stride, padding, (7, 6))
    np.testing.assert_allclose(put, pull(products)[0], rtol=1e-5, atol=1e-6)


def test_every_place_sees_its_pixels():
    x = jnp.arange(12.0).reshape(1, 3, 4, 1)
    found = small.seen(x, (2, 2), 1, ((0, 0), (0, 0)))
    assert found.shape == (1, 2, 3, 2, 2, 1)
    np.testing.assert_array_equal(found[0, 1, 2, ..., 0], [[6, 7], [10, 11]])

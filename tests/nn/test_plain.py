import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import plain

SHAPES = [
    # Sides, kernel, stride, padding.
    ((8, 9), (3, 3), 1, ((1, 1), (1, 1))),
    ((9, 9), (3, 3), 2, ((0, 0), (0, 0))),
    ((10, 9), (3, 3), 2, ((0, 0), (0, 0))),
    ((8, 8), (4, 4), 2, ((1, 1), (1, 1))),
    ((10, 7), (3, 2), 2, ((1, 0), (0, 2))),
    ((10, 11), (3, 2), 3, ((1, 0), (0, 2))),  # The last rows and columns are seen by none.
]


@pytest.mark.parametrize(("sides", "size", "stride", "padding"), SHAPES)
def test_gradients_are_those_that_jax_derives(sides, size, stride, padding):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, *sides, 3)).astype(np.float32)
    kernel = rng.standard_normal((*size, 3, 5)).astype(np.float32)

    def direct(x, kernel):
        strides = (stride, stride)
        return jax.lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    y, pull = jax.vjp(direct, x, kernel)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    of_x, of_kernel = pull(jnp.asarray(dy))
    np.testing.assert_allclose(plain.convolve(x, kernel, stride, padding), y, atol=1e-5)
    np.testing.assert_allclose(plain.images(dy, kernel, stride, padding, sides), of_x, atol=1e-5)
    np.testing.assert_allclose(plain.kernel(x, dy, size, stride, padding), of_kernel, atol=1e-4)


@pytest.mark.parametrize(("size", "padding"), [((1, 5), ((0, 0), (5, 3))), ((1, 3), ((0, 2), (3, 1)))])
@pytest.mark.parametrize("features", [8, 16, 17])
def test_pixels_that_a_negative_padding_leaves_out(features, size, padding):
    """The gradient by the images has one where forward zeros are wider than the kernel reaches: it is the adjoint."""
    x, kernel = normal(0, 2, 5, 15, features), normal(1, *size, features, 16)
    wanted = np.asarray(plain.convolve(jnp.asarray(x), jnp.asarray(kernel), 1, padding), np.float64)
    dy = normal(2, *wanted.shape)
    pulled = np.asarray(plain.images(jnp.asarray(dy), jnp.asarray(kernel), 1, padding, (5, 15)), np.float64)
    np.testing.assert_allclose((pulled * x).sum(), (dy * wanted).sum(), rtol=1e-4)

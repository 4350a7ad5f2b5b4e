import jax
import jax.numpy as jnp
import numpy as np
import pytest

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

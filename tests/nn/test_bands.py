"""Bands give what the whole gives, and hold less at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.compiling import compiler_options
from gprior_jax.nn.bands import in_bands, inside, rows_around
from gprior_jax.nn.layers import leaky_relu, nearest_up2, pixel_norm

FACTORS, REACHES = (2, 1, 1, 2), (1, 1, 2, 0)
KERNELS = [0.3 * normal(i, size, size, 4, 4) for i, size in enumerate((3, 3, 5, 1))]
BIASES = normal(9, 4, 4)


def layer(x, kernel, bias, factor):
    """One of a row that enlarges where its factor is 2; what it sees beyond the map are zeros."""
    x = nearest_up2(pixel_norm(x)) if factor == 2 else pixel_norm(x)
    x = jax.lax.conv_general_dilated(x[None], kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))[0]
    return leaky_relu(x + bias)  # Of zeros it makes no zeros.


def whole(kernels, x):
    for kernel, bias, factor in zip(kernels, BIASES, FACTORS, strict=True):
        x = layer(x, kernel, bias, factor)
    return x


def banded(kernels, x, rows, around=2):
    height = len(x)

    def run(band, first):
        size = height
        for kernel, bias, factor in zip(kernels, BIASES, FACTORS, strict=True):
            size, first = factor * size, factor * first
            band = inside(layer(band, kernel, bias, factor), first, size)
        return band

    return in_bands(run, x, rows, around)


@pytest.mark.parametrize(("height", "rows"), [(8, 2), (8, 4), (7, 2), (7, 3), (5, 1), (3, 8), (1, 1)])
def test_bands_are_the_whole(height, rows):
    x = normal(1, height, 6, 4)
    found, expected = jax.jit(lambda x: (banded(KERNELS, x, rows), whole(KERNELS, x)))(x)
    assert found.shape == (4 * height, 24, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_the_whole():
    """Of the map, and of what the function closes over; of a batch, in whose places heights do not divide."""
    x, weights = normal(1, 3, 7, 6, 4), normal(2, 3, 28, 24, 4)

    def gradient(function):
        def loss(kernels, x):
            return jnp.sum(weights * jax.vmap(lambda x: function(kernels, x))(x) ** 2)

        return jax.jit(jax.grad(loss, (0, 1)))(KERNELS, x)

    for a, b in zip(*map(jax.tree.leaves, (gradient(lambda k, x: banded(k, x, 2)), gradient(whole))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def test_as_many_rows_around_as_are_needed():
    """Two layers that see a row each, at twice the size of the map, then two of that size more: (2 + 2) / 2."""
    assert rows_around(FACTORS, REACHES) == 2
    assert rows_around((1, 1), (1, 2)) == 3
    assert rows_around((2, 1, 2, 1, 2, 1, 1), (1, 1, 1, 1, 1, 1, 0)) == 2
    x = normal(1, 8, 6, 4)
    expected = whole(KERNELS, x)
    assert np.abs(banded(KERNELS, x, 2, around=1) - expected).max() > 1e-2 * np.abs(expected).max()


def test_what_is_inside():
    x = normal(1, 5, 2, 3)
    np.testing.assert_array_equal(inside(x, 0, 5), x)
    np.testing.assert_array_equal(inside(x, -2, 2), np.concatenate([0 * x[:2], x[2:4], 0 * x[:1]]))
    assert not inside(x, 7, 5).any()
    assert inside(x.astype(jnp.bfloat16), -1, 2).dtype == jnp.bfloat16


def test_memory_is_saved():
    """Eight bands, whose rows around them are as many as their own."""

    def planned(function):
        gradient = jax.grad(lambda x: jnp.sum(function(KERNELS, x) ** 3))
        shape = jax.ShapeDtypeStruct((64, 128, 4), jnp.float32)
        compiled = jax.jit(gradient, compiler_options=compiler_options("cpu", "often")).lower(shape).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    if jax.default_backend() != "cpu":
        pytest.skip("the ratio is that of the CPU")
    assert planned(lambda k, x: banded(k, x, 8)) < 0.6 * planned(whole)

"""Convolutions of few channels, several neighbours at a time: the numbers of single ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import narrow, plain


def single(x, kernel, padding):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


@pytest.mark.parametrize("together", [2, 4])
@pytest.mark.parametrize(("size", "padding"), [((3, 3), ((1, 1), (1, 1))), ((1, 5), ((0, 0), (4, 0)))])
def test_neighbours_have_the_numbers_of_single_results(together, size, padding):
    x, kernel = jnp.asarray(normal(0, 2, 5, 8, 3)), jnp.asarray(normal(1, *size, 3, 6))
    found = narrow.convolve(x, kernel, padding, together)
    np.testing.assert_allclose(found, single(x, kernel, padding), atol=1e-5)


def test_of_no_images_there_are_no_results():
    found = plain.convolve(jnp.zeros((0, 6, 8, 12)), jnp.zeros((3, 3, 12, 16)), 1, ((1, 1), (1, 1)))
    assert found.shape == (0, 6, 8, 16)


@pytest.mark.parametrize(
    ("shape", "width", "wanted"),
    [
        ((3, 3, 16, 16), 64, 2),
        ((3, 3, 16, 8), 64, 4),
        ((3, 3, 16, 8), 6, 2),
        ((3, 3, 16, 16), 7, 1),
        ((3, 3, 17, 16), 64, 1),
        ((2, 2, 16, 16), 64, 1),
    ],
)
def test_how_many_are_taken_together(shape, width, wanted):
    assert narrow.neighbours(jnp.zeros(shape), width, platform="cpu") == wanted
    assert narrow.neighbours(jnp.zeros(shape, jnp.float16), width, platform="cpu") == 1
    assert narrow.neighbours(jnp.zeros(shape), width, platform="gpu") == 1


def test_the_choice_is_taken_forward_and_by_the_images():
    """Both read two pixels at once on a CPU, and give what derivatives of single ones give."""
    x, kernel = jnp.asarray(normal(0, 1, 6, 8, 12)), jnp.asarray(normal(1, 3, 3, 12, 16))
    padding = ((1, 1), (1, 1))
    traced = str(jax.make_jaxpr(lambda x: plain.convolve(x, kernel, 1, padding))(x))
    assert ("window_strides=(1, 2)" in traced) == (jax.default_backend() == "cpu")
    wanted, pull = jax.vjp(lambda x: single(x, kernel, padding), x)
    np.testing.assert_allclose(plain.convolve(x, kernel, 1, padding), wanted, atol=1e-5)
    dy = jnp.asarray(normal(2, *wanted.shape))
    np.testing.assert_allclose(plain.images(dy, kernel, 1, padding, (6, 8)), pull(dy)[0], atol=1e-5)

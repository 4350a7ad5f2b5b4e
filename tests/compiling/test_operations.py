"""Operations of programs, counted by hand and by XLA."""

import jax
import jax.numpy as jnp
import pytest

from gprior_jax.compiling.operations import operations
from gprior_jax.nn.batched import convolve


def counted(function, *shapes):
    """Operations of a function of arrays of these shapes."""
    return operations(jax.make_jaxpr(function)(*(jnp.ones(shape) for shape in shapes)))


def test_products():
    assert counted(lambda x, y: x @ y + 1.0, (3, 5, 7), (3, 7, 2)) == 2 * 3 * 5 * 7 * 2


@pytest.mark.parametrize(("strides", "dilation", "pixels"), [(1, 1, 8 * 8), (2, 1, 4 * 4), (1, 2, 15 * 15 / 4)])
def test_convolutions(strides, dilation, pixels):
    def function(x, kernel):
        padding, numbers = ((1, 1), (1, 1)), ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(
            x, kernel, (strides,) * 2, padding, (dilation,) * 2, dimension_numbers=numbers
        )

    assert counted(function, (2, 8, 8, 4), (3, 3, 4, 6)) == 2 * 2 * pixels * 6 * 9 * 4


def test_our_own_primitives_are_looked_into():
    def function(x, kernel):
        return jax.vmap(lambda x: convolve(x, kernel))(x)

    found = counted(function, (2, 8, 8, 4), (3, 3, 4, 20))
    assert found == 2 * 2 * 64 * 20 * 9 * 4
    # The gradient of the map is that of the padded one, 10 x 10.
    gradient = jax.grad(lambda x, kernel: jnp.sum(function(x, kernel) ** 2))
    assert counted(gradient, (2, 8, 8, 4), (3, 3, 4, 20)) == found + 2 * 2 * 100 * 20 * 9 * 4


def test_loops_and_branches():
    def looped(x):
        return jax.lax.scan(lambda y, _: (y @ x, None), x, length=5)[0]

    assert counted(looped, (4, 4)) == 5 * 2 * 4**3
    assert counted(jax.jit(looped), (4, 4)) == 5 * 2 * 4**3
    assert counted(lambda x: jax.lax.cond(x[0, 0] > 0, looped, lambda x: x @ x, x), (4, 4)) == 5 * 2 * 4**3


def test_xla_counts_as_many():
    """But for additions and the like, of which it counts all."""
    weights = [jnp.ones((64, 64))] * 3

    def function(x):
        for weight in weights:
            x = jnp.tanh(x @ weight)
        return x

    gradient = jax.jit(jax.grad(lambda x: jnp.sum(function(x))))
    theirs = gradient.lower(jnp.ones((128, 64))).compile().cost_analysis()["flops"]
    assert 0.9 * theirs < counted(gradient, (128, 64)) <= theirs

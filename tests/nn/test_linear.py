"""Linear maps with transposes of their own, against what JAX derives by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn import resample
from gprior_jax.nn.linear import Pair, transposes

MATRIX = jnp.asarray(normal(0, 3, 4))
OURS = transposes("by_matrix", Pair(lambda x, *, scale: scale * x @ MATRIX, lambda dy, *, scale: scale * dy @ MATRIX.T))
X = jnp.asarray(normal(1, 5, 3))


def ours(x):
    return OURS.there(x, scale=2.0)


def plain(x):
    return 2.0 * x @ MATRIX


def loss(function):
    return lambda x: jnp.sum(jnp.sin(function(x)) * function(x))


def penalty(function):
    """Of a gradient, as R1 is."""
    return lambda x: jnp.sum(jnp.square(jax.grad(loss(function))(x)))


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
@pytest.mark.parametrize("of", [loss, penalty])
def test_derivatives_of_any_order(of, wrap):
    for a, b in zip(*(wrap(jax.value_and_grad(of(function)))(X) for function in (ours, plain)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_forward_mode_and_batches():
    tangent = jnp.asarray(normal(2, 5, 3))
    for a, b in zip(*(jax.jvp(function, (X,), (tangent,)) for function in (ours, plain)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    stacked = jnp.asarray(normal(3, 5, 2, 3))
    np.testing.assert_allclose(jax.vmap(ours, 1)(stacked), jax.vmap(plain, 1)(stacked), rtol=1e-5)


@pytest.mark.parametrize(
    "function", [resample.fir_down2, resample.fir_blur, lambda x: resample.fir_blur(x, 1, 1)], ids=["down", "2", "1"]
)
@pytest.mark.parametrize("shape", [(8, 6, 3), (64, 64, 5)])
def test_filters_are_the_transposes_of_their_transposes(function, shape):
    """<A x, y> = <x, A' y>, and the transpose of that is A again."""
    x = jnp.asarray(normal(4, *shape))
    y = jnp.asarray(normal(5, *jax.eval_shape(function, x).shape))
    back = jax.linear_transpose(function, x)
    (again,) = jax.linear_transpose(lambda y: back(y)[0], y)(x)
    np.testing.assert_allclose(jnp.vdot(function(x), y), jnp.vdot(x, back(y)[0]), rtol=1e-4)
    np.testing.assert_allclose(again, function(x), atol=1e-6)

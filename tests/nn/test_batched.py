"""Convolutions with weight gradients of their own: values are XLA's, derivatives of any order those of JAX."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn.batched import convolve, pixel_product

SHAPES = {
    "same": (32, 32, 40, 3, ((1, 1), (1, 1)), 1),  # The gradient of its kernel is taken by products on a CPU,
    "strided": (65, 12, 33, 3, ((0, 0), (0, 0)), 2),
    "phase": (32, 33, 3, 2, ((1, 0), (0, 1)), 1),
    "to few": (9, 34, 3, 5, ((2, 2), (0, 1)), 1),
    "to one": (8, 6, 1, 4, ((1, 1), (1, 1)), 1),
    "of few": (9, 3, 6, 7, ((3, 3), (0, 0)), 1),
    "large kernel": (6, 128, 130, 4, ((1, 1), (1, 1)), 2),
    "small": (6, 3, 5, 3, ((1, 1), (1, 1)), 1),  # and here by XLA.
}


def direct(x, kernel, padding, stride):
    out = jax.lax.conv_general_dilated(
        x[None], kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return out[0]


def given(name):
    side, in_features, out_features, size, padding, stride = SHAPES[name]
    x = jnp.asarray(normal(0, 2, side, side, in_features))
    kernel = jnp.asarray(normal(1, size, size, in_features, out_features)) / size / in_features**0.5
    return x, kernel, padding, stride


def critic(function, padding, stride):
    """A nonlinear sum over a batch of two."""

    def run(x, kernel):
        y = jax.vmap(lambda x: function(x, kernel, padding, stride))(x)
        return jnp.mean(jnp.sin(y) * y)

    return run


def penalty(critic):
    """As R1: of the gradient by the images."""
    return lambda x, kernel: 1e3 * jnp.sum(jnp.square(jax.grad(critic)(x, kernel)))


@pytest.mark.parametrize("of", [lambda critic: critic, penalty], ids=["critic", "penalty"])
@pytest.mark.parametrize("name", SHAPES)
def test_values_and_gradients_are_xlas(name, of):
    x, kernel, padding, stride = given(name)
    results = [
        jax.jit(jax.value_and_grad(of(critic(function, padding, stride)), (0, 1)))(x, kernel)
        for function in (convolve, direct)
    ]
    for a, b in zip(*map(jax.tree.leaves, results), strict=True):
        assert jnp.abs(a - b).max() <= 1e-5 * jnp.abs(b).max()


@pytest.mark.parametrize("name", ["same", "strided"])
def test_penalties_against_finite_differences(name):
    """The second derivative goes through the weight gradient."""
    x, kernel, padding, stride = given(name)
    function = jax.jit(penalty(critic(convolve, padding, stride)))
    gradient = jax.jit(jax.grad(penalty(critic(convolve, padding, stride)), 1))(x, kernel)
    direction = gradient / jnp.linalg.norm(gradient)
    step = 1e-2
    difference = (function(x, kernel + step * direction) - function(x, kernel - step * direction)) / (2 * step)
    assert float(difference) == pytest.approx(float(jnp.vdot(gradient, direction)), rel=1e-3)


def test_kernels_of_single_images():
    """Every image with a kernel of its own, and the gradients of single images."""
    x, kernel, padding, stride = given("small")
    kernels = jnp.stack([kernel, 2 * kernel])

    def single(function):
        return jax.vmap(jax.grad(lambda x, kernel: jnp.sum(jnp.square(function(x, kernel, padding, stride))), 1))

    np.testing.assert_allclose(single(convolve)(x, kernels), single(direct)(x, kernels), rtol=1e-4, atol=1e-4)


def test_the_forward_program_is_xlas_convolution():
    """Inversion differentiates by the image: nothing is added to it."""
    x, kernel, padding, stride = given("strided")

    def cost(function):
        def loss(x):
            return jnp.sum(jnp.square(jax.vmap(lambda x: function(x, kernel, padding, stride))(x)))

        return jax.jit(jax.grad(loss)).lower(x).compile().cost_analysis()["flops"]

    assert cost(convolve) == cost(direct)


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("in_features", [3, 7])
def test_products_of_pixels(in_features, once):
    x, matrix = jnp.asarray(normal(0, 2, 4, 5, in_features)), jnp.asarray(normal(1, in_features, 6))

    own = partial(pixel_product, once=once)

    def loss(product):
        return lambda x, matrix: jnp.sum(jnp.sin(jax.vmap(lambda x: product(x, matrix))(x)))

    ours, plain = (jax.value_and_grad(loss(f), (0, 1))(x, matrix) for f in (own, jnp.dot))
    for a, b in zip(*map(jax.tree.leaves, (ours, plain)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert own(x[0, 0], matrix).shape == (5, 6)
    assert ("dot_general" in jax.jit(own).lower(x[0], matrix).as_text()) == (once or in_features > 4)

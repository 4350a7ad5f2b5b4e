"""Recomputation saves memory in fact, whatever the order the compiler likes, and changes no gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.compiling import compiler_options
from gprior_jax.nn.recompute import recomputed

BLOCKS = 5


def block(kernels, x):
    """Convolutions with what a layer of a PGGAN has after each."""
    for kernel in kernels:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jnp.where(x > 0, x, 0.2 * x)
        x = x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-8)
    return x


USED = {"xla_backend_optimization_level": 1} | compiler_options("cpu", "often")


def loss(kernels, x, wrap):
    for each in kernels:
        x = wrap(block)(each, x)
    return jnp.sum(x**3)


def compiled(wrap, wanted, options):
    """The gradient of the loss of ``wanted``, 0 the kernels or 1 the input."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in [(BLOCKS, 2, 3, 3, 16, 16), (2, 32, 32, 16)]]
    gradient = jax.grad(functools.partial(loss, wrap=wrap), wanted)
    return jax.jit(gradient, compiler_options=options).lower(*shapes).compile()


@pytest.mark.parametrize("options", [{}, USED], ids=["default", "used"])
@pytest.mark.parametrize("wanted", [0, 1], ids=["kernels", "input"])
def test_memory_is_saved(wanted, options):
    """``jax.checkpoint`` has a ratio of 1.00 under XLA:CPU's default scheduler."""
    if jax.default_backend() != "cpu":
        pytest.skip("the ratio is that of the CPU")
    kept, again = (compiled(wrap, wanted, options) for wrap in (lambda f: f, recomputed))
    ratio = again.memory_analysis().temp_size_in_bytes / kept.memory_analysis().temp_size_in_bytes
    assert ratio < 0.7
    # The blocks run once more, all of them, and no gradient of kernels is taken where none is asked for.
    more = again.cost_analysis()["flops"] / kept.cost_analysis()["flops"]
    assert more == pytest.approx({0: 4 / 3, 1: 3 / 2}[wanted], rel=0.05)


def test_gradients_are_those_of_kept_activations():
    kernels, x = 0.2 * normal(1, 2, 2, 3, 3, 4, 4), normal(2, 3, 8, 8, 4)
    found, expected = (
        jax.grad(functools.partial(loss, wrap=wrap), (0, 1))(kernels, x) for wrap in (recomputed, lambda f: f)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, expected)
    # Of gradients, too: PULSE and path lengths take them.
    again, plain = (
        jax.grad(lambda x, wrap=wrap: jnp.sum(jax.grad(loss, 1)(kernels, x, wrap) ** 2))(x)
        for wrap in (recomputed, lambda f: f)
    )
    np.testing.assert_allclose(again, plain, rtol=1e-3, atol=1e-3 * np.abs(plain).max())


def test_rows_of_a_batch_stay_apart():
    """A gradient that is NaN in one row leaves the others as they are, bit for bit."""
    rows, weight = normal(3, 3, 4), normal(4, 4)
    run = recomputed(lambda weight, x: jnp.sin(weight * x))
    gradient = jax.jit(jax.vmap(jax.grad(lambda x, scale: jnp.sum(scale * run(weight, x))), (0, 0)))
    good, bad = (np.asarray(gradient(rows, scale)) for scale in (np.ones(3), np.array([1, np.nan, 1])))
    assert np.isnan(bad[1]).all()
    np.testing.assert_array_equal(good[[0, 2]], bad[[0, 2]])
    np.testing.assert_allclose(good, weight * np.cos(weight * rows), rtol=1e-5)


def test_dtypes_are_kept_and_integers_are_no_variables():
    weights = {"gain": jnp.float32(2), "rows": jnp.array([1, 0])}
    run = recomputed(lambda weights, x: weights["gain"].astype(x["code"].dtype) * x["code"][weights["rows"]][x["pick"]])
    inputs = {"code": jnp.asarray(normal(5, 2, 3), jnp.bfloat16), "pick": jnp.int32(0)}
    (gain, code) = jax.grad(lambda gain, code: jnp.sum(run(weights | {"gain": gain}, inputs | {"code": code})), (0, 1))(
        weights["gain"], inputs["code"]
    )
    assert (gain.dtype, code.dtype) == (jnp.float32, jnp.bfloat16)
    np.testing.assert_array_equal(code.astype(np.float32), [[0, 0, 0], [2, 2, 2]])

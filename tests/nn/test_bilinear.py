"""Bilinear maps with gradients of their own, against what JAX derives by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn.bilinear import Maps, closed

CALLS = []


def told(name, function):
    def run(*args, scale):
        CALLS.append(name)
        return scale * function(*args)

    return run


DOT = closed(
    "scaled_dot",
    Maps(
        told("forward", lambda x, k: x @ k),
        told("images", lambda dy, k: dy @ k.T),
        told("kernel", lambda x, dy: jnp.einsum("bi,bo->io", x, dy)),
    ),
).forward
X, K = jnp.asarray(normal(0, 5, 3)), jnp.asarray(normal(1, 3, 4))


def ours(x, k):
    return DOT(x, k, scale=2.0)


def plain(x, k):
    return 2.0 * (x @ k)


def loss(dot):
    return lambda x, k: jnp.sum(jnp.sin(dot(x, k)) * dot(x, k))


def penalty(dot):
    """Of a gradient by the images, as R1 is."""
    return lambda x, k: jnp.sum(jnp.square(jax.grad(loss(dot))(x, k)))


def twice(dot):
    """Of a gradient by the kernel."""
    return lambda x, k: jnp.sum(jnp.square(jax.grad(loss(dot), 1)(x, k)))


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
@pytest.mark.parametrize("of", [loss, penalty, twice])
def test_derivatives_of_any_order(of, wrap):
    results = [wrap(jax.value_and_grad(of(dot), (0, 1)))(X, K) for dot in (ours, plain)]
    for a, b in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_forward_mode():
    results = [jax.jvp(jax.grad(loss(dot), 1), (X, K), (X + 1, K - 1)) for dot in (ours, plain)]
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, None), (1, 2)])
@pytest.mark.parametrize("argument", [0, 1])
def test_vmap(axes, argument):
    """Images or kernels or both are many; gradients of each by itself."""
    x = X if axes[0] is None else jnp.moveaxis(jnp.stack([X, 2 * X]), 0, axes[0])
    k = K if axes[1] is None else jnp.moveaxis(jnp.stack([K, K - 1]), 0, axes[1])
    for make in (lambda dot: dot, lambda dot: jax.grad(loss(dot), argument)):
        a, b = (jax.jit(jax.vmap(make(dot), axes))(x, k) for dot in (ours, plain))
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_gradient_of_a_shared_kernel_is_one_call_on_all_images():
    def total(k):
        return jnp.sum(jnp.square(jax.vmap(jax.vmap(ours, (0, None)), (0, None))(normal(2, 2, 6, 5, 3), k)))

    text = str(jax.make_jaxpr(jax.grad(total))(K))
    assert text.count("scaled_dot_kernel") == 1
    assert "f32[60,3]" in text.replace(" ", "")


def test_arguments_are_checked_as_the_function_does():
    with pytest.raises(TypeError, match="dot_general requires contracting dimensions"):
        ours(X, K.T)


def test_a_trace_is_not_taken_for_one_of_another_precision():
    """Which accelerators keep to: what was traced first would else be it for good."""

    def written():
        return jax.jit(ours).lower(X, K).as_text()

    before = written()
    with jax.default_matmul_precision("highest"):
        assert "HIGHEST" in written()
    assert written() == before
    assert "HIGHEST" not in before


def parted(x, *k):
    """A kernel in two arrays, for the first and the other numbers of x."""
    return x[:, :2] @ k[0] + x[:, 2:] @ k[1]


PARTED = closed(
    "parted",
    Maps(
        lambda x, k: parted(x, *k),
        lambda dy, k: jnp.concatenate([dy @ part.T for part in k], axis=1),
        lambda x, dy: (x[:, :2].T @ dy, x[:, 2:].T @ dy),
    ),
).forward


DERIVATIVES = {
    "by one": lambda f, argument: jax.grad(f, argument),
    "by all": lambda f, argument: jax.grad(f, (0, 1, 2)),
    "second": lambda f, argument: jax.hessian(f, argument),
    "along": lambda f, argument: lambda *args: jax.jvp(jax.grad(f, argument), args, args),
}


@pytest.mark.parametrize("kind", DERIVATIVES)
@pytest.mark.parametrize("of", [loss, penalty])
@pytest.mark.parametrize("argument", [0, 1, 2])
def test_a_kernel_may_be_several_arrays(of, argument, kind):
    """Derivatives of any order by the images, by one array and by all, of one kernel and of many."""

    def ours(x, first, second):
        return of(PARTED)(x, (first, second))

    def plain(x, first, second):
        return of(lambda x, k: parted(x, *k))(x, (first, second))

    one = (X, K[:2], K[2:])
    many = tuple(jnp.stack([each, 0.5 * each]) for each in one)
    for axes, args in ((None, one), ((0, None, None), (many[0], *one[1:])), (0, many)):
        results = []
        for function in (ours, plain):
            derived = DERIVATIVES[kind](function, argument)
            results.append(jax.jit(derived if axes is None else jax.vmap(derived, axes))(*args))
        for a, b in zip(*map(jax.tree.leaves, results), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * float(jnp.abs(b).max()))

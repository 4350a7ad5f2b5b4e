"""Recomputation: what a function computes on its way is computed again in the backward pass, not kept."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array, PyTree

T = TypeVar("T")


def recomputed(function: Callable[[PyTree, PyTree], Array]) -> Callable[[PyTree, PyTree], Array]:
    """A function that keeps nothing but its arguments for the backward pass.

    ``jax.checkpoint`` promises the same, but leaves the order to the compiler: XLA:CPU drops the barrier that JAX puts
    before the second computation, and its default scheduler then runs it beside the first, so that both are paid for
    and nothing is saved (``benchmarks/RESULTS.md``). Here the second computation starts from inputs that hang on the
    gradient of the result, and cannot start before that is there.

    Reverse mode only: ``jax.jvp`` of it raises ``TypeError``.

    Args:
        function: of ``(weights, inputs)``, two pytrees of arrays; what it closes over must be static.

    >>> square = recomputed(lambda weight, x: weight * x**2)
    >>> float(jax.grad(square, 1)(3.0, 2.0))
    12.0
    """

    @jax.custom_vjp
    def run(weights: PyTree, inputs: PyTree) -> Array:
        return function(weights, inputs)

    def forward(weights: PyTree, inputs: PyTree) -> tuple[Array, tuple[PyTree, PyTree]]:
        return function(weights, inputs), (weights, inputs)

    def backward(kept: tuple[PyTree, PyTree], cotangent: Array) -> tuple[PyTree, PyTree]:
        weights, inputs = kept
        return jax.vjp(function, weights, _after(cotangent, inputs))[1](cotangent)

    run.defvjp(forward, backward)
    return run


def _after(cotangent: Array, inputs: T) -> T:
    """``inputs``, in a way that the compiler cannot have before ``cotangent``.

    They are NaN where the cotangent has a NaN, which leaves NaN of the gradient as well.
    """
    lost = jnp.any(jnp.isnan(cotangent))

    def hang(leaf: Array) -> Array:
        return jnp.where(lost, jnp.nan, leaf) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact) else leaf

    return jax.tree.map(hang, inputs)

"""Derivatives of a function at a latent: the Jacobian as a linear map, the pullback metric and its invariants.

The pullback metric ``G = J^T J`` measures a step of the latent by how far the output goes (Shao et al. 2018,
arXiv:1711.08014; Arvanitidis et al. 2018, arXiv:1710.11379). First derivatives are right for every network;
derivatives of these quantities are not where the network has kinks, see :mod:`gprior_jax.geometry.second_order`.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.functions import Function, as_floats, flattened
from gprior_jax.geometry.symmetric import eigh
from gprior_jax.nn.roots import root
from gprior_jax.typing import Array


class Linearized(NamedTuple):
    """A function near a latent; the function itself runs once, however many products follow.

    Attributes:
        output: at the latent.
        push: the Jacobian: a step of the latent, of its shape, to the change of the output.
        pull: its adjoint: a change of the output to a step of the latent.
    """

    output: Array
    push: Function
    pull: Function

    def metric(self, step: Array) -> Array:
        """The pullback metric: ``J^T J`` times a step, of the latent's shape."""
        return self.pull(self.push(step))


def linearize(function: Function, latent: Array) -> Linearized:
    """The Jacobian at a latent and its adjoint, as functions.

    Args:
        function: of a latent of any shape.
        latent: where.

    >>> at = linearize(lambda x: x**2, jnp.array([1.0, 3.0]))
    >>> at.push(jnp.ones(2)).tolist(), at.metric(jnp.ones(2)).tolist()
    ([2.0, 6.0], [4.0, 36.0])
    """
    latent = as_floats(latent)
    output, push = jax.linearize(function, latent)
    transposed = jax.linear_transpose(push, latent)
    return Linearized(output, push, lambda change: transposed(change)[0])


def jacobian(function: Function, latent: Array, batch_size: int = 16) -> Array:
    """The Jacobian ``[M, D]``, outputs and latents in a row.

    Args:
        function: of a latent of any shape.
        latent: where.
        batch_size: columns at once.

    Returns:
        ``[M, D]`` for M numbers that come out and D that go in.

    >>> jacobian(lambda x: jnp.array([x[0] * x[1], x[0], x[1]]), jnp.array([2.0, 3.0])).tolist()
    [[3.0, 2.0], [1.0, 0.0], [0.0, 1.0]]
    """
    run, flat = flattened(function, latent)
    _, push = jax.linearize(run, flat)
    return jax.lax.map(push, jnp.eye(flat.size, dtype=flat.dtype), batch_size=batch_size).T


def metric(
    function: Function,
    latent: Array,
    *,
    weights: Array | None = None,
    by: Literal["products", "columns"] = "products",
    batch_size: int = 16,
) -> Array:
    """The pullback metric ``J^T W J``, ``[D, D]``.

    Args:
        function: of a latent of any shape.
        latent: where.
        weights: of the squares of outputs, broadcast against the output: a mask ``[H, W, 1]``; None is 1 throughout.
        by: ``"products"`` with the Jacobian and its adjoint hold nothing but the result, whatever the size of the
            output; ``"columns"`` hold the Jacobian ``[D, M]`` and take less than half of the time.
        batch_size: products at once.

    Raises:
        ValueError: an unknown way, or weights that do not fit the output.

    >>> metric(lambda x: jnp.array([x[0], 2 * x[1], x[0]]), jnp.zeros(2)).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    if by not in ("products", "columns"):
        raise ArgumentError(f"by={by!r}: use 'products' or 'columns'.")
    latent = as_floats(latent)
    at = linearize(function, latent)
    factor = jnp.ones((), at.output.dtype) if weights is None else _fitting(weights, at.output)
    basis = jnp.eye(latent.size, dtype=latent.dtype).reshape(-1, *latent.shape)
    if by == "columns":
        columns = jax.lax.map(lambda step: at.push(step).ravel(), basis, batch_size=batch_size)
        # Not the root of weights on both sides: at 0 it has no derivative.
        weighted = columns if weights is None else columns * jnp.broadcast_to(factor, at.output.shape).ravel()
        return columns @ weighted.T
    rows = jax.lax.map(lambda step: at.pull(factor * at.push(step)).ravel(), basis, batch_size=batch_size)
    return (rows + rows.T) / 2  # Float sums in another order; eigh looks at one half only.


def _fitting(weights: Array, output: Array) -> Array:
    """Weights that can be broadcast to an output, of its type."""
    weights = jnp.asarray(weights, output.dtype)
    try:
        fits = jnp.broadcast_shapes(weights.shape, output.shape) == output.shape
    except ValueError:
        fits = False
    if not fits:
        raise ArgumentError(
            f"weights of shape {weights.shape} for an output of {output.shape}: give what can be broadcast to it, for "
            "an image [H, W, 1]."
        )
    return weights


def log_volume(metric: Array) -> Array:
    """The logarithm of the volume element ``sqrt(det G)``; minus infinity where the metric is singular.

    >>> round(float(log_volume(jnp.diag(jnp.array([4.0, 1.0])))), 4)
    0.6931
    """
    sign, value = jnp.linalg.slogdet(as_floats(metric))
    return jnp.where(sign > 0, 0.5 * value, -jnp.inf)


def singular_values(metric: Array) -> Array:
    """Singular values of the Jacobian by its metric ``J^T J``.

    Args:
        metric: ``[..., D, D]``, symmetric; eigenvalues that rounding has made negative count as 0.

    Returns:
        ``[..., D]``, the largest first.

    >>> singular_values(jnp.diag(jnp.array([4.0, 9.0]))).tolist()
    [3.0, 2.0]
    """
    return root(eigh(as_floats(metric))[0][..., ::-1])


def condition_number(metric: Array) -> Array:
    """The largest singular value of the Jacobian over the smallest.

    From a metric in float32, smallest ones below about ``3e-4`` of the largest drown in rounding.

    >>> float(condition_number(jnp.diag(jnp.array([4.0, 1.0]))))
    2.0
    """
    values = singular_values(metric)
    return values[..., 0] / values[..., -1]


def effective_rank(values: Array) -> Array:
    """How many directions count: the exponential of the entropy of the singular values over their sum.

    Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", definition 1: D where all are
    alike, 1 where there is but one.

    Args:
        values: ``[..., D]`` singular values, all of them, at least 0.

    >>> round(float(effective_rank(jnp.array([2.0, 2.0, 0.0]))), 4)
    2.0
    """
    shares = values / jnp.sum(values, -1, keepdims=True)
    # 0 log 0 is 0, and its derivative none.
    logs = jnp.log(jnp.where(shares > 0, shares, 1.0))
    return jnp.exp(-jnp.sum(shares * logs, -1))

"""GEORCE: geodesics as a control problem, for generators that are smooth and latents of few numbers.

Rygaard and Hauberg 2025, "GEORCE: A Fast New Control Algorithm for Computing Geodesics", arXiv:2505.05961: the energy
``sum_t u_t^T G(x_t) u_t`` of steps ``u_t = x_{t+1} - x_t`` is lowered by the optimal control of its last linearisation,
in closed form. It takes the metric, its inverse and its derivative at every point: of a network with kinks the
derivative is wrong, and of a large one the metrics are dear, see :mod:`gprior_jax.geometry.geodesics`.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.geometry.curves import line
from gprior_jax.geometry.functions import Function, as_floats, flattened
from gprior_jax.geometry.geodesics import NUM_SEGMENTS, check_ends
from gprior_jax.geometry.jacobian import metric
from gprior_jax.typing import Array

_SHARES = tuple(0.5**power for power in range(8))
"""Parts of a step that are tried, the largest first."""

RIDGE = 1e-6
"""On the metric's diagonal, as a part of its mean, for latents that change nothing."""


class ControlState(NamedTuple):
    """A curve under way.

    Attributes:
        curve: ``[T + 1, D]``.
        energy: ``T * sum_t u_t^T G(x_t) u_t``.
    """

    curve: Array
    energy: Array


def metric_energy(function: Function, curve: Array) -> Array:
    """The energy by the metric at the start of every step, ``T * sum_t |J(x_t) u_t|^2``, of a curve ``[T + 1, D]``."""
    steps = curve[1:] - curve[:-1]
    return len(steps) * jnp.sum(jax.vmap(lambda x, u: _squared_speed(function, x, u))(curve[:-1], steps))


def _squared_speed(function: Function, latent: Array, step: Array) -> Array:
    return jnp.sum(jnp.square(jax.jvp(function, (latent,), (step,))[1]))


def georce(
    function: Function, start: Array, end: Array, *, num_segments: int = NUM_SEGMENTS, steps: int = 10
) -> ControlState:
    """The curve between two latents after some steps of GEORCE.

    Args:
        function: smooth, of a latent of any shape.
        start: a latent.
        end: another.
        num_segments: T.
        steps: of the scheme; one takes T metrics.

    Returns:
        the curve ``[T + 1, D]``, latents in a row, and its energy by metrics.

    >>> found = georce(lambda x: jnp.stack([x[0], x[1], x[0] ** 2]), -jnp.ones(2), jnp.ones(2), num_segments=4)
    >>> found.curve.shape
    (5, 2)
    """
    start, end = as_floats(start), as_floats(end)
    check_ends(start, end, num_segments)
    run, first = flattened(function, start)
    curve = line(first, end.ravel(), num_segments)
    state = ControlState(curve, metric_energy(run, curve))
    return jax.lax.scan(lambda state, _: (_step(run, state), None), state, None, length=steps)[0]


def _step(function: Function, state: ControlState) -> ControlState:
    """One step: metrics and their derivatives, the optimal controls, and the largest part that lowers the energy."""
    curve, steps = state.curve, state.curve[1:] - state.curve[:-1]
    metrics = jax.lax.map(lambda x: metric(function, x, by="columns"), curve[:-1])
    mean = jnp.trace(metrics, axis1=1, axis2=2) / metrics.shape[1]
    metrics = metrics + RIDGE * mean[:, None, None] * jnp.eye(metrics.shape[1], dtype=curve.dtype)
    slopes = jax.vmap(jax.grad(partial(_squared_speed, function)))(curve[1:-1], steps[1:])
    # Of the points after each: costates but for what all of them share.
    after = jnp.concatenate([jnp.cumsum(slopes[::-1], 0)[::-1], jnp.zeros_like(slopes[:1])])
    inverses = jnp.linalg.inv(metrics)
    answered = jnp.einsum("tij,tj->ti", inverses, after)
    shared = jnp.linalg.solve(inverses.sum(0), 2 * (curve[0] - curve[-1]) - answered.sum(0))
    controls = -0.5 * jnp.einsum("tij,tj->ti", inverses, shared + after)

    def moved(share: Array) -> Array:
        mixed = share * controls + (1 - share) * steps
        inner = curve[0] + jnp.cumsum(mixed, 0)[:-1]
        return curve.at[1:-1].set(inner)

    curves = jax.vmap(moved)(jnp.asarray(_SHARES, curve.dtype))
    energies = jax.lax.map(lambda each: metric_energy(function, each), curves)
    lower = energies < state.energy
    chosen = jnp.argmax(lower)
    any_lower = jnp.any(lower)
    return ControlState(
        jnp.where(any_lower, curves[chosen], curve), jnp.where(any_lower, energies[chosen], state.energy)
    )

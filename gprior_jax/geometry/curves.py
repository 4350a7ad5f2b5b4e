"""Curves through a latent space, measured by the outputs: energy, length, speed; and curves of even speed.

A curve is the row of its latents, ``[T + 1, ...]``, at even times from 0 to 1. Distances are those of the outputs of
neighbours, so that no derivative is taken, and kinks do no harm.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.editing.paths import lerp, slerp
from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.nn.roots import length, root
from gprior_jax.typing import Array


class CurveMeasures(NamedTuple):
    """A curve, measured.

    Attributes:
        energy: ``T * sum(distance^2)``, the integral of the squared speed over the time from 0 to 1; no smaller than
            the squared length, and equal to it where the speed is even.
        length: the sum of the distances.
        speed_variation: the standard deviation of the distances over their mean.
        distances: ``[T]``, of the outputs of neighbours.
    """

    energy: Array
    length: Array
    speed_variation: Array
    distances: Array


def line(start: Array, end: Array, num_segments: int) -> Array:
    """The straight line, ``[T + 1, ...]``.

    >>> line(jnp.zeros(1), jnp.ones(1), 2).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    start, end = as_floats(start), as_floats(end)
    return jax.vmap(lambda t: lerp(start, end, t))(jnp.linspace(0.0, 1.0, num_segments + 1, dtype=start.dtype))


def arc(start: Array, end: Array, num_segments: int) -> Array:
    """The arc around zero over the last axis, see :func:`gprior_jax.editing.paths.slerp`.

    Args:
        start: ``[..., D]``.
        end: the same.
        num_segments: T, equal angles.

    Returns:
        ``[T + 1, ..., D]``, both ends with it.

    >>> found = arc(jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0]), 4)
    >>> found.shape, jnp.linalg.norm(found, axis=1).round(3).tolist()
    ((5, 2), [2.0, 2.0, 2.0, 2.0, 2.0])
    """
    start, end = as_floats(start), as_floats(end)
    return jax.vmap(lambda t: slerp(start, end, t))(jnp.linspace(0.0, 1.0, num_segments + 1, dtype=start.dtype))


def run_along(function: Function, curve: Array) -> Array:
    """Outputs of the latents of a curve in a row each, ``[T + 1, M]``."""
    return jax.vmap(lambda latent: function(latent).ravel())(as_floats(curve))


def distances(points: Array) -> Array:
    """Distances of neighbours ``[T]`` of points ``[T + 1, M]``; of equal ones with a derivative of 0."""
    return length(points[1:] - points[:-1])


def measure(function: Function, curve: Array) -> CurveMeasures:
    """Energy, length and speed of a curve ``[T + 1, ...]``, of two latents at least.

    >>> found = measure(lambda x: 3.0 * x, jnp.array([[0.0], [0.5], [1.0]]))
    >>> float(found.energy), float(found.length), float(found.speed_variation)
    (9.0, 3.0, 0.0)
    """
    if len(curve) < 2:
        raise ArgumentError(f"a curve of {len(curve)} latents: it takes two to measure a way between them.")
    found = distances(run_along(function, curve))
    energy = len(found) * jnp.sum(jnp.square(found))
    return CurveMeasures(energy, jnp.sum(found), variation(found), found)


def variation(distances: Array) -> Array:
    """The standard deviation of distances over their mean; 0 where all are 0.

    >>> float(variation(jnp.array([1.0, 3.0])))
    0.5
    """
    mean = jnp.mean(distances)
    return root(jnp.var(distances)) / jnp.where(mean > 0, mean, 1.0)


def refined(curve: Array, times: int = 2) -> Array:
    """The same curve of straight pieces with each cut into ``times``: ``[T * times + 1, ...]``.

    >>> refined(jnp.array([[0.0], [2.0], [3.0]])).ravel().tolist()
    [0.0, 1.0, 2.0, 2.5, 3.0]
    """
    curve = as_floats(curve)
    parts = jnp.arange(times, dtype=curve.dtype) / times
    pieces = jax.vmap(lambda t: lerp(curve[:-1], curve[1:], t), out_axes=1)(parts)
    return jnp.concatenate([pieces.reshape(-1, *curve.shape[1:]), curve[-1:]])


def evened(function: Function, curve: Array, times: int = 1) -> Array:
    """Latents along the same curve of straight pieces, moved such that the outputs' speed is more even.

    Args:
        function: of a latent.
        curve: ``[T + 1, ...]``; its ends stay.
        times: how often; what one leaves is about a tenth, more of a coarse curve. Of several the most even curve is
            given, the first one among them, and points that swing (each correction as large as the last) move by
            halves.

    Returns:
        ``[T + 1, ...]``.

    >>> curve = jnp.array([[0.0], [0.1], [1.0]])
    >>> evened(lambda x: 2 * x, curve).round(3).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    curve = as_floats(curve)
    if times == 1:
        return evened_by(run_along(function, curve), curve)

    def step(state: _Evening, _: None) -> tuple[_Evening, None]:
        outputs = run_along(function, state.tried)
        uneven = variation(distances(outputs))
        better = uneven < state.uneven
        best, target = (
            jnp.where(better, new, old)
            for new, old in ((state.tried, state.best), (evened_by(outputs, state.tried), state.target))
        )
        part = jnp.where(better, state.part, state.part / 2)
        return _Evening(best, target, jnp.minimum(uneven, state.uneven), part, best + part * (target - best)), None

    inf, one = jnp.array(jnp.inf, curve.dtype), jnp.ones((), curve.dtype)
    first = _Evening(curve, curve, inf, one, curve)
    # Compiled once, however often it goes round. What the last round tries nobody looks at.
    return jax.lax.scan(step, first, None, length=times + 1)[0].best


class _Evening(NamedTuple):
    """A curve under way: the most even one so far, where its points are to go, and the part of that way to try next."""

    best: Array
    target: Array
    uneven: Array
    part: Array
    tried: Array


def evened_by(outputs: Array, curve: Array) -> Array:
    """The same by outputs ``[T + 1, M]`` that are known."""
    flat = curve.reshape(len(curve), -1)
    at = jnp.linspace(0.0, 1.0, len(curve), dtype=curve.dtype)
    passed = jnp.concatenate([jnp.zeros(1, outputs.dtype), jnp.cumsum(distances(outputs))])
    share = jnp.where(passed[-1] > 0, passed / jnp.where(passed[-1] > 0, passed[-1], 1.0), at)
    moved = jax.vmap(lambda numbers: jnp.interp(at, share, numbers), 1, 1)(flat).reshape(curve.shape)
    # Where the output stands still at an end, any latent before it begins to move has the share of the end.
    return moved.at[0].set(curve[0]).at[-1].set(curve[-1])

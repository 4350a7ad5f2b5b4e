"""Riemannian means: the latent whose squared distances from others add up to least."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.curves import line, run_along
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.geometry.relaxing import DAMPING, PRODUCTS, Graph, Relaxed, relax
from gprior_jax.typing import Array

NUM_SEGMENTS = 8
STEPS = 6


class Mean(NamedTuple):
    """A mean of latents.

    Attributes:
        mean: of their shape.
        curves: ``[K, T + 1, ...]``, from every latent to the mean.
        energies: ``[K]``, of the curves: squared distances from the mean.
    """

    mean: Array
    curves: Array
    energies: Array


def star(num_leaves: int, num_segments: int, weights: np.ndarray) -> Graph:
    """Curves from leaves that stay to one point that all share: its position is the last.

    Args:
        num_leaves: K.
        num_segments: T of every curve.
        weights: ``[K]``.

    >>> star(2, 1, np.ones(2)).laplacian.tolist()
    [[2.0]]
    """
    points = num_leaves * num_segments + 1
    incidence = np.zeros((num_leaves * num_segments, points))
    for leaf in range(num_leaves):
        for step in range(num_segments):
            row = leaf * num_segments + step
            incidence[row, row] = -np.sqrt(weights[leaf])
            incidence[row, row + 1 if step < num_segments - 1 else points - 1] = np.sqrt(weights[leaf])
    return Graph(incidence, np.array([i for i in range(points) if i % num_segments or i == points - 1]))


def riemannian_mean(
    function: Function,
    latents: Array,
    weights: np.ndarray | None = None,
    *,
    num_segments: int = NUM_SEGMENTS,
    steps: int = STEPS,
    products: int = PRODUCTS,
    damping: float = DAMPING,
) -> Mean:
    """The Fréchet (Karcher) mean of latents: that of least ``sum_k w_k d(x_k, m)^2``; a local one, near their mean.

    The mean and the curves to it are moved together: the sum of the curves' energies, which for given ends are least
    where they are squared distances (as Rygaard et al. 2025, GEORCE-FM, arXiv:2507.08397, set the problem).

    Args:
        function: of a latent of any shape.
        latents: ``[K, ...]``.
        weights: ``[K]``, positive numbers, concrete; None is 1 each.
        num_segments: of every curve.
        steps: Gauss-Newton steps.
        products: with the Jacobian in a step.
        damping: of the first step.

    Raises:
        ValueError: no latents, or weights of another number or that are not positive.

    >>> found = riemannian_mean(lambda x: 2 * x, jnp.array([[0.0], [1.0], [5.0]]), num_segments=2)
    >>> np.asarray(found.mean).round(3).tolist()
    [2.0]
    """
    latents = as_floats(latents)
    count = len(latents)
    factors = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if not count or factors.shape != (count,) or not (factors > 0).all():
        raise ArgumentError(f"weights {factors.tolist()} of {count} latents: give a positive one for each.")
    factors = factors / factors.sum()
    graph = star(count, num_segments, factors)
    middle = jnp.tensordot(jnp.asarray(factors, latents.dtype), latents, 1)
    curves = jax.vmap(lambda latent: line(latent, middle, num_segments)[:-1])(latents)
    points = jnp.concatenate([curves.reshape(-1, *middle.shape), middle[None]])
    first = Relaxed(points, jnp.asarray(damping, points.dtype))
    step = partial(_step, function, graph, products)
    found = jax.lax.scan(step, first, None, length=steps)[0].points
    outputs = run_along(function, found)
    mean = found[-1]
    ends = jnp.broadcast_to(mean, (count, 1, *mean.shape))
    curves = jnp.concatenate([found[:-1].reshape(count, num_segments, *mean.shape), ends], 1)
    steps_of = jnp.asarray(graph.incidence, outputs.dtype) @ outputs
    squares = jnp.sum(jnp.square(steps_of), -1).reshape(count, num_segments).sum(1)
    return Mean(mean, curves, num_segments * squares / jnp.asarray(factors, outputs.dtype))


def _step(function: Function, graph: Graph, products: int, state: Relaxed, _: None) -> tuple[Relaxed, None]:
    return relax(function, graph, state, products)[0], None

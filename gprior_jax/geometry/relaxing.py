"""Latents joined by springs of outputs: the discrete energy of curves and of trees of curves, and its descent.

The energy ``sum_e w_e |f(x_j) - f(x_i)|^2`` over edges is a sum of squares: a Gauss-Newton step is found by conjugate
gradients from products with the Jacobian and its adjoint, and no derivative of the metric is asked for, which the
kinks of a network would make wrong. The steps are damped as Levenberg and Marquardt damp them, with the Laplacian of
the graph in place of the identity, which the conjugate gradients are preconditioned with, too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg

from gprior_jax.geometry.curves import run_along
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.typing import Array

DAMPING = 1e-2
"""Of the first step, as a part of the mean metric along the edges; 0.1 and 0.01 made the same curves."""

PRODUCTS = 10
"""Of conjugate gradients in a step: 5 lower the energy less for the same number of products, 20 not much more."""

_EASED, _RAISED = 1 / 3, 10.0
"""Factors on the damping after a step that lowered the energy, and one that did not (and is not taken)."""


class Graph(NamedTuple):
    """Which latents are joined, in numpy: it decides what is compiled.

    Attributes:
        incidence: ``[E, P]``, -1 and 1 times the root of the edge's weight.
        free: positions of latents that move, ``[F]``.
    """

    incidence: np.ndarray
    free: np.ndarray

    @property
    def laplacian(self) -> np.ndarray:
        """Of the latents that move, ``[F, F]``."""
        own = self.incidence[:, self.free]
        return own.T @ own


def path(num_segments: int) -> Graph:
    """A curve whose ends stay.

    >>> path(3).laplacian.tolist()
    [[2.0, -1.0], [-1.0, 2.0]]
    """
    eye = np.eye(num_segments + 1)
    return Graph(eye[1:] - eye[:-1], np.arange(1, num_segments))


class Relaxed(NamedTuple):
    """Latents under way.

    Attributes:
        points: ``[P, ...]``.
        damping: scalar.
    """

    points: Array
    damping: Array


def relax(function: Function, graph: Graph, state: Relaxed, products: int = PRODUCTS) -> tuple[Relaxed, Array]:
    """One damped Gauss-Newton step of the latents that move; none that raises the energy.

    Args:
        function: of a latent.
        graph: what is joined.
        state: the latents and the damping.
        products: with the Jacobian and its adjoint at most.

    Returns:
        the state, and the outputs ``[P, M]`` of its latents.
    """
    points = as_floats(state.points)
    shape, dtype = points.shape, points.dtype
    fixed = points.reshape(shape[0], -1)
    incidence, free = jnp.asarray(graph.incidence, dtype), jnp.asarray(graph.free)
    laplacian = jnp.asarray(graph.laplacian, dtype)
    inverse = jnp.asarray(np.linalg.inv(graph.laplacian), dtype)

    def run(moving: Array) -> Array:
        return run_along(function, fixed.at[free].set(moving).reshape(shape))

    start = fixed[free]
    outputs, push = jax.linearize(run, start)
    pull = jax.linear_transpose(push, start)
    found = incidence @ outputs
    energy = jnp.sum(jnp.square(found))
    # Squares of outputs over those of latents: what the metric is, on average along the edges.
    apart = jnp.sum(jnp.square(incidence @ fixed))
    scale = jnp.where(apart > 0, energy / jnp.where(apart > 0, apart, 1.0), 0.0)

    def product(step: Array) -> Array:
        return pull(incidence.T @ (incidence @ push(step)))[0] + state.damping * scale * (laplacian @ step)

    gradient = pull(incidence.T @ found)[0]
    step, _ = cg(product, -gradient, tol=1e-6, maxiter=products, M=lambda v: inverse @ v)
    moved = run(start + step)
    better = jnp.sum(jnp.square(incidence @ moved)) < energy
    points = jnp.where(better, fixed.at[free].set(start + step), fixed).reshape(shape)
    damping = state.damping * jnp.where(better, _EASED, _RAISED)
    return Relaxed(points, damping), jnp.where(better, moved, outputs)

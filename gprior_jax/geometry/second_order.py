"""Geometry by second derivatives, for smooth generators only: the geodesic equation, and sectional curvature.

LeakyReLU, ReLU and max pooling have kinks: between them the second derivative leaves out what happens at them, which
is most of it. Autodiff gives a number all the same, and nothing in it tells that it is wrong. :func:`kinks` compares
with finite differences; networks of softplus, SiLU, GELU or tanh pass. For the others there are
:func:`gprior_jax.geometry.geodesic`, which needs first derivatives only, and
:func:`gprior_jax.geometry.local_components`.

All functions take latents of any shape, and hold the Jacobian: few numbers of output and latent.
"""

import jax
import jax.numpy as jnp

from gprior_jax.geometry.functions import Function, as_floats, flattened
from gprior_jax.geometry.jacobian import jacobian
from gprior_jax.nn.roots import length
from gprior_jax.typing import Array


def second_derivative(function: Function, latent: Array, first: Array, second: Array) -> Array:
    """``D^2 f [u, v]``, of the output's shape.

    >>> second_derivative(lambda x: x**3, jnp.ones(1), jnp.ones(1), jnp.ones(1)).tolist()
    [6.0]
    """
    latent, first, second = as_floats(latent), as_floats(first), as_floats(second)
    return jax.jvp(lambda x: jax.jvp(function, (x,), (first,))[1], (latent,), (second,))[1]


def kinks(function: Function, latent: Array, direction: Array, step: float = 1e-2) -> Array:
    """How far the second derivative along a direction is from the change of the first: near 0 for smooth functions.

    Args:
        function: of a latent of any shape.
        latent: where.
        direction: of the latent's shape.
        step: half of the way over which the first derivative's change is taken, in the direction's length.

    Returns:
        the difference of the two over the larger of them, from 0 to 2; about 1 where the second derivative is of the
        kinks alone.

    >>> away, along = jnp.array([-1.0, 0.004, 2.0]), jnp.ones(3)
    >>> float(kinks(jnp.abs, away, along)), round(float(kinks(jnp.exp, away, along)), 3)
    (1.0, 0.0)
    """
    latent, direction = as_floats(latent), as_floats(direction)

    def slope(at: Array) -> Array:
        return jax.jvp(function, (at,), (direction,))[1]

    told = second_derivative(function, latent, direction, direction)
    seen = (slope(latent + step * direction) - slope(latent - step * direction)) / (2 * step)
    size = jnp.maximum(length(told.ravel()), length(seen.ravel()))
    return length((told - seen).ravel()) / jnp.maximum(size, jnp.finfo(size.dtype).tiny)


def christoffel(function: Function, latent: Array) -> Array:
    """Christoffel symbols of the second kind, ``[D, D, D]``, upper index first: ``G^-1 J^T D^2 f [e_i, e_j]``.

    >>> christoffel(lambda x: jnp.exp(x), jnp.zeros(1)).ravel().tolist()
    [1.0]
    """
    run, flat = flattened(function, latent)
    first = jacobian(run, flat)
    second = jax.jacfwd(jax.jacfwd(run))(flat)
    return jnp.linalg.solve(first.T @ first, jnp.einsum("mk,mij->kij", first, second).reshape(flat.size, -1)).reshape(
        (flat.size,) * 3
    )


def acceleration(function: Function, latent: Array, velocity: Array) -> Array:
    """Of the geodesic through a latent: ``-G^-1 J^T D^2 f [v, v]``; no symbol is held.

    Args:
        function: of a latent of any shape, whose Jacobian has full rank there.
        latent: where.
        velocity: v, of the latent's shape.

    Returns:
        of the latent's shape: what the velocity changes by in a unit of time.

    >>> sphere = lambda x: jnp.append(x, jnp.sqrt(4 - x @ x))
    >>> abs(acceleration(sphere, jnp.zeros(2), jnp.array([1.0, 0.0]))).tolist()  # At the pole, straight on.
    [0.0, 0.0]
    >>> acceleration(jnp.exp, jnp.zeros(1), jnp.ones(1)).tolist()
    [-1.0]
    """
    run, flat = flattened(function, latent)
    first = jacobian(run, flat)
    bend = second_derivative(run, flat, velocity.ravel(), velocity.ravel())
    return -jnp.linalg.solve(first.T @ first, first.T @ bend).reshape(latent.shape)


def exponential(function: Function, latent: Array, velocity: Array, num_steps: int = 32) -> Array:
    """The geodesic from a latent with a velocity, to time 1, by the geodesic equation (Runge-Kutta of order 4).

    Args:
        function: a smooth one.
        latent: where it starts, of any shape.
        velocity: of the same shape; the geodesic's length is that of ``J v``.
        num_steps: of even size.

    Returns:
        ``[num_steps + 1, ...]``; the last is the exponential map.

    >>> exponential(lambda x: 2 * x, jnp.zeros(1), jnp.ones(1), 2).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    latent, velocity = as_floats(latent), as_floats(velocity)
    size = 1.0 / num_steps

    def slope(state: tuple[Array, Array]) -> tuple[Array, Array]:
        return state[1], acceleration(function, *state)

    def moved(state: tuple[Array, Array], by: tuple[Array, Array], share: float) -> tuple[Array, Array]:
        return state[0] + share * by[0], state[1] + share * by[1]

    def step(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        a = slope(state)
        b = slope(moved(state, a, size / 2))
        c = slope(moved(state, b, size / 2))
        d = slope(moved(state, c, size))
        new = jax.tree.map(lambda x, a, b, c, d: x + size / 6 * (a + 2 * b + 2 * c + d), state, a, b, c, d)
        return new, new[0]

    _, points = jax.lax.scan(step, (latent, velocity), None, length=num_steps)
    return jnp.concatenate([latent[None], points])


def sectional_curvature(function: Function, latent: Array, first: Array, second: Array) -> Array:
    """Curvature of the outputs' surface in the plane of two directions, by Gauss's equation.

    ``K = (II(u,u) . II(v,v) - |II(u,v)|^2) / (|u|^2 |v|^2 - (u.v)^2)``, with II the part of the second derivative that
    is normal to the surface (do Carmo, "Riemannian Geometry", chapter 6, theorem 2.5): 0 for linear functions, and
    ``1 / r^2`` on a sphere.

    Args:
        function: a smooth one.
        latent: where, of any shape.
        first: u, of the latent's shape.
        second: v, not along u.

    >>> sphere = lambda x: jnp.append(x, jnp.sqrt(4 - x @ x))
    >>> float(sectional_curvature(sphere, jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])))
    0.25
    """
    run, flat = flattened(function, latent)
    u, v = as_floats(first).ravel(), as_floats(second).ravel()
    tangent = jacobian(run, flat)
    basis, _ = jnp.linalg.qr(tangent)

    def normal(one: Array, other: Array) -> Array:
        bend = second_derivative(run, flat, one, other)
        return bend - basis @ (basis.T @ bend)

    a, b = tangent @ u, tangent @ v
    area = (a @ a) * (b @ b) - (a @ b) ** 2
    return (normal(u, u) @ normal(v, v) - jnp.sum(jnp.square(normal(u, v)))) / area

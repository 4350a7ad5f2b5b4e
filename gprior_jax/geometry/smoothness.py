"""How smooth a function is near a latent and along a curve: stretch, turns, Lipschitz constants; slices of a space."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.curves import distances, run_along
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.geometry.jacobian import linearize
from gprior_jax.geometry.spectrum import spectrum
from gprior_jax.keys import purpose
from gprior_jax.nn.roots import length, root
from gprior_jax.typing import Array, Key


class Profile(NamedTuple):
    """Smoothness along a curve of T segments.

    Attributes:
        speeds: ``[T]``, distances of neighbours' outputs, over the time ``1 / T``.
        turns: ``[T - 1]``, angles in radians between steps of the output: 0 where it goes straight on.
        stretches: ``[T + 1]``, the largest singular value at every point.
    """

    speeds: Array
    turns: Array
    stretches: Array


def profile(function: Function, curve: Array, products: int = 8) -> Profile:
    """Speeds, turns and largest stretches along a curve ``[T + 1, ...]``.

    Args:
        function: of a latent.
        curve: its latents.
        products: for the largest singular value.

    >>> found = profile(lambda x: 2 * x, jnp.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    >>> found.speeds.tolist(), found.turns.tolist(), found.stretches.tolist()
    ([4.0, 4.0], [0.0], [2.0, 2.0, 2.0])
    """
    curve = as_floats(curve)
    outputs = run_along(function, curve)
    steps, lengths = outputs[1:] - outputs[:-1], distances(outputs)
    size = lengths[1:] * lengths[:-1]
    # The half angle's sine keeps digits where cosines are near 1.
    safe = jnp.where(lengths > 0, lengths, 1.0)[:, None]
    half = 0.5 * length(steps[1:] / safe[1:] - steps[:-1] / safe[:-1])
    turns = jnp.where(size > 0, 2 * jnp.arcsin(jnp.clip(half, 0.0, 1.0)), 0.0)
    products = min(products, curve[0].size)
    top = jax.lax.map(lambda latent: spectrum(function, latent, 1, products=products).values[0], curve)
    return Profile(lengths * len(lengths), turns, top)


class Lipschitz(NamedTuple):
    """Local Lipschitz constants, all of them bounds from below of that of the ball.

    Attributes:
        here: the largest singular value at the latent.
        within: the largest of those at latents that were drawn from the ball.
        secant: the largest distance of two outputs over that of their latents, of those that were drawn.
    """

    here: Array
    within: Array
    secant: Array


def lipschitz(
    function: Function, latent: Array, radius: float, key: Key, *, num_samples: int = 16, products: int = 8
) -> Lipschitz:
    """Local Lipschitz constants of a function in a ball around a latent.

    Args:
        function: of a latent of any shape.
        latent: in the middle.
        radius: of the ball.
        key: of the latents that are drawn, evenly from the ball.
        num_samples: of them.
        products: for every largest singular value.

    >>> found = lipschitz(lambda x: 3 * x, jnp.zeros(2), 0.5, jax.random.key(0))
    >>> round(float(found.here), 4), round(float(found.secant), 4)
    (3.0, 3.0)
    """
    check_number("radius", radius, lambda x: x > 0, "a number above 0")
    if num_samples < 2:
        raise ArgumentError(f"num_samples {num_samples}: use at least 2.")
    latent = as_floats(latent)
    size = latent.size
    drawn = jax.random.ball(purpose(key, "lipschitz"), size, shape=(num_samples,), dtype=latent.dtype)
    around = latent + radius * drawn.reshape(num_samples, *latent.shape)
    products = min(products, size)
    everywhere = jnp.concatenate([latent[None], around])
    top = jax.lax.map(lambda each: spectrum(function, each, 1, products=products).values[0], everywhere)
    outputs = run_along(function, around)
    apart = distances(outputs) / distances(around.reshape(num_samples, size))
    return Lipschitz(top[0], top.max(), apart.max())


class Plane(NamedTuple):
    """The metric on a slice of a latent space.

    Attributes:
        metrics: ``[n, n, 2, 2]``, of the plane's two directions; rows go along the second.
        area: ``[n, n]``, root of the determinant: outputs' area over the plane's.
    """

    metrics: Array
    area: Array


def plane_metric(
    function: Function, latent: Array, first: Array, second: Array, *, extent: float = 1.0, num: int = 16
) -> Plane:
    """The metric of a plane through a latent, on a grid: two products with the Jacobian at each point.

    Args:
        function: of a latent of any shape.
        latent: in the middle.
        first: direction of columns.
        second: direction of rows.
        extent: how far the grid goes in either direction, in lengths of the two.
        num: n.

    >>> found = plane_metric(lambda x: x**2, jnp.ones(2), jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), num=3)
    >>> found.area.tolist()
    [[0.0, 0.0, 0.0], [0.0, 4.0, 8.0], [0.0, 8.0, 16.0]]
    """
    latent, first, second = as_floats(latent), as_floats(first), as_floats(second)
    at = jnp.linspace(-extent, extent, num, dtype=latent.dtype)

    def one(place: tuple[Array, Array]) -> Array:
        row, column = place
        push = linearize(function, latent + column * first + row * second).push
        pushed = jnp.stack([push(first).ravel(), push(second).ravel()])
        return pushed @ pushed.T

    rows, columns = jnp.meshgrid(at, at, indexing="ij")
    metrics = jax.lax.map(one, (rows.ravel(), columns.ravel())).reshape(num, num, 2, 2)
    area = metrics[..., 0, 0] * metrics[..., 1, 1] - metrics[..., 0, 1] ** 2
    return Plane(metrics, root(area))

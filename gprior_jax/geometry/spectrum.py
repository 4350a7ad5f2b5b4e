"""Directions of a latent in which the output changes most, from few products with the Jacobian.

Lanczos tridiagonalisation of ``J^T J`` with full orthogonalisation, done twice (Golub and Van Loan, "Matrix
Computations", section 10.3): what it holds are vectors of the latent, none of the output's size. Against matfree's
bidiagonalisation, subspace iteration and the whole Jacobian it was measured (``benchmarks/RESULTS.md``).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.geometry.jacobian import linearize
from gprior_jax.geometry.symmetric import eigh
from gprior_jax.nn.roots import length, root
from gprior_jax.typing import Array, Key

BEYOND = 15
"""Products beyond the number of directions: with 25 the first ten values of the bundled priors err by about
1e-6 or less."""

SPENT = 32
"""What is left of a product, over the largest one and the rounding of its type, at or below which it is rounding."""


class Spectrum(NamedTuple):
    """The first of the Jacobian's singular values and their directions.

    Attributes:
        values: ``[k]``, the largest first: how far the output goes for a small step, over its length.
        directions: ``[k, *latent.shape]``, of length 1, orthogonal; their signs are arbitrary.
    """

    values: Array
    directions: Array


def spectrum(
    function: Function, latent: Array, num: int = 10, *, products: int | None = None, key: Key | None = None
) -> Spectrum:
    """The largest singular values of the Jacobian and its right singular vectors, matrix-free.

    Args:
        function: of a latent of any shape.
        latent: where.
        num: of directions, k.
        products: with the Jacobian and its adjoint, at least ``num``; None takes ``num`` and 15, or as many as the
            latent has numbers. Later values converge last.
        key: of the vector to start from; None is of seed 0.

    Raises:
        ValueError: more directions than the latent has numbers, or fewer products.

    >>> found = spectrum(lambda x: jnp.array([3.0, 1.0, 2.0]) * x, jnp.zeros(3), 2)
    >>> [round(float(value), 4) for value in found.values], jnp.argmax(jnp.abs(found.directions), axis=1).tolist()
    ([3.0, 2.0], [0, 2])
    """
    latent = as_floats(latent)
    size = latent.size
    products = min(num + BEYOND, size) if products is None else products
    if not 1 <= num <= products <= size:
        raise ArgumentError(
            f"{num} directions of {products} products: a latent of {size} numbers has up to {size}, and no more than "
            "there are products."
        )
    at = linearize(function, latent)
    start = jax.random.normal(jax.random.key(0) if key is None else key, (size,), latent.dtype)

    def product(step: Array) -> Array:
        return at.metric(step.reshape(latent.shape)).ravel()

    values, vectors = _lanczos(product, start, products)
    return Spectrum(root(values[:num]), vectors[:num].reshape(num, *latent.shape))


def _lanczos(product: Function, start: Array, num: int) -> tuple[Array, Array]:
    """Ritz values ``[num]`` of a symmetric map, the largest first, and their vectors ``[num, D]``."""
    rounding = SPENT * jnp.finfo(start.dtype).eps
    # For where nothing is left of a product: what the map does to the rest is looked for from another vector.
    others = jax.random.normal(jax.random.key(1), (num, start.size), start.dtype)

    def step(
        carry: tuple[Array, Array, Array], given: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        (basis, vector, size), (index, other) = carry, given
        basis = basis.at[index].set(vector)
        image = product(vector)
        diagonal, size = image @ vector, jnp.maximum(size, jax.lax.stop_gradient(length(image)))
        image = _across(basis, image)
        beside = length(image)
        # Normalised rounding would be no vector across the others, and values of it of any size.
        spent = beside <= rounding * size
        image = _across(basis, jnp.where(spent, other, image / jnp.where(spent, 1.0, beside)))
        beside = jnp.where(spent, 0.0, beside)
        return (basis, image / jnp.maximum(length(image), rounding), size), (diagonal, beside)

    first = (jnp.zeros((num, start.size), start.dtype), start / length(start), jnp.zeros((), start.dtype))
    (basis, *_), (diagonal, beside) = jax.lax.scan(step, first, (jnp.arange(num), others))
    small = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    values, vectors = eigh(small)
    return values[::-1], (vectors.T @ basis)[::-1]


def _across(basis: Array, vector: Array) -> Array:
    """What of a vector is across rows of length 1; once leaves rounding errors that grow."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def stretch(function: Function, latent: Array, directions: Array) -> Array:
    """How far the output goes along directions, over the length of a small step: ``|J d|``, ``[k]``.

    With the directions of :func:`spectrum` these are its values, and their derivatives with respect to the latent, the
    directions held, are those of the singular values, where these differ: for objectives.

    Args:
        function: of a latent of any shape.
        latent: where.
        directions: ``[k, *latent.shape]``.

    >>> stretch(lambda x: jnp.array([3.0, 1.0]) * x, jnp.zeros(2), jnp.eye(2)).tolist()
    [3.0, 1.0]
    """
    _, push = jax.linearize(function, as_floats(latent))
    return jax.lax.map(lambda step: length(push(step).ravel()), as_floats(directions))


def local_components(
    function: Function, latent: Array, radius: float, num: int = 10, *, pairs: int | None = None, key: Key | None = None
) -> Spectrum:
    """Local principal components: directions in which outputs vary most within a distance, kinks averaged out.

    Outputs of pairs of latents ``latent +- radius q``, q orthonormal, are compared: the singular values and vectors of
    ``(f(x + r q) - f(x - r q)) / 2 r``, which for a small radius and all D pairs are those of the Jacobian.

    Args:
        function: of a latent of any shape.
        latent: in the middle.
        radius: distance from it.
        num: of components, k.
        pairs: of latents; fewer than D look at a random part of the space. None is D.
        key: of the orthonormal directions; None is of seed 0.

    Raises:
        ValueError: more components than pairs, or more pairs than the latent has numbers.

    >>> found = local_components(lambda x: jnp.array([3.0, 1.0, 2.0]) * x, jnp.zeros(3), 0.1, 2)
    >>> [round(float(value), 4) for value in found.values]
    [3.0, 2.0]
    """
    latent = as_floats(latent)
    pairs = latent.size if pairs is None else pairs
    if not 1 <= num <= pairs <= latent.size:
        raise ArgumentError(
            f"{num} components of {pairs} pairs: use no more components than pairs, and no more of these than "
            f"{latent.size}."
        )
    drawn = jax.random.normal(jax.random.key(0) if key is None else key, (latent.size, pairs), latent.dtype)
    steps = jnp.linalg.qr(drawn)[0].T

    def secant(step: Array) -> Array:
        step = radius * step.reshape(latent.shape)
        return (function(latent + step) - function(latent - step)).ravel() / (2 * radius)

    rows = jax.lax.map(secant, steps)
    values, vectors = eigh(rows @ rows.T)
    directions = (vectors.T[::-1][:num] @ steps).reshape(num, *latent.shape)
    return Spectrum(root(values[::-1][:num]), directions)

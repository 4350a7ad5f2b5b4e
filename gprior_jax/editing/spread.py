"""How far a prior's own codes lie along a direction, so that strengths of different files are comparable."""

import dataclasses
import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.editing.directions import Direction, Space
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles, map_code
from gprior_jax.generators.synthesis import map_latents, sample_z
from gprior_jax.keys import purpose, seeded
from gprior_jax.typing import Array, Key

NUM_SAMPLES = 10_000
"""Codes that deviations are measured on, as many as NVIDIA's projector takes for its mean of w."""

_AT_ONCE = 500
"""Codes that are mapped together: styles of 10,000 for every layer would take gigabytes."""


def measure_deviations(
    prior: Prior, directions: Sequence[Direction], num_samples: int = NUM_SAMPLES
) -> list[Direction]:
    """Directions with how far the prior's own codes spread along them, so that strengths of different ones compare.

    A code's coordinate is the multiple of the vector that lies nearest to it, ``code @ vector / (vector @ vector)``;
    the deviation is the standard deviation of that over codes that the prior draws. So ``code + strength * deviation *
    vector`` moves by ``strength`` standard deviations, whatever the length of the vector. Of a direction in w or W+
    only the rows of its layers count. Codes are always the same ones; of a prior with classes they are of all classes.

    Args:
        prior: whose codes they move.
        directions: of its spaces.
        num_samples: codes to map; none for directions in z, whose numbers are independent.

    Returns:
        the directions with their ``deviation``, whatever it was; and with the ``offset`` of the mean code, where they
        have none.

    Raises:
        ValueError: a direction of another length, or of styles that the prior does not have.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> (found,) = measure_deviations(prior, [Direction(np.eye(prior.z_dim)[0] * 2, "z")])
    >>> found.deviation, found.offset
    (0.5, 0.0)
    """
    rows = [_rows(prior, direction) for direction in directions]
    squares = [_square(row) for row in rows]
    middle, spread = prior.latent.mean, prior.latent.deviation
    means = [middle * float(row.sum(dtype=np.float64)) / square for row, square in zip(rows, squares, strict=True)]
    deviations = [spread / math.sqrt(square) for square in squares]
    if styled := [i for i, direction in enumerate(directions) if direction.space != "z"]:
        vectors = jnp.asarray(np.stack([rows[i] / squares[i] for i in styled]))
        measured = _coordinates(prior, purpose(seeded(0), "deviation"), vectors, num_samples)
        for i, mean, deviation in zip(styled, *map(np.asarray, measured), strict=True):
            means[i], deviations[i] = float(mean), float(deviation)
    found = []
    for direction, square, mean, deviation in zip(directions, squares, means, deviations, strict=True):
        # The rows of a direction in w are one vector, however many layers it is for.
        offset = mean * (square if direction.space == "w_plus" else _square(direction.vector))
        offset = offset if direction.offset is None else direction.offset
        found.append(dataclasses.replace(direction, deviation=deviation, offset=offset))
    return found


def _square(vector: np.ndarray) -> float:
    return float(np.sum(np.square(vector, dtype=np.float64)))


def _rows(prior: Prior, direction: Direction) -> np.ndarray:
    """What counts of a direction: ``[D]`` in z, else ``[num_styles, w_dim]``, zeros but in its layers."""
    vector, name = direction.vector, direction.name or "given"
    if direction.space != "z":
        check_styles(prior)
    wanted = {"z": (prior.z_dim,), "w": (prior.w_dim,), "w_plus": (prior.num_styles, prior.w_dim)}[direction.space]
    if vector.shape != wanted:
        raise ArgumentError(
            f"the direction {name} of shape {vector.shape} in {direction.space}: those of {prior} are {wanted}."
        )
    if direction.space == "z":
        return vector
    rows = np.array(np.broadcast_to(vector, (prior.num_styles, prior.w_dim)))
    if direction.layers is not None:
        if not direction.layers or not 0 <= min(direction.layers) <= max(direction.layers) < prior.num_styles:
            raise ArgumentError(
                f"the direction {name} is for layers {list(direction.layers)}: {prior} has 0 to {prior.num_styles - 1}."
            )
        rows[np.setdiff1d(np.arange(prior.num_styles), direction.layers)] = 0.0
    if not rows.any():
        raise ArgumentError(f"the direction {name} is zero in its layers: name others.")
    return rows


@partial(jit, use="once", static_argnums=3)
def _coordinates(prior: Prior, key: Key, vectors: Array, num_samples: int) -> tuple[Array, Array]:
    """Mean and deviation of ``sum(styles * vector)``, ``[K]`` each; vectors ``[K, num_styles, w_dim]``."""

    def coordinates(index: Array) -> Array:
        own = jax.random.fold_in(key, index)
        z = prior.latent.sample(own, (prior.z_dim,))
        drawn = jax.random.randint(jax.random.fold_in(own, 0), (), 0, max(prior.num_classes, 1))
        label = jax.nn.one_hot(drawn, prior.num_classes) if prior.num_classes else None
        return jnp.tensordot(vectors, map_code(prior, z, label).astype(jnp.float32), 2)

    found = jax.lax.map(coordinates, jnp.arange(num_samples), batch_size=_AT_ONCE)
    return found.mean(0), found.std(0)


def own_codes(prior: Prior, space: Space, num: int = NUM_SAMPLES, seed: int = 0) -> np.ndarray:
    """Codes that a prior draws, without truncation; of a prior with classes, of classes drawn too.

    Args:
        prior: the generator.
        space: of the codes.
        num: of codes.
        seed: of the codes.

    Returns:
        float32 ``[num, D]``; of W+ ``[num, num_styles, w_dim]``.
    """
    key = purpose(seeded(seed), "directions")
    z = np.asarray(sample_z(prior, key, num))
    if space == "z":
        return z
    check_styles(prior)
    styles = np.asarray(map_latents(prior, z, label=drawn_labels(prior, num, seed)))
    return styles if space == "w_plus" else styles[:, 0]


def drawn_labels(prior: Prior, num: int, seed: int) -> np.ndarray | None:
    """A class for each of some codes, all equally likely; None of a prior without classes."""
    return np.random.default_rng(seed).integers(0, prior.num_classes, num) if prior.num_classes else None

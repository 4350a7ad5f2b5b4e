"""Directions of latent spaces: what codes are moved along."""

import dataclasses
import math
from collections.abc import Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles, map_code
from gprior_jax.keys import purpose, seeded
from gprior_jax.typing import Array, Key

NUM_SAMPLES = 10_000
"""Codes that deviations are measured on, as many as NVIDIA's projector takes for those of w."""

_AT_ONCE = 500
"""Codes that are mapped together: styles of 10,000 for every layer would take gigabytes."""

Space = Literal["z", "w", "w_plus"]


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A direction of a latent space, or the normal of a boundary in it: attributes change along it.

    Attributes:
        vector: float32 ``[D]`` in z and w, ``[L, D]`` a row for every layer in W+; of unit length, each row likewise
            (rows of zeros stay), unless whoever made it says otherwise.
        space: of the codes that it moves.
        layers: style layers that it is meant for, from 0; None is all.
        name: for messages and labels.
        deviation: standard deviation of the prior's own codes along the vector, in multiples of it, where it is known:
            strengths are told in it, see :func:`measure_deviations`.
        offset: ``vector @ code`` where the boundary is, or of the mean code; None is not known.

    Raises:
        ValueError: no such vector, or one of zeros or of numbers that are not finite.

    >>> Direction(np.array([0.6, 0.8]), "w", layers=(0, 1)).vector.dtype
    dtype('float32')
    """

    vector: np.ndarray
    space: Space
    layers: tuple[int, ...] | None = None
    name: str = ""
    deviation: float | None = None
    offset: float | None = None

    def __post_init__(self):
        vector = np.ascontiguousarray(self.vector, dtype=np.float32)
        axes = 2 if self.space == "w_plus" else 1
        if vector.ndim != axes or not np.isfinite(vector).all() or not np.abs(vector).max(initial=0.0) > 0.0:
            raise ArgumentError(
                f"the direction {self.name or 'given'} of shape {vector.shape} in {self.space} is none: use "
                f"{'[layers, w_dim]' if axes == 2 else '[D]'}, finite numbers that are not all zero."
            )
        object.__setattr__(self, "vector", vector)


def measure_deviations(prior: Prior, directions: Sequence[Direction], num_samples: int = NUM_SAMPLES) -> list[float]:
    """How far the prior's own codes spread along directions, so that strengths of different ones compare.

    A code's coordinate is the multiple of the vector that lies nearest to it, ``code @ vector / (vector @ vector)``;
    the deviation is the standard deviation of that over codes that the prior draws. So ``code + strength * deviation *
    vector`` moves by ``strength`` standard deviations, whatever the length of the vector. Of a direction in w or W+
    only the rows of its layers count. Codes are always the same ones; of a prior with classes they are of all classes.

    Args:
        prior: whose codes they move.
        directions: of its spaces.
        num_samples: codes to map; none for directions in z, whose numbers are independent.

    Raises:
        ValueError: a direction of another length, or of styles that the prior does not have.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> measure_deviations(prior, [Direction(np.eye(prior.z_dim)[0] * 2, "z")])
    [0.5]
    """
    rows = [_rows(prior, direction) for direction in directions]
    squares = [float(np.sum(np.square(row, dtype=np.float64))) for row in rows]
    styled = [i for i, direction in enumerate(directions) if direction.space != "z"]
    found = [_deviation_of_z(prior) / math.sqrt(square) for square in squares]
    if styled:
        vectors = jnp.asarray(np.stack([rows[i] / squares[i] for i in styled]))
        measured = _deviations(prior, purpose(seeded(0), "deviation"), vectors, num_samples)
        for i, deviation in zip(styled, np.asarray(measured), strict=True):
            found[i] = float(deviation)
    return found


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


def _deviation_of_z(prior: Prior) -> float:
    """Standard deviation of every number of a code z."""
    latent = prior.latent
    return 1.0 if latent.kind == "normal" else (latent.high - latent.low) / math.sqrt(12.0)


@partial(jit, use="once", static_argnums=3)
def _deviations(prior: Prior, key: Key, vectors: Array, num_samples: int) -> Array:
    """Of coordinates ``sum(styles * vector)``; vectors ``[K, num_styles, w_dim]``."""

    def coordinates(index: Array) -> Array:
        own = jax.random.fold_in(key, index)
        z = prior.latent.sample(own, (prior.z_dim,))
        drawn = jax.random.randint(jax.random.fold_in(own, 0), (), 0, max(prior.num_classes, 1))
        label = jax.nn.one_hot(drawn, prior.num_classes) if prior.num_classes else None
        return jnp.tensordot(vectors, map_code(prior, z, label).astype(jnp.float32), 2)

    return jax.lax.map(coordinates, jnp.arange(num_samples), batch_size=_AT_ONCE).std(0)

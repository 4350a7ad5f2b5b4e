"""Directions of latent spaces: what codes are moved along."""

import dataclasses
from typing import Literal

import numpy as np

from gprior_jax.errors import ArgumentError

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
            strengths are told in it, see :func:`gprior_jax.editing.measure_deviations`.
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

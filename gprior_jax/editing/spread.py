"""How far a prior's own codes lie along a direction, so that strengths of different files are comparable."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gprior_jax.editing.directions import Direction, Space
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles
from gprior_jax.generators.synthesis import map_latents, sample_z
from gprior_jax.keys import purpose, seeded

SAMPLES = 10_000
"""Codes that deviations are measured on, as many as the published projector takes for its mean of w."""


def own_codes(prior: Prior, space: Space, num: int = SAMPLES, seed: int = 0) -> np.ndarray:
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


def along(codes: np.ndarray, direction: Direction) -> np.ndarray:
    """Coordinates of codes along a direction: moving a code by ``t`` times the vector adds ``t``.

    Args:
        codes: ``[N, *direction.vector.shape]``; for a direction of w also of W+, of which the mean row of the
            direction's layers counts.
        direction: of any length.

    Returns:
        ``[N]``, float64: ``codes @ vector / |vector|^2``.

    >>> along(np.array([[3.0, 4.0]]), Direction(np.array([0.0, 2.0]), "w")).tolist()
    [2.0]
    """
    vector = direction.vector.astype(np.float64)
    if direction.space == "w" and codes.ndim == 3:
        codes = codes[:, list(direction.layers)] if direction.layers is not None else codes
        codes = codes.mean(1)
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    return flat @ vector.ravel() / np.sum(np.square(vector))


def measured(prior: Prior, directions: Sequence[Direction], seed: int = 0) -> list[Direction]:
    """Directions with their deviation on a prior's own codes; where they have no offset, that of the mean code.

    Args:
        prior: the generator.
        directions: of one space.
        seed: of the codes.
    """
    if not directions:
        return []
    codes = own_codes(prior, directions[0].space, seed=seed)
    found = []
    for direction in directions:
        at = along(codes, direction)
        offset = direction.offset
        if offset is None:
            offset = float(at.mean() * np.sum(np.square(direction.vector.astype(np.float64))))
        found.append(dataclasses.replace(direction, deviation=float(at.std()), offset=offset))
    return found

"""In which space of a prior the directions of a file are; what is in doubt is said, or asked."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gprior_jax.editing.directions import Space
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs import codes
from gprior_jax.runs.held import Held
from gprior_jax.runs.hints import is_one_row

Tell = Callable[[str], None]

_STYLE_COUNTS = (8, 10, 12, 14, 16, 18)
"""Numbers of styles of published priors, 32 to 1024 pixels."""

_ORTHOGONAL = 0.05
"""Cosine below which rows are directions of their own, as eigenvectors are."""


class Placed(NamedTuple):
    """Directions of a file in a space of a prior.

    Attributes:
        space: where they are.
        vectors: ``[K, D]``, or ``[K, num_styles, w_dim]`` in W+, numbers as in the file.
        why: they are taken to be of that space.
    """

    space: Space
    vectors: np.ndarray
    why: str


def place(file: Path, prior: Prior, held: Held, space: Space | None, tell: Tell) -> Placed:
    """In which space of a prior the directions of a file are.

    Raises:
        CheckpointError: they are none, do not fit, or may be of several.
    """
    if held.kind in ("codes", "statistics"):
        hint = "; gprior morph, mix and arithmetic read codes" if held.kind == "codes" else ""
        raise CheckpointError(f"{file} holds {held}, no direction: {wanted_shapes(prior)}{hint}.")
    vectors = np.asarray(held.vectors, np.float64)
    if not np.isfinite(vectors).all() or not np.abs(vectors).max(axis=-1).max() > 0:
        raise CheckpointError(f"{file} holds {held}, of numbers that are NaN, infinite or all zero: write it again.")
    if held.kind == "unclear":
        norms = np.linalg.norm(vectors, axis=-1)
        told = f"{norms.min():.3g}" if np.ptp(norms) < 1e-3 * norms.max() else f"{norms.min():.3g} to {norms.max():.3g}"
        tell(f"{file}: an array of shape {held.shape} and norm {told} is taken for directions, not for codes.")
    rows = _rows(file, prior, held, vectors, space, tell)
    if rows.ndim == 3:
        return _of_rows(file, prior, held, rows, space, tell)
    return _of_vectors(file, prior, held, rows, space, tell)


def _rows(file: Path, prior: Prior, held: Held, vectors: np.ndarray, space: Space | None, tell: Tell) -> np.ndarray:
    """``[K, D]``, one row each, or ``[K, L, D]``, where the rows of an array may be either."""
    flat = prior.num_styles * prior.w_dim
    if vectors.ndim == 2 and prior.num_styles > 1 and vectors.shape[1] == flat and prior.z_dim != flat:
        return vectors.reshape(-1, prior.num_styles, prior.w_dim)  # As InterFaceGAN trains on W+.
    count = len(vectors)
    if vectors.ndim == 3 or count == 1 or held.single:
        return vectors
    shown = f"{file}: {held.shape}"
    if is_one_row(vectors) or np.abs(np.linalg.norm(vectors) - 1) < 1e-3 or held.layers is not None:
        return vectors[None]
    if count == prior.num_styles and vectors.shape[1] == prior.w_dim and space in (None, "w_plus"):
        if space is None and _is_orthogonal(vectors):
            tell(f"{shown} is taken as {count} directions, as they are orthogonal, not as one of {count} layers.")
            return vectors
        if space is None:
            tell(f"{shown} is taken as one direction with a row for every layer (w_plus), not as {count}.")
        return vectors[None]
    if count in _STYLE_COUNTS and not _is_orthogonal(vectors) and space is None:
        tell(f"{shown} is taken as {count} directions, one a row, not as one with rows for {count} layers.")
    return vectors


def _is_orthogonal(rows: np.ndarray) -> bool:
    unit = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
    return bool(np.abs(unit @ unit.T - np.eye(len(rows))).max() < _ORTHOGONAL)


def _of_rows(file: Path, prior: Prior, held: Held, rows: np.ndarray, space: Space | None, tell: Tell) -> Placed:
    """Directions with several rows, of styles."""
    if space == "z" or not prior.num_styles:
        raise _misfit(file, prior, held, f"a direction with {rows.shape[1]} rows is of styles (w_plus)")
    equal = all(map(is_one_row, rows))
    if rows.shape[1:] == codes.shape_of(prior, "w_plus") and not (space == "w" and equal):
        if space == "w":
            raise _misfit(file, prior, held, f"its {rows.shape[1]} rows differ, so it is of w_plus")
        return Placed("w_plus", rows, "it has a row for every layer")
    if equal and rows.shape[2] == prior.w_dim and space != "w_plus":
        if rows.shape[1] != prior.num_styles:
            tell(f"{file}: its {rows.shape[1]} rows are one and the same: one of w for every layer of {prior}.")
        return Placed("w", rows[:, 0], "its rows are one and the same")
    raise _misfit(file, prior, held, "" if equal else f"its {rows.shape[1]} rows differ, one for every layer")


def _of_vectors(file: Path, prior: Prior, held: Held, rows: np.ndarray, space: Space | None, tell: Tell) -> Placed:
    """Directions of one row each: of z or of w."""
    fits = [each for each in ("z", "w") if codes.fits(prior, each, rows.shape)]
    said, why = held.space
    wanted = {"w_plus": "w"}.get(space or "", space) or said
    if said is not None and wanted != said:
        if held.certain:
            raise _misfit(file, prior, held, f"it is of {said} by {why}, not of {wanted}")
        tell(f"{file}: taken as of {wanted}, though it would be of {said} by {why}.")
    if wanted is None and len(fits) > 1:
        raise CheckpointError(
            f"{file} holds {held}, which may be of z or of w of {prior}, and these are not the same: name the space, z "
            f"or w, as in z:{file.name} or w:{file.name}."
        )
    wanted = wanted or (fits[0] if fits else None)
    if wanted not in fits:
        raise _misfit(file, prior, held, f"it is of {wanted} by {why}" if wanted == said and said else "")
    if space == "w_plus":
        shape = (len(rows), *codes.shape_of(prior, "w_plus"))
        return Placed("w_plus", np.broadcast_to(rows[:, None], shape), "as it was named")
    if space is None and said is not None and not held.certain and len(fits) > 1:
        tell(f"{file}: taken as of {wanted} by {why}; name another space if it is not.")
    told = "as it was named" if space else why if said else f"{prior} has no other of {rows.shape[-1]} numbers"
    return Placed("z" if wanted == "z" else "w", rows, told)


def wanted_shapes(prior: Prior) -> str:
    """Shapes of the directions of a prior, for messages."""
    return f"a direction of {prior} is {codes.shapes_told(prior)}"


def _misfit(file: Path, prior: Prior, held: Held, why: str) -> CheckpointError:
    """That directions are of another prior or space, with both shapes."""
    return CheckpointError(f"{file} holds {held}{': ' * bool(why)}{why}; {wanted_shapes(prior)}.")

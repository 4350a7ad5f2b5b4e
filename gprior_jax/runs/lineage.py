"""Which priors share a latent space: one that was tuned for an image keeps that of the prior it was tuned from."""

import os
from collections.abc import Callable
from pathlib import Path

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs.directions_file import about_direction, is_direction
from gprior_jax.summary import fingerprint

TUNED_FROM = "tuned_from"
"""In a model folder's provenance: what the prior that was tuned is called."""

ANCESTORS = "tuned_from_weights"
"""And the fingerprints of its weights, and of those that it was tuned from itself."""


def ancestors(model: str | os.PathLike) -> list[str]:
    """Fingerprints of the weights that a model's were tuned from, the latest first; none of others.

    Args:
        model: name or folder. One that an earlier version wrote says the name alone: that prior is loaded, if it is
            there.

    >>> ancestors("builtin")
    []
    """
    try:
        folder = zoo.resolve(model)
        told = zoo.read_config(folder).get("provenance") or {}
        if ANCESTORS in told:
            return list(told[ANCESTORS])
        parent = told.get(TUNED_FROM)
        # A folder may have been called like that prior since then.
        if parent is None or zoo.resolve(parent) == folder:
            return []
        return line_of(zoo.load(parent), parent)
    except GPriorError:
        return []


def line_of(prior: Prior, model: str | os.PathLike) -> list[str]:
    """Fingerprints of a prior's weights and of its ancestors'."""
    return [fingerprint(prior.params), *ancestors(model)]


def check_kin(file: Path, prior: Prior, model: str | os.PathLike | None, tell: Callable[[str], None]) -> None:
    """Check that a direction's file that tells its prior is of this one: the shape alone does not say so.

    Args:
        file: of any kind; those of other programs tell nothing.
        prior: whose codes are to be moved.
        model: what it was loaded from.
        tell: called with a sentence where it is of a prior that this one was tuned from.

    Raises:
        CheckpointError: it is of another prior.
    """
    about = about_direction(file) if is_direction(file) else {}
    weights = about.get("weights")
    if weights is None or weights == fingerprint(prior.params):
        return
    of = about.get("model", "another prior")
    if model is not None and weights in ancestors(model):
        tell(f"{file.stem} is a direction of {of}, which these weights were tuned from: it moves the same codes.")
        return
    raise CheckpointError(
        f"{file} is a direction of {of}, and {prior} has other weights: choose one of its own, or give the vector "
        "alone as an .npy file."
    )

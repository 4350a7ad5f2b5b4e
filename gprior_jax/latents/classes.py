"""A class as a variable, beside codes z: any mixture of classes, and so any vector that their embeddings span."""

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import check_label, with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.parametrization import Variables
from gprior_jax.typing import Array

LABEL = "label"
"""Name of the variable, ``[num_classes]``, as that of the class that an image was held to."""


def check_class(prior: Prior, free: bool) -> None:
    """Raise ``ValueError`` for a class that moves where there are none, or none to be held to where there are some."""
    if not free:
        check_label(prior, None)
    elif prior.label is None and not prior.num_classes:
        raise ArgumentError(f"{prior} has no classes that could move: leave free_label out.")


def first_label(prior: Prior, free: bool) -> Variables:
    """The variable to start from: the class that the prior is held to, else all of them alike; empty unless free."""
    if not free:
        return {}
    if prior.label is not None:
        return {LABEL: prior.label.astype(jnp.float32)}
    return {LABEL: jnp.full(prior.num_classes, 1.0 / prior.num_classes)}


def of_class(prior: Prior, variables: dict[str, Array], free: bool) -> Prior:
    """The prior, held to the class among the variables where that is free."""
    return with_label(prior, variables[LABEL]) if free else prior

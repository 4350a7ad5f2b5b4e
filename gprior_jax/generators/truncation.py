"""Generators whose statistics were stored for several truncations of their codes, and stand at one of them."""

import dataclasses
from typing import Any

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior


def is_truncatable(prior: Prior) -> bool:
    """Whether the statistics of a generator belong to a truncation of its codes."""
    return hasattr(prior.module, "truncation")


def with_truncation(prior: Prior, truncation: float) -> Prior:
    """A generator at another truncation: its statistics are those of it, and its codes are drawn with it.

    Of BigGAN-deep, ``truncation`` as its program takes it: codes are normal numbers within two standard deviations,
    times the truncation. Codes that were drawn already are taken as they are.

    Args:
        prior: a generator whose statistics were stored for several truncations.
        truncation: above 0 (images of a class are alike, and good) and up to 1 (they differ).

    Raises:
        ValueError: the generator has no such statistics, or a truncation out of range.

    >>> from gprior_jax.generators.biggan_deep import BigGANDeep
    >>> prior = with_truncation(Prior({}, BigGANDeep((8, 8), (True,), attention=())), 0.4)
    >>> prior.module.truncation, prior.latent.high
    (0.4, 0.8)
    """
    if not is_truncatable(prior):
        raise ArgumentError(f"{prior} has no statistics of truncations: truncate its codes.")
    module: Any = prior.module
    module = module.clone(truncation=float(truncation))
    return dataclasses.replace(prior, module=module, latent=module.latent, weights=None)


def truncated(prior: Prior, psi: float) -> Prior:
    """What draws styles that were moved towards their mean by psi: statistics that belong to a truncation follow."""
    if psi == 1.0 or not is_truncatable(prior):
        return prior
    module: Any = prior.module
    return with_truncation(prior, psi * module.truncation)

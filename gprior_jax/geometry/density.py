"""How likely a sample is: its density on the surface of images, and how typical its code is."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import truncnorm

from gprior_jax.checks import check_one
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import random_label
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.styles import check_styles, map_code
from gprior_jax.geometry.functions import Function, as_floats
from gprior_jax.geometry.jacobian import log_volume, metric
from gprior_jax.keys import purpose
from gprior_jax.nn.roots import length, root
from gprior_jax.typing import Array, Key

NUM_SAMPLES = 10_000


def log_prior(latent: Array, distribution: LatentDistribution) -> Array:
    """Log density of a code z, natural logarithm; minus infinity outside of a bounded distribution.

    >>> round(float(log_prior(jnp.zeros(2), LatentDistribution())), 4)  # -log(2 pi)
    -1.8379
    """
    if distribution.kind == "normal":
        return -0.5 * (jnp.sum(jnp.square(latent)) + latent.size * math.log(2 * math.pi))
    low, high = distribution.low, distribution.high
    if distribution.kind == "uniform":
        inside = jnp.all((latent >= low) & (latent <= high))
        return jnp.where(inside, -latent.size * math.log(high - low), -jnp.inf)
    return jnp.sum(truncnorm.logpdf(latent, -2.0, 2.0, loc=(low + high) / 2, scale=(high - low) / 4))


def log_density(
    function: Function, latent: Array, distribution: LatentDistribution | None = None, *, batch_size: int = 16
) -> Array:
    """Log density of what a code z gives, with respect to area on the surface of outputs.

    The change of variables ``log p(z) - log sqrt(det J^T J)``; densities of outputs of different functions do not
    compare, and neither do those of spaces of other dimension. One code is taken to give an output, and every step to
    change it: of generators that bring codes to one length (PGGAN, StyleGAN) z has a direction that changes nothing,
    and the density is infinite, or what rounding makes of that. Of W there is none in closed form, and in W+ what is
    drawn has no volume: see :func:`typicality`.

    Args:
        function: of a latent z of any shape.
        latent: the code.
        distribution: of codes; None is standard normal.
        batch_size: products with the Jacobian at once.

    >>> found = log_density(lambda z: 2 * z, jnp.zeros(1))  # A normal of deviation 2.
    >>> round(float(found), 4)
    -1.6121
    """
    own = log_prior(latent, distribution or LatentDistribution())
    return own - log_volume(metric(function, latent, batch_size=batch_size))


class Typicality(NamedTuple):
    """How a code compares with those that a prior draws; of W+ every layer's w by itself.

    Attributes:
        distance: Mahalanobis, over the root of the number of coordinates: about 1 for what is drawn. A scalar; of W+
            ``[num_styles]``.
        farther: part of drawn codes that are farther out: near 0 for codes that are too far, near 1 for those closer to
            the mean than any drawn one, as averages and truncated codes are. Likewise.
        apart: how far the layers of W+ are from each other: the root mean square of their distances from their mean,
            over that of as many codes that were drawn independently. 0 for one w and in z; about 1 for layers that
            have nothing to do with each other.
    """

    distance: Array
    farther: Array
    apart: Array


def typicality(
    prior: Prior, latent: Array, key: Key, space: str | None = None, num_samples: int = NUM_SAMPLES
) -> Typicality:
    """Whether a code is where the prior's own codes are: in many dimensions these lie in a shell, not at the mean.

    A prior draws no code of W+ but those whose layers are one w, so that others have no likelihood. What is told is
    what those who invert for editing keep small: how far out every layer's w is (Zhu et al. 2020, arXiv:2012.09036, who
    whiten what w is before its last activation), and how far the layers are apart (Tov et al. 2021, arXiv:2102.02766).

    Args:
        prior: the generator.
        latent: z ``[z_dim]``, w ``[w_dim]`` or W+ ``[num_styles, w_dim]``.
        key: of the codes that are drawn.
        space: ``"z"``, ``"w"`` or ``"w_plus"``; None is w where the prior has styles.
        num_samples: of them, and as many again for the mean and the covariance of all codes.

    Raises:
        ValueError: another space, styles of a prior without, or a latent that is none of the space.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> found = typicality(prior, jnp.zeros(prior.z_dim), jax.random.key(0), num_samples=1000)
    >>> float(found.distance) < 0.1, float(found.farther), float(found.apart)
    (True, 1.0, 0.0)
    """
    latent, space = as_floats(latent), space or ("w" if prior.num_styles else "z")
    if space not in ("z", "w", "w_plus"):
        raise ArgumentError(f"space={space!r}: use 'z', 'w' or 'w_plus'.")
    codes = _drawn(prior, purpose(key, "typicality"), space, 2 * num_samples)
    shape = (prior.num_styles, *codes.shape[1:]) if space == "w_plus" else codes.shape[1:]
    check_one("latent", latent, shape)
    # Codes are nearer to a mean and a covariance that were taken of themselves than others of their kind are: with 512
    # numbers, four fifths of 10,000 would have been closer than one that is drawn.
    whitened, rank = _whitening(codes[:num_samples])

    def distance(codes: Array) -> Array:
        return length(whitened(codes)) / jnp.sqrt(rank)

    own = distance(latent)
    farther = jnp.mean(distance(codes[num_samples:]) > own[..., None], -1)
    layers = whitened(latent.reshape(-1, latent.shape[-1]))
    spread = jnp.sum(jnp.square(layers - layers.mean(0)))
    return Typicality(own, farther, root(spread / (rank * max(1, len(layers) - 1))))


def _whitening(known: Array) -> tuple[Callable[[Array], Array], Array]:
    """What brings codes ``[..., D]`` to mean 0 and covariance 1, by known ones ``[N, D]``; how many numbers count."""
    mean = known.mean(0)
    spread = jnp.cov(known, rowvar=False).reshape(known.shape[1], known.shape[1])
    # Of w few directions hold nearly all: what is left of the others is rounding.
    values, vectors = jnp.linalg.eigh(spread)
    kept = values > 1e-6 * values[-1]
    roots = jnp.where(kept, 1 / jnp.sqrt(jnp.where(kept, values, 1.0)), 0.0)
    return lambda codes: (codes - mean) @ vectors * roots, jnp.sum(kept)


def _drawn(prior: Prior, key: Key, space: str, num: int) -> Array:
    """Codes that a prior draws, ``[num, D]``."""
    draw, label = jax.random.split(key)
    codes = prior.latent.sample(draw, (num, prior.z_dim))
    if space == "z":
        return codes
    check_styles(prior)
    if not prior.num_classes:
        return jax.vmap(lambda z: map_code(prior, z)[0])(codes)
    labels = jax.random.split(label, num)
    return jax.vmap(lambda z, k: map_code(prior, z, random_label(prior, k))[0])(codes, labels)

"""Styles of generators whose layers take one each: mapping, truncation, mixing, and the statistics of w.

Such a generator maps a code z to w, and its layers take a style each: ``[num_styles, w_dim]``, called W+ when the rows
differ.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.checks import check_finite
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.prior import Prior
from gprior_jax.typing import Array, Key


def check_styles(prior: Prior, mean: bool = False) -> None:
    """Raise ``ValueError`` unless the layers take styles and, where asked, their mean is known."""
    if not prior.num_styles:
        raise ArgumentError(f"{prior} has no styles: its latent space is 'z' only.")
    if mean and not hasattr(prior.module, "mean_styles"):
        raise ArgumentError(f"{prior} does not know the mean of w: start from a 'random' code, and do not truncate.")


def map_code(prior: Prior, z: Array, label: Array | None = None) -> Array:
    """Styles ``[num_styles, w_dim]`` of one code, without truncation.

    Args:
        prior: one whose layers take styles.
        z: ``[z_dim]``.
        label: ``[num_classes]``, of a generator with classes that is held to none.

    Raises:
        ValueError: no label for a generator with classes, or one for another.
    """
    check_label(prior, label)
    dtype, label = jax.tree.leaves(prior.params)[0].dtype, prior.label if label is None else label
    z, label = jax.tree.map(lambda leaf: leaf.astype(dtype), (z, label))
    return prior.module.apply({"params": prior.params}, z, label, prior.weights, method="map")


def mean_styles(prior: Prior, label: Array | None = None) -> Array:
    """The mean of w over the latent distribution, as styles ``[num_styles, w_dim]``.

    Args:
        prior: one whose layers take styles.
        label: ``[..., num_classes]``, of a generator with classes; the one that the prior is held to unless given. One
            that knows the mean of each class gives that, ``[..., num_styles, w_dim]``; others that of all.

    Raises:
        ValueError: the generator has no styles, or does not know their mean.
    """
    check_styles(prior, mean=True)
    label = prior.label if label is None else label
    label = None if label is None else label.astype(jax.tree.leaves(prior.params)[0].dtype)
    return prior.module.apply({"params": prior.params}, label, method="mean_styles")


def truncate(prior: Prior, styles: Array, psi: float, cutoff: int | None = None, label: Array | None = None) -> Array:
    """Move styles towards their mean: ``mean + psi * (styles - mean)`` (the truncation trick).

    Source: stylegan ``networks_stylegan.py``; psi 0.7 and cutoff 8 are its defaults, 0.5 and none StyleGAN2's.

    Args:
        prior: one whose layers take styles.
        styles: ``[..., num_styles, w_dim]``.
        psi: 1 leaves them, 0 gives the mean, below 0 its opposite.
        cutoff: number of styles to truncate, from the first; None takes all.
        label: see :func:`mean_styles`.

    Raises:
        ValueError: psi is not finite.
    """
    check_finite(truncation_psi=psi)
    if psi == 1.0 or cutoff == 0:
        return styles
    mean = mean_styles(prior, label)
    moved = mean + psi * (styles - mean)
    return moved if cutoff is None else mix(moved, styles, cutoff)


def mix(first: Array, second: Array, crossover: int | Array) -> Array:
    """Style mixing: the first ``crossover`` styles of one, the rest of the other.

    Args:
        first: ``[..., num_styles, w_dim]``: pose, shape.
        second: the same: colours, texture.
        crossover: 0 gives ``second``, ``num_styles`` gives ``first``.
    """
    row = jnp.arange(first.shape[-2])[:, None]
    return jnp.where(row < crossover, first, second)


def as_styles(prior: Prior, w: Array, space: str) -> Array:
    """Styles ``[..., num_styles, w_dim]`` of codes in W or W+.

    Raises:
        ValueError: an unknown space, codes of another shape, or a generator without styles.
    """
    if space not in ("w", "w_plus"):
        raise ArgumentError(f"space={space!r}: use 'z', 'w' or 'w_plus'.")
    check_styles(prior)
    shape = (prior.num_styles, prior.w_dim)
    if space == "w":
        if w.shape[-1:] != shape[1:]:
            raise ArgumentError(f"w of shape {w.shape}: {prior} takes [..., {shape[1]}].")
        return jnp.broadcast_to(w[..., None, :], (*w.shape[:-1], *shape))
    if w.shape[-2:] != shape:
        raise ArgumentError(
            f"styles of shape {w.shape}: {prior} takes [..., {shape[0]}, {shape[1]}], a w for every layer."
        )
    return w


class WStatistics(NamedTuple):
    """Statistics of w over the latent distribution.

    Attributes:
        mean: ``[num_styles, w_dim]``.
        std: scalar, the root of the squared distance from the mean, summed over the numbers of one w and averaged over
            samples (``w_std`` of stylegan2-ada-pytorch ``projector.py``); of the first style.
    """

    mean: Array
    std: Array


@partial(jax.jit, static_argnums=2)
def w_statistics(prior: Prior, key: Key, num_samples: int = 10_000, label: Array | None = None) -> WStatistics:
    """Estimate the statistics of w by mapping random codes.

    Args:
        prior: one whose layers take styles.
        key: of the codes.
        num_samples: 10,000 in the published projector.
        label: ``[num_classes]``, of a generator with classes that is held to none.
    """
    check_styles(prior)
    z = prior.latent.sample(key, (num_samples, prior.z_dim))
    styles = jax.vmap(lambda z: map_code(prior, z, label))(z)
    mean = styles.mean(0)
    return WStatistics(mean, jnp.sqrt(jnp.sum(jnp.square(styles[:, 0] - mean[0])) / num_samples))

"""Styles of style-based generators: truncation, mixing, noise maps, labels and the statistics of w.

A style-based generator maps a code z to w, and its synthesis network takes a style for every layer: ``[num_styles,
w_dim]``, called W+ when the rows differ.
"""

import dataclasses
import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer

from gprior_jax.generators.base import Noise, Prior, check_label, map_code
from gprior_jax.typing import Array, ArrayLike, Key


def check_style_based(prior: Prior) -> None:
    """Raise ``ValueError`` unless the prior is style-based."""
    if not prior.num_styles:
        raise ValueError(f"{prior.name or 'this prior'} has no styles: its latent space is 'z' only.")


def check_plain(prior: Prior, space: str, label: Any, noise: Any, truncation_psi: float = 1.0) -> None:
    """Raise ``ValueError`` for an argument that only style-based generators take."""
    name = prior.name or "this prior"
    if space != "z":
        raise ValueError(f"space={space!r} needs a style-based prior; {name} has space 'z' only, and no styles.")
    if label is not None:
        raise ValueError(f"{name} has no classes: leave label=None.")
    if not isinstance(noise, str) or noise != "const" or truncation_psi != 1.0:
        raise ValueError(f"{name} has neither noise nor truncation: leave them out.")


def truncate(prior: Prior, styles: Array, psi: float, cutoff: int | None = None) -> Array:
    """Move styles towards their mean: ``mean + psi * (styles - mean)`` (the truncation trick).

    Source: stylegan ``networks_stylegan.py``; psi 0.7 and cutoff 8 are its defaults, 0.5 and none StyleGAN2's.

    Args:
        prior: a style-based generator.
        styles: ``[..., num_styles, w_dim]``.
        psi: 1 leaves them, 0 gives the mean, below 0 its opposite.
        cutoff: number of styles to truncate, from the first; None takes all.
    """
    if psi == 1.0 or cutoff == 0:
        return styles
    mean = mean_styles(prior)
    moved = mean + psi * (styles - mean)
    return moved if cutoff is None else mix(moved, styles, cutoff)


def mean_styles(prior: Prior) -> Array:
    """The mean of w over the latent distribution, as styles ``[num_styles, w_dim]``."""
    check_style_based(prior)
    return prior.module.apply({"params": prior.params}, method="mean_styles")


def mix(first: Array, second: Array, crossover: int) -> Array:
    """Style mixing: the first ``crossover`` styles of one, the rest of the other.

    Args:
        first: ``[..., num_styles, w_dim]``: pose, shape.
        second: the same: colours, texture.
        crossover: 0 gives ``second``, ``num_styles`` gives ``first``.
    """
    row = jnp.arange(first.shape[-2])[:, None]
    return jnp.where(row < crossover, first, second)


def with_label(prior: Prior, label: ArrayLike) -> Prior:
    """A conditional prior held to one class: it is used like an unconditional one, without a label.

    Truncation still goes towards the mean over all classes, which is what the weights hold.

    Args:
        prior: a conditional generator, held to a class or not.
        label: a class, an integer; or ``[num_classes]``, a mixture of classes.

    Raises:
        ValueError: the generator has no classes, or not this one.

    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> with_label(Prior({}, StyleGAN2((4,), num_classes=3)), 1).num_classes
    0
    """
    free = dataclasses.replace(prior, label=None)
    return dataclasses.replace(free, label=as_labels(free, label, ()))


def stored_noise(prior: Prior) -> tuple[Array, ...]:
    """The noise maps ``[S, S]`` that are stored with the weights, one for every layer."""
    check_style_based(prior)
    layers = zip(prior.layer_names, prior.module.noise_sizes, strict=False)  # The output of StyleGAN takes none.
    return tuple(prior.params[name]["noise"] for name, _ in layers)


def draw_noise(prior: Prior, key: Key) -> tuple[Array, ...]:
    """Noise maps ``[S, S]`` for every layer of one image, standard normal."""
    check_style_based(prior)
    sizes = prior.module.noise_sizes
    return tuple(jax.random.normal(jax.random.fold_in(key, i), (size, size)) for i, size in enumerate(sizes))


def draw_own_noise(prior: Prior, key: Key, ids: ArrayLike) -> tuple[Array, ...]:
    """Noise maps ``[B, S, S]`` for every layer of many images: each has its own, whatever batch it is in.

    Args:
        prior: style-based.
        key: of all images together.
        ids: an integer for each image, ``[B]``.
    """
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.asarray(ids))
    return jax.vmap(partial(draw_noise, prior))(keys)


class WStatistics(NamedTuple):
    """Statistics of w over the latent distribution.

    Attributes:
        mean: ``[num_styles, w_dim]``.
        std: scalar, the root of the squared distance from the mean, summed over the numbers of one w and averaged over
            samples (``w_std`` of stylegan2-ada-pytorch ``projector.py``); of the first style.
    """

    mean: Array
    std: Array


def w_statistics(prior: Prior, key: Key, num_samples: int = 10_000, label: Array | None = None) -> WStatistics:
    """Estimate the statistics of w by mapping random codes.

    Args:
        prior: a style-based generator.
        key: of the codes.
        num_samples: 10,000 in the published projector.
        label: ``[num_classes]``, for a conditional generator.
    """
    check_style_based(prior)
    return _statistics(prior, key, num_samples, label)


@partial(jax.jit, static_argnums=2)
def _statistics(prior: Prior, key: Key, num_samples: int, label: Array | None) -> WStatistics:
    z = prior.latent.sample(key, (num_samples, prior.z_dim))
    styles = jax.vmap(lambda z: map_code(prior, z, label))(z)
    mean = styles.mean(0)
    return WStatistics(mean, jnp.sqrt(jnp.sum(jnp.square(styles[:, 0] - mean[0])) / num_samples))


def as_styles(prior: Prior, w: Array, space: str) -> Array:
    """Styles ``[..., num_styles, w_dim]`` of codes in W or W+.

    Raises:
        ValueError: an unknown space, or codes of another shape.
    """
    name, shape = prior.name or "this prior", (prior.num_styles, prior.module.w_dim)
    if space == "w":
        if w.shape[-1:] != shape[1:]:
            raise ValueError(f"w of shape {w.shape}: {name} takes [..., {shape[1]}].")
        return jnp.broadcast_to(w[..., None, :], (*w.shape[:-1], *shape))
    if space != "w_plus":
        raise ValueError(f"space={space!r}: use 'z', 'w' or 'w_plus'.")
    if w.shape[-2:] != shape:
        raise ValueError(f"styles of shape {w.shape}: {name} takes [..., {shape[0]}, {shape[1]}], a w for every layer.")
    return w


def as_labels(prior: Prior, label: ArrayLike | None, batch: tuple[int, ...]) -> Array | None:
    """One-hot labels ``[*batch, num_classes]``, or None where no label is given.

    Raises:
        ValueError: a class that does not exist, or another shape.
    """
    check_label(prior, label)
    if label is None:
        return None
    label, classes = jnp.asarray(label), prior.num_classes
    if jnp.issubdtype(label.dtype, jnp.integer):
        if not isinstance(label, Tracer) and ((label < 0) | (label >= classes)).any():
            raise ValueError(f"label {label.tolist()}: {prior.name or 'this prior'} has classes 0 to {classes - 1}.")
        label = jax.nn.one_hot(label, classes)
    elif label.shape[-1:] != (classes,):
        raise ValueError(f"labels of shape {label.shape}: give integers or rows of {classes} numbers.")
    return jnp.broadcast_to(label, (*batch, classes))


def as_noise(prior: Prior, noise: Noise | Key, batch: tuple[int, ...]) -> Noise:
    """Noise for a batch: a word as it is, or maps ``[*batch, S, S]`` for every layer.

    Raises:
        ValueError: an unknown word, or maps of other sizes.
    """
    if isinstance(noise, str):
        if noise not in ("const", "none"):
            raise ValueError(f"noise={noise!r}: use 'const', 'none', a key, or a map for every layer.")
        return noise
    if not isinstance(noise, tuple | list):
        return _draw_batch(prior, noise, batch)
    sizes = prior.module.noise_sizes
    maps = tuple(jnp.asarray(each) for each in noise)
    if [each.shape[-2:] for each in maps] != [(size, size) for size in sizes]:
        shapes = [each.shape for each in maps]
        raise ValueError(f"noise has maps of shapes {shapes}: give one [..., S, S] for every S of {sizes}.")
    return tuple(jnp.broadcast_to(each, (*batch, *each.shape[-2:])) for each in maps)


def _draw_batch(prior: Prior, key: Key, batch: tuple[int, ...]) -> tuple[Array, ...]:
    """Maps of every image's own; those of image i do not depend on the number of images."""
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(math.prod(batch)))
    maps = jax.vmap(partial(draw_noise, prior))(keys)
    return tuple(each.reshape(*batch, *each.shape[1:]) for each in maps)

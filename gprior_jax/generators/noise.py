"""Maps of noise of generators whose layers take some."""

import math
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.keys import purpose
from gprior_jax.typing import Array, ArrayLike, Key

Noise = tuple[Array, ...] | Literal["const", "none"]
"""Noise of one image: the maps stored with the weights, none, or a map ``[S, S]`` for every layer."""


def check_noise(prior: Prior) -> None:
    """Raise ``ValueError`` unless the layers take noise."""
    if not prior.noise_sizes:
        raise ArgumentError(f"{prior} has no noise: leave noise='const'.")


def stored_noise(prior: Prior) -> tuple[Array, ...]:
    """The noise maps ``[S, S]`` that are stored with the weights, one for every layer."""
    check_noise(prior)
    return prior.module.apply({"params": prior.params}, method="stored_noise")


def draw_noise(prior: Prior, key: Key) -> tuple[Array, ...]:
    """Noise maps ``[S, S]`` for every layer of one image, standard normal."""
    check_noise(prior)
    sizes = prior.noise_sizes
    return tuple(jax.random.normal(jax.random.fold_in(key, i), (size, size)) for i, size in enumerate(sizes))


def draw_own_noise(prior: Prior, key: Key, ids: ArrayLike) -> tuple[Array, ...]:
    """Noise maps ``[B, S, S]`` for every layer of many images: each has its own, whatever batch it is in.

    Args:
        prior: one whose layers take noise.
        key: of all images together; codes may be drawn with the same.
        ids: an integer for each image, ``[B]``.
    """
    keys = jax.vmap(partial(jax.random.fold_in, purpose(key, "noise")))(jnp.asarray(ids))
    return jax.vmap(partial(draw_noise, prior))(keys)


def as_noise(prior: Prior, noise: Noise | Key, batch: tuple[int, ...]) -> Noise:
    """Noise for a batch: a word as it is, or maps ``[*batch, S, S]`` for every layer.

    A key draws maps of every image's own; those of image i do not depend on the number of images.

    Raises:
        ValueError: an unknown word, maps of other sizes, or any but ``"const"`` for a generator without noise.
    """
    if isinstance(noise, str):
        if noise not in ("const", "none"):
            raise ArgumentError(f"noise={noise!r}: use 'const', 'none', a key, or a map for every layer.")
        if noise != "const":
            check_noise(prior)
        return noise
    if not isinstance(noise, tuple | list):
        maps = draw_own_noise(prior, noise, jnp.arange(math.prod(batch)))
        return tuple(each.reshape(*batch, *each.shape[1:]) for each in maps)
    check_noise(prior)
    sizes = prior.noise_sizes
    maps = tuple(jnp.asarray(each) for each in noise)
    if [each.shape[-2:] for each in maps] != [(size, size) for size in sizes]:
        shapes = [each.shape for each in maps]
        raise ArgumentError(f"noise has maps of shapes {shapes}: give one [..., S, S] for every S of {sizes}.")
    for each in maps:
        if each.shape[:-2] not in ((), batch):
            raise ArgumentError(f"a map of noise of shape {each.shape} for {batch}: give one for each, or for all.")
    return tuple(jnp.broadcast_to(each, (*batch, *each.shape[-2:])) for each in maps)

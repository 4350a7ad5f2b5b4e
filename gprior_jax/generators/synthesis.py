"""Latent codes to images, for batches: the layer contract that every method builds on.

For every layer l, ``from_features(prior, features(prior, z, l), l)`` equals ``synthesize(prior, z)``: :func:`features`
runs layers ``[0, l)``, :func:`from_features` the rest. Where layers take styles, the second half takes those of
its layers too: ``from_features(prior, f, l, styles=map_latents(prior, z))``.

Latent codes are ``[..., z_dim]``, images ``[..., R, R, C]`` in [-1, 1], channels last, with the same leading axes.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import as_labels
from gprior_jax.generators.noise import Noise, as_noise
from gprior_jax.generators.prior import Prior, check_layer
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, check_styles, map_code, truncate
from gprior_jax.generators.truncation import truncated
from gprior_jax.keys import check_key
from gprior_jax.typing import Array, ArrayLike, Key

Space = Literal["z", "w", "w_plus"]


def sample_z(prior: Prior, key: Key, num: int) -> Array:
    """Draw latent codes ``[num, z_dim]``; the first codes do not depend on ``num``.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> gp.sample_z(prior, jax.random.key(0), 8).shape == (8, prior.z_dim)
    True
    """
    check_key(key)
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(num))
    return jax.vmap(lambda k: prior.latent.sample(k, (prior.z_dim,)))(keys)


def map_latents(
    prior: Prior,
    z: ArrayLike,
    *,
    label: ArrayLike | None = None,
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
) -> Array:
    """Styles of latent codes.

    Args:
        prior: one whose layers take styles.
        z: ``[..., z_dim]``.
        label: class of every code, integers ``[...]`` or one-hot ``[..., num_classes]``, of a prior with classes.
        truncation_psi: 1 leaves the styles, 0 makes all of them the mean, see
            :func:`gprior_jax.generators.styles.truncate`.
        truncation_cutoff: number of styles that are truncated, from the first; None takes all.

    Returns:
        ``[..., num_styles, w_dim]``.

    Raises:
        ValueError: a prior without styles, codes of another length, or a label where none belongs (or the other way).

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin:portraits")
        >>> gp.map_latents(prior, gp.sample_z(prior, jax.random.key(0), 3), truncation_psi=0.7).shape
        (3, 10, 128)
    """
    check_styles(prior)
    z = _check_codes(prior, z)
    labels = as_labels(prior, label, z.shape[:-1])
    return truncate(prior, _map_batched(prior, z, labels), truncation_psi, truncation_cutoff, labels)


def synthesize(
    prior: Prior,
    z: ArrayLike,
    *,
    space: Space = "z",
    label: ArrayLike | None = None,
    noise: Noise | Key = "const",
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
) -> Array:
    """Images of latent codes.

    Args:
        prior: the generator.
        z: ``[..., z_dim]``; styles ``[..., w_dim]`` for ``space="w"``, ``[..., num_styles, w_dim]`` for ``"w_plus"``.
        space: the space the codes live in; generators without styles have ``"z"`` only.
        label: of a prior with classes, for ``space="z"``, see :func:`map_latents`.
        noise: where the layers take noise: ``"const"`` (the stored maps), ``"none"``, a key (maps of its own for every
            image), or a tuple with a map ``[..., S, S]`` or ``[S, S]`` for every layer.
        truncation_psi: for ``space="z"`` of a prior with styles, see :func:`map_latents`; statistics that belong to a
            truncation follow it (:func:`gprior_jax.generators.truncation.with_truncation`).
        truncation_cutoff: likewise.

    Returns:
        ``[..., R, R, C]``, about [-1, 1] (a generator without a final tanh can leave that range a little).

    Raises:
        ValueError: a space, a label or noise that this generator does not have, or codes of another shape.

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin")
        >>> gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 3)).shape
        (3, 64, 64, 3)
    """
    if space != "z":
        if label is not None:
            raise ArgumentError(f"label belongs to codes z: leave it out with space={space!r}.")
        return _run(prior, None, as_styles(prior, jnp.asarray(z), space), None, noise, 0, None)
    if prior.num_styles:
        styles = map_latents(prior, z, label=label, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
        return _run(truncated(prior, truncation_psi), None, styles, None, noise, 0, None)
    if truncation_psi != 1.0:
        raise ArgumentError(f"{prior} has no styles to truncate: leave truncation_psi out.")
    z = _check_codes(prior, z)
    return _run(prior, z, None, as_labels(prior, label, z.shape[:-1]), noise, 0, None)


def features(
    prior: Prior, z: ArrayLike, layer: int, *, label: ArrayLike | None = None, noise: Noise | Key = "const"
) -> Array:
    """Features of latent codes after the first ``layer`` layers (G1).

    Args:
        prior: the generator.
        z: ``[..., z_dim]``.
        layer: 0 gives the codes back, ``prior.num_layers`` the images.
        label: of a prior with classes, see :func:`map_latents`.
        noise: where the layers take noise, see :func:`synthesize`.

    Returns:
        ``[..., *prior.feature_shape(layer)]``.

    Raises:
        ValueError: a layer out of range, codes of another length, or a label or noise that the prior does not have.

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin")
        >>> gp.features(prior, gp.sample_z(prior, jax.random.key(0), 3), 2).shape[1:] == prior.feature_shape(2)
        True
    """
    check_layer(prior, layer)
    z = _check_codes(prior, z)
    labels = as_labels(prior, label, z.shape[:-1])
    if not prior.num_styles:
        return _run(prior, z, None, labels, noise, 0, layer)
    return z if layer == 0 else _run(prior, None, _map_batched(prior, z, labels), None, noise, 0, layer)


def from_features(
    prior: Prior,
    f: ArrayLike,
    layer: int,
    styles: ArrayLike | None = None,
    *,
    label: ArrayLike | None = None,
    noise: Noise | Key = "const",
) -> Array:
    """Images from features of layer ``layer`` (G2).

    Args:
        prior: the generator.
        f: ``[..., *prior.feature_shape(layer)]``.
        layer: where ``f`` was taken.
        styles: ``[..., num_styles, w_dim]``, where the layers take styles; those of the layers before ``layer`` are not
            used. At layer 0, None takes those of the codes.
        label: of a prior with classes whose layers take no styles, see :func:`map_latents`; also for codes, at layer 0.
        noise: where the layers take noise, see :func:`synthesize`.

    Returns:
        ``[..., R, R, C]``.

    Raises:
        ValueError: a layer out of range, features of another shape, or styles, a label or noise that are missing or
            that the prior does not have.

    Example:
        >>> import gprior_jax as gp, jax
        >>> prior = gp.load("builtin")
        >>> f = jax.numpy.zeros((3, *prior.feature_shape(8)))
        >>> gp.from_features(prior, f, 8).shape
        (3, 64, 64, 3)
    """
    check_layer(prior, layer)
    f, shape = jnp.asarray(f), prior.feature_shape(layer)
    batch = f.shape[: f.ndim - len(shape)]
    if f.shape[len(batch) :] != shape:
        raise ArgumentError(f"features of shape {f.shape}: layer {layer} of {prior} takes [..., {shape}].")
    if prior.num_styles and label is not None and (layer or styles is not None):
        raise ArgumentError("label belongs to codes: styles are made with it, leave it out beside them.")
    if styles is not None:
        own = as_styles(prior, jnp.asarray(styles), "w_plus")
        if own.shape[:-2] != batch:
            raise ArgumentError(f"styles of shape {own.shape} for features of shape {f.shape}: give one set for each.")
        return _run(prior, f if layer else None, own, None, noise, layer, None)
    if not prior.num_styles:
        return _run(prior, f, None, as_labels(prior, label, batch), noise, layer, None)
    if layer == prior.num_layers:
        return f
    if layer:
        raise ArgumentError(f"layer {layer} of {prior} needs styles: give those of the codes.")
    return _run(prior, None, map_latents(prior, f, label=label), None, noise, 0, None)


def _check_codes(prior: Prior, z: ArrayLike) -> Array:
    z = jnp.asarray(z)
    if z.shape[-1:] != (prior.z_dim,):
        raise ArgumentError(f"codes of shape {z.shape}: {prior} takes [..., {prior.z_dim}].")
    return z


@jax.jit
def _map_batched(prior: Prior, z: Array, labels: Array | None) -> Array:
    run = partial(map_code, prior)
    for _ in range(z.ndim - 1):
        run = jax.vmap(run)
    return run(z, labels)


def _run(
    prior: Prior,
    x: Array | None,
    styles: Array | None,
    labels: Array | None,
    noise: Noise | Key,
    start: int,
    stop: int | None,
) -> Array:
    """Layers over all leading axes of what they take."""
    if styles is not None:
        batch = styles.shape[:-2]
    else:
        assert x is not None
        batch = x.shape[: x.ndim - len(prior.feature_shape(start))]
    noise = as_noise(prior, noise, batch)
    word, maps = (noise, None) if isinstance(noise, str) else ("const", noise)
    return _run_batched(prior, x, styles, labels, maps, word, start, stop, len(batch))


@partial(jax.jit, static_argnums=(5, 6, 7, 8))
def _run_batched(
    prior: Prior,
    x: Array | None,
    styles: Array | None,
    labels: Array | None,
    maps: tuple[Array, ...] | None,
    word: Literal["const", "none"],
    start: int,
    stop: int | None,
    axes: int,
) -> Array:
    def run(x: Array | None, styles: Array | None, labels: Array | None, maps: tuple[Array, ...] | None) -> Array:
        noise = word if maps is None else maps
        return run_layers(prior, x, start, stop, styles=styles, noise=noise, label=labels)

    for _ in range(axes):
        run = jax.vmap(run)
    return run(x, styles, labels, maps)

"""Latent codes to images, for batches: the layer contract that every method builds on.

For every layer l, ``from_features(prior, features(prior, z, l), l)`` equals ``synthesize(prior, z)``: :func:`features`
runs layers ``[0, l)``, :func:`from_features` the rest. The second half of a style-based generator takes the styles of
its layers too: ``from_features(prior, f, l, styles=map_latents(prior, z))``.

Latent codes are ``[..., z_dim]``, images ``[..., R, R, C]`` in [-1, 1], channels last, with the same leading axes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp

from gprior_jax.generators import styles as st
from gprior_jax.generators.base import Noise, Prior, check_layer, map_code, run_layers
from gprior_jax.typing import Array, ArrayLike, Key

Space = Literal["z", "w", "w_plus"]


def sample_z(prior: Prior, key: Key, num: int) -> Array:
    """Draw latent codes ``[num, z_dim]``; the first codes do not depend on ``num``.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> gp.sample_z(prior, jax.random.key(0), 8).shape == (8, prior.z_dim)
    True
    """
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
        prior: a style-based generator.
        z: ``[..., z_dim]``.
        label: class of every code, integers ``[...]`` or one-hot ``[..., num_classes]``, of a conditional generator.
        truncation_psi: 1 leaves the styles, 0 makes all of them the mean, see
            :func:`gprior_jax.generators.styles.truncate`.
        truncation_cutoff: number of styles that are truncated, from the first; None takes all.

    Returns:
        ``[..., num_styles, w_dim]``.

    Raises:
        ValueError: no style-based generator, codes of another length, or a label where none belongs (or the other way).
    """
    st.check_style_based(prior)
    z = _check_codes(prior, jnp.asarray(z))
    labels = st.as_labels(prior, label, z.shape[:-1])
    mapped = _map_batched(prior, z, labels)
    return st.truncate(prior, mapped, truncation_psi, truncation_cutoff)


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
        space: the space the codes live in; generators without a mapping network have ``"z"`` only.
        label: of a conditional generator, for ``space="z"``, see :func:`map_latents`.
        noise: of a style-based generator: ``"const"`` (the stored maps), ``"none"``, a key (maps of its own for every
            image), or a tuple with a map ``[..., S, S]`` or ``[S, S]`` for every layer.
        truncation_psi: for ``space="z"``, see :func:`map_latents`.
        truncation_cutoff: likewise.

    Returns:
        ``[..., R, R, C]``, about [-1, 1] (a generator without a final tanh can leave that range a little).

    Raises:
        ValueError: a space, a label or noise that this generator does not have, or codes of another shape.
    """
    if not prior.num_styles:
        st.check_plain(prior, space, label, noise, truncation_psi)
        return _run_plain(prior, _check_codes(prior, jnp.asarray(z)), 0, None)
    if space == "z":
        styles = map_latents(prior, z, label=label, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
    else:
        styles = st.as_styles(prior, jnp.asarray(z), space)
    return _styled(prior, None, styles, noise, 0, None)


def features(
    prior: Prior, z: ArrayLike, layer: int, *, label: ArrayLike | None = None, noise: Noise | Key = "const"
) -> Array:
    """Features of latent codes after the first ``layer`` layers (G1).

    Args:
        prior: the generator.
        z: ``[..., z_dim]``.
        layer: 0 gives the codes back, ``prior.num_layers`` the images.
        label: of a conditional generator, see :func:`map_latents`.
        noise: of a style-based generator, see :func:`synthesize`.

    Returns:
        ``[..., *prior.feature_shape(layer)]``.

    Raises:
        ValueError: a layer out of range, or codes of another length.
    """
    check_layer(prior, layer)
    z = _check_codes(prior, jnp.asarray(z))
    if not prior.num_styles:
        st.check_plain(prior, "z", label, noise)
        return _run_plain(prior, z, 0, layer)
    return z if layer == 0 else _styled(prior, None, map_latents(prior, z, label=label), noise, 0, layer)


def from_features(
    prior: Prior, f: ArrayLike, layer: int, styles: ArrayLike | None = None, *, noise: Noise | Key = "const"
) -> Array:
    """Images from features of layer ``layer`` (G2).

    Args:
        prior: the generator.
        f: ``[..., *prior.feature_shape(layer)]``.
        layer: where ``f`` was taken.
        styles: ``[..., num_styles, w_dim]``, for style-based generators; those of the layers before ``layer`` are not
            used. At layer 0, None takes those of the codes.
        noise: of a style-based generator, see :func:`synthesize`.

    Returns:
        ``[..., R, R, C]``.

    Raises:
        ValueError: a layer out of range, features of another shape, styles that are missing or for a generator without.
    """
    check_layer(prior, layer)
    f, shape = jnp.asarray(f), prior.feature_shape(layer)
    if f.shape[f.ndim - len(shape) :] != shape:
        raise ValueError(f"features of shape {f.shape}: layer {layer} of this prior takes [..., {shape}].")
    if not prior.num_styles:
        if styles is not None:
            raise ValueError(f"{prior.name or 'this prior'} has no styles: leave styles=None.")
        st.check_plain(prior, "z", None, noise)
        return _run_plain(prior, f, layer, None)
    if layer == prior.num_layers:
        return f
    if styles is None:
        if layer:
            raise ValueError(f"layer {layer} of {prior.name or 'this prior'} needs styles: give those of the codes.")
        styles = map_latents(prior, f)
    styles = st.as_styles(prior, jnp.asarray(styles), "w_plus")
    return _styled(prior, f if layer else None, styles, noise, layer, None)


def _check_codes(prior: Prior, z: Array) -> Array:
    if z.shape[-1:] != (prior.z_dim,):
        raise ValueError(f"codes of shape {z.shape}: {prior.name or 'this prior'} takes [..., {prior.z_dim}].")
    return z


def _batched(run: Callable, axes: int) -> Callable:
    """``run`` over a number of leading axes of its arguments."""
    for _ in range(axes):
        run = jax.vmap(run)
    return run


@jax.jit
def _map_batched(prior: Prior, z: Array, labels: Array | None) -> Array:
    return _batched(partial(map_code, prior), z.ndim - 1)(z, labels)


@partial(jax.jit, static_argnums=(2, 3))
def _run_plain(prior: Prior, x: Array, start: int, stop: int | None) -> Array:
    rank = len(prior.feature_shape(start))
    return _batched(partial(run_layers, prior, start=start, stop=stop), x.ndim - rank)(x)


def _styled(prior: Prior, x: Array | None, styles: Array, noise: Noise | Key, start: int, stop: int | None) -> Array:
    """Layers of a style-based generator over all leading axes of the styles."""
    noise = st.as_noise(prior, noise, styles.shape[:-2])
    if isinstance(noise, str):
        return _run_styled(prior, x, styles, None, noise, start, stop)
    return _run_styled(prior, x, styles, noise, None, start, stop)


@partial(jax.jit, static_argnums=(4, 5, 6))
def _run_styled(
    prior: Prior, x: Array | None, styles: Array, maps: Any, word: Any, start: int, stop: int | None
) -> Array:
    def run(x: Array | None, styles: Array, maps: Any) -> Array:
        return run_layers(prior, x, start, stop, styles=styles, noise=maps if word is None else word)

    return _batched(run, styles.ndim - 2)(x, styles, maps)

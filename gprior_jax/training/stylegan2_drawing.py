"""What a StyleGAN2 draws while it is trained: styles of random codes, noise, and images of both."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.generators.noise import Noise
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.training.config import StyleGAN2Config
from gprior_jax.typing import Array, Key, Params


def _map(generator: StyleGAN2, params: Params, z: Array, label: Array | None) -> Array:
    return nn.apply(StyleGAN2.map, generator)({"params": params}, z, label)


def _run(generator: StyleGAN2, params: Params, styles: Array, noise: Noise) -> Array:
    return nn.apply(StyleGAN2.__call__, generator)({"params": params}, None, styles=styles, noise=noise)


def map_mixed(
    config: StyleGAN2Config, generator: StyleGAN2, params: Params, labels: Array | None, key: Key, number: int
) -> tuple[Array, Array]:
    """Styles ``[B, num_styles, w_dim]`` of random codes, mixed, and the mean ``[w_dim]`` of those that are not mixed.

    Args:
        config: the codes and how many are mixed.
        generator: the network.
        params: its weights.
        labels: ``[B, num_classes]`` of a conditional one.
        key: of codes and crossovers.
        number: B.
    """
    first_key, second_key, cut_key, coin_key = jax.random.split(key, 4)

    def mapped(key: Key) -> Array:
        z = jax.random.normal(key, (number, config.z_dim))
        return jax.vmap(lambda z, label: _map(generator, params, z, label))(z, labels)

    first = mapped(first_key)
    mean = first[:, 0].mean(0)
    if not config.style_mixing:
        return first, mean
    rows = generator.num_styles
    cut = jax.random.randint(cut_key, (number, 1, 1), 1, rows)
    cut = jnp.where(jax.random.uniform(coin_key, cut.shape) < config.style_mixing, cut, rows)
    return jnp.where(jnp.arange(rows)[:, None] < cut, first, mapped(second_key)), mean


def noise_maps(generator: StyleGAN2, key: Key, number: int) -> tuple[Array, ...]:
    """Noise of a batch: ``[B, S, S]`` for every layer."""
    keys = (jax.random.fold_in(key, i) for i in range(len(generator.noise_sizes)))
    return tuple(jax.random.normal(k, (number, s, s)) for k, s in zip(keys, generator.noise_sizes, strict=True))


def render(generator: StyleGAN2, params: Params, styles: Array, noise: tuple[Array, ...]) -> Array:
    """Images ``[B, R, R, C]`` of styles ``[B, num_styles, w_dim]``, each with noise of its own."""
    return jax.vmap(lambda styles, maps: _run(generator, params, styles, maps))(styles, noise)


@partial(jax.jit, static_argnums=0)
def with_constant_noise(generator: StyleGAN2, params: Params, z: Array, labels: Array | None) -> Array:
    """Images of codes ``[B, z_dim]``, and of classes in a conditional network, with the noise that is stored."""

    def one(z: Array, label: Array | None) -> Array:
        styles = _map(generator, params, z, label)
        return _run(generator, params, styles, "const")

    return jax.vmap(one)(z, labels)

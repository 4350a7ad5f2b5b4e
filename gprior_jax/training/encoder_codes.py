"""Codes of the space that an encoder is trained for: the network that finds them, random ones, and their images."""

from functools import partial

import jax
import jax.numpy as jnp

from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.generators.labels import random_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, map_code, mix
from gprior_jax.training.encoder_config import EncoderConfig, space_of
from gprior_jax.typing import Array, Key


def build(config: EncoderConfig, prior: Prior) -> ResidualEncoder:
    """The network of a configuration, for a prior."""
    space = space_of(config, prior)
    shape = {"z": (prior.z_dim,), "w": (prior.w_dim,), "w_plus": (prior.num_styles, prior.w_dim)}[space]
    return ResidualEncoder(prior.resolution, config.widths(prior.resolution), shape, space, prior.image_shape[-1])


def draw(config: EncoderConfig, prior: Prior, key: Key, number: int) -> Array:
    """Random codes of the encoder's space ``[B, *code_shape]``, of classes drawn too; styles are mixed within one."""
    space = space_of(config, prior)
    keys, label_key = jax.random.split(key, 4), jax.random.fold_in(key, 4)
    first = prior.latent.sample(keys[0], (number, prior.z_dim))
    if space == "z":
        return first
    labels = jax.vmap(partial(random_label, prior))(jax.random.split(label_key, number))
    styles = jax.vmap(partial(map_code, prior))(first, labels)
    if space == "w":
        return styles.mean(1)
    second = jax.vmap(partial(map_code, prior))(prior.latent.sample(keys[1], (number, prior.z_dim)), labels)
    cut = jax.random.randint(keys[2], (number,), 1, prior.num_styles)
    cut = jnp.where(jax.random.uniform(keys[3], (number,)) < config.style_mixing, cut, prior.num_styles)
    return jax.vmap(mix)(styles, second, cut)


def render(config: EncoderConfig, prior: Prior, code: Array) -> Array:
    """The image of one code of the encoder's space."""
    space = space_of(config, prior)
    if space == "z":
        return run_layers(prior, code)
    return run_layers(prior, None, styles=as_styles(prior, code, space))

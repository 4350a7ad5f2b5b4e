"""Codes of the space that an encoder is trained for: the network that finds them, random ones, and their images."""

from functools import partial

import jax
import jax.numpy as jnp

from gprior_jax.encoders.multi_code import FeatureEncoder
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.generators.labels import random_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, map_code, mix
from gprior_jax.training import multi_codes
from gprior_jax.training.encoder_config import EncoderConfig, space_of
from gprior_jax.typing import Array, Key, Params

Network = ResidualEncoder | FeatureEncoder


def build(config: EncoderConfig, prior: Prior) -> Network:
    """The network of a configuration, for a prior."""
    space = space_of(config, prior)
    if space == "codes":
        return multi_codes.build(config, prior).inner()
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


def pairs(config: EncoderConfig, prior: Prior, key: Key, number: int) -> tuple[Array, Array]:
    """Random codes of the encoder's space and their images; of several codes, features at their layer in place of both.

    What several codes compose is not what one draws, so that features come with the image of the code that they are of.
    """
    if space_of(config, prior) == "codes":
        return multi_codes.pairs(config, prior, key, number)
    codes = draw(config, prior, key, number)
    return codes, jax.vmap(partial(render, config, prior))(codes)


def render(config: EncoderConfig, prior: Prior, code: Array, composing: multi_codes.Composing | None = None) -> Array:
    """The image of one code of the encoder's space; of several codes, that of features as they compose them."""
    space = space_of(config, prior)
    if composing is not None:
        return multi_codes.render(config, prior, composing, code)
    if space == "z":
        return run_layers(prior, code)
    return run_layers(prior, None, styles=as_styles(prior, code, space))


def started(params: Params, mean: Array, deviation: Array) -> Params:
    """Fresh weights, whose codes have this mean and this deviation."""
    last = "dense" if "dense" in params else "last"
    norm = params[last]["norm"]
    moved = {"scale": norm["scale"] * deviation} | ({"bias": mean.reshape(-1)} if last == "dense" else {})
    return params | {last: params[last] | {"norm": norm | moved}} | ({"mean": mean} if last == "last" else {})

"""Several codes that all images share, while an encoder of their channel weights is trained."""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.compiling import jit
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import MultiCodeEncoder, whole
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import map_code
from gprior_jax.keys import purpose, seeded
from gprior_jax.latents import MultiCode
from gprior_jax.latents.basis import orthonormal, weights_of
from gprior_jax.latents.composition import weighted_sum
from gprior_jax.latents.weights_metric import SAMPLES, WeightsMetric, weights_metric
from gprior_jax.training.encoder_config import EncoderConfig
from gprior_jax.typing import Array, Key, Params


class Composing(NamedTuple):
    """What composes the images of features; a pytree.

    Attributes:
        codes: ``[N, z_dim]``.
        basis: ``[N, H, W, C]``, orthonormal, of their features.
        styles: the mean of theirs, of priors with styles.
    """

    codes: Array
    basis: Array
    styles: Array | None


def kind_of(config: EncoderConfig, prior: Prior) -> MultiCode:
    """The parametrisation of the codes."""
    return MultiCode(config.num_codes, config.layer).fit(prior)


def build(config: EncoderConfig, prior: Prior) -> MultiCodeEncoder:
    """The encoder of a configuration."""
    layer = kind_of(config, prior).layer
    assert layer is not None
    shape = prior.feature_shape(layer)
    most = min(SAMPLES, config.num_codes * shape[-1])
    return MultiCodeEncoder(
        resolution=prior.resolution,
        channels=config.widths_to(prior.resolution, shape[0]),
        feature_shape=shape,
        layer=layer,
        num_codes=config.num_codes,
        z_dim=prior.z_dim,
        num_directions=min(config.num_directions, most),
        image_channels=prior.image_shape[-1],
    )


@partial(jit, use="once", static_argnums=0)
def composing(config: EncoderConfig, prior: Prior) -> Composing:
    """The codes of a configuration, drawn from its seed, and what they compose with."""
    codes = prior.latent.sample(purpose(seeded(config.seed), "codes"), (config.num_codes, prior.z_dim))
    features, styles = kind_of(config, prior).features(prior, codes)
    return Composing(codes, orthonormal(features)[0], styles)


def pairs(config: EncoderConfig, prior: Prior, key: Key, number: int) -> tuple[Array, Array]:
    """Features of drawn codes at the layer ``[B, H, W, C]``, and the images of these codes."""
    layer = kind_of(config, prior).layer

    def one(z: Array) -> tuple[Array, Array]:
        styles = map_code(prior, z) if prior.num_styles else None
        features = run_layers(prior, None if prior.num_styles else z, stop=layer, styles=styles)
        return features, run_layers(prior, features, start=layer or 0, styles=styles)

    return jax.vmap(one)(prior.latent.sample(key, (number, prior.z_dim)))


def render(config: EncoderConfig, prior: Prior, own: Composing, features: Array) -> Array:
    """The image of what the codes compose in place of features ``[H, W, C]``."""
    composed = weighted_sum(own.basis, weights_of(own.basis, features))
    return kind_of(config, prior).from_composed(prior, composed, own.styles)


def measured(config: EncoderConfig, prior: Prior, own: Composing) -> WeightsMetric:
    """The mean metric of the codes' weights."""
    key = purpose(seeded(config.seed), "metric")
    count = build(config, prior).num_directions
    return weights_metric(prior, kind_of(config, prior), own.basis, own.styles, key, count)


def with_trunk(params: Params, trained: Params) -> Params:
    """Fresh weights with those of another encoder in all layers but the last that have the same name and shapes."""
    shapes = {name: jax.tree.map(jnp.shape, layer) for name, layer in trained.items()}
    same = [name for name in params if name != "last" and shapes.get(name) == jax.tree.map(jnp.shape, params[name])]
    return params | {name: trained[name] for name in same}


def averaged(config: EncoderConfig, prior: Prior, metric: WeightsMetric, own: Composing, average: Params) -> Prior:
    """The prior with the averaged encoder."""
    params = whole(average, own.codes, jnp.asarray(metric.directions), jnp.asarray(metric.stiffness))
    return dataclasses.replace(prior, multi_encoder=Encoder(params, build(config, prior)))

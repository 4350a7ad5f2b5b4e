"""A small prior with an encoder of several codes that was not trained."""

import functools

import jax
from batteries import random_prior

from gprior_jax.generators.prior import Prior
from gprior_jax.training import encoder, multi_codes
from gprior_jax.training.encoder_config import EncoderConfig

CODES, LAYER = 4, 3


@functools.cache
def encoded_prior() -> Prior:
    """Of 16 px; its encoder is of ``CODES`` codes at ``LAYER``."""
    config = EncoderConfig(num_codes=CODES, layer=LAYER, num_directions=4, channels=(4, 6, 6))
    prior = random_prior("pggan")
    state = encoder.init(config, prior, jax.random.key(0))
    own = multi_codes.composing(config, prior)
    metric = multi_codes.measured(config, prior, own)
    return multi_codes.averaged(config, prior, metric, own, state.average)

"""Tiny priors of 8 pixels: most of a command's time in a test goes into compiling its network.

They are prepared and committed to a device, as a command has what it loaded: with the same shapes, the programs that it
compiled serve the test too.
"""

import functools
from typing import Any

import jax
from batteries import random_params

from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.stylegan2 import StyleGAN2


@functools.cache
def critic() -> Critic:
    """A discriminator of one level above the first."""
    module = PGGANDiscriminator((8, 8), dense_features=8, group_size=1)
    return Critic(random_params(module, 1), module)


def _as_loaded(module: Any, name: str, critic: Critic | None = None) -> Prior:
    prior = Prior(random_params(module, 0), module, critic=critic, name=name)
    return prepare(jax.device_put(prior, jax.devices()[0]))


@functools.cache
def plain() -> Prior:
    """A generator without styles, of 5 layers, with the discriminator."""
    module = PGGAN((8, 8), z_dim=8)
    return _as_loaded(module, "tiny pggan", critic())


@functools.cache
def styled() -> Prior:
    """A style-based one, of 4 styles, with the discriminator."""
    module = StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain")
    return _as_loaded(module, "tiny stylegan2", critic())


@functools.cache
def conditional() -> Prior:
    """A style-based one of three classes."""
    module = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3, architecture="plain")
    return _as_loaded(module, "classes")

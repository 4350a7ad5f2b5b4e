"""Formulations of convolutions that networks are trained with: none in what is stored."""

from typing import Any

import jax
import pytest

from gprior_jax.training import pggan, stylegan2
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.zoo.networks import describe

SIZES: dict[str, Any] = {"resolution": 8, "z_dim": 6, "base_channels": 16, "batch_size": 4}

CASES = {
    "pggan": (pggan, PGGANConfig(**SIZES, images_per_level=(4,))),
    "stylegan2": (stylegan2, StyleGAN2Config(**SIZES, mapping_layers=1)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_stored_has_none(name):
    family, config = CASES[name]
    prior = family.averaged_prior(config, family.init(config, jax.random.key(0)))
    assert describe(prior.module)["conv_path"] == "auto"
    assert prior.critic is not None
    assert describe(prior.critic.module).get("conv_path", "direct") == "direct"

"""Formulations of convolutions that networks are trained with: the same numbers, and none in what is stored."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.discriminators import pggan as pggan_critic
from gprior_jax.discriminators import stylegan2 as stylegan2_critic
from gprior_jax.training import pggan, stylegan2
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.training.losses import r1_penalty
from gprior_jax.zoo.networks import describe

SIZES: dict[str, Any] = {"resolution": 8, "z_dim": 6, "base_channels": 128, "max_channels": 16, "batch_size": 4}
"""Of the narrowest and smallest layers that take F(4x4, 3x3)."""

CASES = {
    "pggan": (pggan, PGGANConfig(**SIZES, images_per_level=(4,)), pggan_critic.logits),
    "stylegan2": (stylegan2, StyleGAN2Config(**SIZES, mapping_layers=1), stylegan2_critic.logits),
}

over_cases = pytest.mark.parametrize("name", CASES)


@over_cases
def test_the_critic_and_its_penalty_are_those_of_the_direct_form(name):
    family, config, logits = CASES[name]
    trained = family.build(config)[1]
    direct = trained.clone(conv_path="direct")
    params = family.init(config, jax.random.key(0)).discriminator
    images = jnp.asarray(normal(1, 4, 8, 8, 3))

    def found(module, params):
        def penalty(params):
            return r1_penalty(lambda images: logits(module, params, images), images)

        return logits(module, params, images), *jax.value_and_grad(penalty)(params)

    run = jax.jit(lambda params: (found(trained, params), found(direct, params)))
    assert "winograd_forward" in str(run.trace(params).jaxpr)
    ours, wanted = (jax.tree.leaves(part) for part in run(params))
    for a, b in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * max(np.abs(b).max(), 1e-6))


@over_cases
def test_what_is_stored_has_none(name):
    family, config, _ = CASES[name]
    prior = family.averaged_prior(config, family.init(config, jax.random.key(0)))
    assert describe(prior.module)["conv_path"] == "auto"
    assert prior.critic is not None
    assert describe(prior.critic.module)["conv_path"] == "direct"

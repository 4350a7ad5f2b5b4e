"""A fresh training state with weights of a trained prior."""

from typing import Any

import jax
import jax.numpy as jnp

from gprior_jax.errors import GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.training.gan_config import GANConfig
from gprior_jax.training.trainers import trainer_of
from gprior_jax.typing import Params


def warm_start(config: GANConfig, state: Any, prior: Prior, source: str) -> Any:
    """A fresh state with the weights of a trained prior wherever their names and shapes agree.

    Args:
        config: of the run.
        state: what ``init`` of its trainer gave.
        prior: a generator with its discriminator, of the same widths and any resolution.
        source: for the message.

    Raises:
        GPriorError: another architecture, no discriminator, or a layer of the same name has another shape.
    """
    trainer = trainer_of(config)
    wanted, found = (type(module).__name__ for module in (trainer.build(config)[0], prior.module))
    if found != wanted:
        raise GPriorError(f"{source} is a {found}, which a {wanted} cannot start from: give a folder of its own kind.")
    if prior.critic is None:
        raise GPriorError(f"{source} has no discriminator to start from: give a folder that 'gprior train' wrote.")
    trained = prior.params
    generator = _overlay(state.generator, trained, source) | trainer.grown(state.generator, trained)
    other = trainer.OF_RESOLUTION if prior.resolution != config.resolution else frozenset()
    kept = {name: layer for name, layer in prior.critic.params.items() if name not in other}
    discriminator = _overlay(state.discriminator, kept, source)
    # The state is donated to the first step, which may not be given one buffer twice.
    average = jax.tree.map(jnp.copy, generator)
    return state._replace(generator=generator, discriminator=discriminator, average=average)


def _overlay(fresh: Params, trained: Params, source: str) -> Params:
    for name in fresh.keys() & trained.keys():
        if jax.tree.map(jnp.shape, fresh[name]) != jax.tree.map(jnp.shape, trained[name]):
            raise GPriorError(
                f"{source}: {name} has another shape than this run's: use the same widths, z_dim, mapping layers and "
                "classes."
            )
    return {name: trained.get(name, layer) for name, layer in fresh.items()}

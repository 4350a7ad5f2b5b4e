"""A fresh training state with weights of a trained prior."""

from typing import Any

import jax
import jax.numpy as jnp

from gprior_jax.errors import GPriorError
from gprior_jax.generators.base import Prior
from gprior_jax.training.methods import Method
from gprior_jax.typing import Params


def warm_start(method: Method, state: Any, prior: Prior, source: str) -> Any:
    """A fresh state with the weights of a trained prior wherever their names and shapes agree.

    Args:
        method: the module that trains.
        state: what its ``init`` gave.
        prior: a generator with its discriminator, of the same widths and any resolution.
        source: for the message.

    Raises:
        GPriorError: no discriminator, or a layer of the same name has another shape.
    """
    if prior.critic is None:
        raise GPriorError(f"{source} has no discriminator to start from: give a folder that 'gprior train' wrote.")
    trained = prior.params
    generator = _overlay(state.generator, trained, source) | method.grown(state.generator, trained)
    kept = {name: layer for name, layer in prior.critic.params.items() if name not in method.OF_RESOLUTION}
    discriminator = _overlay(state.discriminator, kept, source)
    # The state is donated to the first step, which may not be given one buffer twice.
    average = jax.tree.map(jnp.copy, generator)
    return state._replace(generator=generator, discriminator=discriminator, average=average)


def _overlay(fresh: Params, trained: Params, source: str) -> Params:
    for name in fresh.keys() & trained.keys():
        if jax.tree.map(jnp.shape, fresh[name]) != jax.tree.map(jnp.shape, trained[name]):
            raise GPriorError(f"{source}: {name} has another shape than this run's: use the same widths and z_dim.")
    return {name: trained.get(name, layer) for name, layer in fresh.items()}

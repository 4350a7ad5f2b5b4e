"""Fresh weights, steps of Adam and of the moving average, as all training runs take them."""

from collections.abc import Iterable
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax
from flax.core import unfreeze

from gprior_jax.nn import initial
from gprior_jax.training.gan_config import GANConfig, PyramidConfig, RunConfig
from gprior_jax.typing import Array, Key, Params, PyTree

_EMA_RAMP = 0.05
"""The averaging time is at most this part of the images seen (stylegan2-ada-pytorch ``ema_rampup``)."""


def fresh_weights(config: GANConfig, generator: Any, discriminator: Any, key: Key) -> tuple[Params, Params]:
    """Drawn weights of both networks."""
    image = (config.resolution, config.resolution, config.image_channels)
    g, d = drawn(((generator, (config.z_dim,)), (discriminator, image)), key)
    return g, d


def drawn(networks: Iterable[tuple[Any, tuple[int, ...]]], key: Key) -> tuple[Params, ...]:
    """Drawn weights of networks, which are given with the shapes of their inputs; all numbers are drawn at once."""

    def draw(key: Key) -> tuple[Params, ...]:
        return tuple(
            unfreeze(module.init(jax.random.fold_in(key, i), jnp.zeros(shape), method="init_all"))["params"]
            for i, (module, shape) in enumerate(networks)
        )

    return initial.at_once(draw, key)


def adam(config: PyramidConfig, interval: int = 0) -> optax.GradientTransformation:
    """Adam of one network.

    Args:
        config: learning rate and beta2; beta1 is 0.
        interval: steps between the updates for a penalty that the network has beside its main loss; 0 has none. One
            more update in every ``interval`` steps: the rate is multiplied by k / (k + 1), the betas are taken to that
            power, so that they say the same per step (Karras et al. 2020, arXiv:1912.04958, appendix B, lazy
            regularisation).
    """
    ratio = interval / (interval + 1) if interval else 1.0
    return optax.adam(config.learning_rate * ratio, b1=0.0, b2=config.beta2**ratio)


def is_due(step: int, interval: int) -> bool:
    """Whether a penalty is applied in a step: at the end of every interval.

    The official programs have it at the beginning. Here the first step need not wait for the programs of the penalties.

    >>> [step for step in range(9) if is_due(step, 4)]
    [3, 7]
    """
    return step % interval == interval - 1


def descend(
    optimizer: optax.GradientTransformation, params: Params, gradient: Params, state: PyTree
) -> tuple[Params, PyTree]:
    """New weights and new state of the optimiser."""
    update, state = optimizer.update(gradient, state)
    return cast(Params, optax.apply_updates(params, update)), state


def ema_decay(config: RunConfig, images_seen: Array) -> Array:
    """Part of the old average that one batch leaves, ``images_seen`` counted with it."""
    half_life = jnp.minimum(config.ema_half_life, _EMA_RAMP * images_seen)
    return 0.5 ** (config.batch_size / jnp.maximum(half_life, 1e-8))


def blend(average: Params, params: Params, decay: Array) -> Params:
    """The moving average after one step."""
    return cast(Params, optax.incremental_update(params, average, 1.0 - decay))


def with_statistics(params: Params, found: Params, decay: float) -> Params:
    """Weights whose running statistics of batch norm are moved towards those of a batch.

    Args:
        params: of a network, statistics among them.
        found: those of the batch, in the same places.
        decay: part of the old ones that stays.
    """
    merged = dict(params)
    for name, value in found.items():
        own = params[name]
        merged[name] = (
            with_statistics(own, value, decay) if isinstance(own, dict) else own + (1 - decay) * (value - own)
        )
    return merged

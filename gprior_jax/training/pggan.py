"""One training step of a generator against its discriminator, as a pure function of the state."""

from functools import partial
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.core import unfreeze

from gprior_jax.discriminators.pggan import PGGANDiscriminator, logits
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.training import losses
from gprior_jax.training.config import TrainConfig
from gprior_jax.typing import Array, Key, Params, PyTree

_EMA_RAMP = 0.05
"""The averaging time is at most this part of the images seen (stylegan2-ada-pytorch ``ema_rampup``)."""


class TrainState(NamedTuple):
    """Everything that a run carries from step to step.

    Attributes:
        generator: weights being trained.
        discriminator: weights being trained.
        average: exponential moving average of the generator's weights, the result of the run.
        generator_opt: state of Adam.
        discriminator_opt: state of Adam.
        images_seen: real images shown, int32 scalar.
    """

    generator: Params
    discriminator: Params
    average: Params
    generator_opt: PyTree
    discriminator_opt: PyTree
    images_seen: Array


def build(config: TrainConfig) -> tuple[PGGAN, PGGANDiscriminator]:
    """The two networks of a configuration."""
    # The widths that are trained gain nothing from Winograd, and the second derivatives compile faster without it.
    generator = PGGAN(config.channels, z_dim=config.z_dim, conv_path="phases")
    discriminator = PGGANDiscriminator(
        config.channels, dense_features=config.channels[0], group_size=config.minibatch_group
    )
    return generator, discriminator


def _adam(config: TrainConfig) -> optax.GradientTransformation:
    return optax.adam(config.learning_rate, b1=0.0, b2=config.beta2)


@partial(jax.jit, static_argnums=0)
def init(config: TrainConfig, key: Key) -> TrainState:
    """Fresh weights and optimiser states."""
    generator, discriminator = build(config)
    generator_key, discriminator_key = jax.random.split(key)
    image = jnp.zeros((config.resolution, config.resolution, 3))
    g = unfreeze(generator.init(generator_key, jnp.zeros(config.z_dim), method="init_all"))["params"]
    d = unfreeze(discriminator.init(discriminator_key, image, method="init_all"))["params"]
    adam = _adam(config)
    return TrainState(g, d, g, adam.init(g), adam.init(d), jnp.int32(0))


def reset_optimizers(config: TrainConfig, state: TrainState) -> TrainState:
    """Forget Adam's moments, at the start of a level: the new layers have none yet (Karras et al. 2018, appendix A.1).

    Their second moments would be zero at a late step count, so that the bias correction could not help.
    """
    adam = _adam(config)
    return state._replace(generator_opt=adam.init(state.generator), discriminator_opt=adam.init(state.discriminator))


def generate(generator: PGGAN, params: Params, z: Array, level: int, fade: Array | float) -> Array:
    """Images ``[B, S, S, 3]``, S = ``4 << level``, of latent codes ``[B, z_dim]``."""
    grow = nn.apply(PGGAN.grow, generator)
    return jax.vmap(lambda code: grow({"params": params}, code, level, fade))(z)


def _discriminator_objective(
    params: Params, config: TrainConfig, networks: Any, fake: Array, real: Array, key: Key, at: Any, penalize: bool
) -> tuple[Array, dict[str, Array]]:
    _, discriminator = networks
    level, fade = at

    def critic(images: Array) -> Array:
        return logits(discriminator, params, images, level, fade)

    real_logits, fake_logits = critic(real), critic(fake)
    loss = losses.discriminator_loss(real_logits, fake_logits, config.loss)
    terms = {"discriminator": loss, "real_logit": real_logits.mean(), "fake_logit": fake_logits.mean()}
    if config.loss == "wgan_gp":
        penalty = losses.wgan_gradient_penalty(critic, real, fake, key)
        return loss + losses.GRADIENT_PENALTY_WEIGHT * penalty, terms | {"penalty": penalty}
    if penalize:
        penalty = losses.r1_penalty(critic, real)
        return loss + 0.5 * config.r1_gamma * config.r1_interval * penalty, terms | {"penalty": penalty}
    return loss, terms


def _descend(config: TrainConfig, params: Params, gradient: Params, state: PyTree) -> tuple[Params, PyTree]:
    """New weights and new state of Adam."""
    update, state = _adam(config).update(gradient, state)
    return cast(Params, optax.apply_updates(params, update)), state


@partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=3)
def step(
    config: TrainConfig, level: int, penalize: bool, state: TrainState, real: Array, fade: Array, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """Update the discriminator, then the generator against it, then the average.

    Args:
        config: the run's settings (static).
        level: size of the networks, ``4 << level`` pixels (static).
        penalize: apply the R1 penalty in this step (static).
        state: donated.
        real: images ``[B, S, S, 3]`` in [-1, 1].
        fade: weight of the newest block, scalar.
        key: for latent codes.

    Returns:
        The next state, and named scalars: losses, mean logits, ``penalty`` in the steps that have one.
    """
    networks = generator, discriminator = build(config)
    batch = real.shape[0]
    key_d, key_g, key_mix = jax.random.split(jax.random.fold_in(key, state.images_seen), 3)

    fake = generate(generator, state.generator, jax.random.normal(key_d, (batch, config.z_dim)), level, fade)
    d_grad, terms = jax.grad(_discriminator_objective, has_aux=True)(
        state.discriminator, config, networks, fake, real, key_mix, (level, fade), penalize
    )
    d_params, d_opt = _descend(config, state.discriminator, d_grad, state.discriminator_opt)

    def objective(params: Params) -> Array:
        z = jax.random.normal(key_g, (batch, config.z_dim))
        images = generate(generator, params, z, level, fade)
        return losses.generator_loss(logits(discriminator, d_params, images, level, fade), config.loss)

    g_loss, g_grad = jax.value_and_grad(objective)(state.generator)
    g_params, g_opt = _descend(config, state.generator, g_grad, state.generator_opt)

    seen = state.images_seen + batch
    half_life = jnp.minimum(config.ema_half_life, _EMA_RAMP * seen)
    decay = 0.5 ** (batch / jnp.maximum(half_life, 1e-8))
    average = cast(Params, optax.incremental_update(g_params, state.average, 1.0 - decay))
    next_state = TrainState(g_params, d_params, average, g_opt, d_opt, seen)
    return next_state, terms | {"generator": g_loss}

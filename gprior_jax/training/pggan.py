"""Training of a PGGAN: one step of generator and discriminator as a pure function of the state, and its schedule."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.compiling import jit
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.pggan import PGGANDiscriminator, logits
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.training import adversarial, losses, optimize
from gprior_jax.training.config import PGGANConfig
from gprior_jax.training.lanes import Lanes, lanes_for, spread
from gprior_jax.training.projected import Projected
from gprior_jax.training.together import one_by_one
from gprior_jax.typing import Array, Key, Params, PyTree

TERMS = ("generator", "discriminator", "real_logit", "fake_logit", "penalty")
"""Names of the scalars that steps give."""

OF_RESOLUTION: frozenset[str] = frozenset()
"""See :class:`gprior_jax.training.trainers.Trainer`: every resolution has inputs of its own."""


class TrainState(NamedTuple):
    """Everything that a run carries from step to step.

    Attributes:
        generator: weights being trained.
        discriminator: weights being trained.
        average: exponential moving average of the generator's weights, the result of the run.
        generator_opt: state of Adam.
        discriminator_opt: state of Adam.
        images_seen: real images shown, int32 scalar.
        projected: the projected discriminators, of a run that has them.
    """

    generator: Params
    discriminator: Params
    average: Params
    generator_opt: PyTree
    discriminator_opt: PyTree
    images_seen: Array
    projected: Projected | None = None


def build(config: PGGANConfig) -> tuple[PGGAN, PGGANDiscriminator]:
    """The two networks of a configuration."""
    colours = config.image_channels
    generator = PGGAN(config.channels, z_dim=config.z_dim, image_channels=colours, conv_path="trained")
    discriminator = PGGANDiscriminator(
        config.channels,
        dense_features=config.channels[0],
        image_channels=colours,
        group_size=config.minibatch_group,
        conv_path="trained",
    )
    return generator, discriminator


@partial(jit, use="once", static_argnums=0)
def init(config: PGGANConfig, key: Key) -> TrainState:
    """Fresh weights and optimiser states."""
    g, d = optimize.fresh_weights(config, *build(config), key)
    adam = optimize.adam(config)
    return TrainState(g, d, g, adam.init(g), adam.init(d), jnp.int32(0))


def reset_optimizers(config: PGGANConfig, state: TrainState) -> TrainState:
    """Forget Adam's moments, at the start of a level: the new layers have none yet (Karras et al. 2018, appendix A.1).

    Their second moments would be zero at a late step count, so that the bias correction could not help.
    """
    adam = optimize.adam(config)
    return state._replace(generator_opt=adam.init(state.generator), discriminator_opt=adam.init(state.discriminator))


def generate(generator: PGGAN, params: Params, z: Array, level: int, fade: Array | float) -> Array:
    """Images ``[B, S, S, C]``, S = ``4 << level``, of latent codes ``[B, z_dim]``."""
    grow = nn.apply(PGGAN.grow, generator)
    return jax.vmap(lambda code: grow({"params": params}, code, level, fade))(z)


def _penalty(config: PGGANConfig, critic: losses.Critic, real: Array, fake: Array, mix: Array) -> tuple[float, Array]:
    """The weight and the value of the gradient penalty of the run's loss."""
    if config.loss == "wgan_gp":
        return losses.GRADIENT_PENALTY_WEIGHT, losses.wgan_gradient_penalty(critic, real, fake, mix)
    return 0.5 * config.r1_gamma * config.r1_interval, losses.r1_penalty(critic, real)


class Plan(NamedTuple):
    """What a step is compiled for.

    Attributes:
        config: the run's settings.
        level: size of the networks, ``4 << level`` pixels.
        penalize: whether the gradient penalty is applied.
    """

    config: PGGANConfig
    level: int
    penalize: bool


@spread
def step(
    plan: Plan, lanes: Lanes, state: TrainState, real: Array, fade: Array, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """Update both networks on the same generated images, then the average.

    Args:
        plan: what the step is compiled for.
        lanes: devices.
        state: donated.
        real: images ``[1, B, S, S, C]`` in [-1, 1].
        fade: weight of the newest block, scalar.
        key: for latent codes.

    Returns:
        The next state, and named scalars: losses, mean logits, ``penalty`` in the steps that have one.
    """
    config, level, (real,) = plan.config, plan.level, real
    generator, discriminator = build(config)
    batch, adam = real.shape[0], optimize.adam(config)
    z_key, mix_key = jax.random.split(jax.random.fold_in(key, state.images_seen))
    z = jax.random.normal(z_key, (batch, config.z_dim))
    z, mix, real = lanes.own((z, jax.random.uniform(mix_key, (batch, 1, 1, 1)), real))

    def critic(params: Params, images: Array) -> Array:
        return logits(discriminator, params, images, level, fade)

    fake, to_generator = jax.vjp(lambda params: generate(generator, params, z, level, fade), state.generator)
    found = adversarial.judge(config.loss, state.discriminator, fake, real, critic)
    pull, judges, terms = adversarial.with_projected(config, lanes, state.projected, found, fake, real, None)
    (g_grad,), d_grad = to_generator(pull), found.of_weights
    if plan.penalize:

        def penalty_of(params: Params) -> tuple[Array, Array]:
            weight, penalty = _penalty(config, partial(critic, params), real, fake, mix)
            return weight * penalty, penalty

        gradient, terms["penalty"] = jax.grad(penalty_of, has_aux=True)(state.discriminator)
        d_grad = jax.tree.map(jnp.add, d_grad, gradient)

    g_grad, d_grad, terms = lanes.mean((g_grad, d_grad, terms))
    g_params, g_opt = optimize.descend(adam, state.generator, g_grad, state.generator_opt)
    d_params, d_opt = optimize.descend(adam, state.discriminator, d_grad, state.discriminator_opt)
    seen = state.images_seen + batch
    average = optimize.blend(state.average, g_params, optimize.ema_decay(config, seen))
    next_state = TrainState(g_params, d_params, average, g_opt, d_opt, seen, judges)
    return next_state, terms


most_together = together = one_by_one
"""More than one at once are no faster (benchmarks/RESULTS.md, "Training")."""


def train_steps(
    config: PGGANConfig, state: TrainState, seen: int, number: int, real: Array, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """The step that the schedule has after ``seen`` images, of images ``[1, B, S, S, C]``; labels are not used."""
    moment = config.moment(seen)
    if moment.starts_level:
        state = reset_optimizers(config, state)
    penalize = config.loss == "wgan_gp" or optimize.is_due(moment.step, config.r1_interval)
    plan = Plan(config, moment.level, penalize)
    return step(plan, lanes_for(config), state, real, jnp.float32(moment.fade), key)


def sample(config: PGGANConfig, state: TrainState, z: Array, labels: Array | None) -> Array:
    """Images of the averaged generator at the size and fade that the run has reached."""
    moment = config.moment(max(0, int(state.images_seen) - config.batch_size))
    return _sample(config, moment.level, state.average, z, jnp.float32(moment.fade))


@partial(jax.jit, static_argnums=(0, 1))
def _sample(config: PGGANConfig, level: int, params: Params, z: Array, fade: Array) -> Array:
    return generate(build(config)[0], params, z, level, fade)


def grown(fresh: Params, trained: Params) -> Params:
    """None: new blocks fade in."""
    return {}


def averaged_prior(config: PGGANConfig, state: TrainState) -> Prior:
    """The averaged generator and the discriminator, cut to the resolution the run has reached."""
    level = config.moment(max(0, int(state.images_seen) - config.batch_size)).level
    generator, discriminator = build(config)
    sizes = [4 << i for i in range(level + 1)]
    g_names = [f"layer{k}" for k in range(2 * level + 2)] + [f"output{i}" for i in range(level + 1)]
    d_names = [f"{kind}_{size}" for size in sizes for kind in ("from_rgb", "conv", "down")] + ["dense_4", "logit"]
    channels = config.channels[: level + 1]
    critic = Critic(
        {name: state.discriminator[name] for name in d_names if name in state.discriminator},
        discriminator.clone(channels=channels, conv_path="direct"),
    )
    params = {name: state.average[name] for name in g_names}
    return Prior(params, generator.clone(channels=channels, conv_path="auto"), critic=critic)

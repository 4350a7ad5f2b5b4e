"""Training of an encoder for a generator that stays as it is: the updates of one step.

Domain-guided training (Zhu et al. 2020, arXiv:2004.00049, section 3.1; idinvert ``training/loss_encoder.py``) and the
conventional one, which finds the codes of drawn images again.
"""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gprior_jax.compiling import jit
from gprior_jax.discriminators import pggan as pggan_discriminator
from gprior_jax.discriminators import stylegan2 as stylegan2_discriminator
from gprior_jax.discriminators.critic import Discriminator as Judge
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.nn.batch_norm import STATISTICS
from gprior_jax.objectives import Objective
from gprior_jax.objectives.term import Observation
from gprior_jax.training import encoder_codes, losses, multi_codes, optimize
from gprior_jax.training.encoder_config import EncoderConfig
from gprior_jax.training.multi_codes import Composing
from gprior_jax.typing import Array, Key, Params, PyTree

TERMS = ("code", "pixel_mse", "perceptual", "adversarial", "discriminator", "real_logit", "fake_logit", "penalty")
"""Names of the scalars that steps give."""

_BATCH = "batch"
"""Name of the axis whose statistics batch normalisation takes."""

_STATISTICS_CODES = 4096
"""Drawn codes that tell the mean and the deviation of codes."""

_STATISTICS_FEATURES = 256
"""The same of features, of which each code has tens of thousands."""


class EncoderState(NamedTuple):
    """Everything that a run carries from step to step.

    Attributes:
        encoder: weights being trained, with running statistics of batch normalisation.
        average: exponential moving average of them, the result of the run.
        discriminator: weights being trained; None in a run without.
        encoder_opt: state of Adam.
        discriminator_opt: state of Adam; None likewise.
        deviation: root mean square of codes' distance from their mean, per number, scalar.
        images_seen: int32 scalar.
    """

    encoder: Params
    average: Params
    discriminator: Params | None
    encoder_opt: PyTree
    discriminator_opt: PyTree | None
    deviation: Array
    images_seen: Array


class Teacher(NamedTuple):
    """What an encoder is trained against, which stays as it is; a pytree.

    Attributes:
        prior: the generator, prepared, without discriminator and encoder.
        objective: terms of reconstructions, fitted to the prior.
        composing: of an encoder of several codes, what they compose images with.
    """

    prior: Prior
    objective: Objective | None
    composing: Composing | None = None

    def render(self, config: EncoderConfig, codes: Array) -> Array:
        """The images of a batch of codes."""
        own = partial(encoder_codes.render, config, self.prior, composing=self.composing)
        return jax.vmap(own)(codes)


@partial(jit, use="once", static_argnums=0)
def init(config: EncoderConfig, prior: Prior, key: Key) -> EncoderState:
    """Fresh weights: codes have the mean and the deviation of drawn ones from the first step on.

    An encoder of several codes begins with the trunk of the prior's encoder of one, where that has the same shapes.

    Args:
        config: the run's settings.
        prior: with its discriminator, where the run trains one.
        key: of the weights.
    """
    module = encoder_codes.build(config, prior)
    (params,) = optimize.drawn([(module, module.input_shape)], key)
    drawing = jax.random.fold_in(key, 1)
    if config.num_codes:
        codes, _ = encoder_codes.pairs(config, prior, drawing, _STATISTICS_FEATURES)
    else:
        codes = encoder_codes.draw(config, prior, drawing, _STATISTICS_CODES)
    mean = codes.mean(0)
    deviation = jnp.sqrt(jnp.mean(jnp.square(codes - mean)))
    params = encoder_codes.started(params, mean, deviation)
    if config.num_codes and prior.encoder is not None:
        params = multi_codes.with_trunk(params, prior.encoder.params)
    encoder_optimizer, discriminator_optimizer = optimizers(config)
    judge = prior.critic.params if config.adversarial_weight and prior.critic is not None else None
    return EncoderState(
        params,
        params,
        judge,
        encoder_optimizer.init(params),
        None if judge is None else discriminator_optimizer.init(judge),
        deviation,
        jnp.int32(0),
    )


def optimizers(config: EncoderConfig) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Adam of the encoder and of the discriminator, with rates that fall evenly, not in steps."""
    steps = config.total_images // config.batch_size

    def adam(rate: float) -> optax.GradientTransformation:
        falling = optax.exponential_decay(rate, max(1, steps // max(1, config.rate_decays)), config.rate_decay)
        return optax.adam(falling, b1=config.beta1, b2=config.beta2)

    return adam(config.learning_rate), adam(config.discriminator_rate)


def encode(module: encoder_codes.Network, params: Params, images: Array) -> tuple[Array, Params]:
    """Codes of a batch by its own statistics, and these."""

    def one(image: Array) -> tuple[Array, Any]:
        return module.apply({"params": params}, image, _BATCH, mutable=[STATISTICS])

    codes, found = jax.vmap(one, axis_name=_BATCH)(images)
    return codes, jax.tree.map(lambda leaf: leaf[0], found[STATISTICS])  # Of every image the same.


@partial(jit, use="often", static_argnums=0, donate_argnums=2)
def sampled_step(
    config: EncoderConfig, teacher: Teacher, state: EncoderState, key: Key
) -> tuple[EncoderState, dict[str, Array]]:
    """Update the encoder on images of drawn codes."""

    def objective(params: Params) -> tuple[Array, Any]:
        error, found = _code_error(config, teacher, state, params, key)
        return error, (found, {"code": error})

    return _descend(config, state, jax.grad(objective, has_aux=True)(state.encoder))


@partial(jit, use="often", static_argnums=(0, 1), donate_argnums=3)
def real_step(
    config: EncoderConfig, judge: Judge | None, teacher: Teacher, state: EncoderState, real: Array, key: Key
) -> tuple[EncoderState, dict[str, Array], Array]:
    """Update the encoder on photographs ``[B, R, R, C]`` in [-1, 1].

    Returns:
        The state, named scalars, and the reconstructions of the step.
    """
    module = encoder_codes.build(config, teacher.prior)

    def objective(params: Params) -> tuple[Array, Any]:
        codes, found = encode(module, params, real)
        images = teacher.render(config, codes)
        loss, terms = _compared(teacher, images, real)
        if judge is not None:
            judged = logits_of(judge, state.discriminator, images)
            terms["adversarial"] = losses.generator_loss(judged, "nonsaturating")
            loss += config.adversarial_weight * terms["adversarial"]
        if config.code_weight:
            terms["code"], _ = _code_error(config, teacher, state, params, key)
            loss += config.code_weight * terms["code"]
        return loss, (found, terms, images)

    gradient, (found, terms, images) = jax.grad(objective, has_aux=True)(state.encoder)
    state, terms = _descend(config, state, (gradient, (found, terms)))
    return state, terms, images


def _compared(teacher: Teacher, images: Array, real: Array) -> tuple[Array, dict[str, Array]]:
    """Weighted sum and means of the terms of reconstructions."""
    if teacher.objective is None:
        return jnp.zeros(()), {}
    objective = teacher.objective

    def one(image: Array, own: Array) -> tuple[Array, dict[str, Array]]:
        return objective(image, image, objective.targets(Observation(own, None)), {}, {})

    loss, terms = jax.vmap(one)(images, real)
    return loss.mean(), {name: value.mean() for name, value in terms.items()}


def _code_error(
    config: EncoderConfig, teacher: Teacher, state: EncoderState, params: Params, key: Key
) -> tuple[Array, Params]:
    """Mean squared error of the codes of drawn images, in variances of codes; and the statistics of the batch."""
    key = jax.random.fold_in(key, state.images_seen)
    codes, images = encoder_codes.pairs(config, teacher.prior, key, config.batch_size)
    encoded, found = encode(encoder_codes.build(config, teacher.prior), params, jax.lax.stop_gradient(images))
    return jnp.mean(jnp.square((encoded - codes) / state.deviation)), found


def _descend(config: EncoderConfig, state: EncoderState, found: Any) -> tuple[EncoderState, dict[str, Array]]:
    gradient, (statistics, terms) = found
    params, opt = optimize.descend(optimizers(config)[0], state.encoder, gradient, state.encoder_opt)
    params = optimize.with_statistics(params, statistics, config.norm_decay)
    seen = state.images_seen + config.batch_size
    decay = optimize.ema_decay(config, seen)
    average = optimize.blend(state.average, params, decay)
    return state._replace(encoder=params, average=average, encoder_opt=opt, images_seen=seen), terms


@partial(jit, use="often", static_argnums=(0, 1, 5), donate_argnums=2)
def discriminator_step(
    config: EncoderConfig, judge: Judge, state: EncoderState, real: Array, fake: Array, penalised: bool
) -> tuple[EncoderState, dict[str, Array]]:
    """Update the discriminator: photographs against their reconstructions (``D_logistic_simplegp``)."""

    def objective(params: Params) -> tuple[Array, dict[str, Array]]:
        on_real, on_fake = (logits_of(judge, params, images) for images in (real, fake))
        loss = losses.discriminator_loss(on_real, on_fake, "nonsaturating")
        terms = {"discriminator": loss, "real_logit": on_real.mean(), "fake_logit": on_fake.mean()}
        if penalised:
            terms["penalty"] = losses.r1_penalty(partial(logits_of, judge, params), real)
            loss += 0.5 * config.r1_gamma * config.r1_interval * terms["penalty"]
        return loss, terms

    assert state.discriminator is not None
    gradient, terms = jax.grad(objective, has_aux=True)(state.discriminator)
    params, opt = optimize.descend(optimizers(config)[1], state.discriminator, gradient, state.discriminator_opt)
    return state._replace(discriminator=params, discriminator_opt=opt), terms


_LOGITS: dict[type, Any] = {
    pggan_discriminator.PGGANDiscriminator: pggan_discriminator.logits,
    stylegan2_discriminator.StyleGAN2Discriminator: stylegan2_discriminator.logits,
}


def logits_of(judge: Judge | None, params: Params | None, images: Array) -> Array:
    """What a discriminator says of a batch, ``[B]``."""
    assert judge is not None
    return _LOGITS[type(judge)](judge, params, images)


def judge_of(config: EncoderConfig, prior: Prior) -> Judge | None:
    """The architecture of the discriminator that a run starts from, where it trains one.

    Raises:
        ArgumentError: the prior has none, or one with classes, or that judges no whole images.
    """
    if not config.adversarial_weight:
        return None
    critic = prior.critic
    if critic is None or type(critic.module) not in _LOGITS or getattr(critic.module, "num_classes", 0):
        raise ArgumentError(
            f"{prior} has no discriminator to start from (a PGGAN's or a StyleGAN2's without classes): use "
            "adversarial_weight 0."
        )
    return critic.module


def step(
    config: EncoderConfig,
    judge: Judge | None,
    teacher: Teacher,
    state: EncoderState,
    seen: int,
    real: Array | None,
    key: Key,
) -> tuple[EncoderState, dict[str, Array]]:
    """The updates of the step after ``seen`` images.

    Args:
        config: the run's settings.
        judge: the discriminator's architecture; None in a run without.
        teacher: generator and terms.
        state: donated.
        seen: ``state.images_seen``, known without asking the device.
        real: photographs ``[B, R, R, C]`` in [-1, 1]; None while images of drawn codes are seen.
        key: of the run.
    """
    if real is None:
        return sampled_step(config, teacher, state, key)
    state, terms, images = real_step(config, judge, teacher, state, real, key)
    if judge is not None:
        penalised = bool(config.r1_gamma) and optimize.is_due(seen // config.batch_size, config.r1_interval)
        state, told = discriminator_step(config, judge, state, real, images, penalised)
        terms |= told
    return state, terms


def averaged(config: EncoderConfig, prior: Prior, state: EncoderState) -> Prior:
    """The prior with the averaged encoder."""
    module = encoder_codes.build(config, prior)
    assert isinstance(module, ResidualEncoder)
    return dataclasses.replace(prior, encoder=Encoder(state.average, module))

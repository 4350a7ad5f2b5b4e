"""Training of the first GANs, of convolutions or of dense layers: the step of pytorch/examples ``dcgan/main.py``.

The discriminator is updated on a batch of real images and one of generated images, each with statistics of its own in
its batch norms, then the generator against the discriminator as it now is. Batch norms take the statistics of a whole
batch, over all devices.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gprior_jax.compiling import jit
from gprior_jax.discriminators import dcgan as discriminators
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.generators import dcgan as generators
from gprior_jax.generators.batch_statistics import has_batch_norms, with_batch_statistics
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.devices import IMAGES
from gprior_jax.keys import purpose, seeded
from gprior_jax.nn.batch_norm import STATISTICS, Axes
from gprior_jax.nn.stack import StackLayer
from gprior_jax.training import optimize
from gprior_jax.training.dcgan_config import DCGANConfig, FirstConfig, MLPConfig
from gprior_jax.training.lanes import Lanes, lanes_for, spread
from gprior_jax.training.losses import cross_entropy_discriminator_loss, cross_entropy_generator_loss
from gprior_jax.training.monitor import MONITORED, watched
from gprior_jax.training.together import one_by_one
from gprior_jax.typing import Array, Key, Params, PyTree

TERMS = ("generator", "discriminator", "real_logit", "fake_logit", *MONITORED)
"""Names of the scalars that steps give."""

OF_RESOLUTION: frozenset[str] = frozenset()
"""See :class:`gprior_jax.training.trainers.Trainer`: widths follow the resolution, none serves another."""

_BATCH = "batch"
_KEPT_STATISTICS = 0.9
"""What a batch leaves of running statistics (torch's momentum is 0.1)."""

_STANDING = 256
"""Codes that the averaged generator's statistics are computed from: those of the weights before the average are none of
its own."""

_SCALE_DEVIATION = 0.02
"""Of the scales of batch norms at the start (pytorch/examples ``weights_init``)."""

_UNIFORM = (0.05, 0.005)
"""Ends of the uniform weights of dense networks at the start: generator and discriminator (goodfeli/adversarial
``mnist.yaml``, ``irange``)."""


class TrainState(NamedTuple):
    """Everything that a run carries from step to step.

    Attributes:
        generator: weights being trained, with running statistics.
        discriminator: likewise.
        average: exponential moving average of the generator's weights, the result of the run.
        generator_opt: state of the optimiser.
        discriminator_opt: state of the optimiser.
        images_seen: real images shown, int32 scalar.
    """

    generator: Params
    discriminator: Params
    average: Params
    generator_opt: PyTree
    discriminator_opt: PyTree
    images_seen: Array


def build(config: FirstConfig) -> tuple[DCGAN, DCGANDiscriminator]:
    """The two networks of a configuration."""
    logits, size, channels = max(1, config.num_classes), config.resolution, config.image_channels
    if isinstance(config, MLPConfig):
        hidden = (StackLayer("dense", n, bias=True, then=("relu",)) for n in config.generator_features)
        layers = (*hidden, StackLayer("dense", channels, size=size, bias=True, then=("sigmoid",)))
        maxout = (StackLayer("dense", n, pieces=config.pieces, bias=True) for n in config.discriminator_features)
        judging = (*maxout, StackLayer("dense", logits, bias=True))
    else:
        assert isinstance(config, DCGANConfig)
        layers = generators.example_layers(config.width, channels, size)
        doubled = [config.width << step for step in range((size // 4).bit_length() - 1)]
        judging = discriminators.chain_layers(doubled, logits)
    return (
        DCGAN(layers, config.z_dim, config.num_classes),
        DCGANDiscriminator(judging, size, channels, config.num_classes),
    )


@partial(jit, use="once", static_argnums=0)
def init(config: FirstConfig, key: Key) -> TrainState:
    """Fresh weights and optimiser states."""
    g, d = optimize.fresh_weights(config, *build(config), key)
    g, d = (_as_published(config, params, jax.random.fold_in(key, i), i) for i, params in enumerate((g, d)))
    optimizer = _optimizer(config)
    return TrainState(g, d, g, optimizer.init(g), optimizer.init(d), jnp.int32(0))


def _as_published(config: FirstConfig, params: Params, key: Key, network: int) -> Params:
    """Drawn weights with the published scales of batch norms, or as dense layers have them."""

    def draw(path: tuple[Any, ...], leaf: Array) -> Array:
        name = path[-1].key
        own = purpose(key, "/".join(part.key for part in path))
        if name.endswith("_scale"):
            return leaf + _SCALE_DEVIATION * jax.random.normal(own, leaf.shape)
        if name == "kernel" and isinstance(config, MLPConfig):
            return _UNIFORM[network] * jax.random.uniform(own, leaf.shape, minval=-1.0)
        return leaf

    return jax.tree_util.tree_map_with_path(draw, params)


def _optimizer(config: FirstConfig) -> optax.GradientTransformation:
    if config.optimizer == "sgd":
        return optax.sgd(config.learning_rate, momentum=config.beta1)
    return optax.adam(config.learning_rate, b1=config.beta1, b2=config.beta2)


class Plan(NamedTuple):
    """What a step is compiled for.

    Attributes:
        config: the run's settings.
        generate: whether the generator is updated, too.
    """

    config: FirstConfig
    generate: bool


def _axes(lanes: Lanes) -> Axes:
    """The whole batch: the images of a device, and the devices."""
    return _BATCH if lanes.devices == 1 else (_BATCH, IMAGES)


def _statistics(kept: Any) -> Params:
    """Of a batch: the same of every image."""
    return jax.tree.map(lambda leaf: leaf[0], kept.get(STATISTICS, {}))


def generate(
    module: DCGAN, params: Params, z: Array, labels: Array | None, axes: Axes = _BATCH
) -> tuple[Array, Params]:
    """Images ``[B, R, R, C]`` of codes ``[B, z_dim]`` by the statistics of their batch, and these."""

    def one(z: Array, label: Array | None) -> tuple[Array, Any]:
        return module.apply({"params": params}, z, label, axes, method="observe", mutable=[STATISTICS])

    images, kept = jax.vmap(one, axis_name=_BATCH)(z, labels)
    return images, _statistics(kept)


def judge(
    module: DCGANDiscriminator,
    params: Params,
    images: Array,
    labels: Array | None,
    kept: list[Array | None] | None = None,
    axes: Axes = _BATCH,
) -> tuple[Array, Params]:
    """Logits ``[B]`` of images by the statistics of their batch, and these; ``kept`` is what dropout leaves."""

    def one(image: Array, label: Array | None, kept: list[Array | None] | None) -> tuple[Array, Any]:
        return module.apply({"params": params}, image, label, axes, kept, method="observe", mutable=[STATISTICS])

    logits, found = jax.vmap(one, axis_name=_BATCH)(images, labels, kept)
    return logits, _statistics(found)


def _dropout(config: FirstConfig, module: DCGANDiscriminator, key: Key) -> list[Array | None] | None:
    """Factors ``[B, ...]`` of the inputs of the discriminator's layers: 0, or what keeps their mean."""
    if not isinstance(config, MLPConfig):
        return None
    factors: list[Array | None] = []
    for index, shape in enumerate(module.shapes[:-1]):
        rate = config.dropout if index else config.input_dropout
        drawn = jax.random.bernoulli(jax.random.fold_in(key, index), 1.0 - rate, (config.batch_size, *shape))
        factors.append(drawn / (1.0 - rate) if rate else None)
    return factors


@spread
def step(
    plan: Plan, lanes: Lanes, state: TrainState, real: Array, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """Update the discriminator, in steps that are due the generator, and the average.

    Args:
        plan: what the step is compiled for.
        lanes: devices.
        state: donated.
        real: images ``[1, B, R, R, C]`` in [-1, 1].
        labels: ``[1, B, num_classes]`` of a conditional run, also those of the generated images.
        key: of the run.

    Returns:
        The next state, and named scalars (:data:`TERMS`); that of the generator in the steps that update it.
    """
    config, axes, optimizer = plan.config, _axes(lanes), _optimizer(plan.config)
    real, labels = jax.tree.map(lambda x: x[0], (real, labels))
    generator, discriminator = build(config)
    key = jax.random.fold_in(key, state.images_seen)
    real, labels = lanes.own((real, labels))

    def codes(number: int) -> Array:
        return lanes.own(config.distribution.sample(jax.random.fold_in(key, number), (config.batch_size, config.z_dim)))

    def kept(number: int) -> list[Array | None] | None:
        return lanes.own(_dropout(config, discriminator, jax.random.fold_in(purpose(key, "dropout"), number)))

    def generated(params: Params, z: Array) -> tuple[Array, Params]:
        return generate(generator, params, z, labels, axes)

    fake, to_generator, found = jax.vjp(partial(generated, z=codes(0)), state.generator, has_aux=True)
    d_params, d_opt, terms = _update_discriminator(plan, lanes, state, real, fake, labels, (kept(0), kept(1)))
    g_params, g_opt = state.generator, state.generator_opt
    for number in range(config.generator_steps if plan.generate else 0):
        if number:
            fake, to_generator, found = jax.vjp(partial(generated, z=codes(number)), g_params, has_aux=True)

        def objective(images: Array, number: int = number) -> Array:
            logits, _ = judge(discriminator, d_params, images, labels, kept(2 + number), axes)
            return cross_entropy_generator_loss(logits, config.loss)

        loss, pull = jax.value_and_grad(objective)(fake)
        gradient, terms["generator"] = lanes.mean((to_generator(pull)[0], loss))
        g_params, g_opt = optimize.descend(optimizer, g_params, gradient, g_opt)
        g_params = optimize.with_statistics(g_params, found, _KEPT_STATISTICS)
    seen = state.images_seen + config.batch_size
    average = optimize.blend(state.average, g_params, optimize.ema_decay(config, seen))
    return TrainState(g_params, d_params, average, g_opt, d_opt, seen), terms


def _update_discriminator(
    plan: Plan, lanes: Lanes, state: TrainState, real: Array, fake: Array, labels: Array | None, kept: tuple[Any, Any]
) -> tuple[Params, PyTree, dict[str, Array]]:
    """The discriminator after a batch of real and one of generated images, its optimiser, and named scalars."""
    config, (_, discriminator), axes = plan.config, build(plan.config), _axes(lanes)

    def objective(params: Params) -> tuple[Array, Any]:
        of_real, real_found = judge(discriminator, params, real, labels, kept[0], axes)
        of_fake, fake_found = judge(discriminator, params, fake, labels, kept[1], axes)
        loss = cross_entropy_discriminator_loss(of_real, of_fake, config.label_smoothing)
        return loss, (of_real, of_fake, real_found, fake_found)

    (loss, (of_real, of_fake, *found)), gradient = jax.value_and_grad(objective, has_aux=True)(state.discriminator)
    told = {"discriminator": loss, "real_logit": of_real.mean(), "fake_logit": of_fake.mean()}
    told |= watched(lanes, of_real, of_fake, real, fake)
    gradient, told = lanes.mean((gradient, told))
    params, opt = optimize.descend(_optimizer(config), state.discriminator, gradient, state.discriminator_opt)
    for statistics in found:
        params = optimize.with_statistics(params, statistics, _KEPT_STATISTICS)
    return params, opt, told


most_together = together = one_by_one
"""Steps of one program may update other networks."""


def train_steps(
    config: FirstConfig, state: TrainState, seen: int, number: int, real: Array, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """The step that a run has after ``seen`` images, of images ``[1, B, R, R, C]``."""
    return step(Plan(config, config.is_generator_due(seen)), lanes_for(config), state, real, labels, key)


def sample(config: FirstConfig, state: TrainState, z: Array, labels: Array | None) -> Array:
    """Images of the averaged generator, of standard normal codes, which become uniform ones where the run has such."""
    if config.latent == "uniform":
        latent = config.distribution
        z = latent.low + (latent.high - latent.low) * jax.scipy.stats.norm.cdf(z)
    return synthesize(averaged_prior(config, state), z, label=labels)


def grown(fresh: Params, trained: Params) -> Params:
    """None: no layer is without weights."""
    return {}


def averaged_prior(config: FirstConfig, state: TrainState) -> Prior:
    """The averaged generator, with statistics of its own, and the discriminator."""
    generator, discriminator = build(config)
    prior = Prior(state.average, generator, config.distribution, Critic(state.discriminator, discriminator))
    if not has_batch_norms(prior):
        return prior
    return with_batch_statistics(prior, purpose(seeded(config.seed), "statistics"), _STANDING)

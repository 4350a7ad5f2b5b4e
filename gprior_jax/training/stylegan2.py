"""Training of a StyleGAN2, as stylegan2-ada-pytorch's ``training_loop.py`` and ``loss.py`` have it.

One step is up to three updates: both networks, in every few steps the generator again for the path length penalty, and
in every few steps the discriminator again for R1. Each is a function of the state of its own, so that each is compiled
once and a step pays for what it takes. Steps that follow each other without penalties go in one program, where there is
room (:func:`gprior_jax.training.together.in_turn`).
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gprior_jax.compiling import jit
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator, logits
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.training import adversarial, losses, optimize, projected
from gprior_jax.training import stylegan2_drawing as drawing
from gprior_jax.training.augment import augment_each
from gprior_jax.training.config import StyleGAN2Config
from gprior_jax.training.lanes import Lanes, lanes_for, spread
from gprior_jax.training.projected import Projected
from gprior_jax.training.together import in_turn, room
from gprior_jax.typing import Array, Key, Params, PyTree

TERMS = (
    "generator",
    "discriminator",
    "real_logit",
    "fake_logit",
    "real_sign",
    "penalty",
    "path_length",
    "path_penalty",
    "augment_p",
)
"""Names of the scalars that steps give."""

OF_RESOLUTION = frozenset({"from_rgb"})
"""See :class:`gprior_jax.training.trainers.Trainer`."""

_OF_UPDATE = ("generator", "discriminator", "real_logit", "fake_logit", "real_sign")
"""Those of :func:`adversarial_update`."""

AUGMENT_INTERVAL = 4
"""Steps between changes of the augmentation's probability (``ada_interval``)."""


class TrainState(NamedTuple):
    """Everything that a run carries from step to step.

    Attributes:
        generator: weights being trained; ``w_avg`` among them follows the codes.
        discriminator: weights being trained.
        average: exponential moving average of the generator's weights, the result of the run.
        generator_opt: state of Adam.
        discriminator_opt: state of Adam.
        path_mean: running mean of path lengths, scalar.
        augment_p: probability of every augmentation, scalar.
        signs: sum and number of the signs of real logits since the probability changed, ``[2]``.
        images_seen: real images shown, int32 scalar.
        projected: the projected discriminators, of a run that has them.
    """

    generator: Params
    discriminator: Params
    average: Params
    generator_opt: PyTree
    discriminator_opt: PyTree
    path_mean: Array
    augment_p: Array
    signs: Array
    images_seen: Array
    projected: Projected | None = None


def build(config: StyleGAN2Config) -> tuple[StyleGAN2, StyleGAN2Discriminator]:
    """The two networks of a configuration."""
    generator = StyleGAN2(
        config.channels,
        z_dim=config.z_dim,
        w_dim=config.z_dim,
        mapping_layers=config.mapping_layers,
        num_classes=config.num_classes,
        image_channels=config.image_channels,
        conv_path="trained",
    )
    discriminator = StyleGAN2Discriminator(
        config.channels,
        num_classes=config.num_classes,
        image_channels=config.image_channels,
        group_size=config.minibatch_group,
        conv_path="trained",
    )
    return generator, discriminator


@partial(jit, use="once", static_argnums=0)
def init(config: StyleGAN2Config, key: Key) -> TrainState:
    """Fresh weights and optimiser states."""
    g, d = optimize.fresh_weights(config, *build(config), key)
    g_opt, d_opt = _optimizers(config)
    zero = jnp.float32(0)
    return TrainState(g, d, g, g_opt.init(g), d_opt.init(d), zero, zero, jnp.zeros(2), jnp.int32(0))


def _optimizers(config: StyleGAN2Config) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """Adam of the generator and of the discriminator."""
    path_interval = config.path_interval if config.path_weight else 0
    return optimize.adam(config, path_interval), optimize.adam(config, config.r1_interval if config.r1_gamma else 0)


def _keys(key: Key, state: TrainState, update: int) -> Any:
    """Three keys of one of the updates of the step."""
    return jax.random.split(jax.random.fold_in(jax.random.fold_in(key, state.images_seen), update), 3)


def _with_mean(config: StyleGAN2Config, params: Params, mean: Array) -> Params:
    """The weights with the running mean of w moved towards the mean of a batch."""
    return params | {"w_avg": params["w_avg"] + (1.0 - config.w_decay) * (mean - params["w_avg"])}


def _bounded(config: StyleGAN2Config, params: Params) -> Params:
    """The weights with strengths of noise that keep to their limit."""
    bound = config.noise_limit
    if bound is None:
        return params

    def kept(layer: Any) -> Any:
        has_noise = isinstance(layer, dict) and "noise_strength" in layer
        return layer | {"noise_strength": jnp.clip(layer["noise_strength"], -bound, bound)} if has_noise else layer

    return {name: kept(layer) for name, layer in params.items()}


def _seen(config: StyleGAN2Config, state: TrainState, images: Array, keys: Array) -> Array:
    """Images as the discriminator sees them, each with a key of its own."""
    return augment_each(images, state.augment_p, keys) if config.augment else images


def adversarial_update(
    config: StyleGAN2Config, lanes: Lanes, state: TrainState, real: Array, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """Update both networks on real images ``[B, R, R, C]`` in [-1, 1] and the same generated ones."""
    generator, discriminator = build(config)
    z_key, noise_key, augment_key = _keys(key, state, 0)
    fake_keys, real_keys = (
        lanes.own(jax.random.split(key, config.batch_size)) for key in jax.random.split(augment_key)
    )
    noise = lanes.own(drawing.noise_maps(generator, noise_key, config.batch_size))
    own_real, own_labels = lanes.own((real, labels))
    shown = _seen(config, state, own_real, real_keys)

    def generated(params: Params) -> tuple[Array, Array]:
        styles, mean = drawing.map_mixed(config, generator, params, labels, z_key, config.batch_size)
        images = drawing.render(generator, params, lanes.own(styles), noise)
        return _seen(config, state, images, fake_keys), mean

    def critic(params: Params, images: Array) -> Array:
        return logits(discriminator, params, images, own_labels)

    fake, to_generator, mean = jax.vjp(generated, state.generator, has_aux=True)
    found = adversarial.judge("nonsaturating", state.discriminator, fake, shown, critic)
    pull, judges, terms = adversarial.with_projected(config, lanes, state.projected, found, fake, shown, own_labels)
    terms = terms | {"real_sign": jnp.sign(found.of_real).mean()}
    g_gradient, d_gradient, terms = lanes.mean((to_generator(pull)[0], found.of_weights, terms))
    g_optimizer, d_optimizer = _optimizers(config)
    g_params, g_opt = optimize.descend(g_optimizer, state.generator, g_gradient, state.generator_opt)
    d_params, d_opt = optimize.descend(d_optimizer, state.discriminator, d_gradient, state.discriminator_opt)
    return state._replace(
        generator=_with_mean(config, _bounded(config, g_params), mean),
        discriminator=d_params,
        generator_opt=g_opt,
        discriminator_opt=d_opt,
        signs=state.signs + config.batch_size * jnp.stack([terms["real_sign"], jnp.float32(1.0)]),
        projected=judges,
    ), terms


def _terms(config: StyleGAN2Config) -> tuple[str, ...]:
    """Names of the scalars of every step."""
    more = projected.TERMS if config.has_projected else ()
    return (*_OF_UPDATE, *more, *(("augment_p",) if config.augment else ()))


@spread
def adversarial_steps(
    config: StyleGAN2Config,
    lanes: Lanes,
    state: TrainState,
    number: Array,
    held: Array,
    real: Array,
    labels: Array | None,
    key: Key,
) -> tuple[TrainState, dict[str, Array]]:
    """Update both networks some times, each time ending the step.

    Args:
        config: the run's settings.
        lanes: devices.
        state: donated.
        number: of steps, int32 scalar, 1 to N.
        held: whether the last of them is not to be ended yet, scalar.
        real: images ``[N, B, R, R, C]`` in [-1, 1].
        labels: ``[N, B, num_classes]`` of a conditional run.
        key: of the run.

    Returns:
        The next state, and named scalars ``[N]``, of which the first ``number`` count.
    """

    def one(step: Array, state: TrainState, given: tuple[Array, Array | None]) -> tuple[TrainState, dict[str, Array]]:
        index = state.images_seen // config.batch_size
        state, terms = adversarial_update(config, lanes, state, *given, key)
        state = _finished(config, state, index % AUGMENT_INTERVAL == 0, held & (step == number - 1))
        return state, terms | ({"augment_p": state.augment_p} if config.augment else {})

    return in_turn(one, state, number, (real, labels), _terms(config))


@spread
def path_step(
    config: StyleGAN2Config, lanes: Lanes, state: TrainState, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """Update the generator for the path length penalty."""
    generator, _ = build(config)
    number = config.batch_size // config.path_shrink
    labels = None if labels is None else labels[:number]
    z_key, noise_key, direction_key = _keys(key, state, 1)
    shape = (number, config.resolution, config.resolution, generator.image_channels)
    directions, noise = lanes.own_single(
        (jax.random.normal(direction_key, shape), drawing.noise_maps(generator, noise_key, number))
    )

    def objective(params: Params) -> tuple[Array, Any]:
        styles, mean = drawing.map_mixed(config, generator, params, labels, z_key, number)
        lengths = losses.path_lengths(
            lambda styles: drawing.render(generator, params, styles, noise), lanes.own_single(styles), directions
        )
        length = lanes.mean(lengths.mean())
        path_mean = state.path_mean + config.path_decay * (length - state.path_mean)
        penalty = jnp.mean(jnp.square(lengths - path_mean))
        told = {"path_length": length, "path_penalty": penalty}
        return config.path_weight * config.path_interval * penalty, (mean, path_mean, told)

    gradient, (mean, path_mean, told) = jax.grad(objective, has_aux=True)(state.generator)
    gradient, told = lanes.mean((gradient, told))
    params, opt = optimize.descend(_optimizers(config)[0], state.generator, gradient, state.generator_opt)
    params = _with_mean(config, _bounded(config, params), mean)
    state = state._replace(generator=params, generator_opt=opt, path_mean=path_mean)
    return state, told


@spread
def penalty_step(
    config: StyleGAN2Config, lanes: Lanes, state: TrainState, real: Array, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """Update the discriminator for the R1 penalty on real images."""
    _, discriminator = build(config)
    keys = lanes.own(jax.random.split(_keys(key, state, 3)[0], config.batch_size))
    real, labels = lanes.own((real, labels))

    def objective(params: Params) -> tuple[Array, Array]:
        penalty = losses.r1_penalty(
            lambda images: logits(discriminator, params, _seen(config, state, images, keys), labels), real
        )
        return 0.5 * config.r1_gamma * config.r1_interval * penalty, penalty

    gradient, penalty = lanes.mean(jax.grad(objective, has_aux=True)(state.discriminator))
    params, opt = optimize.descend(_optimizers(config)[1], state.discriminator, gradient, state.discriminator_opt)
    return state._replace(discriminator=params, discriminator_opt=opt), {"penalty": penalty}


def _finished(config: StyleGAN2Config, state: TrainState, adapt: Array | bool, held: Array | bool) -> TrainState:
    """Average the generator, count the images and, where asked, adapt the augmentation (``training_loop.py``).

    Where it is ``held``, nothing changes.
    """
    seen = state.images_seen + jnp.where(held, 0, config.batch_size)
    decay = jnp.where(held, 1.0, optimize.ema_decay(config, seen))
    average = optimize.blend(state.average, state.generator, decay)
    # Kept as they are: the mean of w is an average already, and the maps of noise are not trained.
    average = average | {"w_avg": jnp.where(held, state.average["w_avg"], state.generator["w_avg"])}
    state = state._replace(average=average, images_seen=seen)
    if not config.augment:
        return state
    adapt = jnp.logical_and(adapt, jnp.logical_not(held))
    sign = state.signs[0] / jnp.maximum(state.signs[1], 1.0)
    change = jnp.sign(sign - config.augment_target) * (config.batch_size * AUGMENT_INTERVAL / config.augment_images)
    adapted = jnp.clip(state.augment_p + change, 0.0, 1.0)
    return state._replace(
        augment_p=jnp.where(adapt, adapted, state.augment_p), signs=jnp.where(adapt, jnp.zeros(2), state.signs)
    )


@partial(jit, use="often", static_argnums=(0, 2), donate_argnums=1)
def finish_step(config: StyleGAN2Config, state: TrainState, adapt: bool) -> TrainState:
    """End a step that penalties have kept open."""
    return _finished(config, state, adapt, False)


def most_together(config: StyleGAN2Config) -> int:
    """Steps that :func:`train_steps` has room for at once."""
    # What projected discriminators look through is not written for loops.
    return 1 if config.has_projected else room(config)


def together(config: StyleGAN2Config, seen: int) -> int:
    """Steps that may go at once after ``seen`` images: up to the next that has a penalty."""
    index = seen // config.batch_size
    intervals = [config.path_interval] * bool(config.path_weight) + [config.r1_interval] * bool(config.r1_gamma)
    return min([most_together(config), *(interval - index % interval for interval in intervals)])


def train_steps(
    config: StyleGAN2Config, state: TrainState, seen: int, number: int, real: Array, labels: Array | None, key: Key
) -> tuple[TrainState, dict[str, Array]]:
    """The updates of some steps after ``seen`` images.

    Args:
        config: the run's settings.
        state: donated.
        seen: ``state.images_seen``, known without asking the device.
        number: of steps, at most what :func:`together` allows.
        real: images ``[N, B, R, R, C]`` in [-1, 1], those of the first ``number`` steps of N.
        labels: ``[N, B, num_classes]`` of a conditional run, also those of the generated images.
        key: of the run.

    Returns:
        The next state, and named scalars (:data:`TERMS`) ``[N]``, of which the first ``number`` count; single ones of
        the penalties that the last step has.
    """
    lanes, last = lanes_for(config), seen // config.batch_size + number - 1
    path = config.path_weight and optimize.is_due(last, config.path_interval)
    r1 = config.r1_gamma and optimize.is_due(last, config.r1_interval)
    held = bool(path or r1)
    state, terms = adversarial_steps(config, lanes, state, np.int32(number), np.bool_(held), real, labels, key)
    if not held:
        return state, terms
    of_last = None if labels is None else labels[number - 1]
    if path:
        state, told = path_step(config, lanes, state, of_last, key)
        terms |= told
    if r1:
        state, told = penalty_step(config, lanes, state, real[number - 1], of_last, key)
        terms |= told
    state = finish_step(config, state, last % AUGMENT_INTERVAL == 0)
    if config.augment:  # As the step leaves it, like that of the others.
        terms["augment_p"] = terms["augment_p"].at[number - 1].set(state.augment_p)
    return state, terms


def sample(config: StyleGAN2Config, state: TrainState, z: Array, labels: Array | None) -> Array:
    """Images of the averaged generator with its constant noise."""
    return drawing.with_constant_noise(build(config)[0], state.average, z, labels)


def grown(fresh: Params, trained: Params) -> Params:
    """New outputs without weights: what the larger generator first gives is the smaller one's image, enlarged."""
    new = [name for name in fresh if name.startswith("output") and name not in trained]
    return {name: fresh[name] | {"kernel": jnp.zeros_like(fresh[name]["kernel"])} for name in new}


def averaged_prior(config: StyleGAN2Config, state: TrainState) -> Prior:
    """The averaged generator and the discriminator."""
    generator, discriminator = build(config)
    critic = Critic(state.discriminator, discriminator.clone(conv_path="direct"))
    return Prior(state.average, generator.clone(conv_path="auto"), critic=critic)

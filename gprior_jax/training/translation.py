"""Training of translators: the updates of one step.

pix2pix (Isola et al. 2017, arXiv:1611.07004): the discriminator first, then the generator by the discriminator as it
is then. CycleGAN (Zhu et al. 2017, arXiv:1703.10593): both generators first, then both discriminators, on pictures that
were translated before the generators' update, or earlier. In this order junyanz' ``optimize_parameters`` has them; the
losses of discriminators are halved.
"""

from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from gprior_jax.compiling import jit
from gprior_jax.keys import purpose
from gprior_jax.nn.batch_norm import STATISTICS
from gprior_jax.nn.whole import Settings
from gprior_jax.training import optimize
from gprior_jax.training.image_pool import ImagePool, empty_pool, shown
from gprior_jax.training.translation_config import Loss, TranslationConfig
from gprior_jax.translation import Translator
from gprior_jax.typing import Array, ArrayLike, Key, Params, PyTree

TERMS = ("adversarial", "pixels", "cycle", "identity", "critic", "real_logit", "fake_logit")
"""Names of the scalars that steps give; those of CycleGAN are sums over both ways, of logits means."""

_BATCH = "batch"
"""Name of the axis whose statistics batch norm takes."""

_BACK: dict[str, str] = {"AtoB": "BtoA", "BtoA": "AtoB"}


class TranslationState(NamedTuple):
    """Everything that a run carries from step to step; dicts have an entry for every way.

    Attributes:
        generators: weights being trained, with running statistics of batch norm.
        averages: exponential moving averages of them; empty where the result of the run is what was trained last.
        critics: weights of the discriminators of what each way gives.
        generator_opt: state of Adam.
        critic_opt: state of Adam.
        pools: translated pictures that are kept; of CycleGAN.
        images_seen: int32 scalar.
    """

    generators: dict[str, Params]
    averages: dict[str, Params]
    critics: dict[str, Params]
    generator_opt: PyTree
    critic_opt: PyTree
    pools: dict[str, ImagePool]
    images_seen: Array


def optimizer(config: TranslationConfig) -> optax.GradientTransformation:
    """Adam, with rates that stay and then fall to 0."""

    def rate(steps: Any) -> Any:
        return config.learning_rate * config.rate(steps * config.batch_size)

    return optax.adam(rate, b1=config.beta1, b2=config.beta2)


@partial(jit, use="once", static_argnums=0)
def init(config: TranslationConfig, key: Key) -> TranslationState:
    """Fresh weights: kernels of deviation 0.02, scales of batch norm around 1."""
    modules = [*map(config.generator, config.ways), *map(config.critic, config.ways)]
    drawn = optimize.drawn([(module, module.input_shape) for module in modules], key)
    generators = dict(zip(config.ways, drawn, strict=False))
    critics = dict(zip(config.ways, drawn[len(config.ways) :], strict=True))
    pools = {}
    if config.method == "cyclegan":
        side = config.resolution
        pools = {way: empty_pool(config.pool, (side, side, config.generator(way).channels[1])) for way in config.ways}
    adam = optimizer(config)
    averages = generators if config.ema_half_life else {}
    return TranslationState(
        generators, averages, critics, adam.init(generators), adam.init(critics), pools, jnp.int32(0)
    )


def translated(
    config: TranslationConfig, way: str, params: Params, images: Array, key: Key | None
) -> tuple[Array, Params]:
    """What a generator gives for batches ``[..., B, H, W, C]``, each by its own statistics, and these.

    Args:
        config: the run's settings.
        way: of the generator.
        params: its weights.
        images: with any axes before that of the batch.
        key: of dropout, other for every image; None drops nothing.

    Returns:
        images, and statistics of the batches, averaged over the axes before; empty without batch norm.
    """
    module = config.generator(way)
    settings = Settings(axis_name=_BATCH)

    def one(image: Array, key: Key | None) -> tuple[Array, Any]:
        return module.apply({"params": params}, image, settings, key, mutable=[STATISTICS])

    lead = images.shape[:-3]
    keys = jax.random.split(key, lead) if key is not None and module.has_dropout else None
    run = jax.vmap(one, (0, None if keys is None else 0), axis_name=_BATCH)
    for _ in lead[:-1]:
        run = jax.vmap(run, (0, None if keys is None else 0))
    images, found = run(images, keys)
    means = tuple(range(len(lead)))
    return images, jax.tree.map(lambda leaf: leaf.mean(means), found.get(STATISTICS, {}))


def logits(config: TranslationConfig, way: str, params: Params, images: Array) -> Array:
    """What a discriminator says of the patches of a batch ``[B, H, W, C]``: ``[B, h, w]``."""
    module = config.critic(way)

    def one(image: Array) -> Array:
        return cast(Array, module.apply({"params": params}, image, _BATCH))

    return jax.vmap(one, axis_name=_BATCH)(images)


def adversarial(given: Array, is_real: bool, loss: Loss) -> Array:
    """How far logits are from saying real, or generated; a scalar.

    >>> float(adversarial(jnp.zeros(3), True, "lsgan")), round(float(adversarial(jnp.zeros(3), False, "vanilla")), 4)
    (1.0, 0.6931)
    """
    if loss == "lsgan":
        return jnp.mean(jnp.square(given - float(is_real)))
    return jnp.mean(jax.nn.softplus(-given if is_real else given))


def _critic_loss(
    config: TranslationConfig, way: str, params: Params, real: Array, fake: Array
) -> tuple[Array, dict[str, Array]]:
    """Half of what a discriminator minimises, and scalars."""
    on_real, on_fake = (logits(config, way, params, images) for images in (real, fake))
    loss = 0.5 * (adversarial(on_real, True, config.loss) + adversarial(on_fake, False, config.loss))
    return loss, {"critic": loss, "real_logit": on_real.mean(), "fake_logit": on_fake.mean()}


@partial(jit, use="often", static_argnums=0, donate_argnums=1)
def train_step(
    config: TranslationConfig, state: TranslationState, before: ArrayLike, after: ArrayLike, key: Key
) -> tuple[TranslationState, dict[str, Array]]:
    """Update all networks once.

    Args:
        config: the run's settings.
        state: donated.
        before: pictures of A, ``[B, R, R, in_channels]`` in [-1, 1].
        after: pictures of B, ``[B, R, R, out_channels]``; of pix2pix those that belong to ``before``.
        key: of the run.

    Returns:
        The next state, and named scalars.
    """
    key = jax.random.fold_in(key, state.images_seen)
    step = _pix2pix if config.method == "pix2pix" else _cyclegan
    state, statistics, terms = step(config, state, jnp.asarray(before), jnp.asarray(after), key)
    generators = {
        way: optimize.with_statistics(own, statistics[way], config.norm_decay) for way, own in state.generators.items()
    }
    seen = state.images_seen + config.batch_size
    averages = state.averages
    if averages:
        averages = optimize.blend(averages, generators, optimize.ema_decay(config, seen))
    return state._replace(generators=generators, averages=averages, images_seen=seen), terms


def _pix2pix(
    config: TranslationConfig, state: TranslationState, before: Array, after: Array, key: Key
) -> tuple[TranslationState, dict[str, Params], dict[str, Array]]:
    adam = optimizer(config)
    fake, pull, statistics = jax.vjp(
        lambda params: translated(config, "AtoB", params, before, purpose(key, "dropout")),
        state.generators["AtoB"],
        has_aux=True,
    )

    def together(images: Array) -> Array:
        return jnp.concatenate([before, images], axis=-1)

    def of_critic(critics: dict[str, Params]) -> tuple[Array, dict[str, Array]]:
        return _critic_loss(config, "AtoB", critics["AtoB"], together(after), together(fake))

    gradient, terms = jax.grad(of_critic, has_aux=True)(state.critics)
    critics, critic_opt = optimize.descend(adam, state.critics, gradient, state.critic_opt)

    def of_images(images: Array) -> tuple[Array, dict[str, Array]]:
        judged = adversarial(logits(config, "AtoB", critics["AtoB"], together(images)), True, config.loss)
        pixels = jnp.mean(jnp.abs(images - after))
        return judged + config.pixel_weight * pixels, {"adversarial": judged, "pixels": pixels}

    of_fake, more = jax.grad(of_images, has_aux=True)(fake)
    own = {"AtoB": pull(of_fake)[0]}
    generators, generator_opt = optimize.descend(adam, state.generators, own, state.generator_opt)
    state = state._replace(generators=generators, critics=critics, generator_opt=generator_opt, critic_opt=critic_opt)
    return state, {"AtoB": statistics}, terms | more


def _cyclegan(
    config: TranslationConfig, state: TranslationState, before: Array, after: Array, key: Key
) -> tuple[TranslationState, dict[str, Params], dict[str, Array]]:
    adam = optimizer(config)
    given: dict[str, Array] = {"AtoB": before, "BtoA": after}

    def of_generators(generators: dict[str, Params]) -> tuple[Array, Any]:
        return _both_ways(config, generators, state.critics, given, key)

    gradient, (fakes, statistics, terms) = jax.grad(of_generators, has_aux=True)(state.generators)
    generators, generator_opt = optimize.descend(adam, state.generators, gradient, state.generator_opt)
    kept = {way: shown(state.pools[way], fakes[way], purpose(key, f"pool {way}")) for way in config.ways}

    def of_critics(critics: dict[str, Params]) -> tuple[Array, dict[str, Array]]:
        found = [_critic_loss(config, way, critics[way], given[_BACK[way]], kept[way][0]) for way in config.ways]
        told = jax.tree.map(lambda *each: sum(each, jnp.zeros(())), *(own for _, own in found))
        told |= {name: told[name] / len(found) for name in ("real_logit", "fake_logit")}
        return sum((loss for loss, _ in found), jnp.zeros(())), told

    gradient, told = jax.grad(of_critics, has_aux=True)(state.critics)
    critics, critic_opt = optimize.descend(adam, state.critics, gradient, state.critic_opt)
    state = state._replace(
        generators=generators,
        critics=critics,
        generator_opt=generator_opt,
        critic_opt=critic_opt,
        pools={way: pool for way, (_, pool) in kept.items()},
    )
    return state, statistics, terms | told


def _both_ways(
    config: TranslationConfig,
    generators: dict[str, Params],
    critics: dict[str, Params],
    given: dict[str, Array],
    key: Key,
) -> tuple[Array, Any]:
    """What the generators minimise; the translated pictures, statistics of batches, and scalars."""
    with_identity = bool(config.identity_weight)
    fakes: dict[str, Array] = {}
    statistics: dict[str, Params] = {}
    names = ("adversarial", "cycle", "identity") if with_identity else ("adversarial", "cycle")
    terms: dict[str, Array] = dict.fromkeys(names, jnp.zeros(()))
    for way in config.ways:
        # A picture of the other side, which should stay as it is, goes through with the own one, as a batch of its own.
        images = jnp.stack([given[way], given[_BACK[way]]]) if with_identity else given[way][None]
        found, statistics[way] = translated(config, way, generators[way], images, purpose(key, f"dropout {way}"))
        fakes[way] = found[0]
        if with_identity:
            terms["identity"] += jnp.mean(jnp.abs(found[1] - given[_BACK[way]]))
    for way in config.ways:
        judged = logits(config, way, critics[way], fakes[way])
        terms["adversarial"] += adversarial(judged, True, config.loss)
        back = _BACK[way]
        again, _ = translated(config, back, generators[back], fakes[way], purpose(key, f"dropout {way} and back"))
        terms["cycle"] += jnp.mean(jnp.abs(again - given[way]))
    loss = terms["adversarial"] + config.cycle_weight * terms["cycle"]
    if with_identity:
        loss += config.cycle_weight * config.identity_weight * terms["identity"]
    return loss, (fakes, statistics, terms)


def averaged(config: TranslationConfig, state: TranslationState, name: str = "") -> dict[str, Translator]:
    """The result of a run: the generators of every way, averaged where the run does so."""
    found = state.averages or state.generators
    return {
        way: Translator(found[way], config.generator(way), name=name, trained_size=config.resolution)
        for way in config.ways
    }

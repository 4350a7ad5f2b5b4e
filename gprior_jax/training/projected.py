"""Training with :mod:`projected discriminators <gprior_jax.perceptual.projected>` beside the one that sees pixels."""

from typing import NamedTuple

import jax
import optax

from gprior_jax.perceptual import projected as networks
from gprior_jax.training import losses, optimize
from gprior_jax.training.gan_config import PyramidConfig
from gprior_jax.training.lanes import Lanes
from gprior_jax.typing import Array, Key, Params, PyTree

TERMS: tuple[str, ...] = ("projected_generator", "projected_discriminator")
"""Names of the scalars that steps give."""


class Projected(NamedTuple):
    """What a run carries of them.

    Attributes:
        frozen: what is not trained.
        heads: weights of the discriminators.
        opt: state of Adam.
    """

    frozen: networks.Frozen
    heads: Params
    opt: PyTree


def _adam(config: PyramidConfig) -> optax.GradientTransformation:
    return optax.adam(config.projected_rate, b1=0.0, b2=config.beta2)


def init(config: PyramidConfig, network: Params, key: Key) -> Projected:
    """Fresh discriminators on a network's weights, those of EfficientNet-Lite0."""
    mix_key, heads_key = jax.random.split(key)
    heads = networks.init_heads(config.resolution, getattr(config, "num_classes", 0), heads_key)
    return Projected(networks.freeze(network, mix_key), heads, _adam(config).init(heads))


def step(
    config: PyramidConfig, lanes: Lanes, state: Projected, fake: Array, real: Array, labels: Array | None
) -> tuple[Array, Projected, dict[str, Array]]:
    """Update the discriminators, and judge the generated images with what they were before.

    Args:
        config: the run's settings.
        lanes: devices.
        state: the discriminators.
        fake: this device's generated images ``[B, H, W, C]`` in [-1, 1].
        real: its real ones.
        labels: their classes ``[B, num_classes]`` in a conditional run.

    Returns:
        The gradient of the generator's loss with respect to ``fake``, the next state, and named scalars.
    """
    size = networks.side(config.resolution)

    def features(images: Array) -> tuple[Array, ...]:
        return jax.vmap(lambda image: networks.mixed_features(state.frozen, image, size))(images)

    def logits(heads: Params, maps: tuple[Array, ...]) -> tuple[Array, ...]:
        return networks.logits(heads, maps, labels, config.minibatch_group)

    of_fake, to_fake = jax.vjp(features, fake)
    found = losses.gradients(losses.HINGE, state.heads, of_fake, features(real), logits)
    (of_images,) = to_fake(found.of_fake)
    heads, opt = optimize.descend(_adam(config), state.heads, lanes.mean(found.of_weights), state.opt)
    told = dict(zip(TERMS, (found.generator, found.discriminator), strict=True))
    return of_images, state._replace(heads=networks.iterate(heads), opt=opt), told

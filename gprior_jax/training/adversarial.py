"""Gradients of the adversarial losses of both networks, from one pass through each on the same generated images."""

from collections.abc import Callable
from typing import NamedTuple

from gprior_jax.training import losses, projected
from gprior_jax.training.gan_config import PyramidConfig
from gprior_jax.training.lanes import Lanes
from gprior_jax.typing import Array, Params


class Judgement(NamedTuple):
    """What a discriminator says of a batch.

    Attributes:
        of_images: gradient of the generator's loss with respect to the generated images ``[B, H, W, C]``.
        of_weights: gradient of the discriminator's loss with respect to its weights, without penalties.
        of_real: logits of the real images ``[B]``.
        terms: named scalars: both losses, mean logits.
    """

    of_images: Array
    of_weights: Params
    of_real: Array
    terms: dict[str, Array]


def judge(
    loss: losses.AdversarialLoss, weights: Params, fake: Array, real: Array, critic: Callable[[Params, Array], Array]
) -> Judgement:
    """Both losses on the same generated images, with the discriminator as it is.

    Args:
        loss: which losses.
        weights: of the discriminator.
        fake: generated images ``[B, H, W, C]``.
        real: as many real ones.
        critic: the discriminator's weights and images to logits ``[B]``.
    """
    found = losses.gradients(losses.game(loss), weights, fake, real, critic)
    terms = {
        "generator": found.generator,
        "discriminator": found.discriminator,
        "real_logit": found.real.mean(),
        "fake_logit": found.fake.mean(),
    }
    return Judgement(found.of_fake, found.of_weights, found.real, terms)


def with_projected(
    config: PyramidConfig,
    lanes: Lanes,
    state: projected.Projected | None,
    found: Judgement,
    fake: Array,
    real: Array,
    labels: Array | None,
) -> tuple[Array, projected.Projected | None, dict[str, Array]]:
    """The judgement of all discriminators of a run, and the projected ones updated, where it has them.

    Args:
        config: the weights of the judgements.
        lanes: devices.
        state: the projected discriminators.
        found: what the discriminator of pixels says.
        fake: generated images ``[B, H, W, C]``.
        real: real ones.
        labels: their classes, of a conditional run.

    Returns:
        The gradient of the generator's loss with respect to ``fake``, the next ``state``, and all named scalars.
    """
    pull = config.pixel_weight * found.of_images
    if state is None:
        return pull, None, found.terms
    more, state, terms = projected.step(config, lanes, state, fake, real, labels)
    return pull + config.projected_weight * more, state, found.terms | terms

"""Gradients of the adversarial losses of both networks, from one pass through each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.training import losses
from gprior_jax.typing import Array, Params


class Adversarial(NamedTuple):
    """What a step needs.

    Attributes:
        generator: gradient of its loss.
        discriminator: gradient of its loss, without penalties.
        of_real: logits of the real images ``[B]``.
        extra: what was computed with the generated images.
        terms: named scalars: both losses, mean logits.
    """

    generator: Params
    discriminator: Params
    of_real: Array
    extra: Any
    terms: dict[str, Array]


def gradients(
    loss: losses.AdversarialLoss,
    weights: tuple[Params, Params],
    generated: Callable[[Params], tuple[Array, Any]],
    fake_logits: Callable[[Params, Array], Array],
    real_logits: Callable[[Params], Array],
) -> Adversarial:
    """Both losses on the same generated images, with both networks as they are.

    One pass through each network serves both updates, where updates that take turns need two.

    Args:
        loss: which losses.
        weights: of the generator and of the discriminator.
        generated: the generator's weights to images ``[B, H, W, C]`` and anything else.
        fake_logits: the discriminator's weights and those images to logits ``[B]``.
        real_logits: the discriminator's weights to the logits of real images ``[B]``.
    """
    generator, discriminator = weights
    fake, to_generator, extra = jax.vjp(generated, generator, has_aux=True)
    of_fake, to_critic = jax.vjp(fake_logits, discriminator, fake)
    of_real, to_real = jax.vjp(real_logits, discriminator)
    g_loss, g_pull = jax.value_and_grad(losses.generator_loss)(of_fake, loss)
    d_loss, (real_pull, fake_pull) = jax.value_and_grad(losses.discriminator_loss, (0, 1))(of_real, of_fake, loss)
    (g_gradient,) = to_generator(to_critic(g_pull)[1])
    d_gradient = jax.tree.map(jnp.add, to_real(real_pull)[0], to_critic(fake_pull)[0])
    terms = {
        "generator": g_loss,
        "discriminator": d_loss,
        "real_logit": of_real.mean(),
        "fake_logit": of_fake.mean(),
    }
    return Adversarial(g_gradient, d_gradient, of_real, extra, terms)

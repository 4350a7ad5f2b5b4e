"""Adversarial losses and gradient penalties, on logits and on batches of images ``[B, H, W, C]``."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array, Params, PyTree

AdversarialLoss = Literal["nonsaturating", "wgan_gp"]
CrossEntropy = Literal["nonsaturating", "minimax"]
Critic = Callable[[Array], Array]
"""Images ``[B, H, W, C]`` to logits ``[B]``."""

GRADIENT_PENALTY_WEIGHT = 10.0
"""Weight of the WGAN-GP penalty (Karras et al. 2018, appendix A.1, lambda)."""

DRIFT_WEIGHT = 1e-3
"""Weight of the squared logit of real images, which keeps WGAN logits near zero (ibid., epsilon_drift)."""


def generator_loss(fake_logits: Array, loss: AdversarialLoss) -> Array:
    """What the generator minimises: ``softplus(-D(fake))`` (Goodfellow et al. 2014) or ``-D(fake)``; a scalar."""
    return jnp.mean(jax.nn.softplus(-fake_logits) if loss == "nonsaturating" else -fake_logits)


def discriminator_loss(real_logits: Array, fake_logits: Array, loss: AdversarialLoss) -> Array:
    """What the discriminator minimises, before gradient penalties; a scalar."""
    if loss == "nonsaturating":
        return jnp.mean(jax.nn.softplus(fake_logits)) + jnp.mean(jax.nn.softplus(-real_logits))
    drift = DRIFT_WEIGHT * jnp.mean(jnp.square(real_logits))
    return jnp.mean(fake_logits) - jnp.mean(real_logits) + drift


def cross_entropy_generator_loss(fake_logits: Array, loss: CrossEntropy) -> Array:
    """What the generator minimises: ``-log D(fake)``, or in the minimax game ``log(1 - D(fake))``; a scalar.

    D is the sigmoid of the logit (Goodfellow et al. 2014, arXiv:1406.2661, equation 1 and section 3).
    """
    return generator_loss(fake_logits, "nonsaturating") if loss == "nonsaturating" else -_softplus_mean(fake_logits)


def cross_entropy_discriminator_loss(real_logits: Array, fake_logits: Array, label_smoothing: float = 0.0) -> Array:
    """What the discriminator minimises: cross-entropy with the target 1, or a little less, of real images; a scalar.

    Args:
        real_logits: of real images.
        fake_logits: of generated ones, whose target is 0.
        label_smoothing: what the target of real images is below 1 (Salimans et al. 2016, arXiv:1606.03498, 3.4).

    >>> bool(cross_entropy_discriminator_loss(jnp.zeros(2), jnp.zeros(2)) == 2 * jnp.log(2.0))
    True
    """
    # -s log D - (1 - s) log(1 - D), and log(1 - D) - log D = -logit.
    real = _softplus_mean(-real_logits) + label_smoothing * jnp.mean(real_logits)
    return real + _softplus_mean(fake_logits)


def _softplus_mean(logits: Array) -> Array:
    return jnp.mean(jax.nn.softplus(logits))


def hinge_generator_loss(fake: tuple[Array, ...]) -> Array:
    """What the generator minimises against discriminators of several scales: minus their mean logits, summed.

    (Lim and Ye 2017, arXiv:1705.02894; Sauer et al. 2021, arXiv:2111.01007, section 3.) Logits have any shape.
    """
    return -sum((jnp.mean(x) for x in fake), jnp.zeros(()))


def hinge_discriminator_loss(real: tuple[Array, ...], fake: tuple[Array, ...]) -> Array:
    """What discriminators of several scales minimise: ``max(0, 1 - D(real)) + max(0, 1 + D(fake))``, means, summed."""
    parts = [*(1.0 - x for x in real), *(1.0 + x for x in fake)]
    return sum((jnp.mean(jax.nn.relu(x)) for x in parts), jnp.zeros(()))


class Gradients(NamedTuple):
    """Both losses on the same generated images, and their gradients.

    Attributes:
        of_fake: of the generator's loss, with respect to what the discriminator saw of the generated images.
        of_weights: of the discriminator's, with respect to its weights.
        fake: logits of the generated images.
        real: logits of the real ones.
        generator: the generator's loss.
        discriminator: the discriminator's.
    """

    of_fake: PyTree
    of_weights: Params
    fake: PyTree
    real: PyTree
    generator: Array
    discriminator: Array


def gradients(
    generator_loss: Callable[[PyTree], Array],
    discriminator_loss: Callable[[PyTree, PyTree], Array],
    weights: Params,
    fake: PyTree,
    fake_logits: Callable[[Params, PyTree], PyTree],
    real_logits: Callable[[Params], PyTree],
) -> Gradients:
    """One pass for both updates, where updates that take turns need two; the discriminator stays as it is.

    Args:
        generator_loss: of the logits of generated images.
        discriminator_loss: of the logits of real and of generated images.
        weights: of the discriminator.
        fake: generated images, or features of them.
        fake_logits: of the weights and ``fake``.
        real_logits: of the weights.
    """
    of_fake, to_fake = jax.vjp(fake_logits, weights, fake)
    of_real, to_real = jax.vjp(real_logits, weights)
    g_loss, g_pull = jax.value_and_grad(generator_loss)(of_fake)
    d_loss, (real_pull, fake_pull) = jax.value_and_grad(discriminator_loss, (0, 1))(of_real, of_fake)
    of_weights = jax.tree.map(jnp.add, to_real(real_pull)[0], to_fake(fake_pull)[0])
    return Gradients(to_fake(g_pull)[1], of_weights, of_fake, of_real, g_loss, d_loss)


def r1_penalty(critic: Critic, real: Array) -> Array:
    """Mean over real images of the squared norm of the critic's gradient (Mescheder et al. 2018, equation 9).

    Returns:
        the mean of |grad D(x)|^2, a scalar, without the factor gamma / 2.
    """
    gradient = jax.grad(lambda images: jnp.sum(critic(images)))(real)
    return jnp.mean(jnp.sum(jnp.square(gradient), axis=(1, 2, 3)))


def wgan_gradient_penalty(critic: Critic, real: Array, fake: Array, mix: Array) -> Array:
    """Mean of (|grad D| - 1)^2 at points between real and fake images (Gulrajani et al. 2017, equation 3).

    Args:
        critic: images to logits.
        real: ``[B, H, W, C]``.
        fake: as many generated ones.
        mix: how far from the real to the fake image the point lies, random in [0, 1), ``[B, 1, 1, 1]``.
    """
    gradient = jax.grad(lambda images: jnp.sum(critic(images)))(real + mix * (fake - real))
    norm = jnp.sqrt(jnp.sum(jnp.square(gradient), axis=(1, 2, 3)) + 1e-12)
    return jnp.mean(jnp.square(norm - 1.0))


def path_lengths(render: Callable[[Array], Array], styles: Array, directions: Array) -> Array:
    """How much images change with their styles, along a direction of every image.

    The root of the mean over layers of |J^T y|^2, y the direction over the root of the number of pixels (Karras et al.
    2020, arXiv:1912.04958, section 3.2; stylegan2-ada-pytorch ``loss.py``, Gpl).

    Args:
        render: styles to images ``[B, H, W, C]``.
        styles: ``[B, num_styles, w_dim]``.
        directions: standard normal images ``[B, H, W, C]``.

    Returns:
        ``[B]``.
    """
    scale = math.sqrt(directions.shape[1] * directions.shape[2])
    gradient = jax.grad(lambda styles: jnp.sum(render(styles) * directions) / scale)(styles)
    return jnp.sqrt(jnp.sum(jnp.square(gradient), axis=-1).mean(-1))

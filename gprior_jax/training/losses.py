"""Adversarial losses and gradient penalties, on logits and on batches of images ``[B, H, W, C]``."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
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


def real_loss(logits: Array, loss: AdversarialLoss) -> Array:
    """What the discriminator minimises of real images, before gradient penalties; a scalar."""
    if loss == "nonsaturating":
        return jnp.mean(jax.nn.softplus(-logits))
    return DRIFT_WEIGHT * jnp.mean(jnp.square(logits)) - jnp.mean(logits)


def fake_loss(logits: Array, loss: AdversarialLoss) -> Array:
    """What the discriminator minimises of generated images; a scalar."""
    return jnp.mean(jax.nn.softplus(logits) if loss == "nonsaturating" else logits)


def discriminator_loss(real_logits: Array, fake_logits: Array, loss: AdversarialLoss) -> Array:
    """What the discriminator minimises, before gradient penalties; a scalar."""
    return real_loss(real_logits, loss) + fake_loss(fake_logits, loss)


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


def hinge_real_loss(real: tuple[Array, ...]) -> Array:
    """What discriminators of several scales minimise of real images: ``max(0, 1 - D(real))``, means, summed."""
    return sum((jnp.mean(jax.nn.relu(1.0 - x)) for x in real), jnp.zeros(()))


def hinge_fake_loss(fake: tuple[Array, ...]) -> Array:
    """What they minimise of generated ones: ``max(0, 1 + D(fake))``."""
    return sum((jnp.mean(jax.nn.relu(1.0 + x)) for x in fake), jnp.zeros(()))


class Game(NamedTuple):
    """Losses of two networks, each of logits, to a scalar.

    Attributes:
        generator: of generated images, what the generator minimises.
        real: of real images, what the discriminator minimises.
        fake: of generated ones, likewise.
    """

    generator: Callable[[PyTree], Array]
    real: Callable[[PyTree], Array]
    fake: Callable[[PyTree], Array]


def game(loss: AdversarialLoss) -> Game:
    """That of one of the losses."""
    return Game(*(partial(each, loss=loss) for each in (generator_loss, real_loss, fake_loss)))


HINGE = Game(hinge_generator_loss, hinge_real_loss, hinge_fake_loss)


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
    game: Game, weights: Params, fake: PyTree, real: PyTree, logits: Callable[[Params, PyTree], PyTree]
) -> Gradients:
    """One pass for both updates, where updates that take turns need two; the discriminator stays as it is.

    Real and generated images are judged one after the other by one piece of program, which is compiled once.

    Args:
        game: losses of both networks.
        weights: of the discriminator.
        fake: generated images, or features of them.
        real: as many real ones.
        logits: of the weights and images.

    Raises:
        ArgumentError: real and generated images differ in number, size or type.
    """
    _check_alike(fake, real)

    def half(found: tuple[Params, PyTree], given: tuple[PyTree, Array]) -> tuple[tuple[Params, PyTree], Any]:
        of_weights, of_fake = found
        shown, is_fake = given
        judged, pull = jax.vjp(logits, weights, shown)
        loss, back = jax.value_and_grad(lambda x: jnp.where(is_fake, game.fake(x), game.real(x)))(judged)
        g_loss, g_back = jax.value_and_grad(game.generator)(judged)
        of_weights = jax.tree.map(jnp.add, of_weights, pull(back)[0])
        of_fake = jax.lax.cond(is_fake, lambda: pull(g_back)[1], lambda: of_fake)
        return (of_weights, of_fake), (judged, g_loss, loss)

    none = jax.tree.map(jnp.zeros_like, (weights, fake))
    both = jax.tree.map(lambda *each: jnp.stack(each), real, fake)
    (of_weights, of_fake), (judged, g_loss, loss) = jax.lax.scan(half, none, (both, jnp.array([False, True])))
    of_real, of_generated = (jax.tree.map(lambda x, i=i: x[i], judged) for i in (0, 1))
    return Gradients(of_fake, of_weights, of_generated, of_real, g_loss[1], loss.sum())


def _check_alike(fake: PyTree, real: PyTree) -> None:
    """Raise :class:`ArgumentError` unless real images are as many as generated ones, as large and of one type."""
    generated, given = (jax.tree.map(lambda x: jax.typeof(x).str_short(), each) for each in (fake, real))
    if generated != given:
        raise ArgumentError(
            f"real images are {given} and generated ones {generated}: give as many, of one size and type "
            "(real.astype(fake.dtype))."
        )


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

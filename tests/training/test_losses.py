import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gprior_jax.errors import ArgumentError
from gprior_jax.training import losses

REAL, FAKE = (np.random.default_rng(seed).uniform(-3, 3, 6).astype(np.float32) for seed in (0, 1))
IMAGES, OTHERS = (np.random.default_rng(seed).uniform(-1, 1, (3, 4, 5, 2)).astype(np.float32) for seed in (2, 3))
MIX = np.array([0.1, 0.5, 0.8], np.float32).reshape(3, 1, 1, 1)
WEIGHTS = np.random.default_rng(4).standard_normal((4, 5, 2)).astype(np.float32)


def critic(images, weights=WEIGHTS):
    """A critic with a gradient that depends on the image."""
    return jnp.sum(jnp.tanh(images * weights) * (1 + images), axis=(1, 2, 3))


def torch_critic(images, weights):
    return (torch.tanh(images * weights) * (1 + images)).sum((1, 2, 3))


def torch_gradients(images):
    """Gradient of the critic with respect to each image, differentiable in the weights."""
    images = torch.from_numpy(images).requires_grad_()
    weights = torch.from_numpy(WEIGHTS.copy()).requires_grad_()
    (gradient,) = torch.autograd.grad(torch_critic(images, weights).sum(), images, create_graph=True)
    return gradient.flatten(1), weights


def test_nonsaturating_losses_are_cross_entropies():
    real, fake = torch.from_numpy(REAL), torch.from_numpy(FAKE)
    ones, zeros = torch.ones(6), torch.zeros(6)
    cross_entropy = F.binary_cross_entropy_with_logits
    assert float(losses.generator_loss(FAKE, "nonsaturating")) == pytest.approx(
        float(cross_entropy(fake, ones)), rel=1e-5
    )
    wanted = float(cross_entropy(real, ones) + cross_entropy(fake, zeros))
    assert float(losses.discriminator_loss(REAL, FAKE, "nonsaturating")) == pytest.approx(wanted, rel=1e-5)


def test_wasserstein_losses():
    assert float(losses.generator_loss(FAKE, "wgan_gp")) == pytest.approx(-FAKE.mean(), rel=1e-5)
    wanted = FAKE.mean() - REAL.mean() + 0.001 * (REAL**2).mean()
    assert float(losses.discriminator_loss(REAL, FAKE, "wgan_gp")) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("loss", ["nonsaturating", "wgan_gp"])
def test_losses_are_finite_for_large_logits(loss):
    large = jnp.array([1e4, -1e4])
    assert np.isfinite(losses.generator_loss(large, loss))
    assert np.isfinite(losses.discriminator_loss(large, -large, loss))


def test_r1_as_torch():
    gradient, weights = torch_gradients(IMAGES)
    wanted = gradient.square().sum(1).mean()
    wanted.backward()
    value, slope = jax.value_and_grad(lambda w: losses.r1_penalty(lambda x: critic(x, w), IMAGES))(WEIGHTS)
    assert float(value) == pytest.approx(wanted.item(), rel=1e-5)
    np.testing.assert_allclose(slope, weights.grad, rtol=1e-4, atol=1e-4)


def test_r1_by_finite_differences():
    total, step = 0.0, 1e-2
    for image in IMAGES:
        for index in np.ndindex(image.shape):
            shift = np.zeros_like(image)
            shift[index] = step
            up, down = critic(np.stack([image + shift, image - shift])).tolist()
            total += ((up - down) / (2 * step)) ** 2
    assert float(losses.r1_penalty(critic, IMAGES)) == pytest.approx(total / len(IMAGES), rel=1e-2)


def test_wgan_penalty_as_torch():
    gradient, weights = torch_gradients(IMAGES + MIX * (OTHERS - IMAGES))
    wanted = (gradient.norm(dim=1) - 1).square().mean()
    wanted.backward()

    def penalty(w):
        return losses.wgan_gradient_penalty(lambda x: critic(x, w), IMAGES, OTHERS, MIX)

    value, slope = jax.value_and_grad(penalty)(WEIGHTS)
    assert float(value) == pytest.approx(wanted.item(), rel=1e-5)
    np.testing.assert_allclose(slope, weights.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("norm", "wanted"), [(1.0, 0.0), (3.0, 4.0)])
def test_wgan_penalty_of_a_linear_critic(norm, wanted):
    direction = WEIGHTS * norm / np.linalg.norm(WEIGHTS)
    found = losses.wgan_gradient_penalty(lambda x: jnp.sum(x * direction, axis=(1, 2, 3)), IMAGES, OTHERS, MIX)
    assert float(found) == pytest.approx(wanted, abs=1e-5)


def test_wgan_penalty_of_a_constant_critic_has_a_finite_gradient():
    def penalty(scale):
        return losses.wgan_gradient_penalty(lambda x: scale * jnp.sum(x, axis=(1, 2, 3)), IMAGES, OTHERS, MIX)

    value, slope = jax.value_and_grad(penalty)(0.0)
    assert float(value) == pytest.approx(1.0, abs=1e-4)
    assert np.isfinite(slope)


def test_hinge_losses():
    real = (np.array([[2.0, 0.5], [1.0, -1.0]]), np.array([3.0]))
    fake = (np.array([[-2.0, 0.0], [-1.0, 1.0]]), np.array([-0.5]))
    # max(0, 1 - D(real)): 0, 0.5, 0, 2 and 0; max(0, 1 + D(fake)): 0, 1, 0, 2 and 0.5.
    assert float(losses.hinge_real_loss(real)) == pytest.approx(2.5 / 4)
    assert float(losses.hinge_fake_loss(fake)) == pytest.approx(3 / 4 + 0.5)
    assert float(losses.hinge_generator_loss(fake)) == pytest.approx(0.5 + 0.5)


@pytest.mark.parametrize("loss", ["nonsaturating", "wgan_gp"])
def test_gradients_of_both_networks_are_those_of_their_losses(loss):
    def logits(weights, images):
        return critic(images, weights) + jnp.std(images)  # An image's logit depends on the others'.

    found = losses.gradients(losses.game(loss), WEIGHTS, OTHERS, IMAGES, logits)
    d_loss, of_weights = jax.value_and_grad(
        lambda w: losses.discriminator_loss(logits(w, IMAGES), logits(w, OTHERS), loss)
    )(WEIGHTS)
    g_loss, of_fake = jax.value_and_grad(lambda x: losses.generator_loss(logits(WEIGHTS, x), loss))(OTHERS)
    for value, wanted in (
        (found.of_weights, of_weights),
        (found.of_fake, of_fake),
        (found.fake, logits(WEIGHTS, OTHERS)),
        (found.real, logits(WEIGHTS, IMAGES)),
        (found.discriminator, d_loss),
        (found.generator, g_loss),
    ):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("real", "told"),
    [
        (IMAGES[:1], r"real images are float32\[1,.* generated ones float32\[3,.*: give as many, of one size and type"),
        (IMAGES[:, :2], "give as many, of one size and type"),
        (np.asarray(IMAGES, np.float16), r"float16\[.*: give as many, of one size and type"),
        ((IMAGES,), "give as many, of one size and type"),
    ],
)
def test_images_that_differ_are_refused(real, told):
    with pytest.raises(ArgumentError, match=told):
        losses.gradients(losses.HINGE, WEIGHTS, OTHERS, real, lambda weights, images: critic(images, weights))


def test_gradients_of_several_scales():
    def logits(weights, maps):
        return tuple(weight * jnp.tanh(x) for weight, x in zip(weights, maps, strict=True))

    weights, real, fake = (1.5, -0.5), (IMAGES, REAL), (OTHERS, FAKE)
    found = losses.gradients(losses.HINGE, weights, fake, real, logits)
    wanted = jax.grad(lambda w: losses.hinge_real_loss(logits(w, real)) + losses.hinge_fake_loss(logits(w, fake)))(
        weights
    )
    np.testing.assert_allclose(found.of_weights, wanted, rtol=1e-5)
    of_fake = jax.grad(lambda maps: losses.hinge_generator_loss(logits(weights, maps)))(fake)
    for value, own in zip(found.of_fake, of_fake, strict=True):
        np.testing.assert_allclose(value, own, rtol=1e-5, atol=1e-7)

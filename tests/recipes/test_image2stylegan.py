"""Image2StyleGAN: what is compared."""

import jax
import numpy as np
import optax
import pytest
from batteries import normal

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.latents import WPlus
from gprior_jax.objectives import Pixel
from gprior_jax.objectives.perceptual import PerceptualTarget
from gprior_jax.perceptual import network
from gprior_jax.recipes import image2stylegan
from recipes.networks import vgg


def test_official():
    recipe = image2stylegan(preset="official", perceptual=vgg())
    assert recipe.name == "image2stylegan-official"
    assert recipe.parametrization == WPlus("mean")
    # Adam with the betas 0.9 and 0.999, which are optax's own.
    assert recipe.solver.optimizer == Optimizer(optax.adam, 0.01)
    assert (recipe.solver.num_steps, recipe.then) == (5000, None)
    pixel, features = recipe.terms
    assert (pixel.weight, pixel.kind, features.weight, features.kind) == (1.0, "mse", 1.0, "mse")
    assert features.network.layers == ("conv1_1", "conv1_2", "conv3_2", "conv4_2")
    assert image2stylegan(start="uniform").parametrization == WPlus("uniform")


def test_fast_and_settings():
    recipe = image2stylegan()
    assert recipe.name == "image2stylegan-fast"
    assert recipe.solver.optimizer == Optimizer(optax.adam, 0.05, schedule=LateLinear(0.6))
    assert recipe.solver.num_steps == 300
    changed = image2stylegan(num_steps=7, tolerance=0.1, restarts=2, remat=True, pixel_weight=0.5)
    assert (changed.solver.num_steps, changed.solver.tolerance, changed.restarts) == (7, 0.1, 2)
    assert (changed.parametrization.remat, changed.terms[0].weight) == (True, 0.5)
    assert image2stylegan(perceptual=None).terms == (Pixel(1.0),)
    assert image2stylegan(perceptual="auto").terms[1].network == "auto"


def test_the_loss_is_the_sum_of_mean_squares_at_the_four_layers():
    term = image2stylegan(preset="official", perceptual=vgg()).terms[1]
    a, b = 0.5 * normal(1, 16, 16, 3), 0.5 * normal(2, 16, 16, 3)
    # torchvision's indices 0, 2, 12, 19 are these convolutions, before their ReLU; at the images' own size.
    net = network.vgg16(vgg().module, vgg().weights, ("conv1_1", "conv1_2", "conv3_2", "conv4_2"), size=None)
    features = jax.jit(net.features)
    found = features(a), features(b)
    expected = sum(float(np.mean(np.square(x - y))) for x, y in zip(*found, strict=True))
    loss = jax.jit(lambda image, target: term.loss(image, image, target, {}))
    assert float(loss(a, PerceptualTarget(found[1], (None,) * 4))) == pytest.approx(expected, rel=1e-4)


def test_large_images_are_averaged_to_256():
    term = image2stylegan(perceptual=vgg(), layers=("conv1_1",)).terms[1]
    large, other = 0.5 * normal(3, 512, 512, 3), 0.5 * normal(4, 512, 512, 3)
    small = [image.reshape(256, 2, 256, 2, 3).mean((1, 3)) for image in (large, other)]
    between = jax.jit(term.between)
    assert float(between(large, other)) == pytest.approx(float(between(*small)), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"perceptual": vgg(), "layers": ("conv5_1",)}, "has no layer conv5_1"),
        ({"perceptual": None, "pixel_weight": 0.0}, "nothing is compared"),
        ({"preset": "slow"}, "preset 'slow'"),
    ],
    ids=["layer", "nothing", "preset"],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ArgumentError, match=message):
        image2stylegan(**settings)

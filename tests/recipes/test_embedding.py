"""Image2StyleGAN and Image2StyleGAN++: what is compared, and in which order."""

import functools

import jax
import numpy as np
import pytest
from batteries import normal, random_params, random_prior

from gprior_jax.latents import W, WPlus
from gprior_jax.objectives import Perceptual, Pixel, Style
from gprior_jax.perceptual import network
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.recipes import image2stylegan, image2stylegan_pp


@functools.cache
def vgg():
    return network.vgg16(VGG16(9), random_params(VGG16(9), 2), ("relu3_3",), size=256)


def test_official_image2stylegan():
    recipe = image2stylegan(preset="official", perceptual=vgg())
    assert recipe.parametrization == WPlus("mean")
    optimizer = recipe.solver.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.beta1, optimizer.beta2) == ("adam", 0.01, 0.9, 0.999)
    assert (optimizer.schedule, recipe.solver.num_steps, recipe.then) == ("constant", 5000, None)
    pixel, features = recipe.terms
    assert (pixel.weight, pixel.kind, features.weight, features.kind) == (1.0, "mse", 1.0, "mse")
    assert features.network.layers == ("conv1_1", "conv1_2", "conv3_2", "conv4_2")
    assert image2stylegan(start="uniform").parametrization == WPlus("uniform")


def test_the_loss_is_the_sum_of_mean_squares_at_the_four_layers():
    term = image2stylegan(preset="official", perceptual=vgg()).terms[1]
    a, b = 0.5 * normal(1, 16, 16, 3), 0.5 * normal(2, 16, 16, 3)
    # torchvision's indices 0, 2, 12, 19 are these convolutions, before their ReLU; at the images' own size.
    net = network.vgg16(vgg().module, vgg().weights, ("conv1_1", "conv1_2", "conv3_2", "conv4_2"), size=None)
    features = zip(net.features(a), net.features(b), strict=True)
    expected = sum(float(np.mean((np.asarray(x) - np.asarray(y)) ** 2)) for x, y in features)
    assert float(term.loss(a, term.target(b))) == pytest.approx(expected, rel=1e-4)


def test_large_images_are_averaged_to_256():
    term = image2stylegan(perceptual=vgg(), layers=("conv1_1",)).terms[1]
    large, other = 0.5 * normal(3, 512, 512, 3), 0.5 * normal(4, 512, 512, 3)
    small = [image.reshape(256, 2, 256, 2, 3).mean((1, 3)) for image in (large, other)]
    assert float(term.loss(large, term.target(other))) == pytest.approx(
        float(term.loss(small[0], term.target(small[1]))), rel=1e-4
    )


def test_official_image2stylegan_pp():
    recipe = image2stylegan_pp(preset="official", perceptual=vgg(), style=vgg())
    first, second = recipe.stages
    assert first.terms[1].network.layers == ("conv1_1", "conv1_2", "conv2_2", "conv3_3")
    style = first.terms[2]
    assert isinstance(style, Style)
    assert style.network.layers == ("relu3_3",)
    assert style.weight == pytest.approx(5e-7 * 4096**2)
    assert [stage.solver.num_steps for stage in recipe.stages] == [1500, 1500]
    assert [stage.solver.optimizer.learning_rate for stage in recipe.stages] == [0.01, 0.01]
    # The noise is fitted to pixels alone, the styles stay.
    assert second.terms == (Pixel(1.0, masked=False),)
    assert second.parametrization == WPlus(noise="fitted")
    assert dict(second.solver.optimizer.rates)["w_plus"] == 0.0
    assert [term.masked for term in first.terms[:2]] == [False, False]


def test_fast_and_settings():
    recipe = image2stylegan_pp(start="random", num_steps=7, noise_steps=5, pixel_weight=0.5, restarts=2)
    assert [stage.solver.num_steps for stage in recipe.stages] == [7, 5]
    assert (recipe.restarts, recipe.then.restarts, recipe.terms[0].weight) == (2, 1, 0.5)
    assert isinstance(recipe.terms[1], Perceptual)
    assert image2stylegan(perceptual=None).terms == (Pixel(1.0),)
    with pytest.raises(ValueError, match="has no layer conv5_1"):
        image2stylegan(perceptual=vgg(), layers=("conv5_1",))
    with pytest.raises(ValueError, match="nothing is compared"):
        image2stylegan(perceptual=None, pixel_weight=0.0)
    with pytest.raises(ValueError, match="style weight -1"):
        image2stylegan_pp(style=vgg(), style_weight=-1.0)
    with pytest.raises(ValueError, match="preset 'slow'"):
        image2stylegan(preset="slow")


def test_starts():
    prior, key = random_prior("stylegan2"), jax.random.key(0)
    uniform = WPlus("uniform").init(prior, key)["w_plus"]
    assert uniform.shape == (6, 6)
    assert -1 <= float(uniform.min()) < -0.5 < 0.5 < float(uniform.max()) <= 1
    assert W("uniform").init(prior, key)["w"].shape == (6,)

"""Image2StyleGAN++: what is compared, and in which order."""

import dataclasses

import numpy as np
import optax
import pytest
from batteries import random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.latents import STYLES_STAY, WPlus
from gprior_jax.objectives import Perceptual, Pixel, Style
from gprior_jax.recipes import image2stylegan, image2stylegan_pp
from recipes.networks import vgg


def test_official():
    recipe = image2stylegan_pp(preset="official", perceptual=vgg(), style=vgg())
    first, second = recipe.stages
    assert first.terms[1].network.layers == ("conv1_1", "conv1_2", "conv2_2", "conv3_3")
    style = first.terms[2]
    assert isinstance(style, Style)
    assert style.network.layers == ("relu3_3",)
    assert style.weight == pytest.approx(5e-7 * 4096**2)
    assert [stage.solver.num_steps for stage in recipe.stages] == [1500, 1500]
    assert first.solver.optimizer == Optimizer(optax.adam, 0.01)
    # The noise is fitted to pixels alone, the styles stay.
    assert second.solver.optimizer == dataclasses.replace(first.solver.optimizer, rates=STYLES_STAY)
    assert dict(STYLES_STAY)["w_plus"] == 0.0
    assert second.terms == (Pixel(1.0, masked=False),)
    assert second.parametrization == WPlus(noise="fitted")
    assert [term.masked for term in first.terms[:2]] == [False, False]


def test_fast_and_settings():
    recipe = image2stylegan_pp(start="random", num_steps=7, noise_steps=5, pixel_weight=0.5, restarts=2)
    assert [stage.solver.num_steps for stage in recipe.stages] == [7, 5]
    assert recipe.solver.optimizer == image2stylegan().solver.optimizer
    assert (recipe.restarts, recipe.then.restarts, recipe.terms[0].weight) == (2, 1, 0.5)
    assert isinstance(recipe.terms[1], Perceptual)
    assert (recipe.terms[0].masked, recipe.then.terms[0].masked) == (True, True)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_wrong_weights_of_the_style(weight):
    with pytest.raises(ArgumentError, match=f"style weight {weight}"):
        image2stylegan_pp(style=vgg(), style_weight=weight)


def test_networks_are_left_to_the_prior():
    recipe = image2stylegan_pp(perceptual="auto", style="auto")
    with_one, without = random_prior("stylegan2_plain", "dcgan"), random_prior("stylegan2_plain")
    assert [term.name for term in recipe.fit(with_one).terms] == ["pixel_mse", "perceptual", "style"]
    assert [term.name for term in recipe.fit(without).terms] == ["pixel_mse"]
    assert recipe.fit(without).then.terms == recipe.then.terms
    with pytest.raises(ArgumentError, match="comes without a discriminator"):
        image2stylegan_pp().fit(without)


def test_the_image_of_the_style_is_told():
    def told(image, region=None):
        return image2stylegan_pp(style="auto", style_image=image, style_region=region).summary()

    white, black = np.ones((8, 8, 3), np.float32), -np.ones((8, 8, 3), np.float32)
    assert told(white) == told(white.copy()) != told(black)
    assert told(white) != told(white, white[..., :1])

"""mGANprior's recipe: the published constants, and the presets."""

import jax
import numpy as np
import pytest
from batteries import own_images, random_prior, random_vgg

from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.latents import MultiCode, Z
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.recipes import mganprior


def test_official_is_the_published_code():
    # multi_code_inversion.py: SGD, rate 1, 3000 steps, 20 codes at layer 6, mean over codes on top of alpha's 1 / N.
    recipe = mganprior(preset="official")
    assert recipe.name == "mganprior-official"
    assert recipe.parametrization == MultiCode(20, 6, average=True)
    assert recipe.solver.optimizer == Optimizer("sgd", 1.0)
    assert recipe.solver.num_steps == 3000
    assert recipe.solver.tolerance == 0.0
    pixel, perceptual = recipe.terms
    assert (pixel.weight, pixel.kind, perceptual.weight, perceptual.kind) == (1.0, "mse", 1.0, "l1")
    assert recipe.restarts == 1


def test_fast_is_the_default():
    recipe = mganprior()
    assert recipe.name == mganprior(preset="fast").name == "mganprior-fast"
    assert recipe.parametrization == MultiCode(20, 6)
    optimizer = recipe.solver.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.rates) == ("adam", 0.1, (("alpha", 0.03),))
    assert (optimizer.schedule, optimizer.decay_start, optimizer.beta2) == ("late_linear", 0.6, 0.95)
    assert recipe.solver.num_steps == 400


@pytest.mark.parametrize("preset", ["official", "fast"])
def test_settings_are_passed_on(preset):
    recipe = mganprior(4, 3, preset=preset, num_steps=7, restarts=2, tolerance=0.01, codes_per_call=2, remat=True)
    expected = MultiCode(4, 3, average=preset == "official", codes_per_call=2, remat=True)
    assert recipe.parametrization == expected
    assert (recipe.solver.num_steps, recipe.restarts, recipe.solver.tolerance) == (7, 2, 0.01)


def test_perceptual_choices():
    assert mganprior(perceptual=None).terms == (Pixel(1.0),)
    assert mganprior().terms[1] == Perceptual("default", 1.0)
    net = random_vgg()
    term = mganprior(perceptual=net, perceptual_weight=0.5).terms[1]
    assert isinstance(term, Perceptual)
    assert term.network is net
    assert term.weight == 0.5


def test_one_code_at_layer_zero():
    assert mganprior(1, 0, remat=True).parametrization == Z(remat=True)
    assert mganprior(1, 4).parametrization == MultiCode(1, 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "best"}, "preset 'best': use 'official' or 'fast'"),
        ({"num_codes": 0}, "num_codes 0"),
        ({"num_steps": 0}, "num_steps 0"),
        ({"restarts": 0}, "restarts 0"),
        ({"codes_per_call": 7}, "codes_per_call 7 must divide num_codes 20"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        mganprior(**settings)


@pytest.fixture(scope="module")
def prior():
    return random_prior("stylegan2_plain", "dcgan")


@pytest.fixture(scope="module")
def images(prior):
    return own_images(prior, 2)


@pytest.mark.slow
@pytest.mark.parametrize("styles", [{}, {"later_styles": "free", "space": "w"}], ids=["mean", "free"])
def test_style_based_priors(prior, images, styles):
    recipe = mganprior(3, 2, num_steps=12, **styles)
    result = invert(prior, images, recipe, key=jax.random.key(0))
    assert set(result.terms) == {"pixel_mse", "perceptual"}
    assert (result.loss < result.history["loss"][:, 0]).all()
    assert ("styles" in result.variables) == bool(styles)
    assert np.isfinite(result.images).all()

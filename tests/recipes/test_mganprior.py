"""mGANprior's recipe: the published constants, and the presets."""

import jax
import numpy as np
import optax
import pytest
from batteries import normal, own_images, random_prior, random_vgg
from latents.priors import tiny_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.conjugate import ConjugateGradient
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.latents import AS_THEY_ARE, ChannelWeights, MultiCode, Z
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.recipes import mganprior


def test_official_is_the_published_code():
    # multi_code_inversion.py: SGD, rate 1, 3000 steps, 20 codes at layer 6, mean over codes on top of alpha's 1 / N.
    recipe = mganprior(preset="official")
    assert recipe.name == "mganprior-official"
    assert recipe.parametrization == MultiCode(20, None, average=True)
    assert recipe.solver.optimizer == Optimizer(optax.sgd, 1.0)
    assert recipe.solver.num_steps == 3000
    assert recipe.solver.tolerance == 0.0
    pixel, perceptual = recipe.terms
    assert (pixel.weight, pixel.kind, perceptual.weight, perceptual.kind) == (1.0, "mse", 1.0, "l1")
    assert recipe.restarts == 1


def test_the_layer_is_mganpriors_of_a_deep_prior_and_scaled_for_others():
    class Deep:
        num_layers, num_classes, num_styles = 15, 0, 0

    recipe = mganprior(preset="official", perceptual=None)
    assert recipe.fit(Deep()).parametrization == MultiCode(20, 6, average=True)
    assert recipe.fit(random_prior("pggan")).parametrization == MultiCode(20, 4, average=True)
    assert mganprior(layer=3, perceptual=None).fit(random_prior("pggan")).parametrization == MultiCode(20, 3)


def test_fast_is_the_default():
    recipe = mganprior()
    assert recipe.name == mganprior(preset="fast").name == "mganprior-fast"
    assert recipe.parametrization == MultiCode(20)
    assert recipe.solver.optimizer == ConjugateGradient()
    assert recipe.solver.num_steps == 100
    assert recipe.coordinates == ChannelWeights()
    assert recipe.terms == (Pixel(1.0),)


def test_fast_with_codes_that_move():
    recipe = mganprior(free_codes=True)
    assert recipe.solver.optimizer == Optimizer(
        optax.adam, 0.1, rates=(("alpha", 0.03),), schedule=LateLinear(0.6), options=(("b2", 0.95),)
    )
    assert (recipe.solver.num_steps, recipe.coordinates) == (400, AS_THEY_ARE)
    assert recipe.terms[1] == Perceptual("default", 1.0)
    # Where there are no channel weights alone to find, they move of themselves.
    assert mganprior(later_styles="free").coordinates == AS_THEY_ARE
    assert mganprior(1, 0).coordinates == AS_THEY_ARE
    assert mganprior(preset="official").coordinates == AS_THEY_ARE
    with pytest.raises(ArgumentError, match="let the codes move"):
        mganprior(later_styles="weighted", free_codes=False)


def test_official_can_leave_the_codes_as_drawn():
    recipe = mganprior(preset="official", free_codes=False, num_steps=5)
    assert (recipe.coordinates, recipe.solver.num_steps) == (ChannelWeights(), 5)


@pytest.mark.slow
def test_drawn_codes_stay_and_explain_more_than_moving_ones_in_as_many_steps():
    prior = random_prior("pggan")
    images = own_images(prior, 2)
    key = jax.random.key(0)
    found = {
        free: invert(prior, images, mganprior(6, 2, num_steps=12, free_codes=free, perceptual=None), key=key)
        for free in (False, True)
    }
    drawn, moved = found[False], found[True]
    start = mganprior(6, 2).parametrization.init(prior, jax.random.fold_in(jax.random.fold_in(key, 0), 0))
    np.testing.assert_allclose(drawn.variables["codes"][0], start["codes"], rtol=1e-6)
    assert np.abs(moved.variables["codes"][0] - start["codes"]).max() > 0.1
    assert (drawn.loss < moved.loss).all()
    # What is handed out makes the image that was found.
    again = jax.vmap(lambda v: MultiCode(6, 2).render(prior, v))(jax.tree.map(np.asarray, drawn.variables))
    np.testing.assert_allclose(again, drawn.images, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("preset", ["official", "fast"])
def test_settings_are_passed_on(preset):
    recipe = mganprior(4, 3, preset=preset, num_steps=7, restarts=2, tolerance=0.01, codes_per_call=2, remat=True)
    expected = MultiCode(4, 3, average=preset == "official", codes_per_call=2, remat=True)
    assert recipe.parametrization == expected
    assert (recipe.solver.num_steps, recipe.restarts, recipe.solver.tolerance) == (7, 2, 0.01)


def test_perceptual_choices():
    assert mganprior(perceptual=None).terms == (Pixel(1.0),)
    assert mganprior(perceptual="default").terms[1] == Perceptual("default", 1.0)
    assert mganprior(perceptual_weight=2.0).terms[1] == Perceptual("default", 2.0)
    assert mganprior(perceptual="auto", free_codes=True).terms[1] == Perceptual("auto", 1.0)
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
        ({"perceptual_weight": -0.5}, "perceptual weight -0.5"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ArgumentError, match=message):
        mganprior(**settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("styles", "perceptual"), [({}, "default"), ({"later_styles": "free", "space": "w"}, None)], ids=["mean", "free"]
)
def test_style_based_priors(styles, perceptual):
    prior = random_prior("stylegan2_plain").replace(critic=tiny_prior(critic=True).critic)
    recipe = mganprior(3, 2, num_steps=12, perceptual=perceptual, **styles)
    result = invert(prior, np.clip(0.5 * normal(1, 2, 8, 8, 3), -1, 1), recipe, key=jax.random.key(0))
    assert set(result.terms) == {"pixel_mse"} | ({"perceptual"} if perceptual else set())
    assert (result.loss < result.history["loss"][:, 0]).all()
    assert ("styles" in result.variables) == bool(styles)
    assert np.isfinite(result.images).all()

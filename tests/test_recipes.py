"""Recipes: the constants of the papers, and the presets."""

from typing import NamedTuple

import pytest
from batteries import random_prior, random_vgg

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.latents import MultiCode, Z
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.recipes import FAST_TASKS, OFFICIAL_TASKS, mganprior, restoration, scaled_layer


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


PRIOR = random_prior("pggan", "pggan")  # 7 layers.


@pytest.mark.parametrize(
    ("task", "codes", "layer", "steps", "weight"),
    [("colorize", 20, 4, 1500, 1.0), ("inpaint", 30, 4, 3000, 0.1), ("upscale", 30, 6, 2000, 1.0)],
)
def test_official_tasks_are_the_published_defaults(task, codes, layer, steps, weight):
    recipe = restoration(task, PRIOR, preset="official")
    assert recipe.name == f"{task}-official"
    assert recipe.parametrization == MultiCode(codes, scaled_layer(PRIOR, layer), average=True)
    assert recipe.solver.num_steps == steps
    pixel, perceptual = recipe.terms
    assert (pixel.weight, pixel.kind, perceptual.weight, perceptual.kind) == (1.0, "mse", weight, "l1")
    # The published losses are means over all pixels, known or not.
    assert (pixel.masked, perceptual.masked) == (False, False)
    assert (pixel.floor, pixel.floor_from_noise) == (0.0, False)


@pytest.mark.parametrize("task", FAST_TASKS)
def test_fast_tasks(task):
    recipe = restoration(task, PRIOR)
    assert all(term.masked for term in recipe.terms)
    assert recipe.solver.optimizer == mganprior().solver.optimizer
    assert 1 <= recipe.parametrization.layer < PRIOR.num_layers
    assert OFFICIAL_TASKS.keys() == FAST_TASKS.keys()


def test_layers_scale_with_depth():
    class Depth(NamedTuple):
        num_layers: int

    assert [scaled_layer(Depth(15), layer) for layer in (0, 1, 4, 6, 14)] == [0, 1, 4, 6, 14]
    assert [scaled_layer(Depth(11), layer) for layer in (1, 4, 6, 8, 14)] == [1, 3, 4, 6, 10]
    assert [scaled_layer(Depth(5), layer) for layer in (0, 1, 6, 14)] == [0, 1, 2, 4]


def test_task_settings_are_passed_on():
    recipe = restoration(
        "denoise", PRIOR, num_codes=3, layer=2, num_steps=5, distance="l1", floor=0.2, perceptual_weight=2.0, restarts=2
    )
    assert recipe.parametrization == MultiCode(3, 2)
    pixel, perceptual = recipe.terms
    assert (pixel.kind, pixel.floor, perceptual.weight, recipe.restarts) == ("l1", 0.2, 2.0, 2)
    assert restoration("denoise", PRIOR, floor="noise").terms[0].floor_from_noise
    assert len(restoration("denoise", PRIOR, perceptual_weight=0).terms) == 1
    assert len(restoration("denoise", PRIOR, perceptual=None).terms) == 1
    assert restoration("denoise", PRIOR, num_codes=1, layer=0).parametrization == Z()
    assert restoration("upscale", PRIOR).summary()["terms"][0]["masked"] is True


def test_unknown_task():
    with pytest.raises(ValueError, match="task 'sharpen': use one of colorize, upscale"):
        restoration("sharpen", PRIOR)


def test_a_network_that_is_named_is_used():
    assert FAST_TASKS["denoise"].perceptual_weight == 0
    assert restoration("denoise", PRIOR, perceptual=random_vgg()).terms[1].weight == 1.0
    assert len(restoration("denoise", PRIOR, perceptual=random_vgg(), perceptual_weight=0.0).terms) == 1
    assert len(restoration("denoise", PRIOR).terms) == 1
    with pytest.raises(ValueError, match="perceptual weight nan"):
        restoration("denoise", PRIOR, perceptual_weight=float("nan"))

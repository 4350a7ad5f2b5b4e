"""Recipes of the restoration tasks: the published constants, and the presets."""

import dataclasses
from typing import NamedTuple

import pytest
from batteries import random_prior, random_vgg

from gprior_jax.errors import ArgumentError
from gprior_jax.latents import MultiCode, Z
from gprior_jax.objectives import Pixel
from gprior_jax.recipes import (
    FAST_TASKS,
    OFFICIAL_TASKS,
    PixelSettings,
    image2stylegan_pp,
    mganprior,
    pulse,
    restoration,
    scaled_layer,
    with_pixels,
)

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
    assert recipe.solver.optimizer == mganprior(preset="official").solver.optimizer
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


def test_unknown_names():
    with pytest.raises(ArgumentError, match="task 'sharpen': use one of colorize, upscale"):
        restoration("sharpen", PRIOR)
    with pytest.raises(ArgumentError, match="preset 'slow'"):
        restoration("denoise", PRIOR, preset="slow")


def test_a_network_that_is_named_is_used():
    assert FAST_TASKS["denoise"].perceptual_weight == 0
    assert restoration("denoise", PRIOR, perceptual=random_vgg()).terms[1].weight == 1.0
    assert len(restoration("denoise", PRIOR, perceptual=random_vgg(), perceptual_weight=0.0).terms) == 1
    assert len(restoration("denoise", PRIOR).terms) == 1
    with pytest.raises(ArgumentError, match="perceptual weight nan"):
        restoration("denoise", PRIOR, perceptual_weight=float("nan"))


def test_any_method_compares_pixels_as_a_measurement_wants_it():
    recipe = with_pixels(image2stylegan_pp(), PixelSettings("huber", 0.2))
    for stage, before in zip(recipe.stages, image2stylegan_pp().stages, strict=True):
        assert stage.terms[0] == dataclasses.replace(before.terms[0], kind="huber", floor=0.2)
        assert stage.terms[1:] == before.terms[1:]
        assert (stage.solver, stage.parametrization) == (before.solver, before.parametrization)
    # What a method is content with itself is not undercut, and its distance stays where none is named.
    assert with_pixels(pulse(), PixelSettings(floor=0.001)).terms == pulse().terms
    assert with_pixels(pulse(), PixelSettings(floor=0.5)).terms == (dataclasses.replace(pulse().terms[0], floor=0.5),)
    noise = with_pixels(mganprior(perceptual=None), PixelSettings(floor="noise"))
    assert noise.terms == (Pixel(1.0, floor_from_noise=True),)

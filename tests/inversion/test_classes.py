"""Searching for the class of an image."""

import jax
import numpy as np
import pytest
from batteries import random_prior
from generators.toys import CLASSES, Classes, MeanStyles, toy_prior

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.inversion.classes import ClassFinder, ClassSearch, find_classes
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Z
from gprior_jax.objectives import Pixel
from gprior_jax.operators import Luma, broadcast

PRIOR = toy_prior(Classes())
KEY = jax.random.key(0)
RECIPE = Recipe("test", Z(), (Pixel(),), SolverConfig(Optimizer(learning_rate=0.1), 40))
LABELS = np.array([2, 0, 1, 2])
IMAGES = np.asarray(gp.synthesize(PRIOR, gp.sample_z(PRIOR, jax.random.key(5), 4), label=LABELS))


def test_the_first_pass_is_the_nearest_drawn_image_of_every_class():
    """Against distances computed here, of the codes that are drawn for all classes."""
    drawn = []
    finder = ClassFinder(PRIOR, RECIPE, ClassSearch(1, 4), key=KEY, batch_size=5)
    for images, variables in finder._batches():
        drawn.append(images)
        assert images.shape == (5, 4, 4, 3)
        assert variables["z"].shape == (5, 4)
    drawn = np.concatenate(drawn)[: CLASSES * 4].astype(np.float32) / 127.5 - 1
    distances = np.square(IMAGES[:, None] - drawn[None]).mean((2, 3, 4)).reshape(4, CLASSES, 4).min(2)
    found = finder.find(IMAGES, np.arange(4))
    np.testing.assert_array_equal(found.label, distances.argmin(1))
    np.testing.assert_allclose(found.loss[:, 0], distances.min(1), rtol=1e-4)
    assert found.candidates.shape == (4, 1)


def test_a_search_tells_how_far_it_is():
    told = []
    finder = ClassFinder(PRIOR, RECIPE, ClassSearch(2, 4, num_steps=3), key=KEY, batch_size=5)
    finder.find(IMAGES, np.arange(4), progress=told.append)
    drawn = [numbers["step"] for numbers in told if numbers["stage"] == "classes drawn"]
    assert drawn == [5, 10, 12]
    assert {(numbers["stage"], numbers["num_steps"]) for numbers in told} == {
        ("classes drawn", CLASSES * 4),
        ("classes tried", 3),
    }
    finder.find(IMAGES, np.arange(4), progress=told.append)  # The draws are kept: only the second pass is told.
    assert [numbers["step"] for numbers in told if numbers["stage"] == "classes drawn"] == drawn


def test_the_second_pass_takes_the_class_that_explains_an_image_best():
    search = ClassSearch(keep=9, draws=1, num_steps=40)  # All three there are.
    found = find_classes(PRIOR, IMAGES, RECIPE, key=KEY, search=search)
    np.testing.assert_array_equal(np.sort(found.candidates, axis=1), np.tile(np.arange(3), (4, 1)))
    np.testing.assert_array_equal(found.label, found.candidates[np.arange(4), found.loss.argmin(1)])
    np.testing.assert_array_equal(found.label, LABELS)
    # The losses are those of inversions with each.
    one = gp.invert(PRIOR, IMAGES[:1], RECIPE, key=KEY, label=int(LABELS[0])).loss[0]
    assert found.loss[0].min() == pytest.approx(float(one), abs=0.02)


def test_through_an_operator_and_alone_as_in_company():
    operator = broadcast(Luma(), 4)
    observed = np.asarray(jax.vmap(lambda op, x: op(x))(operator, IMAGES))
    search = ClassSearch(keep=2, draws=3, num_steps=10)
    together = find_classes(PRIOR, observed, RECIPE, key=KEY, search=search, operator=operator, ids=[7, 3, 5, 9])
    alone = find_classes(PRIOR, observed[2:3], RECIPE, key=KEY, search=search, operator=broadcast(Luma(), 1), ids=[5])
    np.testing.assert_array_equal(alone.candidates, together.candidates[2:3])
    np.testing.assert_allclose(alone.loss, together.loss[2:3], rtol=1e-4)
    assert not np.array_equal(
        together.candidates, find_classes(PRIOR, IMAGES, RECIPE, key=KEY, search=search).candidates
    )


def test_of_a_prior_with_styles():
    prior = toy_prior(MeanStyles(num_classes=3))
    images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 2), label=[2, 0])
    recipe = gp.recipes.latent("z", num_steps=3, perceptual=None)
    found = find_classes(prior, images, recipe, key=KEY, search=ClassSearch(2, 1, 2))
    assert found.label.shape == (2,)
    assert gp.invert(prior, images, recipe, key=KEY, label=found.label).images.shape == images.shape


def test_what_cannot_be_searched():
    for prior in (with_label(PRIOR, 1), random_prior("pggan")):
        with pytest.raises(ArgumentError, match="has no classes to search: leave the search out"):
            find_classes(prior, IMAGES, RECIPE, key=KEY)
    for wrong in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ArgumentError, match=r"ClassSearch\(.*: use numbers from 1 up"):
            ClassSearch(*wrong)

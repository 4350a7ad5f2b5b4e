"""Pictures of an inversion on its way."""

import dataclasses

import jax
import numpy as np
import pytest
from runs.records import tiny_prior

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.filming import Film
from gprior_jax.inversion.stream import Entry, stream

KEY = jax.random.key(0)


def film(frames, num_steps, count=1, restarts=1, steps_per_call=1, samples=None):
    """What a film takes, and the result."""
    prior, taken = tiny_prior(), []
    images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), count))
    recipe = gp.recipes.latent("z", num_steps=num_steps, perceptual=None, restarts=restarts)
    result = gp.invert(
        prior,
        images,
        recipe,
        key=KEY,
        samples=samples,
        steps_per_call=steps_per_call,
        film=Film(taken.append, frames),
    )
    return taken, result, images


@pytest.mark.parametrize(("frames", "num_steps", "wanted"), [(4, 9, 4), (100, 5, 5), (2, 7, 2), (3, 1, 1)])
def test_a_fixed_number_of_frames_however_many_steps(frames, num_steps, wanted):
    taken, result, _ = film(frames, num_steps)
    assert len(taken) == wanted
    assert {each.shape for each in taken} == {result.images.shape}
    np.testing.assert_array_equal(taken[-1], result.images)


def test_it_starts_where_images_start_and_gets_better():
    taken, result, images = film(6, 12, count=2)
    losses = np.array([[np.mean(np.square(a - b)) for a, b in zip(each, images, strict=True)] for each in taken])
    assert (np.diff(losses, axis=0) <= 1e-7).all()
    np.testing.assert_allclose(losses[0], result.history["loss"][:, 0], rtol=1e-4)


def test_of_restarts_and_samples_the_best_is_shown():
    taken, result, _ = film(3, 4, count=2, restarts=3)
    np.testing.assert_array_equal(taken[-1], result.images)
    taken, result, _ = film(3, 4, count=2, restarts=2, samples=2)
    np.testing.assert_array_equal(taken[-1], result.images[:, 0])


def test_several_steps_in_a_call():
    taken, _, _ = film(5, 10, steps_per_call=4)
    assert len(taken) == 3
    _, plain, _ = film(2, 10)
    np.testing.assert_allclose(taken[-1], plain.images, atol=1e-3)


def test_all_stages_are_in_one_film():
    prior, taken = tiny_prior(), []
    images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 1))
    second = gp.recipes.latent("z", num_steps=3, perceptual=None)
    recipe = dataclasses.replace(gp.recipes.latent("z", num_steps=5, perceptual=None), then=second)
    result = gp.invert(prior, images, recipe, key=KEY, film=Film(taken.append, 100))
    assert len(taken) == 8
    np.testing.assert_array_equal(taken[-1], result.images)


def test_streams_take_as_many_pictures_as_batches():
    """Two stages of six steps in calls of five: of the last call of a stage one is new."""
    prior, (batch, own) = tiny_prior(), ([], [])
    images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 1))
    second = gp.recipes.latent("z", num_steps=6, perceptual=None)
    inverter = Inverter(prior, dataclasses.replace(second, then=second), steps_per_call=5)
    inverter.invert(images, key=KEY, film=Film(batch.append, 4))
    list(stream(inverter, iter([Entry(0, 0, np.asarray(images[0]), film=Film(own.append, 4))]), key=KEY, slots=1))
    assert len(own) == len(batch) == 3
    np.testing.assert_allclose(own, batch, atol=1e-3)


def test_a_film_has_two_frames():
    with pytest.raises(ArgumentError, match="frames 1: a film has at least 2"):
        Film(print, 1)

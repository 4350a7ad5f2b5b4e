"""Steps that are looked at and measured."""

import jax
import numpy as np
import pytest
from batteries import random_prior

import gprior_jax as gp
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.filming import Film
from gprior_jax.inversion.meter import Meter, TooManyImagesError
from gprior_jax.inversion.stream import Entry, stream

PRIOR, STEPS = random_prior("pggan"), 3
KEY = jax.random.key(0)


def inverter(free=None, codes=2, **options):
    recipe = gp.recipes.mganprior(num_codes=codes, layer=4, num_steps=STEPS, perceptual=None, free_codes=True)
    return Inverter(PRIOR, recipe, meter=Meter(lambda mesh: free), **options)


@pytest.fixture
def images():
    return np.zeros((4, *PRIOR.image_shape), np.float32)


def solved(inverter, images):
    """The numbers that a meter tells of all images at once; the result is that of an inverter without one."""
    found = inverter.invert(images, key=KEY).images
    np.testing.assert_array_equal(found, Inverter(PRIOR, inverter.recipe).invert(images, key=KEY).images)
    return inverter.meter.told()


def test_steps_are_counted(images):
    told = solved(inverter(), images)
    assert told["steps"] == STEPS
    assert told["seconds"] >= 0.0
    assert told["gflop_per_second"] > 0
    assert told["bytes_per_device"] > 4 * 2 * images[0].nbytes


@pytest.mark.parametrize("steps_per_call", [2, 10])
def test_steps_of_calls_that_are_cut_short(images, steps_per_call):
    """Those that were taken count, and all programs are there before they are timed."""
    own, events = inverter(steps_per_call=steps_per_call), []
    look = own.meter.look
    own.meter.look = lambda stage, length, *rest: events.append(length) or look(stage, length, *rest)
    own.invert(images, key=KEY, film=Film(lambda _: events.append("step")))
    assert events == ([2, 1, "step", "step"] if steps_per_call == 2 else [3, "step"])
    assert own.meter.told()["steps"] == STEPS
    single = inverter()
    single.invert(images, key=KEY)
    assert own.meter._done == pytest.approx(single.meter._done)


def test_twice_the_codes_are_more_operations(images):
    done = []
    for codes in (2, 4):
        own = inverter(codes=codes)
        own.invert(images, key=KEY)
        done.append(own.meter._done)
    assert 1.2 < done[1] / done[0] < 2.1


def test_what_steps_reach_is_told_beside_what_the_machine_does(images, monkeypatch):
    monkeypatch.setattr("gprior_jax.inversion.meter._WORTH_S", 0.0)
    monkeypatch.setattr("gprior_jax.inversion.meter.ceiling", lambda mesh: 5e9)
    told = solved(inverter(), images)
    assert told["ceiling_gflop_per_second"] == 5.0
    assert told["of_ceiling"] == pytest.approx(told["gflop_per_second"] / 5, abs=2e-3)


def test_images_that_do_not_fit_are_not_tried(images):
    plenty = inverter(10**12)
    plenty.invert(images, key=KEY)
    least = plenty.meter.told()["bytes_per_device"]
    with pytest.raises(TooManyImagesError, match=r"a step of 4 images at once takes 0\.\d\d GB .* use [12] at once"):
        inverter(least // 2).invert(images, key=KEY)
    # One image is tried in any case: it is an estimate.
    inverter(1).invert(images[:1], key=KEY)


def test_streams_are_looked_at_too(images):
    own = inverter(1)
    entries = [Entry(i, i, image) for i, image in enumerate(images)]
    with pytest.raises(TooManyImagesError) as told:
        list(stream(own, iter(entries), key=KEY, slots=3))
    assert told.value.fits == 1
    assert len(list(stream(own, iter(entries), key=KEY, slots=1))) == 4
    assert own.meter.told()["steps"] == 4 * STEPS


def test_nothing_was_done():
    assert Meter().told() is None


def test_another_run_counts_from_nothing(images):
    own = inverter(1)
    list(stream(own, iter([Entry(0, 0, images[0])]), key=KEY, slots=1))
    own.meter.again()
    assert own.meter.told() is None
    list(stream(own, iter([Entry(1, 1, images[1])]), key=KEY, slots=1))
    assert own.meter.told()["steps"] == STEPS

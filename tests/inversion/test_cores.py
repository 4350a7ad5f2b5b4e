"""Images over all cores of a CPU: every core takes its own, with programs for one, a few at once."""

from typing import Any

import jax
import numpy as np
import pytest
from batteries import own_images
from latents.priors import tiny_prior

from gprior_jax.inversion import devices, programs, progress
from gprior_jax.inversion import pool as pools
from gprior_jax.inversion.driver import Inverter, invert
from gprior_jax.inversion.filming import Film
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.saving import Saver
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.latents import MultiCode
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER

pytestmark = pytest.mark.skipif(jax.local_device_count() < 2, reason="images are split over two devices")

KEY = jax.random.key(5)
PRIOR = tiny_prior()
STEPS = 4
RECIPE = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, STEPS))
COUNT = 18
"""Nine on each of two cores: five at once, two batches."""


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 2)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return own_images(PRIOR, COUNT)


@pytest.fixture(scope="module")
def expected(images) -> Result:
    return invert(PRIOR, images, RECIPE, key=KEY)


def assert_same(found: Result, expected: Result):
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-4)
    np.testing.assert_allclose(found.images, expected.images, atol=1e-3)
    np.testing.assert_array_equal(found.step, expected.step)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-4)


def step_of(**places) -> Any:
    return Inverter(PRIOR, RECIPE, **places)._step(0, 1, None)[0]


def test_steps_are_for_one_core_where_all_cores_have_images():
    assert step_of(devices=2) is programs.advance.on_one_core
    assert Inverter(PRIOR, RECIPE, devices=2)._step(0, 2, 4)[0] is programs.advance_to.on_one_core


def test_other_devices_are_left_alone(monkeypatch):
    """Fewer devices than cores, whose threads help; a mesh of the user's; codes that are split."""
    mesh = jax.make_mesh((2,), ("x",), devices=jax.devices()[:2])
    for places in ({}, {"mesh": mesh}, {"devices": (1, 2)}):
        assert step_of(**places) is programs.advance
        assert Inverter(PRIOR, RECIPE, **places).at_once(64, 1) == 64
    monkeypatch.setattr(devices, "cores", lambda: 3)
    assert step_of(devices=2) is programs.advance


def test_accelerators_are_left_alone(monkeypatch):
    class Chip:
        platform = "gpu"

    monkeypatch.setattr(jax, "local_devices", lambda: [Chip()] * 2)
    assert not devices.fill_cores(2)


@pytest.mark.parametrize(
    ("asked", "samples", "restarts", "found"),
    [(1, 1, 1, 2), (16, 1, 1, 16), (64, 1, 1, 16), (COUNT, 1, 1, 10), (16, 4, 1, 4), (16, 2, 4, 2), (3, 50, 1, 2)],
)
def test_images_at_once_have_few_rows_on_a_core(asked, samples, restarts, found):
    recipe = Recipe("test", MultiCode(4), (Pixel(),), RECIPE.solver, restarts=restarts)
    assert Inverter(PRIOR, recipe, devices=2).at_once(asked, samples) == found


@pytest.mark.parametrize("batch_size", [None, COUNT])
def test_some_come_after_others_and_give_the_same(images, expected, batch_size, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    heard: list[dict] = []
    found = invert(PRIOR, images, RECIPE, key=KEY, devices=2, batch_size=batch_size, progress=heard.append)
    assert_same(found, expected)
    assert [(each["batch"], each["step"]) for each in heard] == [(b, s + 1) for b in (0, 1) for s in range(STEPS)]


def test_samples_give_the_same(images):
    own = images[:6]
    whole = invert(PRIOR, own, RECIPE, key=KEY, samples=3)
    assert_same(invert(PRIOR, own, RECIPE, key=KEY, samples=3, devices=2), whole)


def test_a_film_is_of_all_that_were_asked_for(images, expected):
    taken: list[np.ndarray] = []
    assert_same(invert(PRIOR, images, RECIPE, key=KEY, devices=2, film=Film(taken.append, 2)), expected)
    assert {len(picture) for picture in taken} == {COUNT}


class Kept(dict):
    """States by tag."""

    def saver(self) -> Saver:
        return Saver(1e9, self.__setitem__, self.get)


def streamed(images, **options) -> dict[int, Result]:
    entries = (Entry(i, i, image) for i, image in enumerate(images))
    return dict(stream(Inverter(PRIOR, RECIPE, devices=2), entries, key=KEY, slots=COUNT, **options))


def assert_all_the_same(found: dict[int, Result], expected: Result, count: int = COUNT):
    assert sorted(found) == list(range(count))
    for i, own in found.items():
        assert_same(own, jax.tree.map(lambda leaf, i=i: leaf[i], expected))


def test_places_of_a_stream_take_their_steps_in_turns(images, expected):
    found = streamed(images)
    assert_all_the_same(found, expected)
    assert list(found)[:10] == sorted(list(found)[:10], key=lambda i: i // 10)  # Those of the first places before.


def test_places_that_are_all_free_take_no_steps(images, expected, monkeypatch):
    advance, busy = pools.Pool._advance, []
    monkeypatch.setattr(pools.Pool, "_advance", lambda pool: busy.append(pool) or advance(pool))
    assert_all_the_same(streamed(images[:3]), expected, 3)
    assert len(set(busy)) == 1
    busy.clear()
    streamed(images)
    assert len(set(busy)) == 2


def test_an_interrupted_stream_goes_on(images, expected, monkeypatch):
    """In the second places' third step: the first have taken three, the others two."""
    advance, count, kept = pools.Pool._advance, [0], Kept()

    def interrupted(pool):
        count[0] += 1
        if count[0] == 6:
            raise KeyboardInterrupt
        return advance(pool)

    monkeypatch.setattr(pools.Pool, "_advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        streamed(images, saver=kept.saver())
    monkeypatch.undo()
    monkeypatch.setattr(devices, "cores", lambda: 2)
    assert sorted(int(each["steps"]) for each in kept.values()) == [2] * 8 + [3] * 10
    assert_all_the_same(streamed(images, saver=kept.saver()), expected)

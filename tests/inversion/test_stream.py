"""Streams of images: what they give is what batches give, in whatever order and company images come."""

import dataclasses
import itertools
from typing import Any

import jax
import numpy as np
import pytest
from batteries import own_images
from latents.priors import conditional_prior, tiny_prior

from gprior_jax import operators
from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.labels import with_label
from gprior_jax.inversion import programs
from gprior_jax.inversion.driver import Inverter, invert
from gprior_jax.inversion.problem import Evaluation
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.saving import Saver
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.latents import MultiCode, Z
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER

KEY = jax.random.key(5)
PRIOR = tiny_prior()
STEPS = 6
RECIPE = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, STEPS))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return own_images(PRIOR, 5)


def streamed(images, recipe=RECIPE, slots=2, order=None, more=(), prior=PRIOR, **options) -> list[Result]:
    """Results by the images' order; ``more`` entries are added to every entry."""
    order = range(len(images)) if order is None else order
    made = options.pop("inverter", None) or Inverter(prior, recipe, **options.pop("engine", {}))
    entries = (Entry(i, i, images[i], **{name: values[i] for name, values in dict(more).items()}) for i in order)
    found = dict(stream(made, entries, key=KEY, slots=slots, **options))
    return [found[i] for i in sorted(found)]


def assert_same(found: list[Result], expected: Result):
    for i, own in enumerate(found):
        np.testing.assert_allclose(own.loss, expected.loss[i], rtol=1e-4)
        np.testing.assert_allclose(own.images, expected.images[i], atol=1e-3)
        np.testing.assert_array_equal(own.step, expected.step[i])
        np.testing.assert_array_equal(own.status, expected.status[i])
        for name, values in own.variables.items():
            assert values.shape == expected.variables[name][i].shape
        for name, history in own.history.items():
            np.testing.assert_allclose(history, expected.history[name][i][..., : history.shape[-1]], rtol=1e-4)


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_equals_a_batch(images, slots):
    assert_same(streamed(images, slots=slots), invert(PRIOR, images, RECIPE, key=KEY))


def test_neither_order_nor_company_matters(images):
    inverter = Inverter(PRIOR, RECIPE)
    first = streamed(images, inverter=inverter)
    other = streamed(images, inverter=inverter, order=[3, 0, 4, 1, 2])
    for one, two in zip(first, other, strict=True):
        np.testing.assert_allclose(one.images, two.images, atol=1e-3)


@pytest.mark.parametrize("samples", [None, 1, 3])
def test_samples_and_restarts(images, samples):
    recipe = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, STEPS), restarts=2)
    expected = invert(PRIOR, images, recipe, key=KEY, samples=samples)
    assert_same(streamed(images, recipe, samples=samples), expected)


def test_several_devices(images):
    expected = invert(PRIOR, images, RECIPE, key=KEY)
    devices = min(2, jax.local_device_count())
    assert_same(streamed(images, slots=3, engine={"devices": devices}), expected)


def test_steps_in_one_call(images):
    """Six steps in calls of four: rows that are done wait for the end of a call, as they are."""
    found = streamed(images, engine={"steps_per_call": 4})
    expected = invert(PRIOR, images, RECIPE, key=KEY)
    assert_same(found, expected)
    assert {len(own.history["loss"]) for own in found} == {STEPS}


def test_several_stages(images):
    second = Recipe("second", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 3))
    recipe = dataclasses.replace(RECIPE, then=second)
    expected = invert(PRIOR, images, recipe, key=KEY)
    assert_same(streamed(images, recipe), expected)
    # One of another run among them, with its own key in every stage.
    other = jax.random.key(6)
    keys = [None, other, None, None, None]
    found = streamed(images, recipe, more={"key": keys})
    whose = jax.tree.map(lambda leaf: leaf[1:2], invert(PRIOR, images, recipe, key=other))
    assert_same(found[1:2], whose)
    assert_same(found[:1], expected)
    assert not np.allclose(found[1].images, expected.images[1], atol=1e-2)


def test_whoever_waits_takes_the_first_place_that_is_free(images, monkeypatch):
    """Two places of a later stage, each with steps of its own: the second is free before the first."""
    monkeypatch.setattr(Inverter, "at_once", lambda inverter, images, samples: 1)
    second = Recipe("second", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 30))
    looks = dict.fromkeys(range(3), 0)

    def watch(i):
        def leaves(step, numbers):
            looks[i] += 1
            return i > 0 and looks[i] == STEPS + 8

        return leaves

    entries = (Entry(i, i, images[i], watch=watch(i)) for i in range(3))
    order = list(dict(stream(Inverter(PRIOR, dataclasses.replace(RECIPE, then=second)), entries, key=KEY, slots=2)))
    assert order == [1, 2, 0]
    assert looks == {0: STEPS + 30, 1: STEPS + 8, 2: STEPS + 8}


def test_classes_operators_and_starts(images):
    prior = conditional_prior()
    recipe = Recipe("test", Z(), (Pixel(),), SolverConfig(FREE_OPTIMIZER, STEPS))
    pictures = own_images(with_label(prior, 0), 4)
    labels = np.array([0, 1, 1, 0])
    masks = np.random.default_rng(0).uniform(size=(4, *pictures.shape[1:3], 1)) > 0.3
    each = [operators.Mask(mask.astype(np.float32)) for mask in masks]
    starts: Any = np.random.default_rng(1).normal(size=(4, prior.z_dim)).astype(np.float32)
    expected = invert(
        prior, pictures, recipe, key=KEY, label=labels, operator=operators.stack(each), init={"z": starts}
    )
    more = {"label": labels, "operator": each, "init": [{"z": start} for start in starts]}
    assert_same(streamed(pictures, recipe, prior=prior, more=more, engine={"labels": True}), expected)


def test_images_that_converge_make_room(images):
    """A goal that some reach: the stream takes fewer calls than batches, for the same results."""
    whole = invert(PRIOR, images, RECIPE, key=KEY)
    value = float(np.sort(whole.history["pixel_mse"][:, 2])[1:3].mean())  # Between two images.
    solver = SolverConfig(FREE_OPTIMIZER, STEPS, goal=("pixel_mse", value))
    recipe = Recipe("test", MultiCode(4), (Pixel(),), solver)
    found = streamed(images, recipe)
    expected = invert(PRIOR, images, recipe, key=KEY)
    assert_same(found, expected)
    assert {int(own.status) for own in found} == {Status.CONVERGED, Status.MAX_STEPS}
    assert sum(len(own.history["loss"]) for own in found) < len(images) * STEPS


def test_nothing_compiles_again(images):
    inverter = Inverter(PRIOR, RECIPE)
    streamed(images[:3], inverter=inverter)
    made = (programs.start, programs.advance, programs.finish, programs.put, programs.taken)
    before = [each._jitted._cache_size() for each in made]
    streamed(images, inverter=inverter, order=[4, 3, 2, 1, 0])
    assert [each._jitted._cache_size() for each in made] == before


def test_an_image_may_be_taken_out(images):
    seen = []

    def watch(steps: int, scalars: dict[str, float]) -> bool:
        seen.append((steps, scalars["loss"], scalars["pixel_mse"]))
        return steps == 2

    found = dict(stream(Inverter(PRIOR, RECIPE), iter([Entry("a", 0, images[0], watch=watch)]), key=KEY, slots=2))
    assert [steps for steps, *_ in seen] == [1, 2]
    np.testing.assert_allclose(found["a"].history["loss"], [loss for _, loss, _ in seen], rtol=1e-6)


def test_asks_again_where_there_is_none_yet(images):
    waiting = iter([Entry(0, 0, images[0]), None, None, Entry(1, 1, images[1]), None])
    found = dict(stream(Inverter(PRIOR, RECIPE), waiting, key=KEY, slots=3))
    assert sorted(found) == [0, 1]


def test_nothing_comes_of_nothing():
    assert list(stream(Inverter(PRIOR, RECIPE), iter([]), key=KEY, slots=3)) == []


def test_images_that_are_not_finite_leave_the_others_alone(images):
    broken = np.where(np.arange(8)[:, None, None] == 0, 1e30, images[0]).astype(np.float32)
    with pytest.raises(ArgumentError):
        streamed([broken])
    # What the generator makes of codes that are not finite.
    starts = [{"codes": np.full((4, 8), np.nan, np.float32)}, None]
    entries = (Entry(i, i, images[i], init=start) for i, start in zip((0, 0), starts, strict=True))
    found = list(itertools.islice(stream(Inverter(PRIOR, RECIPE), entries, key=KEY, slots=1), 2))
    assert [int(result.status) for _, result in found] == [Status.NONFINITE, Status.MAX_STEPS]
    np.testing.assert_allclose(found[1][1].loss, invert(PRIOR, images[:1], RECIPE, key=KEY).loss[0], rtol=1e-4)


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"slots": 1, "samples": 0}])
def test_bad_numbers(images, wrong):
    with pytest.raises(ArgumentError, match="use at least 1"):
        list(stream(Inverter(PRIOR, RECIPE), iter([]), key=KEY, **wrong))


class Kept(dict):
    """States by tag, as a saver keeps them."""

    def saver(self, seconds: float = 0.0) -> Saver:
        return Saver(seconds, self.__setitem__, self.get)


class Stopped(Exception):
    """What ends a stream."""


def stopped_after(steps: int):
    """A watch that ends the stream."""

    def watch(taken: int, scalars: dict[str, float]) -> bool:
        if taken >= steps:
            raise Stopped
        return False

    return watch


def interrupted(recipe, images, kept, steps, seconds=1e9, **options):
    """A stream that is ended when its first image has taken some steps."""
    entries = (Entry(i, i, image, watch=stopped_after(steps)) for i, image in enumerate(images))
    with pytest.raises(Stopped):
        list(stream(Inverter(PRIOR, recipe), entries, key=KEY, slots=2, saver=kept.saver(seconds), **options))


@pytest.mark.parametrize("samples", [None, 2])
def test_goes_on_where_it_was(images, samples):
    """Bit for bit; saved once more when something ends the stream."""
    recipe = dataclasses.replace(RECIPE, restarts=2, solver=SolverConfig(FREE_OPTIMIZER, 9, 0.01, 3))
    expected = streamed(images[:3], recipe, samples=samples)
    kept = Kept()
    interrupted(recipe, images[:3], kept, 4, samples=samples)
    assert {int(each["steps"]) for each in kept.values()} == {4}
    steps = []
    watches = [lambda taken, scalars: bool(steps.append(taken))] * 3
    found = streamed(images[:3], recipe, samples=samples, saver=kept.saver(1e9), more={"watch": watches})
    assert min(steps) == 1  # The third had not begun.
    assert steps.count(5) == 3
    assert steps.count(1) == 1
    for own, whole in zip(found, expected, strict=True):
        for one, two in zip(jax.tree.leaves(own), jax.tree.leaves(whole), strict=True):
            np.testing.assert_array_equal(one, two)


def test_goes_on_in_a_later_stage(images):
    second = Recipe("second", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 5))
    recipe = dataclasses.replace(RECIPE, solver=SolverConfig(FREE_OPTIMIZER, 2), then=second)
    expected = streamed(images[:2], recipe)
    kept = Kept()
    interrupted(recipe, images[:2], kept, 4, 0.0)
    assert {int(each["stage"]) for each in kept.values()} == {1}
    for own, whole in zip(streamed(images[:2], recipe, saver=kept.saver()), expected, strict=True):
        np.testing.assert_array_equal(own.images, whole.images)


def test_what_was_saved_goes_on_upon_another_number_of_devices(images):
    expected = streamed(images[:3])
    kept = Kept()
    interrupted(RECIPE, images[:3], kept, 3)
    devices = min(2, jax.local_device_count())
    found = streamed(images[:3], slots=4, saver=kept.saver(1e9), engine={"devices": devices})
    for own, whole in zip(found, expected, strict=True):
        np.testing.assert_allclose(own.images, whole.images, atol=1e-3)
        np.testing.assert_allclose(own.history["loss"], whole.history["loss"], rtol=1e-4)


def test_states_of_another_shape_are_not_gone_on_with(images):
    kept = Kept()
    interrupted(RECIPE, images[:2], kept, 3)
    other = dataclasses.replace(RECIPE, parametrization=MultiCode(3))
    assert_same(streamed(images[:2], other, saver=kept.saver(1e9)), invert(PRIOR, images[:2], other, key=KEY))


@pytest.mark.parametrize("where", ["asks for what a step gave", "has taken the last step"])
def test_a_signal_in_the_middle_of_a_step_loses_nothing(images, monkeypatch, where):
    """Signals arrive where the program waits for the device, or between two lines of Python."""
    expected, get, count = streamed(images[:2]), jax.device_get, [0]

    def interrupting(tree):
        count[0] += isinstance(tree, Evaluation)
        if isinstance(tree, Evaluation) and count[0] == 3:
            raise KeyboardInterrupt
        return get(tree)

    kept = Kept()
    entries = (Entry(i, i, image) for i, image in enumerate(images[:2]))
    run = stream(Inverter(PRIOR, RECIPE), entries, key=KEY, slots=2, saver=kept.saver(1e9))
    if where == "has taken the last step":
        monkeypatch.setattr(programs, "taken", interrupted_call)
    else:
        monkeypatch.setattr(jax, "device_get", interrupting)
    with pytest.raises(KeyboardInterrupt):
        list(run)
    monkeypatch.undo()
    assert {int(each["steps"]) for each in kept.values()} == {3 if where.startswith("asks") else STEPS}
    for own, whole in zip(streamed(images[:2], saver=kept.saver(1e9)), expected, strict=True):
        for one, two in zip(jax.tree.leaves(own), jax.tree.leaves(whole), strict=True):
            np.testing.assert_array_equal(one, two)


def interrupted_call(*arguments):
    """What a signal ends."""
    raise KeyboardInterrupt

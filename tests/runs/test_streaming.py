"""Runs whose images end early: what a folder holds is what a batch run leaves, whatever interrupts them."""

import dataclasses
import time
from functools import partial

import jax
import numpy as np
import pytest
from batteries import own_images
from latents.priors import tiny_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.images.files import save_image
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER
from gprior_jax.runs import Inversion, find_items, folder, read_record, run, states
from gprior_jax.runs.filming import Filming
from gprior_jax.runs.pipeline import Ahead, Behind

PRIOR = tiny_prior()
KEY = jax.random.key(3)
STEPS = 8
RECIPE = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, STEPS))


@pytest.fixture
def items(tmp_path):
    (tmp_path / "in").mkdir()
    for i, image in enumerate(own_images(PRIOR, 5)):
        save_image(tmp_path / "in" / f"{i}.png", image)
    return find_items([tmp_path / "in"])


def job(goal: float | None = None) -> Inversion:
    """An inversion that no image, or an image that is good enough, ends early."""
    return Inversion(PRIOR, RECIPE.until(goal) if goal else RECIPE, KEY)


def records(outcome) -> dict:
    """Records of a run by name."""
    return {e.row["name"]: read_record(outcome.report.parent / f"{e.row['name']}.npz") for e in outcome.entries}


def test_a_stream_leaves_what_batches_leave(items, tmp_path):
    """A goal that nothing reaches: the same images by places of a stream and by batches."""
    assert job().stream(2) is None
    assert job(199.0).stream(2) is not None
    expected = records(run(job(), items, tmp_path / "batches", batch_size=2))
    shown = []
    told = run(job(199.0), items, tmp_path / "stream", batch_size=2, watch=lambda title: shown.append)
    found = records(told)
    assert found.keys() == expected.keys()
    for name, own in found.items():
        np.testing.assert_allclose(own.image, expected[name].image, atol=1e-3)
        assert own.metrics["psnr"] == pytest.approx(expected[name].metrics["psnr"], abs=1e-2)
        assert own.step == expected[name].step
    assert shown[-1] == {}


def test_what_ends_early_is_noted(items, tmp_path):
    whole = records(run(job(), items, tmp_path / "batches", batch_size=2))
    goal = float(np.median([-10 * np.log10(own.history["pixel_mse"][4] / 4) for own in whole.values()]))
    found = records(run(job(goal + 0.01), items, tmp_path / "stream", batch_size=2))
    statuses = {name: own.status.name for name, own in found.items()}
    assert set(statuses.values()) == {"CONVERGED", "MAX_STEPS"}
    for name, own in found.items():
        assert (len(own.history["loss"]) < STEPS) or statuses[name] == "MAX_STEPS" or own.step == STEPS - 1


@pytest.mark.parametrize("after", [0, 2])
def test_an_interrupted_stream_ends_as_one_that_was_not(items, tmp_path, monkeypatch, after):
    expected = records(run(job(199.0), items, tmp_path / "whole", batch_size=2))
    write, count = folder.write_record, [0]

    def failing(*arguments):
        count[0] += 1
        if count[0] > after:
            raise OSError(28, "No space left on device", "x.npz")
        write(*arguments)

    monkeypatch.setattr(folder, "write_record", failing)
    with pytest.raises(OSError, match="No space"):
        run(job(199.0), items, tmp_path / "out", batch_size=2)
    monkeypatch.setattr(folder, "write_record", write)
    assert len(list((tmp_path / "out").glob("*.npz"))) == after
    assert not (tmp_path / "out" / ".locks").exists()
    found = records(run(job(199.0), items, tmp_path / "out", batch_size=2))
    for name, own in found.items():
        np.testing.assert_array_equal(own.image, expected[name].image)  # Bit for bit, in whatever places.


def test_what_is_read_ahead_is_bounded():
    taken = []

    def source():
        for number in range(100):
            taken.append(number)
            yield number

    with Ahead(source(), 2) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 2


def test_faults_of_the_reader_arrive():
    def source():
        yield 1
        raise ValueError("broken")

    with Ahead(source(), 2) as ahead:
        assert next(ahead) == 1
        with pytest.raises(ValueError, match="broken"):
            next(ahead)
        with pytest.raises(ValueError, match="broken"):
            list(ahead.polled())


def test_nothing_is_written_after_a_fault():
    done = []

    def write(number):
        if number == 1:
            raise OSError("disk")
        done.append(number)

    def write_all():
        with Behind(4) as behind:
            for number in range(4):
                behind(partial(write, number))

    with pytest.raises(OSError, match="disk"):
        write_all()
    assert done == [0]


class Killed(BaseException):
    """What ends a process from outside."""


@pytest.mark.parametrize("made_of", ["the same", "other pixels", "other settings"])
def test_a_run_goes_on_in_the_middle_of_images(items, tmp_path, monkeypatch, made_of):
    steps = []

    def watched(limit):
        def looked_up(self, stage, *arguments, **options):
            take = original(self, stage, *arguments, **options)

            def step(*arrays):
                if len(steps) == limit:
                    raise Killed
                steps.append(stage)
                return take(*arrays)

            return step

        return looked_up

    original = Inverter.steps
    expected = records(run(job(199.0), items, tmp_path / "whole", batch_size=8))
    monkeypatch.setattr(Inverter, "steps", watched(5))
    with pytest.raises(Killed):
        run(job(199.0), items, tmp_path / "out", batch_size=8, save_every=1e9)
    states = tmp_path / "out" / ".states"
    assert 1 <= len(list(states.iterdir())) <= 5  # An image that was read late may not have begun.
    assert not (tmp_path / "out" / ".locks").exists()
    goal = 198.0 if made_of == "other settings" else 199.0
    if made_of == "other pixels":
        for item in items:
            save_image(item.source, -1.0 + 0.0 * expected[item.name].image)
    steps.clear()
    monkeypatch.setattr(Inverter, "steps", watched(-1))
    found = records(run(job(goal), items, tmp_path / "out", batch_size=8, save_every=1e9))
    assert (len(steps) < STEPS) == (made_of == "the same")
    assert not states.exists()
    if made_of == "the same":
        for name, own in found.items():
            np.testing.assert_array_equal(own.image, expected[name].image)
            np.testing.assert_array_equal(own.history["loss"], expected[name].history["loss"])


def test_saves_now_and_then(items, tmp_path, monkeypatch):
    """Without an end in sight: as after a power cut, what is on disk is what there is."""
    saved = []
    monkeypatch.setattr(states.States, "save", lambda self, loaded, arrays: saved.append(int(arrays["steps"])))
    run(job(), items[:1], tmp_path / "out", batch_size=1, save_every=1e-6)
    assert saved == list(range(1, STEPS))


def test_batches_save_nothing_and_say_so(items, tmp_path):
    filmed, told = dataclasses.replace(job(), filming=Filming(tmp_path / "filmed")), []
    run(filmed, items[:1], tmp_path / "filmed", batch_size=1, save_every=1e-6, tell=told.append)
    assert [sentence.split(":")[0] for sentence in told] == ["no states are saved"]


def test_how_often_is_checked(items, tmp_path):
    with pytest.raises(ArgumentError, match="save_every"):
        run(job(), items, tmp_path / "out", save_every=0.0)


def test_what_follows_a_call_keeps_its_order():
    """However long the calls take."""
    done = []
    with Behind(8, threads=4) as behind:
        for number in range(8):
            behind(partial(time.sleep, 0.02 * (8 - number)), partial(done.append, number))
    assert done == list(range(8))

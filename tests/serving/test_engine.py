"""Jobs: their results are those of the library; turns, limits, ends."""

import io
import threading

import jax
import numpy as np
import pytest
from cli import priors
from PIL import Image

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.images.arrays import from_uint8, to_uint8
from gprior_jax.operators import motion_kernel
from gprior_jax.runs.record import read_record
from gprior_jax.serving import lane as lanes
from gprior_jax.serving.engine import ClosingError
from gprior_jax.serving.jobs import State
from gprior_jax.serving.pictures import Sent
from gprior_jax.serving.queue import FullError
from gprior_jax.serving.shelf import GoneError, UnknownJobError
from serving.served import LONG, SIDE, engine, png, submit, until


@pytest.fixture(scope="module")
def shared():
    """An engine for all tests that do not close it, or change its limits."""
    with engine(seed=5) as made:
        yield made


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def close(content, images):
    """As files: sums in another order may round a grey level the other way."""
    assert np.abs(pixels(content).astype(int) - to_uint8(images).astype(int)).max() <= 1


def test_results_are_those_of_invert(shared, tmp_path):
    """More jobs than places, of one lane; each as gp.invert has it for picture, key and id."""
    jobs = [submit(shared, seed=seed) for seed in range(5)]
    until(lambda: all(job.has_ended for job in jobs))
    assert [job.state for job in jobs] == [State.DONE] * 5
    assert shared.counts()["lanes"] == 1
    recipe = recipes.mganprior(2, num_steps=3, perceptual="auto")
    for seed in (0, 4):
        observed = from_uint8(pixels(png(seed)))[None]
        wanted = gp.invert(priors.plain(), observed, recipe, key=jax.random.key(5), ids=[seed])
        close(jobs[seed].kept.png, wanted.images[0])
        (tmp_path / "codes.npz").write_bytes(jobs[seed].kept.npz)
        record = read_record(tmp_path / "codes.npz")
        for name, value in wanted.variables.items():
            np.testing.assert_allclose(record.variables[name], value[0], rtol=2e-3, atol=2e-4)
        assert jobs[seed].kept.numbers["loss"] == pytest.approx(float(wanted.loss[0]), rel=1e-3)
    assert jobs[0].kept.png != jobs[1].kept.png


def test_restorations_are_those_of_the_tasks():
    """One place: a task alone has the same program."""
    small, whole = png(1, (4, 4)), png(2)
    with engine(slots=1, seed=5) as made:
        jobs = {
            "upscale": submit(made, small, task="upscale", seed=7),
            "colorize": submit(made, whole, task="colorize", seed=7),
            "deblur": submit(made, whole, task="deblur", blur="motion", length=3.0, angle=30.0, samples=2, seed=7),
        }
        until(lambda: all(job.has_ended for job in jobs.values()))

    def restored(task, function, picture, **own):
        recipe = recipes.restoration(task, priors.plain(), num_codes=2, num_steps=3, perceptual="auto")
        image = from_uint8(pixels(picture))[None]
        return function(priors.plain(), image, key=jax.random.key(5), ids=[7], recipe=recipe, **own)

    found = {
        "upscale": restored("upscale", gp.tasks.upscale, small, filter="bicubic"),
        "colorize": restored("colorize", gp.tasks.colorize, whole),
        "deblur": restored("deblur", gp.tasks.deblur, whole, kernel=motion_kernel(3.0, 30.0), samples=2),
    }
    for task, wanted in found.items():
        close(jobs[task].kept.png, wanted.images[0])
        assert jobs[task].kept.numbers["consistency"] == pytest.approx(float(wanted.consistency[0]), rel=1e-2)
    several, wanted = jobs["deblur"].kept, found["deblur"]
    assert list(several.more) == ["samples/1.png", "samples/2.png", "mean.png", "std.png"]
    assert several.more["samples/1.png"] == several.png
    for k, sample in enumerate(wanted.samples[0], start=1):
        close(several.more[f"samples/{k}.png"], sample)
    close(several.more["mean.png"], wanted.mean[0])
    assert several.numbers["losses"] == pytest.approx(wanted.result.loss[0].tolist(), rel=1e-3)
    assert jobs["colorize"].kept.more == {}


def test_a_kernel_that_was_sent():
    """It says what blurred, as the file of the command line does; lanes are shared by kernels of one size."""
    white = np.zeros((3, 3), np.uint8)
    white[1, :] = 255
    buffer = io.BytesIO()
    Image.fromarray(white).save(buffer, "PNG")
    with engine(seed=5) as made:
        jobs = [submit(made, png(2), None, buffer.getvalue(), task="deblur", seed=7)]
        jobs.append(submit(made, png(2), task="deblur", seed=7, blur="motion", length=1.0))
        until(lambda: all(job.has_ended for job in jobs))
        assert made.counts()["lanes"] == 1
    recipe = recipes.restoration("deblur", priors.plain(), num_codes=2, num_steps=3, perceptual="auto")
    image = from_uint8(pixels(png(2)))[None]
    own = {"key": jax.random.key(5), "ids": [7], "recipe": recipe}
    close(jobs[0].kept.png, gp.tasks.deblur(priors.plain(), image, white / white.sum(), **own).images[0])
    assert jobs[0].kept.png != jobs[1].kept.png


def test_classes():
    with engine(prior=priors.conditional()) as made:
        job = submit(made, method="w", codes=None, label=2)
        until(lambda: job.has_ended)
        assert job.state is State.DONE, job.why
        with np.load(io.BytesIO(job.kept.npz)) as arrays:
            assert arrays["variable_label"].tolist() == [0.0, 0.0, 1.0]
        with pytest.raises(ArgumentError, match="conditional: give a label"):
            submit(made)


@pytest.mark.parametrize(
    ("settings", "picture", "told"),
    [
        ({"method": "w"}, png(), "method 'w': use z, mganprior"),
        ({"method": "pti"}, png(), "use z, mganprior"),
        ({"method": "z"}, png(), "codes is not for the method z"),
        ({"steps": LONG + 1}, png(), "use at most 100000"),
        ({"codes": 41}, png(), "use at most 40"),
        ({"layer": 9}, png(), "layer"),
        ({"label": 1}, png(), "has no classes"),
        ({"task": "inpaint"}, png(), "send a mask, or give a box"),
        ({"task": "inpaint", "box": SIDE}, png(), "hides every pixel"),
        ({"task": "upscale"}, png(), "give a factor"),
        ({"task": "upscale", "factor": 3}, png(), "use 2, 4, 8"),
        ({"task": "upscale", "filter": "pulse", "factor": 8}, png(), "does not fit"),
        ({"task": "deblur", "sigma": 3.0}, png(), "sigma 3.0 is too much for images of 8x8: use at most 2.333"),
        ({"task": "deblur", "sigma": -1.0}, png(), "sigma must be a positive number"),
        ({"task": "deblur", "length": 3.0}, png(), "length is for the blur motion: leave it out"),
        ({"task": "deblur", "blur": "motion", "angle": np.inf}, png(), "angle inf: use a finite number"),
        ({"sigma": 1.0}, png(), "sigma is for the task deblur: leave it out"),
        ({"samples": 2}, png(), "samples is for restorations: leave it out"),
        ({"task": "denoise", "samples": 0}, png(), "samples 0: use at least 1"),
        ({"task": "denoise", "samples": 9}, png(), "9 samples are more than this server takes: use at most 8"),
        ({}, b"", "the picture is empty"),
        ({}, b"GIF89a" + bytes(50), "the picture is no PNG or JPEG"),
        ({}, png(0, (200, 8)), "too long and thin"),
        ({}, png()[:60], "the picture is"),
        ({}, png(0, (4, 4)), "too small"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_before_it_waits(shared, settings, picture, told):
    with pytest.raises((ArgumentError, ImageFileError), match=told) as error:
        submit(shared, picture, **settings)
    assert "/" not in str(error.value).replace("1/", "")


def test_a_picture_is_measured_before_it_is_decoded(monkeypatch):
    content = png(0, (101, 100))
    with engine(megapixels=0.01) as made:
        monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
        with pytest.raises(ImageFileError, match=r"101x100 pixels: too large, reduce it below 0\.01 million"):
            submit(made, content)


def test_the_queue_is_bounded_and_knows_places():
    with engine(slots=1, queue=2) as made:
        first = submit(made, steps=LONG)
        until(lambda: first.step > 2)
        waiting = [submit(made, steps=LONG, seed=1), submit(made, steps=LONG, seed=2)]
        assert [made.told(job)["place"] for job in waiting] == [1, 2]
        with pytest.raises(FullError, match="too many jobs are waiting"):
            submit(made, steps=LONG)
        left = [made.told(job)["seconds_left"] for job in (first, *waiting)]
        assert left == sorted(left)
        made.cancel(waiting[0].id)
        assert made.told(waiting[1])["place"] == 1
        # A job that is cancelled on its way leaves its place to the next.
        made.cancel(first.id)
        assert first.state is State.CANCELLED
        until(lambda: waiting[1].step > 1)
        assert made.counts()["running"] == 1


def test_lanes_are_bounded_and_every_kind_gets_its_turn(monkeypatch):
    monkeypatch.setattr("gprior_jax.serving.lanes._TURN_S", 0.05)
    monkeypatch.setattr("gprior_jax.serving.engine._TICK_S", 0.01)
    with engine(slots=1, lanes=1, queue=99) as made:
        busy = [submit(made, steps=300, seed=seed) for seed in range(8)]
        other = submit(made, task="denoise")
        until(lambda: other.has_ended)
        assert other.state is State.DONE
        assert not all(job.has_ended for job in busy)
        until(lambda: all(job.has_ended for job in busy))
        assert {job.state for job in busy} == {State.DONE}
        assert made.counts()["lanes"] == 1


def test_time_runs_out():
    """One under way ends with the best it has, one that waits fails."""
    with engine(slots=1, timeout=1.5) as made:
        running, waiting = (submit(made, steps=LONG, seed=seed) for seed in range(2))
        waiting.deadline = running.deadline - 0.5
        until(lambda: running.has_ended and waiting.has_ended)
        assert running.state is State.DONE
        assert running.kept.numbers["late"]
        assert (waiting.state, "send it again later" in waiting.why) == (State.FAILED, True)


def test_a_job_that_does_not_fit_fails_alone(shared):
    """What only the inverter can see."""
    good, settings = submit(shared, seed=1), submit(shared, seed=2).asked
    ready = shared.maker.read(settings, Sent(png()))
    ready.arrays["observed"][...] = np.nan
    bad = shared.submit(settings, ready)
    until(lambda: good.has_ended and bad.has_ended)
    assert (good.state, bad.state) == (State.DONE, State.FAILED)
    assert "NaN" in bad.why


def test_a_lane_that_breaks_fails_its_jobs_and_no_others(monkeypatch, caplog):
    with engine() as made:
        real, calls = lanes.stream, []

        def breaking(*args, **kwargs):
            calls.append(1)
            if len(calls) == 1:
                next(args[1])
                raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.")
            yield from real(*args, **kwargs)

        monkeypatch.setattr(lanes, "stream", breaking)
        bad = submit(made)
        until(lambda: bad.has_ended)
        assert (bad.state, bad.why) == (State.FAILED, "memory did not suffice: ask for fewer codes.")
        good = submit(made)
        until(lambda: good.has_ended)
        assert good.state is State.DONE
    assert "a lane of the task invert broke" in caplog.text


def test_warming_up_compiles_and_then_it_is_ready():
    with engine() as made:
        settings = submit(made, steps=LONG).asked
        made.warm(settings, made.maker.read(settings, Sent(png())))
        assert not made.is_ready
        until(lambda: made.is_ready)


def test_closing_lets_jobs_end_within_the_grace():
    with engine() as made:
        jobs = [submit(made, steps=20, seed=seed) for seed in range(4)]
        for job in jobs:
            threading.Thread(target=lambda job=job: until(lambda: made.told(job)["state"] == "done")).start()
        assert made.close(60.0) == (0, 0)
        assert {job.state for job in jobs} == {State.DONE}
        assert not made.is_ready
        with pytest.raises(ClosingError, match="shutting down"):
            submit(made)


def test_closing_cancels_what_does_not_end():
    with engine(slots=1) as made:
        jobs = [submit(made, steps=LONG, seed=seed) for seed in range(3)]
        until(lambda: jobs[0].step > 0)
        assert made.close(0.0) == (3, 0)
        assert {job.why for job in jobs} == {"the server was shut down before it had ended."}


def test_finished_jobs_are_kept_for_a_while():
    with engine(keep_megabytes=1e-9) as made:
        job = submit(made)
        until(lambda: job.has_ended)
        with pytest.raises(GoneError, match="kept no longer"):
            made.find(job.id)
        assert made.counts()["kept_bytes"] == 0
        with pytest.raises(UnknownJobError, match="no such job"):
            made.find("x")
    with engine() as made:
        job = submit(made)
        until(lambda: job.has_ended)
        assert made.find(job.id) is job
        assert made.counts()["kept_bytes"] == job.kept.size > 0
        made.cancel(job.id)  # Of one that has ended: it is forgotten.
        with pytest.raises(GoneError):
            made.find(job.id)
        assert made.counts()["kept_bytes"] == 0

"""What all tasks share: samples and their ranking, statistics, what recipe they take, what they refuse."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import operators, recipes, tasks
from gprior_jax.errors import Status
from gprior_jax.images import arrays as im
from gprior_jax.inversion.result import Result
from gprior_jax.operators import Identity, Mask
from gprior_jax.tasks.restoration import Task, complete, restore
from tasks.solved import CALLS, COUNT, KEY, MASKS, PRIOR, SIDE, images, one, reduced, several


@pytest.mark.parametrize("name", CALLS)
def test_shapes_and_ranking(name):
    found = several(name)
    assert found.images.shape == found.mean.shape == found.reconstruction.shape == (COUNT, SIDE, SIDE, 3)
    assert found.samples.shape == (COUNT, 3, SIDE, SIDE, 3)
    assert found.std.shape == (COUNT, SIDE, SIDE)
    assert found.consistency.shape == (COUNT,)
    np.testing.assert_array_equal(found.images, found.samples[:, 0])
    np.testing.assert_allclose(found.mean, found.samples.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.std, found.samples.std(axis=1).mean(axis=-1), atol=1e-6)
    assert (np.diff(found.result.loss, axis=1) >= 0).all()
    # Distinct solutions: different keys.
    assert (np.abs(found.samples[:, 0] - found.samples[:, 1]).max(axis=(1, 2, 3)) > 1e-3).all()
    assert (found.std.max(axis=(1, 2)) > 0).all()
    assert np.abs(found.samples).max() <= 1


@pytest.mark.parametrize("name", ["inpaint", "upscale"])  # With an operator for every image, and with one for all.
def test_one_sample_is_the_first_of_several(name):
    alone = one(name)
    assert alone.samples.shape[1] == 1
    assert (alone.std == 0).all()
    nearest = np.abs(several(name).samples - alone.samples).max(axis=(2, 3, 4)).min(axis=1)
    assert (nearest < 1e-3).all()


def made_up(values, losses):
    """An inversion's result of flat samples."""
    samples = np.broadcast_to(np.float32(values)[..., None, None, None], (*np.shape(values), 4, 4, 3))
    losses = np.float32(losses)
    status = np.full(losses.shape, Status.MAX_STEPS)
    return Result(samples, {}, losses, {}, np.zeros(losses.shape, int), status, {"loss": losses[..., None]})


def test_samples_without_a_finite_loss_are_not_in_the_mean():
    nan = np.nan
    result = made_up([[0.2, 0.6, nan]] * 2 + [[0.2, 0.2, 0.8]], [[1, 2, nan], [1, nan, nan], [nan, np.inf, nan]])
    found = complete(result, np.zeros((3, 4, 4, 3), np.float32), Identity())
    # Where no loss is finite, they are of all.
    np.testing.assert_allclose(found.mean[:, 0, 0, 0], [0.4, 0.2, 0.4], atol=1e-6)
    np.testing.assert_allclose(found.std[:, 0, 0], [0.2, 0.0, np.std([0.2, 0.2, 0.8])], atol=1e-6)


def test_consistency_is_of_the_known_pixels_as_a_file_holds_them():
    known = np.stack([np.asarray(operators.box_mask(4, box)) for box in (2, (0, 0, 4, 2))])
    observed = known * np.array([0.5, -0.25], np.float32)[:, None, None, None] + np.zeros(3, np.float32)
    found = complete(made_up([[0.5 + 0.3 / 127.5], [0.0]], [[1], [1]]), observed, Mask(jnp.asarray(known)))
    written = im.from_uint8(im.to_uint8(np.float32([0.5 + 0.3 / 127.5, 0.0])))
    wanted = [10 * np.log10(4 / (a - b) ** 2) for a, b in zip(written, (0.5, -0.25), strict=True)]
    np.testing.assert_allclose(found.consistency, wanted, rtol=1e-4)


def test_finishing_in_batches_changes_nothing():
    result = several("inpaint").result
    task = tasks.inpainting("paste")
    arrays = {"observed": images() * MASKS, "known": MASKS}
    whole, parts = (
        complete(result, arrays["observed"], task.operator(arrays), task.finish, size) for size in (None, 2)
    )
    for name in ("samples", "mean", "std", "consistency"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-6, atol=1e-6)


def test_the_default_recipe_is_the_tasks(monkeypatch):
    taken = []

    def instead(prior, observed, operator, recipe, **options):
        taken.append((recipe.fit(prior), options))

    monkeypatch.setattr("gprior_jax.tasks.restoration.restore", instead)
    bare = dataclasses.replace(PRIOR, critic=None)
    for prior in (PRIOR, bare):
        tasks.denoise(prior, images(), key=KEY, sigma=25)
        tasks.deblur(prior, images(), np.ones((3, 3)) / 9, key=KEY, samples=2, label=None, ids=[4, 5, 6])
    denoised, deblurred, _, without = taken
    assert [recipe.name for recipe, _ in taken] == ["denoise-fast", "deblur-fast"] * 2
    assert deblurred[0].parametrization.num_codes == recipes.FAST_TASKS["deblur"].num_codes
    assert deblurred[0].solver.num_steps == recipes.FAST_TASKS["deblur"].num_steps
    (pixel,) = denoised[0].terms
    assert pixel.floor == pytest.approx((50 / 255) ** 2)
    assert [term.name for term in deblurred[0].terms] == ["pixel_mse", "perceptual"]
    # A prior without a discriminator compares pixels only.
    assert [term.name for term in without[0].terms] == ["pixel_mse"]
    options = deblurred[1]
    assert options.pop("finish") is tasks.restoration.clip
    assert options == {"key": KEY, "samples": 2, "label": None, "ids": [4, 5, 6]}


def test_options_reach_the_inversion(monkeypatch):
    taken = {}

    def instead(prior, observed, recipe, **options):
        taken.update(options)
        return made_up(np.zeros((3, 2)), np.zeros((3, 2)))

    monkeypatch.setattr("gprior_jax.tasks.restoration.invert", instead)
    options = {"label": 1, "samples": 2, "ids": [4, 5, 6], "batch_size": 2, "devices": 3, "progress": print}
    observed = np.zeros((3, 4, 4, 3))
    found = restore(PRIOR, observed, Identity(), recipes.mganprior(), key=KEY, finish=half, **options)
    assert taken == options | {"key": KEY, "operator": Identity()}
    np.testing.assert_array_equal(found.images, 0.5)


def half(image, observed, operator):
    return image + 0.5


def test_a_task_of_ones_own():
    task = Task("denoise", lambda arrays: Identity(), lambda image, key: image[::-1], half)
    own = several("denoise")
    found = complete(own.result, images(), task.operator({}), task.finish)
    np.testing.assert_array_equal(found.images, own.reconstruction + np.float32(0.5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tasks.denoise(PRIOR, images()[0], key=KEY), r"images of shape \(8, 8, 3\): give \[B, H, W, C\]"),
        (lambda: tasks.denoise(PRIOR, images()[:0], key=KEY), "with at least one image"),
        (lambda: tasks.colorize(PRIOR, im.to_uint8(images()), key=KEY), "gray images of dtype uint8: give floats"),
        (lambda: tasks.upscale(PRIOR, 127.5 * (reduced() + 1), key=KEY), "small images from .* give floats in"),
        (lambda: tasks.inpaint(PRIOR, im.to_uint8(images()), MASKS, key=KEY), "images of dtype uint8"),
        (lambda: tasks.colorize(PRIOR, np.full((1, SIDE, SIDE, 3), np.nan), key=KEY), "NaN or infinite"),
        (
            lambda: tasks.deblur(PRIOR, images()[:, :4, :4], np.ones((3, 3)), key=KEY),
            r"this prior inverts \[B, 8, 8, 3\]",
        ),
        (lambda: CALLS["colorize"](samples=0), "samples 0: use at least 1"),
        (lambda: CALLS["colorize"](batch_size=0), "batch_size 0: use at least 1"),
        (lambda: CALLS["colorize"](ids=[0, 1]), "ids must be 3 integers from 0"),
        (lambda: CALLS["colorize"](label=0), "has no classes"),
    ],
)
def test_mistakes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_pixels_as_if_black_were_zero_are_told():
    with pytest.warns(UserWarning, match="black is -1 here"), pytest.raises(ValueError, match="samples 0"):
        tasks.denoise(PRIOR, 0.5 * (images() + 1), key=KEY, samples=0)

"""Restoration tasks on a tiny prior whose own images are degraded."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import own_images, random_prior

from gprior_jax import operators, recipes, tasks
from gprior_jax.images import arrays as im
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.operators import LUMA_WEIGHTS, Downsample
from gprior_jax.tasks.restoration import _mean_and_deviation

PRIOR = random_prior("pggan", "pggan")
KEY = jax.random.key(2)
COUNT = 3


@functools.cache
def images() -> np.ndarray:
    return np.asarray(jnp.tanh(own_images(PRIOR, COUNT) * 0.5))


def recipe(task, steps=8, **settings) -> Recipe:
    return recipes.restoration(task, PRIOR, num_codes=2, layer=2, num_steps=steps, **settings)


def masks() -> np.ndarray:
    return np.stack([operators.box_mask(16, box) for box in (4, 6, (0, 0, 8, 8))])


def reduced(factor=4) -> np.ndarray:
    return np.asarray(jax.vmap(Downsample(factor, "bicubic"))(jnp.asarray(images())))


RUNS = {
    "colorize": lambda **o: tasks.colorize(PRIOR, images(), key=KEY, recipe=recipe("colorize"), **o),
    "upscale": lambda **o: tasks.upscale(PRIOR, reduced(), key=KEY, recipe=recipe("upscale"), **o),
    "inpaint": lambda **o: tasks.inpaint(PRIOR, images(), masks(), key=KEY, recipe=recipe("inpaint"), **o),
    "denoise": lambda **o: tasks.denoise(PRIOR, images(), key=KEY, recipe=recipe("denoise", floor="noise"), **o),
    "deblur": lambda **o: tasks.deblur(
        PRIOR, images(), operators.gaussian_kernel(1.0), key=KEY, recipe=recipe("deblur"), **o
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_shapes_and_ranking(name):
    found = RUNS[name](samples=2)
    assert found.images.shape == found.mean.shape == found.reconstruction.shape == (COUNT, 16, 16, 3)
    assert found.samples.shape == (COUNT, 2, 16, 16, 3)
    assert found.std.shape == (COUNT, 16, 16)
    assert found.consistency.shape == (COUNT,)
    np.testing.assert_array_equal(found.images, found.samples[:, 0])
    np.testing.assert_allclose(found.mean, found.samples.mean(axis=1), atol=1e-6)
    assert (found.result.loss[:, 0] <= found.result.loss[:, 1]).all()
    # Distinct solutions: different keys.
    assert (np.abs(found.samples[:, 0] - found.samples[:, 1]).max(axis=(1, 2, 3)) > 1e-3).all()
    assert (found.std.max(axis=(1, 2)) > 0).all()
    assert np.abs(found.samples).max() <= 1


@pytest.mark.parametrize("name", RUNS)
def test_one_sample_is_the_first_of_several(name):
    alone, several = RUNS[name](), RUNS[name](samples=3)
    assert alone.samples.shape[1] == 1
    assert (alone.std == 0).all()
    nearest = np.abs(several.samples - alone.samples).max(axis=(2, 3, 4)).min(axis=1)
    assert (nearest < 1e-3).all()


def test_colorize_keeps_the_luma_to_a_grey_level():
    written = im.to_uint8(RUNS["colorize"]().images).astype(float)
    wanted = (images() + 1) * 127.5
    assert np.abs((written - wanted) @ np.asarray(LUMA_WEIGHTS, np.float64)).max() <= 1


def test_colorize_takes_one_channel_too():
    gray = images() @ np.asarray(LUMA_WEIGHTS, np.float32)
    found = tasks.colorize(PRIOR, gray[..., None], key=KEY, recipe=recipe("colorize"))
    np.testing.assert_allclose(found.images, RUNS["colorize"]().images, atol=1e-3)


@pytest.mark.parametrize("factor", [2, 4])
def test_upscale_reduces_to_its_input(factor):
    small = reduced(factor)
    found = tasks.upscale(PRIOR, small, key=KEY, recipe=recipe("upscale"))
    again = jax.vmap(Downsample(factor, "bicubic"))(im.from_uint8(im.to_uint8(found.images)))
    error = np.mean((np.asarray(again) - small) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(10 * np.log10(4 / error), found.consistency, atol=1e-2)
    assert found.consistency.mean() > 40
    free = tasks.upscale(PRIOR, small, key=KEY, recipe=recipe("upscale"), consistent=False)
    assert free.consistency.mean() < found.consistency.mean()


def test_inpaint_ignores_what_is_in_the_holes():
    spoilt = np.where(masks() > 0, images(), 0.77)
    found = tasks.inpaint(PRIOR, spoilt, masks(), key=KEY, recipe=recipe("inpaint"))
    np.testing.assert_array_equal(found.images, RUNS["inpaint"]().images)
    known = np.broadcast_to(masks() > 0, found.images.shape)
    np.testing.assert_array_equal(found.images[known], images()[known])


def test_paste_returns_the_files_known_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    found = tasks.inpaint(PRIOR, im.from_uint8(pixels), masks()[:1], key=KEY, recipe=recipe("inpaint", 2))
    known = np.broadcast_to(masks()[:1] > 0, pixels.shape)
    np.testing.assert_array_equal(im.to_uint8(found.images)[known], pixels[known])
    assert np.isinf(found.consistency[0])


def test_one_mask_for_all():
    one = tasks.inpaint(PRIOR, images(), masks()[0], key=KEY, recipe=recipe("inpaint", 2))
    each = tasks.inpaint(PRIOR, images(), np.repeat(masks()[:1], COUNT, axis=0), key=KEY, recipe=recipe("inpaint", 2))
    np.testing.assert_array_equal(one.images, each.images)


def test_different_masks_are_one_compilation():
    def run(boxes):
        known = np.stack([operators.box_mask(16, box) for box in boxes])
        return tasks.inpaint(PRIOR, images(), known, key=KEY, recipe=recipe("inpaint", 2))

    run((3, 4, 5))
    compiled = []

    def listener(event, duration, **details):
        if "backend_compile" in event:
            compiled.append(details)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        run((6, (1, 2, 3, 4), 8))
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    assert not compiled


def test_alone_as_in_company():
    together = RUNS["inpaint"]()
    alone = tasks.inpaint(PRIOR, images()[1:2], masks()[1:2], key=KEY, recipe=recipe("inpaint"), ids=[1])
    np.testing.assert_allclose(alone.images[0], together.images[1], atol=1e-3)


def test_a_hole_does_not_count():
    # Two images that differ in the hole only have the same loss.
    term = recipe("inpaint").problem(PRIOR).objective
    known = jnp.asarray(masks()[1])
    target = jnp.asarray(images()[0]) * known
    losses = [
        term(x * known, term.targets(target, known), {})[0] for x in (images()[1], images()[1] * known + 1 - known)
    ]
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-6)


def test_default_recipe_is_the_tasks():
    # A prior without a discriminator compares pixels only.
    bare = dataclasses.replace(PRIOR, critic=None)
    small = recipes.FAST_TASKS["denoise"]._replace(num_steps=2, num_codes=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.FAST_TASKS, "denoise", small)
        found = tasks.denoise(bare, images(), key=KEY, sigma=25 / 255)
    assert set(found.result.terms) == {"pixel_mse"}
    assert (found.result.loss >= np.float32((50 / 255) ** 2)).all()


def test_floor_is_estimated_for_every_image():
    noise = np.random.default_rng(1).normal(size=images().shape).astype(np.float32)
    noisy = images() + noise * np.array([0.1, 0.2, 0.4], np.float32)[:, None, None, None]
    found = tasks.denoise(PRIOR, noisy, key=KEY, recipe=recipe("denoise", 2, floor="noise"))
    levels = jax.vmap(im.noise_level)(noisy)
    assert (found.result.loss[:, 0] >= np.square(2 * np.asarray(levels)) * 0.999).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tasks.colorize(PRIOR, images()[..., :2], key=KEY), r"give \[B, H, W, 1 or 3\]"),
        (lambda: tasks.upscale(PRIOR, images()[:, :6, :6], key=KEY), "no whole factor to the prior's 16"),
        (lambda: tasks.upscale(PRIOR, images(), key=KEY), "squares of side 8, 4, 2, 1"),
        (lambda: tasks.inpaint(PRIOR, images(), masks()[:, :8], key=KEY), "masks of shape"),
        (lambda: tasks.inpaint(PRIOR, images(), masks() * 0.5, key=KEY), "mask 0 has values between"),
        (lambda: tasks.inpaint(PRIOR, images(), masks() * 0.0, key=KEY), "mask 0 hides every pixel"),
        (lambda: tasks.inpaint(PRIOR, images(), masks(), key=KEY, blend="mix"), "blend 'mix': use paste"),
        (lambda: tasks.denoise(PRIOR, images(), key=KEY, sigma=float("nan")), "sigma nan"),
        (lambda: tasks.denoise(PRIOR, images(), key=KEY, sigma=-1.0), r"sigma -1\.0"),
        (lambda: tasks.denoise(PRIOR, images(), key=KEY, noise="pink"), "noise 'pink': use 'gaussian'"),
        (lambda: tasks.deblur(PRIOR, images(), np.ones((4, 4)), key=KEY), r"kernel of shape \(4, 4\)"),
        (lambda: tasks.colorize(PRIOR, np.full((1, 16, 16, 3), np.nan), key=KEY), "NaN or infinite"),
        (lambda: RUNS["colorize"](samples=0), "samples 0: use at least 1"),
    ],
)
def test_mistakes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_finishing_in_batches_changes_nothing():
    whole, parts = RUNS["inpaint"](samples=2), RUNS["inpaint"](samples=2, batch_size=2)
    np.testing.assert_allclose(parts.samples, whole.samples, atol=1e-3)
    np.testing.assert_allclose(parts.mean, whole.mean, atol=1e-3)


def test_samples_without_a_finite_loss_are_not_in_the_mean():
    samples = np.stack([np.full((2, 4, 4, 3), value, np.float32) for value in (0.2, 0.6, np.nan)], axis=1)
    finite = np.array([[True, True, False], [True, False, False]])
    mean, deviation = _mean_and_deviation(samples, finite)
    np.testing.assert_allclose(mean[:, 0, 0, 0], [0.4, 0.2], atol=1e-6)
    np.testing.assert_allclose(deviation[:, 0, 0], [0.2, 0.0], atol=1e-6)


def test_noise_settings():
    assert tasks.noise_settings("gaussian", None) == {"distance": "mse", "floor": "noise"}
    with pytest.raises(ValueError, match="leave it out with impulse noise"):
        tasks.noise_settings("impulse", 0.1)
    with pytest.raises(ValueError, match="a floor of the mean square, not of 'huber'"):
        recipe("denoise", floor="noise", distance="huber")

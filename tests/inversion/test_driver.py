"""The driver: restarts, batches, calls, progress, hints and errors. The row property is in ``test_batteries.py``."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import own_images, pixel_recipe, random_prior

from gprior_jax import operators
from gprior_jax.errors import Status
from gprior_jax.inversion import driver, notice
from gprior_jax.inversion.driver import Result, invert, result_psnr
from gprior_jax.objectives import Perceptual, Pixel

KEY = jax.random.key(5)
PRIOR = random_prior("dcgan")
STEPS = 6
RECIPE = pixel_recipe(STEPS)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return own_images(PRIOR, 5)


@pytest.fixture(scope="module")
def reference(images) -> Result:
    return invert(PRIOR, images, RECIPE, key=KEY)


def assert_same_result(actual: Result, expected: Result):
    np.testing.assert_allclose(actual.loss, expected.loss, rtol=1e-4)
    np.testing.assert_allclose(actual.images, expected.images, atol=1e-3)
    np.testing.assert_array_equal(actual.step, expected.step)
    for name, history in expected.history.items():
        np.testing.assert_allclose(actual.history[name], history, rtol=1e-4)


def test_shapes(reference):
    assert reference.images.shape == (5, 16, 16, 3)
    assert {k: v.shape for k, v in reference.variables.items()} == {"codes": (5, 4, 8), "alpha": (5, 4, 4)}
    assert {k: v.shape for k, v in reference.history.items()} == {"loss": (5, STEPS), "pixel_mse": (5, STEPS)}
    assert reference.loss.shape == reference.status.shape == reference.step.shape == (5,)
    assert isinstance(reference.images, np.ndarray)
    assert (reference.status == Status.MAX_STEPS).all()


def test_result_is_the_best_of_its_history(reference, images):
    best = reference.history["loss"].argmin(axis=1)
    np.testing.assert_array_equal(reference.step, best)
    np.testing.assert_array_equal(reference.loss, reference.history["loss"].min(axis=1))
    np.testing.assert_array_equal(reference.terms["pixel_mse"], reference.history["pixel_mse"][np.arange(5), best])
    error = np.mean((reference.images - images) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(error, reference.loss, rtol=1e-4)
    rendered = jax.vmap(lambda v: RECIPE.parametrization.render(PRIOR, v))(reference.variables)
    np.testing.assert_allclose(rendered, reference.images, atol=1e-5)


def test_images_start_differently_and_runs_by_their_key(reference, images):
    same = np.repeat(images[:1], 2, axis=0)
    result = invert(PRIOR, same, RECIPE, key=KEY)
    assert result.loss[0] != result.loss[1]
    other = invert(PRIOR, images, RECIPE, key=jax.random.key(6))
    assert (other.history["loss"][:, 0] != reference.history["loss"][:, 0]).all()


@pytest.mark.parametrize("batch_size", [2, 5, 16])
def test_batches_give_the_same(reference, images, batch_size):
    assert_same_result(invert(PRIOR, images, RECIPE, key=KEY, batch_size=batch_size), reference)


@pytest.mark.parametrize("steps_per_call", [4, 5, 100])
def test_calls_give_the_same(reference, images, steps_per_call):
    assert_same_result(invert(PRIOR, images, RECIPE, key=KEY, steps_per_call=steps_per_call), reference)


def test_restarts_keep_the_best(images):
    problem, config = RECIPE.problem(PRIOR), RECIPE.solver
    result = invert(PRIOR, images[:2], dataclasses.replace(RECIPE, restarts=3), key=KEY)
    assert result.images.shape == (2, 16, 16, 3)
    assert result.history["loss"].shape == (2, STEPS)
    for row in range(2):
        keys = [jax.random.fold_in(jax.random.fold_in(KEY, row), restart) for restart in range(3)]
        starts = [driver.solver.init(problem, config, key).variables for key in keys]
        hints = jax.tree.map(lambda *leaves: np.stack(leaves), *starts)
        alone = invert(PRIOR, np.repeat(images[row : row + 1], 3, axis=0), RECIPE, key=KEY, init=hints)
        best = int(alone.loss.argmin())
        assert len(set(alone.loss.tolist())) == 3
        assert result.loss[row] == pytest.approx(alone.loss[best], rel=1e-4)
        np.testing.assert_allclose(result.images[row], alone.images[best], atol=1e-3)
        np.testing.assert_allclose(result.history["loss"][row], alone.history["loss"][best], rtol=1e-4)


def test_samples_are_the_restarts_sorted(reference, images):
    result = invert(PRIOR, images[:2], RECIPE, key=KEY, samples=3)
    assert result.images.shape == (2, 3, 16, 16, 3)
    assert result.history["loss"].shape == (2, 3, STEPS)
    assert (np.diff(result.loss, axis=1) >= 0).all()
    best = invert(PRIOR, images[:2], dataclasses.replace(RECIPE, restarts=3), key=KEY)
    np.testing.assert_allclose(result.loss[:, 0], best.loss, rtol=1e-4)
    np.testing.assert_allclose(result.images[:, 0], best.images, atol=1e-3)
    # What is found without samples is one of them.
    assert (np.abs(result.loss - reference.loss[:2, None]) / reference.loss[:2, None]).min(axis=1).max() < 1e-4
    one = invert(PRIOR, images[:2], RECIPE, key=KEY, samples=1)
    np.testing.assert_array_equal(one.images[:, 0], invert(PRIOR, images[:2], RECIPE, key=KEY).images)


def test_samples_of_restarts_are_the_best_of_each(images):
    recipe = dataclasses.replace(RECIPE, restarts=2)
    both = invert(PRIOR, images[:1], recipe, key=KEY, samples=2)
    four = invert(PRIOR, images[:1], RECIPE, key=KEY, samples=4)
    assert both.loss[0, 0] == pytest.approx(four.loss[0, 0], rel=1e-4)
    assert both.loss.shape == (1, 2)


def test_batches_that_stop_at_different_steps(images):
    # The first batch starts where it cannot improve and stops at once; the second goes on.
    recipe = pixel_recipe(40, tolerance=0.3, patience=5)
    done = invert(PRIOR, images[:1], pixel_recipe(150), key=KEY)
    drawn = invert(PRIOR, images[:2], pixel_recipe(1), key=KEY).variables
    hint = {name: np.concatenate([done.variables[name], drawn[name][1:]]) for name in drawn}
    both = invert(PRIOR, images[:2], recipe, key=KEY, batch_size=1, init=hint)
    lengths = [int(np.sum(row != row[-1])) + 1 for row in both.history["loss"]]
    assert both.history["loss"].shape[0] == 2
    assert lengths[0] < lengths[1]


def test_operators_are_inverted(images):
    operator = operators.broadcast(operators.Downsample(2, "area"), 5)
    small = np.asarray(jax.vmap(operators.Downsample(2, "area"))(images))
    result = invert(PRIOR, small, RECIPE, key=KEY, operator=operator)
    again = np.asarray(jax.vmap(operators.Downsample(2, "area"))(result.images))
    np.testing.assert_allclose(np.mean((again - small) ** 2, axis=(1, 2, 3)), result.loss, rtol=1e-3)
    with pytest.raises(ValueError, match=r"inverts \[B, 8, 8, 3\] observed through this operator"):
        invert(PRIOR, images, RECIPE, key=KEY, operator=operator)
    with pytest.raises(ValueError, match=r"leaf of shape \(16, 16, 1\) for 5 images"):
        invert(PRIOR, images, RECIPE, key=KEY, operator=operators.Mask(operators.box_mask(16, 4)))


def test_per_image_masks(images):
    masks = np.stack([operators.box_mask(16, side) for side in range(2, 7)])
    result = invert(PRIOR, images * masks, RECIPE, key=KEY, operator=operators.Mask(masks))
    alone = invert(
        PRIOR, (images * masks)[3:4], RECIPE, key=KEY, operator=operators.Mask(masks[3:4]), ids=np.array([3])
    )
    np.testing.assert_allclose(alone.loss, result.loss[3:4], rtol=1e-4)
    np.testing.assert_allclose(alone.images, result.images[3:4], atol=1e-3)


def test_hints_are_where_it_starts(reference, images):
    hint = {name: values[:2] for name, values in reference.variables.items()}
    result = invert(PRIOR, images[:2], RECIPE, key=KEY, init=hint)
    np.testing.assert_allclose(result.history["loss"][:, 0], reference.loss[:2], rtol=1e-4)
    only_codes = invert(PRIOR, images[:2], RECIPE, key=KEY, init={"codes": hint["codes"]})
    assert (only_codes.history["loss"][:, 0] != result.history["loss"][:, 0]).all()


def test_all_converged_ends_the_run(images):
    # A rate of zero improves nothing: stopped at the second count of the patience.
    recipe = pixel_recipe(50, driver.SolverConfig().optimizer.__class__("sgd", 0.0), tolerance=0.01, patience=3)
    result = invert(PRIOR, images[:2], recipe, key=KEY)
    assert (result.status == Status.CONVERGED).all()
    assert result.history["loss"].shape == (2, 6)


def test_progress_reports_plain_numbers(images, monkeypatch):
    monkeypatch.setattr(notice, "_PROGRESS_SECONDS", 0.0)
    heard: list[dict] = []
    result = invert(PRIOR, images, RECIPE, key=KEY, batch_size=4, progress=heard.append)
    assert [(n["batch"], n["batches"], n["step"]) for n in heard] == [
        (b, 2, s + 1) for b in (0, 1) for s in range(STEPS)
    ]
    assert {n["num_steps"] for n in heard} == {STEPS}
    for numbers in heard:
        assert all(type(value) in (int, float) for value in numbers.values())
    losses = [n["loss"] for n in heard[:STEPS]]
    np.testing.assert_allclose(losses, result.history["loss"][:4].mean(axis=0), rtol=1e-5)
    expected = (10 * np.log10(4 / result.history["pixel_mse"][:4])).mean(axis=0)
    np.testing.assert_allclose([n["psnr"] for n in heard[:STEPS]], expected, rtol=1e-4)
    assert [n["seconds_left"] >= 0 for n in heard[1:STEPS]] == [True] * (STEPS - 1)
    assert heard[STEPS - 1]["seconds_left"] == 0


def test_progress_is_not_reported_every_step(images, monkeypatch):
    monkeypatch.setattr(notice, "_PROGRESS_SECONDS", 1000.0)
    heard: list[dict] = []
    invert(PRIOR, images, RECIPE, key=KEY, progress=heard.append)
    assert [n["step"] for n in heard] == [1, STEPS]  # The first, and the end.


def test_perceptual_default_is_the_priors_discriminator(images):
    recipe = dataclasses.replace(RECIPE, terms=(Pixel(), Perceptual("default", 0.1)))
    with pytest.raises(ValueError, match="comes without a discriminator"):
        invert(PRIOR, images, recipe, key=KEY)
    result = invert(random_prior("dcgan", "dcgan"), images[:2], recipe, key=KEY)
    np.testing.assert_allclose(result.loss, result.terms["pixel_mse"] + 0.1 * result.terms["perceptual"], rtol=1e-5)


def test_wrong_images(images):
    with pytest.raises(ValueError, match=r"shape \(16, 16, 3\): this prior inverts \[B, 16, 16, 3\]"):
        invert(PRIOR, images[0], RECIPE, key=KEY)
    with pytest.raises(ValueError, match=r"shape \(5, 8, 16, 3\)"):
        invert(PRIOR, images[:, :8], RECIPE, key=KEY)
    with pytest.raises(ValueError, match="empty"):
        invert(PRIOR, images[:0], RECIPE, key=KEY)
    broken = images.copy()
    broken[1, 3, 3, 0], broken[4, 0, 0, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match="images 1, 4 hold NaN or infinite pixels"):
        invert(PRIOR, broken, RECIPE, key=KEY)


@pytest.mark.parametrize("ids", [[0, 1], [0, 1, 2, 3, -1], [0.0, 1.0, 2.0, 3.0, 4.0], [[0, 1, 2, 3, 4]]])
def test_wrong_ids(images, ids):
    with pytest.raises(ValueError, match="ids must be 5 integers from 0"):
        invert(PRIOR, images, RECIPE, key=KEY, ids=ids)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size 0: use at least 1"),
        ({"steps_per_call": 0}, "steps_per_call 0: use at least 1"),
        ({"devices": 9}, "devices 9: this process has 8"),
        ({"samples": 0}, "samples 0: use at least 1"),
    ],
)
def test_wrong_settings(images, settings, message):
    with pytest.raises(ValueError, match=message):
        invert(PRIOR, images, RECIPE, key=KEY, **settings)


def test_psnr_clips_to_the_range():
    def result(value: float) -> Result:
        return Result(np.full((1, 2, 2, 3), value, np.float32), *[{}] * 6)  # pyright: ignore

    assert result_psnr(result(0.0), np.full((1, 2, 2, 3), 0.2))[0] == pytest.approx(20.0, abs=1e-4)
    assert result_psnr(result(7.0), np.ones((1, 2, 2, 3)))[0] == pytest.approx(10 * np.log10(4e12))


def test_recipe_summary_is_json():
    summary = dataclasses.replace(RECIPE, terms=(Pixel(2.0, kind="l1"), Perceptual("default"))).summary()
    assert summary["parametrization"] == {
        "kind": "MultiCode", "num_codes": 4, "layer": 2, "average": False, "codes_per_call": None, "remat": False,
        "space": "z", "later_styles": "mean",
    }  # fmt: skip
    assert summary["terms"][0] == {
        "term": "pixel_l1", "weight": 2.0, "distance": "l1", "masked": True, "floor": 0.0,
    }  # fmt: skip
    assert summary["terms"][1]["network"] == "the prior's discriminator"
    assert summary["solver"]["num_steps"] == STEPS
    with pytest.raises(ValueError, match="restarts 0"):
        dataclasses.replace(RECIPE, restarts=0)
    assert jnp.isfinite(summary["solver"]["optimizer"]["learning_rate"])

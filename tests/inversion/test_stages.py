"""Recipes of several stages, and the goal at which an image stops."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax.errors import Status
from gprior_jax.generators.styles import stored_noise
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion import notice
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import STYLES_STAY, WPlus
from gprior_jax.objectives import Pixel

PRIOR = random_prior("stylegan2_plain")
KEY = jax.random.key(4)
SECOND = Recipe("noise", WPlus(noise="fitted"), (Pixel(),), SolverConfig(Optimizer("adam", 0.05, rates=STYLES_STAY), 8))
FIRST = Recipe("w_plus", WPlus(start="random"), (Pixel(),), SolverConfig(Optimizer("adam", 0.05), 10))
BOTH = dataclasses.replace(FIRST, then=SECOND)


@pytest.fixture(scope="module")
def images():
    """Four: the tests invert four or two rows at once (images, samples, restarts), two programs for each stage."""
    drawn = synthesize(PRIOR, normal(2, 4, 5), space="w", noise=stored_noise(PRIOR))
    return np.asarray(drawn) + 0.1 * normal(1, 4, 8, 8, 3)


@pytest.fixture(scope="module")
def first(images):
    return invert(PRIOR, images, FIRST, key=KEY)


@pytest.fixture(scope="module")
def result(images):
    return invert(PRIOR, images, BOTH, key=KEY)


def test_the_second_stage_goes_on_where_the_first_ended(first, result):
    np.testing.assert_array_equal(result.variables["w_plus"], first.variables["w_plus"])
    # It starts from the first stage's image, with the noise that this was drawn with.
    np.testing.assert_allclose(result.history["loss"][:, 0], first.loss, rtol=1e-4)
    assert (result.loss < 0.98 * first.loss).all()
    assert result.history["loss"].shape == (4, 8)
    maps = tuple(result.variables[f"noise_{i}"] for i in range(3))
    drawn = synthesize(PRIOR, result.variables["w_plus"], space="w_plus", noise=maps)
    np.testing.assert_allclose(drawn, result.images, atol=1e-4)


@pytest.mark.slow
def test_alone_equals_in_company(images, result):
    # Beside a copy of itself that fills the batch.
    alone = invert(PRIOR, images[1:2], BOTH, key=KEY, ids=np.array([1]), batch_size=2)
    np.testing.assert_allclose(alone.loss, result.loss[1:2], rtol=1e-4)
    np.testing.assert_allclose(alone.images, result.images[1:2], atol=1e-3)
    turned = invert(PRIOR, images[::-1], BOTH, key=KEY, ids=np.arange(4)[::-1])
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[::-1], turned), result)
    np.testing.assert_allclose(invert(PRIOR, images, BOTH, key=KEY, batch_size=2).loss, result.loss, rtol=1e-4)


@pytest.mark.slow
def test_samples_and_restarts_go_through_all_stages(images, result):
    samples = invert(PRIOR, images[:2], BOTH, key=KEY, samples=2)
    assert samples.images.shape == (2, 2, 8, 8, 3)
    # The first drawn is the one that is found without samples.
    nearest = np.abs(samples.loss - result.loss[:2, None]).min(axis=1)
    np.testing.assert_allclose(nearest / result.loss[:2], 0, atol=1e-4)
    best = invert(PRIOR, images[:2], dataclasses.replace(FIRST, restarts=2), key=KEY)
    followed = invert(PRIOR, images[:2], dataclasses.replace(BOTH, restarts=2), key=KEY)
    np.testing.assert_array_equal(followed.variables["w_plus"], best.variables["w_plus"])


def test_progress_counts_the_steps_of_all_stages(images, monkeypatch):
    monkeypatch.setattr(notice, "_PROGRESS_SECONDS", 0.0)
    heard: list[dict] = []
    invert(PRIOR, images, BOTH, key=KEY, progress=heard.append)
    assert [numbers["step"] for numbers in heard] == list(range(1, 19))
    assert {numbers["num_steps"] for numbers in heard} == {18}


def test_stages_are_listed_and_checked():
    assert [stage.name for stage in BOTH.stages] == ["w_plus", "noise"]
    assert BOTH.summary()["then"]["parametrization"]["noise"] == "fitted"
    assert "then" not in FIRST.summary()
    with pytest.raises(ValueError, match="has no styles"):
        invert(random_prior("dcgan"), np.zeros((1, 16, 16, 3)), BOTH, key=KEY)


def test_an_image_stops_at_its_goal(images, first):
    history = first.history["pixel_mse"]
    value = float(history[0, 4])
    config = dataclasses.replace(FIRST.solver, goal=("pixel_mse", value), patience=3)
    stopped = invert(PRIOR, images, dataclasses.replace(FIRST, solver=config), key=KEY)
    for i, losses in enumerate(history):
        reached = np.flatnonzero(losses <= value)
        if len(reached):
            assert stopped.status[i] == Status.CONVERGED
            assert stopped.step[i] == reached[0]
            assert stopped.loss[i] == losses[reached[0]]
        else:
            assert stopped.status[i] == Status.MAX_STEPS
    assert stopped.status[0] == Status.CONVERGED
    ended = invert(PRIOR, images[:1], dataclasses.replace(FIRST, solver=config), key=KEY, batch_size=4)
    assert ended.history["loss"].shape == (1, 6)  # Looked at every third step.
    wrong = dataclasses.replace(FIRST, solver=dataclasses.replace(config, goal=("lpips", 0.1)))
    with pytest.raises(ValueError, match="goal 'lpips': the objective has the terms pixel_mse"):
        invert(PRIOR, images, wrong, key=KEY)

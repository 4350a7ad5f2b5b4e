"""The StyleGAN2 projector's search against its published loop, stated with torch's Adam."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from batteries import normal

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.inversion import schedules, solver
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.problem import Measurement, Problem
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Projector
from gprior_jax.latents.styled import noise_penalty
from gprior_jax.objectives import Objective, Observation, Pixel
from gprior_jax.operators import Identity
from latents.priors import styled_prior

PRIOR = styled_prior(1)
KEY = jax.random.key(0)
STEPS = 40
SAMPLES = 500


def searched(space: str, steps: int = STEPS) -> Projector:
    return Projector(steps, space, noise_weight=10.0, statistics_samples=SAMPLES)


@functools.cache
def programs(space: str):
    """Compiled start and projection."""
    return jax.jit(partial(searched(space).init, PRIOR)), jax.jit(searched(space).project)


def iterates(space: str, count: int) -> list[dict]:
    """Variables of successive steps whose updates are nothing."""
    init, project = programs(space)
    found = [project(init(KEY))]
    for _ in range(count - 1):
        found.append(project(found[-1]))
    return found


def published_strength(step: int, w_std: float) -> float:
    """``projector.py``: w_noise_scale."""
    t = step / STEPS
    return w_std * 0.05 * max(0.0, 1.0 - t / 0.75) ** 2


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_injected_noise_follows_the_published_ramp(space):
    found = iterates(space, STEPS)
    start, w_std = programs(space)[0](KEY), float(found[0]["_w_std"])
    scores = []
    for step, variables in enumerate(found):
        assert float(variables["_step"]) == step
        scale = published_strength(step, w_std)
        injected = np.asarray(variables["_injected"])
        if scale == 0.0:
            assert not injected.any()
        else:
            scores.append(injected.ravel() / scale)
        # What is rendered is w with its noise; without it, w has not moved.
        np.testing.assert_allclose(np.asarray(variables[space]) - injected, start[space], atol=1e-5)
    drawn = np.concatenate(scores)
    assert len(scores) == 30
    assert len(np.unique(drawn)) == len(drawn)
    assert abs(drawn.mean()) < 4 / np.sqrt(len(drawn))
    assert drawn.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * len(drawn)))


def test_start_is_the_mean_of_mapped_codes_and_their_deviation():
    start = Projector(10).init(PRIOR, KEY)
    w = np.asarray(map_latents(PRIOR, jax.random.normal(jax.random.key(9), (10_000, 8)))[:, 0], np.float64)
    w_avg = w.mean(0)
    w_std = (np.sum((w - w_avg) ** 2) / 10_000) ** 0.5
    np.testing.assert_allclose(start["w"], w_avg, atol=0.03 * w_std)
    assert float(start["_w_std"]) == pytest.approx(w_std, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_trajectory_is_that_of_the_published_loop(space):
    projector, image = searched(space).fit(PRIOR), jnp.asarray(0.5 * normal(1, 4, 4, 3))
    problem = Problem(PRIOR, Objective((Pixel(),)), None, projector)
    config = SolverConfig(Optimizer(optax.adam, 0.1, schedule=schedules.projector), STEPS)
    measurement = Measurement(Identity(), problem.objective.targets(Observation(image, Identity())), None, {})
    state = jax.jit(lambda: solver.init(problem, config, KEY))()
    advance = jax.jit(lambda state: solver.step(problem, config, state, measurement)[0])

    def loss(w, maps):
        drawn = synthesize(PRIOR, w, space=space, noise=maps)
        return jnp.mean((drawn - image) ** 2) + 10.0 * noise_penalty(maps)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    w_opt = torch.from_numpy(np.array(state.variables[space] - state.variables["_injected"]))
    buffers = [torch.from_numpy(np.array(state.variables["noise_0"]))]
    adam = torch.optim.Adam([w_opt, *buffers], betas=(0.9, 0.999), lr=0.1)
    for step in range(STEPS):
        injected = np.asarray(state.variables["_injected"])
        ws = w_opt.numpy() + injected
        np.testing.assert_allclose(state.variables[space], ws, atol=2e-3)
        t = step / STEPS
        ramp = 0.5 - 0.5 * np.cos(min(1.0, (1.0 - t) / 0.25) * np.pi)
        adam.param_groups[0]["lr"] = 0.1 * ramp * min(1.0, t / 0.05)
        found, noise = gradient(jnp.asarray(ws), tuple(jnp.asarray(b.numpy()) for b in buffers))
        for each, value in zip([w_opt, *buffers], [found, *noise], strict=True):
            each.grad = torch.from_numpy(np.array(value))
        adam.step()
        for buffer in buffers:
            buffer -= buffer.mean()
            buffer *= buffer.square().mean().rsqrt()
        state = advance(state)
    np.testing.assert_allclose(state.variables["noise_0"], buffers[0].numpy(), atol=2e-2)


RECIPE = Recipe("test", searched("w", 12), (Pixel(),), SolverConfig(Optimizer(optax.adam, 0.02), 12))


@functools.cache
def images() -> np.ndarray:
    return np.clip(synthesize(PRIOR, normal(2, 3, 8)), -1, 1)


@pytest.fixture(scope="module")
def together() -> Result:
    return invert(PRIOR, images(), RECIPE, key=KEY)


def test_result_is_the_image_of_its_variables(together):
    maps = tuple(together.variables[f"noise_{k}"] for k in range(1))
    drawn = np.asarray(synthesize(PRIOR, together.variables["w"], space="w", noise=maps))
    np.testing.assert_allclose(drawn, together.images, atol=1e-4)
    # The loss of the best iterate is that of this image: it was not judged with other noise in it.
    found = np.mean((drawn - images()) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(found, together.terms["pixel_mse"], rtol=1e-3)
    # Every image has its own noise.
    assert len(set(together.variables["_seed"].tolist())) == 3


def test_alone_equals_in_company(together):
    # Beside copies of itself that fill the batch.
    alone = invert(PRIOR, images()[2:], RECIPE, key=KEY, ids=np.array([2]), batch_size=3)
    np.testing.assert_allclose(alone.loss, together.loss[2:], rtol=1e-4)
    np.testing.assert_allclose(alone.images, together.images[2:], atol=1e-3)
    other = invert(PRIOR, images()[::-1], RECIPE, key=KEY, ids=np.array([2, 1, 0]))
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[::-1], other), together)


def test_a_hint_is_started_from_with_a_ramp_of_its_own():
    found = iterates("w", 5)[-1]
    init, project = programs("w")
    again = project(init(jax.random.key(3), found))
    np.testing.assert_allclose(again["w"] - again["_injected"], found["w"], atol=1e-6)
    assert float(again["_step"]) == 0
    assert float(again["_seed"]) != float(found["_seed"])


def test_an_unknown_space_is_refused():
    with pytest.raises(ArgumentError, match="searches 'w' or 'w_plus'"):
        Projector(10, "z")

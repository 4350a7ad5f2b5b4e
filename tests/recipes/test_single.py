"""One code in Z, W or W+, and PULSE."""

import jax
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax import tasks
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.latents import Sphere, W, WPlus, Z
from gprior_jax.operators import Downsample, broadcast
from gprior_jax.recipes import latent, pulse

PRIOR = random_prior("stylegan2_plain")
KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("space", "expected"), [("z", Z()), ("w", W("mean")), ("w_plus", WPlus("mean"))], ids=["z", "w", "w_plus"]
)
def test_spaces(space, expected):
    recipe = latent(space, preset="official")
    assert recipe.parametrization == expected
    assert (recipe.solver.optimizer, recipe.solver.num_steps) == (Optimizer("sgd", 1.0), 3000)
    assert recipe.name == f"{space}-official"
    changed = latent(space, start="random", num_steps=5, perceptual=None, restarts=2, tolerance=0.1, remat=True)
    assert changed.parametrization.remat
    assert (changed.solver.num_steps, changed.restarts, changed.solver.tolerance) == (5, 2, 0.1)
    assert getattr(changed.parametrization, "start", "random") == "random"
    assert len(changed.terms) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": "x"}, "space='x': use 'z', 'w' or 'w_plus'"),
        ({"space": "z", "start": "mean"}, "a code z starts from a 'random' one"),
        ({"start": "zero"}, "start='zero': use 'mean'"),
        ({"preset": "best"}, "preset 'best'"),
        ({"num_steps": 0}, "num_steps 0"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        latent(**settings)


def test_official_pulse():
    recipe = pulse(preset="official")
    assert recipe.parametrization == Sphere(False, 5, (17,), 0.05, 1_000_000)
    optimizer = recipe.solver.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.schedule) == ("adam", 0.4, "one_cycle_drop")
    assert recipe.solver.num_steps == 100


def test_pulse_loss_is_the_published_one():
    term = pulse().terms[0]
    a, b = np.clip(0.5 * normal(1, 8, 8, 3), -1, 1), np.clip(0.5 * normal(2, 8, 8, 3), -1, 1)
    for scale in (1.0, 0.05):  # Above epsilon, and below it.
        near = b + scale * (a - b)
        published = 100 * max(np.mean(((near + 1) / 2 - (b + 1) / 2) ** 2), 2e-3)
        assert float(term.weight * term.loss(near, term.target(b))) == pytest.approx(published, rel=1e-4)


@pytest.mark.slow
def test_pulse_upscales_and_tells_its_distance():
    operator, small = broadcast(Downsample(2, "pulse"), 2), 0.5 * normal(3, 2, 4, 4, 3)
    recipe = pulse(num_steps=15, epsilon=0.0)
    result = invert(PRIOR, small, recipe, key=KEY, operator=operator)
    again = np.asarray(jax.jit(jax.vmap(Downsample(2, "pulse")))(result.images))
    np.testing.assert_allclose(np.mean((again - small) ** 2, axis=(1, 2, 3)), result.terms["pixel_mse"], rtol=1e-3)
    np.testing.assert_array_equal(result.loss, result.history["loss"].min(axis=1))
    restored = tasks.upscale(PRIOR, small, key=KEY, recipe=recipe, method="pulse", consistent=False)
    np.testing.assert_allclose(restored.images, np.clip(result.images, -1, 1), atol=1e-4)

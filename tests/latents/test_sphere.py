"""PULSE's search against its published numbers (golden/pulse.npz) and its words."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal, random_prior

from gprior_jax.generators.styles import draw_noise
from gprior_jax.generators.synthesis import map_latents
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.latents import Sphere
from gprior_jax.latents.sphere import gaussian_statistics, geocross

KEY = jax.random.key(0)
over_priors = pytest.mark.parametrize("name", ["stylegan", "stylegan2"])


def test_golden_trajectory(golden, golden_weights):
    with np.load(golden / "pulse.npz") as arrays:
        expected, losses = arrays["sphere_result"], arrays["sphere_losses"]
    start, target = (golden_weights.normal(name, expected.shape, salt=5) for name in ("sphere_x", "sphere_target"))
    tx, sphere = Optimizer("adam", 0.4, schedule="one_cycle_drop").build(20), Sphere()

    def run(start, target):
        radius = jnp.sqrt(jnp.square(start).sum(-1, keepdims=True) + 1e-9)
        variables = {"latents": start, "_radius_latents": radius}
        state, found = tx.init(variables), []
        for _ in range(20):
            # The published loss is the mean over both rows of the batch: Adam's epsilon tells the difference.
            loss, gradient = jax.value_and_grad(lambda v: jnp.mean((v["latents"] - target) ** 2) / 2)(variables)
            updates, state = tx.update(gradient, state, variables)
            variables = sphere.project(optax.apply_updates(variables, updates))
            found.append(loss)
        np.testing.assert_array_equal(variables["_radius_latents"], radius)
        return variables["latents"], jnp.stack(found)

    results, found = zip(
        *(run(jnp.asarray(a), jnp.asarray(b)) for a, b in zip(start, target, strict=True)), strict=True
    )
    np.testing.assert_allclose(np.stack(results), expected, atol=1e-4)
    np.testing.assert_allclose(np.sum(found, axis=0), losses, rtol=1e-4)


@over_priors
def test_statistics_and_styles(name):
    prior = random_prior(name)
    mean, std = gaussian_statistics(prior, 20_000)
    w = np.asarray(map_latents(prior, jax.random.normal(KEY, (20_000, 8)))[:, 0]) / prior.module.mapping_gain
    before = np.where(w >= 0, w, 5 * w)  # LeakyReLU with slope 5 undoes that with slope 0.2.
    np.testing.assert_allclose(mean, before.mean(0), atol=0.05 * before.std())
    np.testing.assert_allclose(std, before.std(0), rtol=0.05)
    latents = normal(1, prior.num_styles, 6)
    moved = latents * std + mean
    styles = Sphere().styles(prior, {"latents": latents, "_mean": mean, "_std": std})
    expected = prior.module.mapping_gain * np.where(moved >= 0, moved, 0.2 * moved)
    np.testing.assert_allclose(styles, expected, rtol=1e-4, atol=1e-5)


@over_priors
def test_what_moves_and_what_stays(name):
    prior = random_prior(name)
    sphere = Sphere(num_noise=2, zero_noise=(1, 3), statistics_samples=100)
    variables = sphere.init(prior, KEY)
    count = len(draw_noise(prior, KEY))
    assert {n for n in variables if not n.startswith("_")} == {"latents", "noise_0"}
    assert {f"_noise_{i}" for i in range(1, count)} <= variables.keys()
    for i in range(1, count):
        assert bool(jnp.any(variables[f"_noise_{i}"])) == (i not in (1, 3))
    tx = Optimizer(learning_rate=1.0).build(10)
    updates, _ = tx.update(jax.tree.map(jnp.ones_like, variables), tx.init(variables), variables)
    for n, update in updates.items():
        assert bool(jnp.any(update)) == (not n.startswith("_")), n


def test_projection_keeps_every_radius():
    prior = random_prior("stylegan2")
    start = Sphere(statistics_samples=100).init(prior, KEY)
    moved = {n: x if n.startswith("_") else 3.0 * x + 1.0 for n, x in start.items()}
    found = Sphere().project(moved)
    norms = [jnp.linalg.norm(v["latents"], axis=-1) for v in (start, found)]
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-5)
    np.testing.assert_allclose(jnp.linalg.norm(found["noise_2"]), jnp.linalg.norm(start["noise_2"]), rtol=1e-5)
    assert float(jnp.abs(found["latents"] - start["latents"]).max()) > 1e-2


def test_penalty():
    prior = random_prior("stylegan2")
    variables = Sphere(statistics_samples=100).init(prior, KEY)
    spread = geocross(Sphere().styles(prior, variables))
    assert float(Sphere().penalty(prior, variables)["geocross"]) == pytest.approx(0.05 * float(spread), rel=1e-5)
    assert Sphere(tiled=True).penalty(prior, variables) == {}

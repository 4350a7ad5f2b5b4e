"""PULSE's search against its published numbers (golden/pulse.npz) and its words."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal, random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import map_latents
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import one_cycle_drop
from gprior_jax.latents import Sphere
from gprior_jax.latents.sphere import gaussian_statistics, geocross

KEY = jax.random.key(0)
PRIOR = random_prior("stylegan2_residual")
init = jax.jit(Sphere(num_noise=2, zero_noise=(1, 3), statistics_samples=100).init)
over_priors = pytest.mark.parametrize("name", ["stylegan_w_per_layer", "stylegan2_residual"])


def test_golden_trajectory(golden, golden_weights):
    with np.load(golden / "pulse.npz") as arrays:
        expected, losses = arrays["sphere_result"], arrays["sphere_losses"]
    start, target = (golden_weights.normal(name, expected.shape, salt=5) for name in ("sphere_x", "sphere_target"))
    tx, sphere = Optimizer(optax.adam, 0.4, schedule=one_cycle_drop)(20), Sphere()

    @jax.jit
    def step(latents, radius, target, state):
        # The published loss is the mean over both rows of the batch: Adam's epsilon tells the difference.
        free = {"latents": latents}
        loss, gradient = jax.value_and_grad(lambda v: jnp.mean((v["latents"] - target) ** 2) / 2)(free)
        updates, state = tx.update(gradient, state, free)
        moved = sphere.project(optax.apply_updates(free, updates) | {"_radius_latents": radius})
        return moved["latents"], moved["_radius_latents"], state, loss

    def run(latents, target):
        radius = kept = jnp.sqrt(jnp.square(latents).sum(-1, keepdims=True) + 1e-9)
        state, found = tx.init({"latents": latents}), []
        for _ in range(20):
            latents, kept, state, loss = step(latents, kept, target, state)
            found.append(loss)
        np.testing.assert_array_equal(kept, radius)
        return latents, np.stack(found)

    results, found = zip(*(run(jnp.asarray(a), b) for a, b in zip(start, target, strict=True)), strict=True)
    np.testing.assert_allclose(np.stack(results), expected, atol=1e-4)
    np.testing.assert_allclose(np.sum(found, axis=0), losses, rtol=1e-4)


@over_priors
def test_statistics_and_styles(name):
    prior = random_prior(name)
    mean, std = jax.jit(gaussian_statistics, static_argnums=1)(prior, 20_000)
    w = np.asarray(map_latents(prior, jax.random.normal(KEY, (20_000, 8)))[:, 0]) / prior.module.mapping_gain
    before = np.where(w >= 0, w, 5 * w)  # LeakyReLU with slope 5 undoes that with slope 0.2.
    np.testing.assert_allclose(mean, before.mean(0), atol=0.05 * before.std())
    np.testing.assert_allclose(std, before.std(0), rtol=0.05)
    latents = normal(1, prior.num_styles, 5)
    moved = latents * std + mean
    styles = Sphere().styles(prior, {"latents": latents, "_mean": mean, "_std": std})
    expected = prior.module.mapping_gain * np.where(moved >= 0, moved, 0.2 * moved)
    np.testing.assert_allclose(styles, expected, rtol=1e-4, atol=1e-5)


@over_priors
def test_what_moves_and_what_stays(name):
    prior = random_prior(name)
    variables = init(prior, KEY)
    count = len(prior.noise_sizes)
    assert {n for n in variables if not n.startswith("_")} == {"latents", "noise_0"}
    assert {f"_noise_{i}" for i in range(1, count)} <= variables.keys()
    for i in range(1, count):
        assert bool(jnp.any(variables[f"_noise_{i}"])) == (i not in (1, 3))


@pytest.fixture(scope="module")
def start():
    return init(PRIOR, KEY)


def test_projection_keeps_every_radius(start):
    moved = {n: x if n.startswith("_") else 3.0 * x + 1.0 for n, x in start.items()}
    found = jax.jit(Sphere().project)(moved)
    norms = [np.linalg.norm(v["latents"], axis=-1) for v in (start, found)]
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found["noise_0"]), np.linalg.norm(start["noise_0"]), rtol=1e-5)
    assert float(jnp.abs(found["latents"] - start["latents"]).max()) > 1e-2


def test_penalty(start):
    spread = jax.jit(geocross)(Sphere().styles(PRIOR, start))
    found = jax.jit(Sphere().penalty)(PRIOR, start)
    assert float(found["geocross"]) == pytest.approx(0.05 * float(spread), rel=1e-5)
    assert Sphere(tiled=True).penalty(PRIOR, start) == {}


def test_geocross_is_pulses(golden, golden_weights):
    with np.load(golden / "pulse.npz") as arrays:
        expected, near = arrays["geocross"], arrays["geocross_near"]
    latents = golden_weights.normal("latent", (2, 18, 512), salt=5)
    measure = jax.jit(geocross)
    np.testing.assert_allclose([measure(each) for each in latents], expected, rtol=1e-5)
    rows = latents[0, :1] + 0.1 * golden_weights.normal("near", (18, 512), salt=5)
    np.testing.assert_allclose(measure(rows), near[0], rtol=1e-5)


def test_geocross_of_equal_vectors_has_a_gradient():
    equal = jnp.ones((3, 8))
    found, gradient = jax.jit(jax.value_and_grad(geocross))(equal)
    assert float(found) < 1e-6
    assert np.isfinite(gradient).all()


def test_a_mapping_that_does_not_end_with_a_leaky_relu_is_refused():
    class Other:
        num_styles = 2

    with pytest.raises(ArgumentError, match="has no mapping network that ends with a LeakyReLU"):
        Sphere().fit(PRIOR.replace(module=Other()))

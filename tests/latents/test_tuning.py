"""Pivotal tuning: the weights of one image."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal, random_prior

from gprior_jax.generators.prior import astype
from gprior_jax.generators.styles import mean_styles, truncate
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.keys import purpose
from gprior_jax.latents import Tuning, tuned
from gprior_jax.objectives import Pixel
from latents.priors import styled_prior

PRIOR = styled_prior(1)
KEY = jax.random.key(0)
RECIPE = Recipe("test", Tuning(), (Pixel(),), SolverConfig(Optimizer(optax.adam, 0.02), 12))
W = normal(1, 3, 5)


@pytest.mark.parametrize("name", ["stylegan_w_per_layer", "stylegan2_residual"])
def test_starts_as_the_prior_itself(name):
    prior = random_prior(name)
    w_plus, render = normal(2, prior.num_styles, 5), jax.jit(Tuning().render)
    for hint, styles in (({"w": w_plus[0]}, w_plus[:1]), ({"w_plus": w_plus}, w_plus), ({}, mean_styles(prior))):
        variables = Tuning().init(prior, KEY, {n: jnp.asarray(x) for n, x in hint.items()})
        expected = synthesize(prior, jnp.broadcast_to(styles, w_plus.shape), space="w_plus")
        np.testing.assert_allclose(render(prior, variables), expected, rtol=1e-4, atol=1e-5)
    # What no published tuning changes is not among the variables.
    parts = {tuple(name.split("/")[1:]) for name in variables if name != "_w_plus"}
    assert not [path for path in parts if path[0] in ("mapping", "w_avg") or path[-1] == "noise"]
    assert ("layer0", "kernel") in parts
    assert ("layer0", "noise_strength") in parts


def test_weights_are_tuned_in_float32_whatever_the_prior_has():
    half = astype(PRIOR, "bfloat16")
    variables = Tuning().init(half, KEY)
    assert {leaf.dtype for name, leaf in variables.items() if name.startswith("weights/")} == {jnp.dtype("float32")}
    dtypes = jax.tree.map(lambda a, b: a.dtype == b.dtype, tuned(half, variables).params, half.params)
    assert all(jax.tree.leaves(dtypes))


@functools.cache
def targets() -> np.ndarray:
    return np.asarray(synthesize(PRIOR, W, space="w")) + 0.2 * normal(4, 3, 4, 4, 3)


@pytest.fixture(scope="module")
def result() -> Result:
    return invert(PRIOR, targets(), RECIPE, key=KEY, init={"w": W})


@pytest.mark.slow
def test_tuning_improves_every_image_by_weights_of_its_own(result):
    assert (result.loss < 0.9 * result.history["loss"][:, 0]).all()
    kernel = result.variables["weights/layer0/kernel"]
    assert not np.allclose(kernel[0], kernel[1])
    np.testing.assert_array_equal(result.variables["_w_plus"], np.repeat(W[:, None], PRIOR.num_styles, axis=1))
    # Another mate changes no bit of the others' weights.
    images = targets().copy()
    images[1] *= -1
    other = invert(PRIOR, images, RECIPE, key=KEY, init={"w": W})
    for name, values in result.variables.items():
        np.testing.assert_array_equal(values[[0, 2]], other.variables[name][[0, 2]])
    assert not np.array_equal(other.variables["weights/layer0/kernel"][1], kernel[1])
    # Beside copies of itself that fill the batch.
    alone = invert(PRIOR, images[2:], RECIPE, key=KEY, ids=np.array([2]), init={"w": W[2:]}, batch_size=3)
    np.testing.assert_allclose(alone.loss, result.loss[2:], rtol=1e-3)


def test_the_tuned_prior_draws_the_result_and_maps_as_before(result):
    own = tuned(PRIOR, {name: jnp.asarray(value[0]) for name, value in result.variables.items()})
    drawn = synthesize(own, result.variables["_w_plus"], space="w_plus")
    np.testing.assert_allclose(drawn[0], result.images[0], atol=1e-5)
    assert float(jnp.abs(drawn[0] - synthesize(PRIOR, W, space="w")[0]).max()) > 1e-3
    z = normal(5, 2, 8)
    np.testing.assert_array_equal(map_latents(own, z), map_latents(PRIOR, z))
    assert jax.tree.structure(own.params) == jax.tree.structure(PRIOR.params)


def test_locality_is_the_change_at_codes_a_distance_away():
    tuning = Tuning(locality_weight=0.1)
    penalty = jax.jit(tuning.penalty)
    start = tuning.project(tuning.init(PRIOR, KEY, {"w": jnp.asarray(W[0])}))
    assert float(penalty(PRIOR, start)["locality"]) == pytest.approx(0.0, abs=1e-8)
    changed = start | {"weights/layer0/bias": start["weights/layer0/bias"] + 0.5}
    # In words: alpha = 30 from the pivot towards a truncated code, in W+.
    key = jax.random.fold_in(purpose(jax.random.key(int(start["_seed"])), "steps"), 0)
    z = jax.random.normal(key, (8,))
    towards = truncate(PRIOR, map_latents(PRIOR, z), 0.5) - start["_w_plus"]
    near = start["_w_plus"] + 30.0 * towards / np.linalg.norm(towards)
    images = [synthesize(prior, near, space="w_plus") for prior in (PRIOR, tuned(PRIOR, changed))]
    expected = 0.1 * float(jnp.mean((images[0] - images[1]) ** 2))
    assert float(penalty(PRIOR, changed)["locality"]) == pytest.approx(expected, rel=1e-3)
    # Another code in the next step.
    later = tuning.project(changed)
    assert float(penalty(PRIOR, later)["locality"]) != pytest.approx(expected, rel=1e-3)
    assert Tuning().penalty(PRIOR, changed) == {}

"""Properties that every generator, parametrisation, operator, objective and discriminator has: see ``batteries.py``."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import (
    FAMILIES,
    GENERATORS,
    ONE_OF_EACH,
    OPERATORS,
    PROBES,
    STRAIGHT_THROUGH,
    Probe,
    normal,
    own_images,
    pixel_recipe,
    random_prior,
)

from gprior_jax.generators.synthesis import features, from_features, map_latents, synthesize
from gprior_jax.inversion import programs
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.result import Result

# Float32 sums in another order: a few units of 6e-8, grown over some ten layers.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def over(names, smooth: bool = False):
    """A test for every row. The scope keeps those of one row together, which share what is compiled."""
    kept = [n for n in names if not smooth or n.removeprefix("operator-") not in STRAIGHT_THROUGH]
    return pytest.mark.parametrize("name", kept, scope="module")


def assert_trees_close(actual, expected, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **(tolerance or CLOSE)), actual, expected)


def first(probe: Probe):
    return jax.tree.map(lambda leaf: leaf[0], probe.samples)


@functools.cache
def compiled(name: str) -> tuple[Probe, Callable, list]:
    """A row, its compiled function, and an entry for every time that it was traced."""
    probe, traces = PROBES[name](), []

    def counted(context, x):
        traces.append(name)
        return probe.function(context, x)

    return probe, jax.jit(counted), traces


@over(ONE_OF_EACH)
def test_jit_equals_eager(name):
    probe, jitted, _ = compiled(name)
    assert_trees_close(jitted(probe.context, first(probe)), probe.function(probe.context, first(probe)))


@over(PROBES)
def test_vmap_equals_loop(name):
    probe, jitted, _ = compiled(name)
    singles = [jitted(probe.context, jax.tree.map(lambda leaf, i=i: leaf[i], probe.samples)) for i in range(3)]
    loop = jax.tree.map(lambda *leaves: np.stack(leaves), *singles)
    assert_trees_close(jax.jit(jax.vmap(probe.function, (None, 0)))(probe.context, probe.samples), loop)


@over(PROBES)
def test_compiles_once(name):
    probe, jitted, traces = compiled(name)
    for scale in (1.0, 0.5):
        jitted(*jax.tree.map(lambda leaf, scale=scale: leaf * scale, (probe.context, first(probe))))
    assert len(traces) == 1


def weighted_outputs(probe: Probe, dtype: str):
    """A random weighting of all outputs as a function of x, a point x and a random direction, in a dtype."""
    context, x = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), (probe.context, first(probe)))
    direction = jax.tree.map(lambda leaf: jnp.asarray(normal(20, *leaf.shape), dtype), x)

    def weighted(x):
        leaves = jax.tree.leaves(probe.function(context, x))
        return sum(jnp.vdot(leaf, normal(21 + i, *leaf.shape).astype(dtype)) for i, leaf in enumerate(leaves))

    return weighted, x, direction


@functools.cache
def slopes(name: str, dtype: str, step: float = 1e-7) -> tuple[float, float]:
    """Slope along a random direction: by the gradient, and by the difference of two values; one compilation."""
    weighted, x, direction = weighted_outputs(compiled(name)[0], dtype)
    evaluate = jax.jit(jax.value_and_grad(weighted))
    gradient = evaluate(x)[1]
    ahead, behind = (evaluate(jax.tree.map(lambda a, d, t=t: a + t * d, x, direction))[0] for t in (step, -step))
    along = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, direction)))
    return float(along), float((ahead - behind) / (2 * step))


@pytest.mark.parametrize("name", STRAIGHT_THROUGH)
def test_straight_through_gradient(name):
    image = normal(22, 16, 16, 3)
    observed, pull_back = jax.vjp(OPERATORS[name], image)
    smooth, pull_back_smooth = jax.vjp(STRAIGHT_THROUGH[name], image)
    assert float(jnp.abs(observed - smooth).max()) > 1e-3, "nothing was rounded"
    cotangent = normal(23, *observed.shape)
    assert_trees_close(pull_back(cotangent), pull_back_smooth(cotangent))


@pytest.mark.slow
@over(PROBES, smooth=True)
def test_gradient_equals_finite_difference(name):
    # In float64 a step of 1e-7 meets no kink of a ReLU, and its error is about 1e-8.
    with jax.enable_x64(True):
        gradient, difference = slopes(name, "float64")
    assert difference != 0
    assert gradient == pytest.approx(difference, rel=1e-5)


@pytest.mark.slow
@over(FAMILIES, smooth=True)
def test_float32_gradient_is_that_of_float64(name):
    with jax.enable_x64(True):
        wanted, _ = slopes(name, "float64")
    assert slopes(name, "float32")[0] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("name", GENERATORS)
def test_two_halves_make_the_whole_at_every_layer(name):
    prior = random_prior(name)
    z = normal(1, 2, prior.z_dim)

    @jax.jit  # All cuts at once: one program in place of two for each.
    def halves(z):
        found = []
        for layer in range(prior.num_layers + 1):
            f = features(prior, z, layer)
            styles = map_latents(prior, z) if prior.num_styles and layer else None
            found.append((f, from_features(prior, f, layer, styles)))
        return found

    image = synthesize(prior, z)
    for layer, (f, whole) in enumerate(halves(z)):
        assert f.shape == (2, *prior.feature_shape(layer))
        assert_trees_close(whole, image)


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_facts(name):
    prior = random_prior(name)
    images = synthesize(prior, normal(2, 3, 2, prior.z_dim))
    assert images.shape == (3, 2, *prior.image_shape)
    assert prior.image_shape == (prior.resolution, prior.resolution, 3)
    assert len(prior.layer_names) == prior.num_layers
    # Images of different codes differ: nothing in the network is dead.
    assert float(jnp.std(images, axis=(0, 1)).mean()) > 1e-3
    hash(prior.module)


# The row property: an image's result is its own.

INVERTED = ("pggan", "dcgan_described")
COUNT = 7

over_inverted = pytest.mark.parametrize("name", INVERTED)


def run(name: str, images: np.ndarray, ids, **settings) -> Result:
    return invert(random_prior(name), images, pixel_recipe(20), key=jax.random.key(3), ids=np.asarray(ids), **settings)


@functools.cache
def reference(name: str) -> Result:
    return run(name, targets(name), range(COUNT))


def targets(name: str, seed: int = 11) -> np.ndarray:
    return own_images(random_prior(name), COUNT, seed)


def assert_same_bits(actual: Result, expected: Result):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def assert_same_result(actual: Result, expected: Result):
    np.testing.assert_allclose(actual.loss, expected.loss, rtol=1e-4)
    np.testing.assert_allclose(actual.images, expected.images, atol=1e-3)
    np.testing.assert_array_equal(actual.status, expected.status)


def rows(result: Result, index) -> Result:
    return jax.tree.map(lambda leaf: leaf[index], result)


@over_inverted
def test_inversion_makes_progress(name):
    history = reference(name).history["loss"]
    assert history.shape == (COUNT, 20)
    assert (history.min(axis=1) < 0.7 * history[:, 0]).all()


@over_inverted
def test_order_changes_no_bit(name):
    images, order = targets(name), np.array([4, 2, 6, 0, 3, 5, 1])
    assert_same_bits(run(name, images[order], order), rows(reference(name), order))


@over_inverted
def test_mates_change_no_bit(name):
    images, kept = targets(name), 2
    others = targets(name, seed=12).copy()
    others[kept] = images[kept]
    expected = reference(name)
    ids = [100 + i if i != kept else kept for i in range(COUNT)]
    actual = run(name, others, ids)
    assert_same_bits(rows(actual, [kept]), rows(expected, [kept]))
    assert not np.array_equal(actual.images, expected.images)


@over_inverted
def test_alone_equals_in_company(name):
    images = targets(name)
    together = reference(name)
    for i in (0, 5):
        assert_same_result(run(name, images[i : i + 1], [i]), rows(together, [i]))


@over_inverted
def test_sharded_equals_unsharded(name):
    assert jax.device_count() == 8
    images, expected, before = targets(name), reference(name), programs.advance._jitted._cache_size()
    assert_same_result(run(name, images, range(COUNT), devices=8), expected)
    # One program: a step gives its arrays back where it took them.
    assert programs.advance._jitted._cache_size() <= before + 1


@over_inverted
def test_second_inversion_compiles_nothing(name):
    reference(name)
    images, compiled = targets(name, seed=13), []

    def listener(event, duration, **details):
        if "backend_compile" in event:
            compiled.append(details)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        run(name, images, range(50, 50 + COUNT))
        repeated = list(compiled)
        jax.jit(functools.partial(jnp.add, 1.0))(jnp.arange(3.0)).block_until_ready()
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    assert not repeated
    assert compiled, "the listener hears nothing"

"""Parametrisations: what they start from, how they compose, and what they save."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import NORMAL, PARAMETRIZATIONS, UNIFORM, normal, random_prior

from benchmarks.experiments.baselines import deep_image_prior
from gprior_jax.generators.synthesis import features, from_features, synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.problem import Problem
from gprior_jax.latents import DeepImagePrior, MultiCode, Z
from gprior_jax.objectives import Objective, Pixel

PRIOR = random_prior("pggan")
KEY = jax.random.key(0)


def variables(count: int = 4) -> dict:
    return {"codes": jnp.asarray(normal(1, count, 8)), "alpha": jnp.asarray(normal(2, count, 8))}


def value_and_gradient(parametrization, values):
    def loss(values):
        return jnp.sum(parametrization.render(PRIOR, values) * normal(3, 16, 16, 3))

    return jax.jit(jax.value_and_grad(loss))(values)


def test_z_is_the_generator():
    z = Z().init(PRIOR, KEY)
    assert z["z"].shape == (8,)
    np.testing.assert_allclose(Z().render(PRIOR, z), synthesize(PRIOR, z["z"]), rtol=1e-4, atol=1e-5)


def test_codes_come_from_the_priors_distribution():
    prior = random_prior("dcgan_described")
    assert (PRIOR.latent, prior.latent) == (NORMAL, UNIFORM)
    for parametrization, name in ((Z(), "z"), (MultiCode(500, 2), "codes")):
        drawn = jnp.concatenate([parametrization.init(prior, k)[name].ravel() for k in jax.random.split(KEY, 20)])
        assert float(jnp.abs(drawn).max()) <= 1.0
        assert float(jnp.std(drawn)) == pytest.approx(3**-0.5, rel=0.15)
    assert float(jnp.std(MultiCode(500, 2).init(PRIOR, KEY)["codes"])) == pytest.approx(1.0, rel=0.05)


def test_alpha_starts_at_one_over_n():
    start = MultiCode(4, 2).init(random_prior("dcgan"), KEY)
    assert start["alpha"].shape == (4, 4)  # The channels at layer 2.
    np.testing.assert_array_equal(start["alpha"], 0.25)
    assert start["alpha"].dtype == jnp.float32


def test_hints_replace_what_is_drawn():
    alpha = jnp.ones((4, 8))
    start = MultiCode(4, 2).init(PRIOR, KEY, {"alpha": alpha})
    assert start["alpha"] is alpha
    np.testing.assert_array_equal(start["codes"], MultiCode(4, 2).init(PRIOR, KEY)["codes"])


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("layer", [1, 4, 6])
def test_composition_is_the_papers_sum(layer, average):
    parametrization = MultiCode(4, layer, average=average)
    channels = PRIOR.feature_shape(layer)[-1]
    codes, alpha = normal(1, 4, 8), normal(2, 4, channels)
    composed = sum(features(PRIOR, codes[n], layer) * alpha[n] for n in range(4)) / (4 if average else 1)
    values = {"codes": codes, "alpha": alpha}
    np.testing.assert_allclose(parametrization.compose(PRIOR, values), composed, rtol=1e-4, atol=1e-5)
    image = from_features(PRIOR, composed, layer)
    np.testing.assert_allclose(parametrization.render(PRIOR, values), image, rtol=1e-3, atol=1e-4)


def test_one_code_of_unit_weight_is_the_generator():
    z = normal(1, 8)
    values = {"codes": z[None], "alpha": np.ones((1, 8), np.float32)}
    np.testing.assert_allclose(MultiCode(1, 3).render(PRIOR, values), synthesize(PRIOR, z), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "saving", [{"codes_per_call": 1}, {"codes_per_call": 2}, {"codes_per_call": 4}, {"remat": True}], ids=str
)
def test_saving_memory_changes_neither_values_nor_gradients(saving):
    plain = value_and_gradient(MultiCode(4, 2), variables())
    actual = value_and_gradient(MultiCode(4, 2, **saving), variables())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), actual, plain)


def test_groups_run_one_after_the_other():
    def loops(parametrization):
        jaxpr = jax.make_jaxpr(lambda v: parametrization.compose(PRIOR, v))(variables())
        return [e.params["length"] for e in jaxpr.eqns if e.primitive.name == "scan"]

    assert loops(MultiCode(4, 2)) == loops(MultiCode(4, 2, codes_per_call=4)) == []
    assert loops(MultiCode(4, 2, codes_per_call=2)) == [2]
    assert loops(MultiCode(4, 2, codes_per_call=1)) == [4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_codes": 0}, "num_codes 0: use at least one code"),
        ({"num_codes": 4, "codes_per_call": 3}, "codes_per_call 3 must divide num_codes 4"),
        ({"num_codes": 4, "codes_per_call": 0}, "codes_per_call 0 must divide num_codes 4"),
    ],
)
def test_wrong_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiCode(layer=2, **arguments)


@pytest.mark.parametrize("layer", [0, 7, -1])
def test_layer_out_of_range(layer):
    message = f"layer {layer} is out of range: tiny pggan can be cut at layers 1 to 6"
    with pytest.raises(ValueError, match=message):
        MultiCode(4, layer).check(PRIOR)
    with pytest.raises(ValueError, match=message):
        Problem.create(PRIOR, MultiCode(4, layer), Objective((Pixel(),)))


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_members_are_static_and_free(name):
    parametrization = PARAMETRIZATIONS[name]
    hash(parametrization)
    parametrization.check(PRIOR)
    start = parametrization.init(PRIOR, KEY)
    assert parametrization.project(start) == start
    assert parametrization.penalty(PRIOR, start) == {}


@pytest.mark.slow
def test_untrained_weights_are_fitted_and_the_code_is_not():
    prior, code = random_prior("dcgan"), normal(4, 1, 8)
    target = np.full((1, 16, 16, 3), 0.5, np.float32)
    result = invert(prior, target, deep_image_prior(Pixel(), 8), key=KEY, init={"code": code})
    assert float(result.loss[0]) < 0.9 * result.history["loss"][0, 0]
    assert int(result.step[0]) > 0
    np.testing.assert_array_equal(result.variables["code"], code)
    # The image is that of the weights that are returned.
    variables = {name: jnp.asarray(value[0]) for name, value in result.variables.items()}
    np.testing.assert_allclose(DeepImagePrior().render(prior, variables), result.images[0], rtol=1e-3, atol=1e-4)


def test_deep_image_prior_is_the_module_under_its_own_weights():
    variables = DeepImagePrior().init(PRIOR, KEY)
    params: dict = {}
    for name, leaf in variables.items():
        if name != "code":
            _, layer, rest = name.split("/", 2)
            params.setdefault(layer, {})[rest] = leaf
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, PRIOR.params)
    image = PRIOR.module.apply({"params": params}, variables["code"], 0, PRIOR.num_layers, None)
    np.testing.assert_allclose(DeepImagePrior().render(PRIOR, variables), image, rtol=1e-4, atol=1e-5)
    # The trained weights have no part in it.
    other = random_prior("pggan", seed=5)
    np.testing.assert_array_equal(DeepImagePrior().render(other, variables), DeepImagePrior().render(PRIOR, variables))


def test_untrained_weights_differ_by_key():
    first, again, other = (DeepImagePrior().init(PRIOR, jax.random.key(seed)) for seed in (1, 1, 2))
    for name, leaf in first.items():
        np.testing.assert_array_equal(leaf, again[name])
        if name == "code" or name.endswith("/kernel"):
            assert (leaf != other[name]).any(), name

"""Several codes: what they start from, how they compose, and what they save."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import NORMAL, UNIFORM, normal, random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import features, from_features, map_latents, synthesize
from gprior_jax.latents import MultiCode, default_layer
from latents.priors import plain_prior, styled_prior, tiny_prior

PRIOR, STYLED, TINY = plain_prior(), styled_prior(), tiny_prior()
KEY = jax.random.key(0)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def variables(layer: int = 2, prior=PRIOR, count: int = 4) -> dict:
    channels = prior.feature_shape(layer)[-1]
    return {"codes": jnp.asarray(normal(1, count, 8)), "alpha": jnp.asarray(normal(2, count, channels))}


def test_codes_come_from_the_prior_s_distribution():
    prior = random_prior("dcgan_described")
    assert (PRIOR.latent, prior.latent) == (NORMAL, UNIFORM)
    drawn = MultiCode(500, 2).init(prior, KEY)["codes"]
    assert float(jnp.abs(drawn).max()) <= 1.0
    assert float(jnp.std(drawn)) == pytest.approx(3**-0.5, rel=0.15)
    assert float(jnp.std(MultiCode(500, 2).init(PRIOR, KEY)["codes"])) == pytest.approx(1.0, rel=0.05)


def test_alpha_starts_at_one_over_n():
    start = MultiCode(5, 3).init(PRIOR, KEY)
    assert PRIOR.feature_shape(3)[-1] == 4
    assert start["alpha"].shape == (5, 4)  # The channels at layer 3.
    np.testing.assert_array_equal(start["alpha"], np.float32(0.2))
    assert start["alpha"].dtype == jnp.float32


def test_hints_replace_what_is_drawn():
    alpha = jnp.ones((4, 6))
    start = MultiCode(4, 2).init(PRIOR, KEY, {"alpha": alpha})
    assert start["alpha"] is alpha
    np.testing.assert_array_equal(start["codes"], MultiCode(4, 2).init(PRIOR, KEY)["codes"])


@pytest.mark.parametrize(
    ("prior", "layer", "average"), [(PRIOR, 3, False), (PRIOR, 4, True), (TINY, 1, False)], ids=str
)
def test_composition_is_the_papers_sum(prior, layer, average):
    parametrization, values = MultiCode(4, layer, average=average), variables(layer, prior)
    weighted = np.asarray(features(prior, values["codes"], layer)) * np.asarray(values["alpha"])[:, None, None]
    composed = weighted.sum(0) / (4 if average else 1)
    found, image = jax.jit(lambda v: (parametrization.compose(prior, v), parametrization.render(prior, v)))(values)
    np.testing.assert_allclose(found, composed, **CLOSE)
    np.testing.assert_allclose(image, from_features(prior, composed, layer), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("prior", "layer"), [(TINY, 1), (STYLED, 1), (STYLED, 2)], ids=["plain", "styled", "later"])
def test_one_code_of_unit_weight_is_the_generator(prior, layer):
    z = jnp.asarray(normal(3, 8))
    values = {"codes": z[None], "alpha": jnp.ones((1, prior.feature_shape(layer)[-1]))}
    image = jax.jit(MultiCode(1, layer).render)(prior, values)
    np.testing.assert_allclose(image, synthesize(prior, z), **CLOSE)


@functools.cache
def value_and_gradient(parametrization: MultiCode):
    def loss(values):
        return jnp.sum(parametrization.render(TINY, values) * normal(3, 8, 8, 3))

    return jax.jit(jax.value_and_grad(loss))(variables(1, TINY))


@pytest.mark.slow
@pytest.mark.parametrize("saving", [{"codes_per_call": 1}, {"codes_per_call": 2}, {"remat": True}], ids=str)
def test_saving_memory_changes_neither_values_nor_gradients(saving):
    plain = value_and_gradient(MultiCode(4, 1))
    actual = value_and_gradient(MultiCode(4, 1, **saving))
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
    with pytest.raises(ArgumentError, match=message):
        MultiCode(layer=2, **arguments)


@pytest.mark.parametrize("layer", [0, 5, -1])
def test_layer_out_of_range(layer):
    with pytest.raises(ArgumentError, match=f"layer {layer} is out of range: tiny pggan can be cut at layers 1 to 4"):
        MultiCode(4, layer).fit(PRIOR)


@pytest.mark.parametrize(
    ("name", "layer"), [("pggan", 4), ("dcgan_described", 2), ("stylegan2", 3), ("stylegan2_plain", 2)]
)
def test_the_layer_is_left_to_the_prior(name, layer):
    prior = random_prior(name)
    # Six tenths of the layers, and at most mGANprior's six.
    assert default_layer(prior) == round(0.6 * prior.num_layers) == layer
    open_layer = MultiCode(4, average=True, space="w" if prior.num_styles else "z")
    fitted = open_layer.fit(prior)
    assert (fitted.layer, fitted.num_codes, fitted.average, fitted.space) == (layer, 4, True, open_layer.space)
    assert fitted.fit(prior) == fitted


def test_deep_priors_are_cut_where_the_paper_cuts():
    class Deep:
        num_layers = 17

    assert default_layer(Deep()) == 6
    Deep.num_layers = 2
    assert default_layer(Deep()) == 1


def test_an_open_layer_cannot_be_used_yet():
    for use in (lambda: MultiCode(4).init(PRIOR, KEY), lambda: MultiCode(4).render(PRIOR, variables())):
        with pytest.raises(ArgumentError, match=r"the composing layer is left to the prior: call fit\(prior\) first"):
            use()


@functools.cache
def program(**settings):
    """Compiled rendering of three codes at layer 2, one program for all tests."""
    return jax.jit(partial(MultiCode(3, 2, **settings).render, STYLED))


def render(values: dict, **settings) -> jax.Array:
    return program(**settings)(values)


def test_later_styles():
    values = variables(2, STYLED, 3)
    own = map_latents(STYLED, values["codes"])
    shares = jnp.asarray([0.5, 0.2, 0.3])
    mean = render(values)
    np.testing.assert_allclose(
        render(values | {"style_weights": jnp.full(3, 1 / 3)}, later_styles="weighted"), mean, **CLOSE
    )
    np.testing.assert_allclose(render(values | {"styles": own.mean(0)[2:]}, later_styles="free"), mean, **CLOSE)
    unlike = render(values | {"style_weights": shares}, later_styles="weighted")
    expected = render(values | {"styles": jnp.einsum("n,nsw->sw", shares, own)[2:]}, later_styles="free")
    np.testing.assert_allclose(unlike, expected, **CLOSE)
    assert float(jnp.abs(unlike - mean).max()) > 1e-3


@pytest.mark.parametrize("later", ["weighted", "free"])
def test_later_styles_start_as_the_mean_of_the_codes(later):
    parametrization = MultiCode(3, 2, later_styles=later)
    start = parametrization.init(STYLED, KEY)
    # The codes of a hint, not those that were drawn.
    hinted = parametrization.init(STYLED, KEY, {"codes": variables(2, STYLED, 3)["codes"]})
    for values in (start, hinted):
        plain = {name: values[name] for name in ("codes", "alpha")}
        np.testing.assert_allclose(render(values, later_styles=later), render(plain), **CLOSE)


def test_codes_in_w_start_from_mapped_codes_and_are_styles():
    parametrization = MultiCode(3, 2, space="w")
    start = parametrization.init(STYLED, KEY)
    z = MultiCode(3, 2).init(STYLED, KEY)["codes"]
    np.testing.assert_allclose(start["codes"], map_latents(STYLED, z)[:, 0], **CLOSE)
    np.testing.assert_allclose(render(start, space="w"), render(start | {"codes": z}), **CLOSE)

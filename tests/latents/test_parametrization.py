"""What all parametrisations share, what they refuse, and one of the user's own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import PARAMETRIZATIONS, STYLE_PARAMETRIZATIONS

from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import (
    DeepImagePrior,
    MultiCode,
    Parametrization,
    Projector,
    Sphere,
    Tuning,
    W,
    WPlus,
    Z,
    from_hint,
)
from gprior_jax.latents.parametrization import KINDS
from gprior_jax.objectives import Pixel
from latents.priors import conditional_prior, plain_prior, styled_prior

KEY = jax.random.key(0)


@pytest.mark.parametrize("name", PARAMETRIZATIONS | STYLE_PARAMETRIZATIONS)
def test_members_are_static_and_known_by_name(name):
    parametrization = (PARAMETRIZATIONS | STYLE_PARAMETRIZATIONS)[name]
    hash(parametrization)
    assert KINDS[type(parametrization).__name__] is type(parametrization)
    # Everything is decided in them: fitting changes nothing.
    prior = plain_prior() if name in PARAMETRIZATIONS else styled_prior()
    if getattr(parametrization, "layer", None) != 3:
        assert parametrization.fit(prior) == parametrization


@pytest.mark.parametrize("name", PARAMETRIZATIONS | STYLE_PARAMETRIZATIONS)
def test_members_tell_whether_their_starts_differ(name):
    parametrization = (PARAMETRIZATIONS | STYLE_PARAMETRIZATIONS)[name]
    prior = plain_prior() if name in PARAMETRIZATIONS else styled_prior()
    init = jit(lambda key: parametrization.init(prior, key), use="once")
    first, second = (jax.tree.leaves(init(jax.random.key(seed))) for seed in range(2))
    differ = any((a != b).any() for a, b in zip(first, second, strict=True))
    assert parametrization.is_drawn() == differ


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_plain_members_are_free(name):
    parametrization, prior = PARAMETRIZATIONS[name], plain_prior()
    start = {"z": np.ones(8), "_step": 0.0}
    assert parametrization.project(start) == start
    assert parametrization.penalty(prior, start) == {}


@pytest.mark.parametrize(
    "parametrization", [W(), WPlus(), Projector(10), Tuning(), Sphere(), MultiCode(2, 2, space="w")], ids=str
)
def test_a_prior_without_styles_is_refused(parametrization):
    with pytest.raises(ArgumentError, match="tiny pggan has no styles"):
        parametrization.fit(plain_prior())
    with pytest.raises(ArgumentError, match="tiny pggan has no styles"):
        Inverter(plain_prior(), Recipe("test", parametrization, (Pixel(),)))


@pytest.mark.parametrize(
    "parametrization",
    [Z(), MultiCode(2, 1), Sphere(), W(start="random"), DeepImagePrior(), Projector(10), Tuning(locality_weight=0.1)],
    ids=str,
)
def test_a_prior_with_classes_is_refused_unless_it_is_held_to_one(parametrization):
    if parametrization != MultiCode(2, 1):  # Of one block there is no layer to cut at.
        assert parametrization.fit(with_label(conditional_prior(), 1)) == parametrization
    with pytest.raises(ArgumentError, match="tiny classes is conditional: give a label, a class from 0 to 2"):
        parametrization.fit(conditional_prior())


@pytest.mark.parametrize("parametrization", [W(), WPlus(), W(start="uniform"), Tuning()], ids=str)
def test_styles_need_no_class_where_no_code_is_mapped(parametrization):
    assert parametrization.fit(conditional_prior()) == parametrization


def test_hints_are_taken_where_they_belong_and_are_not_fixed():
    own = {"w": 0, "noise_0": 1, "_step": 2}
    assert from_hint(own, None) == own
    assert from_hint(own, {"w": 5, "_step": 6, "codes": 7}) == {"w": 5, "noise_0": 1, "_step": 2}


@dataclasses.dataclass(frozen=True)
class Shade(Parametrization):
    """One number: how bright the whole image is."""

    def init(self, prior, key, hint=None):
        return from_hint({"shade": jnp.zeros(())}, hint)

    def render(self, prior, variables):
        return jnp.full(prior.image_shape, variables["shade"])


def test_one_of_the_user_s_own_says_two_things():
    shade = Shade()
    assert KINDS["Shade"] is Shade
    assert shade.fit(plain_prior()) is shade
    variables = shade.init(plain_prior(), KEY, {"shade": jnp.float32(0.5)})
    assert shade.penalty(plain_prior(), variables) == {}
    assert shade.project(variables) == variables
    assert shade.render(plain_prior(), variables).shape == (8, 8, 3)

"""A class as a variable beside codes z."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior
from generators.toys import Classes, MeanStyles, toy_prior

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import ChannelWeights, MultiCode, Z

PLAIN, STYLED = toy_prior(Classes()), toy_prior(MeanStyles(num_classes=3))
KEY = jax.random.key(0)
MIXTURE = np.array([0.2, -0.1, 0.9], np.float32)
KINDS = {
    "z": (PLAIN, Z(free_label=True)),
    "z of styles": (STYLED, Z(free_label=True)),
    "codes": (PLAIN, MultiCode(3, 1, free_label=True)),
    "codes of styles": (STYLED, MultiCode(3, 1, codes_per_call=1, free_label=True)),
}
over_kinds = pytest.mark.parametrize("name", KINDS)


@over_kinds
def test_images_are_those_of_the_mixture(name):
    prior, free = KINDS[name]
    held, fixed = with_label(prior, MIXTURE), dataclasses.replace(free, free_label=False)
    variables = free.init(prior, KEY) | {"label": MIXTURE}
    own = {key: value for key, value in variables.items() if key != "label"}
    wanted = fixed.render(held, own)
    # Whether the prior is held to another class or to none.
    for given in (prior, with_label(prior, 0)):
        np.testing.assert_allclose(free.render(given, variables), wanted, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda label: free.render(prior, variables | {"label": label}).sum())(jnp.asarray(MIXTURE))
    assert float(jnp.abs(gradient).min()) > 0
    if isinstance(free, MultiCode):
        np.testing.assert_allclose(free.compose(prior, variables), fixed.compose(held, own), rtol=1e-5, atol=1e-6)
        for found, expected in zip(free.parts(prior, variables), fixed.parts(held, own), strict=True):
            assert (found is None) == (expected is None)
            assert found is None or np.allclose(found, expected, rtol=1e-5, atol=1e-6)


@over_kinds
def test_it_starts_from_the_class_that_is_held_or_from_all_alike(name):
    prior, free = KINDS[name]
    np.testing.assert_allclose(free.fit(prior).init(prior, KEY)["label"], np.full(3, 1 / 3), rtol=1e-6)
    held = with_label(prior, 2)
    np.testing.assert_array_equal(free.fit(held).init(held, KEY)["label"], [0, 0, 1])
    np.testing.assert_array_equal(free.init(held, KEY, {"label": MIXTURE})["label"], MIXTURE)


def test_inversions_find_a_mixture():
    """Nearer than a class that is not the image's own, and with what a record and an edit need."""
    z = gp.sample_z(PLAIN, jax.random.key(3), 2)
    images = gp.synthesize(PLAIN, z, label=np.tile(MIXTURE, (2, 1)))
    recipe = gp.recipes.latent("z", num_steps=300, perceptual=None, free_label=True)
    found = gp.invert(PLAIN, images, recipe, key=KEY)
    held = gp.invert(PLAIN, images, gp.recipes.latent("z", num_steps=300, perceptual=None), key=KEY, label=0)
    assert (found.loss < 0.2 * held.loss).all()
    assert found.variables["label"].shape == (2, 3)
    again = gp.synthesize(PLAIN, found.variables["z"], label=found.variables["label"])
    np.testing.assert_allclose(again, found.images, atol=1e-4)
    # From a class for each.
    each = gp.invert(
        PLAIN, images, dataclasses.replace(recipe, solver=SolverConfig(num_steps=1)), key=KEY, label=[2, 0]
    )
    np.testing.assert_array_equal(each.variables["label"], [[0, 0, 1], [1, 0, 0]])


def test_several_codes_move_with_their_class():
    recipe = gp.recipes.mganprior(num_codes=3, layer=1, num_steps=20, perceptual=None, free_label=True)
    assert recipe.coordinates == gp.latents.AS_THEY_ARE
    images = gp.synthesize(STYLED, normal(4, 1, 4), label=1)
    found = gp.invert(STYLED, images, recipe, key=KEY)
    assert set(found.variables) == {"codes", "alpha", "label"}
    assert found.history["loss"][0, -1] < found.history["loss"][0, 0]


def test_where_no_class_can_move():
    for prior in (random_prior("pggan"), random_prior("stylegan")):
        with pytest.raises(ArgumentError, match="has no classes that could move: leave free_label out"):
            Z(free_label=True).fit(prior)
    with pytest.raises(ArgumentError, match="codes w hold the class that they were mapped with: leave free_label out"):
        MultiCode(3, 2, space="w", free_label=True)
    with pytest.raises(ArgumentError, match=r"channel weights .*: let the codes move \(free_codes\)"):
        ChannelWeights().check(MultiCode(3, 2, free_label=True))

"""Encoders: the codes they give, what they say of themselves, and inversions that start from them."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_prior
from generators.toys import Classes, Styles, toy_prior

from encoders.toys import toy_encoder
from gprior_jax import recipes
from gprior_jax.encoders.encoder import Encoder, EncoderModule
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.driver import Inverter, invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode, W, WPlus, Z
from gprior_jax.objectives import Pixel
from gprior_jax.operators import Luma, broadcast

CODES = {"z": (4,), "w": (3,), "w_plus": (2, 3)}
IMAGES = normal(1, 2, 4, 4, 3) * 0.3


@pytest.mark.parametrize("space", CODES)
def test_codes_go_by_the_name_of_their_space(space):
    encoder = toy_encoder(space=space, code=CODES[space])
    found = encoder.encode(IMAGES[0])
    assert found.keys() == {space}
    expected = np.tensordot(IMAGES[0].mean((0, 1)), np.asarray(encoder.params["kernel"]), 1)
    np.testing.assert_allclose(found[space], expected, rtol=1e-5, atol=1e-6)
    batched = jax.jit(jax.vmap(Encoder.encode, (None, 0)))(encoder, IMAGES)
    assert batched[space].shape == (2, *CODES[space])
    np.testing.assert_allclose(batched[space][0], expected, rtol=1e-5, atol=1e-6)


def test_toy_offers_the_protocol():
    members = [name for name in vars(EncoderModule) if not name.startswith("_")]
    assert {"input_shape", "space", "apply"} <= set(members)
    assert not [name for name in members if not hasattr(toy_encoder().module, name)]


def test_summary_tells_encoders_apart():
    encoder = toy_encoder()
    summary = encoder.summary()
    assert summary["space"] == "z"
    # With its settings: of the same weights another one may make other codes.
    assert summary["module"] == {"kind": "MeanEncoder", "code": [4], "space": "z", "side": 4}
    assert toy_encoder().summary() == summary
    other = encoder.replace(params=jax.tree.map(lambda leaf: leaf + 1, encoder.params))
    assert other.summary()["weights"] != summary["weights"]


def recipe(parametrization, encoder, steps=2):
    return Recipe("test", parametrization, (Pixel(),), SolverConfig(num_steps=steps), encoder=encoder)


@pytest.mark.parametrize(
    ("prior", "space", "parametrization"),
    [
        (toy_prior(Classes(num_classes=0)), "z", Z()),
        (toy_prior(Styles()), "w", W(start="random")),
        (toy_prior(Styles()), "w_plus", WPlus(start="random")),
    ],
    ids=CODES,
)
def test_inversions_start_from_the_code(prior, space, parametrization):
    encoder = toy_encoder(space=space, code=CODES[space])
    prior, key = dataclasses.replace(prior, encoder=encoder), jax.random.key(0)
    inverter = Inverter(prior, recipe(parametrization, "default"))
    states, _ = inverter.start(0, key, inverter.inputs(IMAGES), 1)
    codes = jax.vmap(encoder.encode)(IMAGES)[space]
    np.testing.assert_allclose(states.variables[space], codes, rtol=1e-5, atol=1e-6)


def test_the_first_evaluation_is_that_of_the_code():
    prior = dataclasses.replace(toy_prior(Classes(num_classes=0)), encoder=toy_encoder())
    result = invert(prior, IMAGES, recipe(Z(), "default"), key=jax.random.key(0))
    drawn = synthesize(prior, jax.vmap(prior.encoder.encode)(IMAGES)["z"])
    np.testing.assert_allclose(result.history["loss"][:, 0], np.square(drawn - IMAGES).mean((1, 2, 3)), rtol=1e-5)


def test_the_encoder_is_left_to_the_prior_or_given():
    prior, encoder = toy_prior(Classes(num_classes=0)), toy_encoder()
    fitted = recipe(Z(), "default").fit(dataclasses.replace(prior, encoder=encoder))
    assert fitted.encoder is fitted.fitted_encoder is encoder
    assert fitted.summary()["encoder"] == encoder.summary()
    assert recipe(Z(), encoder).fit(prior).encoder is encoder
    assert recipe(Z(), None).fit(dataclasses.replace(prior, encoder=encoder)).encoder is None
    with pytest.raises(ArgumentError, match="toy comes without an encoder: leave encoder=None, or give one"):
        recipe(Z(), "default").fit(prior)
    with pytest.raises(ArgumentError, match=r"the encoder 'default' is left to the prior: call fit\(prior\) first"):
        _ = recipe(Z(), "default").fitted_encoder


def test_the_fast_preset_starts_from_the_priors_encoder_where_images_are_observed_as_they_are():
    styled = random_prior("stylegan2_residual")
    side, shape = styled.resolution, (styled.num_styles, styled.w_dim)
    prior = dataclasses.replace(styled, encoder=toy_encoder(space="w_plus", code=shape, side=side))
    found, key, images = recipes.latent("w_plus", num_steps=1), jax.random.key(0), normal(2, 2, side, side, 3) * 0.3
    assert found.fit(prior).encoder is prior.encoder
    assert found.fit(styled).encoder is None
    assert recipes.latent("w_plus", start="mean").fit(prior).encoder is None
    in_z = dataclasses.replace(styled, encoder=toy_encoder(space="z", side=side))
    assert found.fit(in_z).encoder is None  # Its codes are none of those that are searched for.
    started = invert(prior, images, found, key=key).variables["w_plus"]
    np.testing.assert_allclose(started[0], prior.encoder.encode(images[0])["w_plus"], rtol=1e-5, atol=1e-6)
    gray, operator = np.asarray(jax.vmap(Luma())(images)), broadcast(Luma(), 2)
    through = invert(prior, gray, found, key=key, operator=operator).variables["w_plus"]
    plain = invert(styled, gray, found, key=key, operator=operator).variables["w_plus"]
    np.testing.assert_array_equal(through, plain)


@pytest.mark.parametrize("average", [False, True])
def test_codes_around_an_encoded_one_begin_with_its_image(average):
    prior = toy_prior(Classes(num_classes=0))
    encoder = toy_encoder(space="z", code=(prior.z_dim,))
    search = MultiCode(3, 1, average=average, start_spread=0.5)
    code = encoder.encode(IMAGES[0])
    found = search.start_at(prior, jax.random.key(1), code)
    assert found["codes"].shape == (3, prior.z_dim)
    np.testing.assert_array_equal(found["codes"][0], code["z"])
    np.testing.assert_allclose(search.render(prior, found), Z().render(prior, code), rtol=1e-5, atol=1e-5)
    with pytest.raises(ArgumentError, match="the encoder gives w"):
        search.start_at(prior, jax.random.key(1), {"w": code["z"]})

"""Semantic diffusion: where it starts, and what it compares; the published trajectory is in test_golden.py."""

import jax
import numpy as np
import pytest
from batteries import random_prior
from encoders.toys import toy_encoder

from gprior_jax import editing, recipes
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.generators.styles import mean_styles
from gprior_jax.generators.synthesis import synthesize

PRIOR, KEY = random_prior("stylegan2_plain"), jax.random.key(0)
REGION = np.zeros((8, 8, 1), np.float32)
REGION[2:6, 3:6] = 1
SEVERAL = Encoder({}, MultiCodeEncoder(8, (4,), (8, 8, 4), layer=3, num_codes=3, z_dim=5, num_directions=4))
SHORT = recipes.diffusion(num_steps=3)


@pytest.fixture(scope="module")
def pairs():
    z = jax.random.normal(jax.random.key(1), (4, 8))
    images = np.clip(np.asarray(synthesize(PRIOR, z)), -1, 1)
    return images[:2], images[2:]


@pytest.mark.parametrize(("space", "shape"), [("w_plus", (4, 5)), ("w", (5,))])
def test_the_start_is_the_encoders_code_of_the_composite(pairs, space, shape):
    encoder = toy_encoder(code=shape, space=space, side=8)
    composite = editing.composite(*pairs, REGION)
    codes = np.stack([np.asarray(encoder.encode(image)[space]) for image in composite])
    wanted = codes if space == "w_plus" else np.repeat(codes[:, None], 4, 1)
    found = editing.first_codes(PRIOR, composite, key=KEY, encoder=encoder)["w_plus"]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    result = editing.diffuse(PRIOR, *pairs, REGION, key=KEY, recipe=SHORT, encoder=encoder)
    image = np.asarray(synthesize(PRIOR, wanted, space="w_plus"))
    loss = np.mean(np.square(REGION * (image - pairs[0])), axis=(1, 2, 3))
    np.testing.assert_allclose(result.history["loss"][:, 0], loss, rtol=1e-3)


def test_without_an_encoder_one_w_explains_the_composite(pairs):
    found = np.asarray(editing.first_codes(PRIOR, pairs[0], key=KEY)["w_plus"])
    assert found.shape == (2, 4, 5)
    assert (found == found[:, :1]).all()
    image, mean = (
        np.clip(np.asarray(synthesize(PRIOR, styles, space="w_plus")), -1, 1)
        for styles in (found, np.repeat(np.asarray(mean_styles(PRIOR))[None], 2, 0))
    )
    # One of a generator with random weights may stay in a hollow, which one depends on the last digits.
    left = np.square(image - pairs[0]).mean((1, 2, 3)) / np.square(mean - pairs[0]).mean((1, 2, 3))
    assert left.max() < 1
    assert left.min() < 0.5


def test_what_is_outside_of_the_region_does_not_count(pairs):
    start = {"w_plus": np.asarray(jax.random.normal(jax.random.key(2), (2, 4, 5)))}
    first = editing.diffuse(PRIOR, *pairs, REGION, key=KEY, recipe=SHORT, init=start)
    other = editing.diffuse(PRIOR, pairs[0], -pairs[1], REGION, key=KEY, recipe=SHORT, init=start)
    np.testing.assert_allclose(first.images, other.images, atol=1e-5)
    assert first.loss[0] < first.history["loss"][0, 0]


def test_the_published_box():
    assert editing.default_box(256) == (90, 70, 110, 110)
    assert editing.default_box(64) == (22, 17, 28, 28)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"contexts": np.zeros((1, 8, 8, 3), np.float32)}, "give both as"),
        ({"region": np.full((8, 8, 1), 0.5)}, "values between"),
        ({"region": np.zeros((8, 8, 1))}, "hides every pixel"),
        ({"encoder": toy_encoder(code=(4, 5), space="w_plus", side=4)}, "the encoder takes images of shape"),
        ({"encoder": toy_encoder(code=(8,), space="z", side=8)}, "space='z'"),
        ({"encoder": SEVERAL}, "the encoder gives several codes"),
    ],
)
def test_wrong_use(pairs, change, told):
    arguments = {"targets": pairs[0], "contexts": pairs[1], "region": REGION, "key": KEY} | change
    with pytest.raises(ValueError, match=told):
        editing.diffuse(PRIOR, **arguments)


def test_priors_without_styles(pairs):
    with pytest.raises(ValueError, match="no styles"):
        editing.diffuse(random_prior("pggan"), *pairs, REGION, key=KEY)

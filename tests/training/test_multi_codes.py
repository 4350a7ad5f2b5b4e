"""Encoders of several codes: their runs, and inversions that start from them."""

import csv
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax import recipes, zoo
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import prepare
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.latents import ChannelWeights, MeasuredWeights
from gprior_jax.latents.basis import orthonormal, weights_of
from gprior_jax.latents.composition import weighted_sum
from gprior_jax.objectives import Objective
from gprior_jax.training import encoder, encoder_codes, multi_codes
from gprior_jax.training.encoder_config import EncoderConfig
from gprior_jax.training.encoder_run import FIELDS, terms_of, train_encoder

TINY = EncoderConfig(
    num_codes=3,
    layer=3,
    num_directions=4,
    channels=(4, 6, 6),
    images=32,
    sampled_images=16,
    batch_size=4,
    code_weight=0.5,
    perceptual_weight=0.1,
    ema_half_life=20.0,
)
IMAGES = 0.3 * normal(2, 3, 16, 16, 3)


@pytest.fixture(scope="module")
def prior():
    return random_prior("pggan", "pggan")


@pytest.fixture(scope="module")
def trained(prior, image_zip, tmp_path_factory):
    """A run to its end, and its folder."""
    out = tmp_path_factory.mktemp("whole")
    return train_encoder(prior, TINY, image_zip, out, snapshot_images=8, log_images=4), out


def drawn_by(prior, images):
    """What the encoder of several codes makes of images, by its parts."""
    found, module = prior.multi_encoder, prior.multi_encoder.module
    own = multi_codes.composing(dataclasses.replace(TINY, num_codes=module.num_codes, layer=module.layer), prior)
    np.testing.assert_array_equal(own.codes, found.params["codes"])
    kind = multi_codes.kind_of(TINY, prior)
    features = [found.encode(jnp.asarray(image))["features"] for image in images]
    composed = [weighted_sum(own.basis, weights_of(own.basis, each)) for each in features]
    return np.stack([kind.from_composed(prior, each, own.styles) for each in composed])


def rows_of(out):
    return list(csv.DictReader((out / "log.csv").read_text().splitlines()))


@pytest.mark.slow
def test_a_run_that_is_stopped_has_the_losses_of_one_that_is_not(prior, trained, image_zip, tmp_path):
    whole, out = trained
    for images in (12, 20, None):
        parts = train_encoder(prior, TINY, image_zip, tmp_path, max_images=images, snapshot_images=8, log_images=4)
    jax.tree.map(np.testing.assert_array_equal, whole.multi_encoder.params, parts.multi_encoder.params)
    once, again = rows_of(out), rows_of(tmp_path)
    losses = [name for name in FIELDS if name != "held_out_psnr"]
    assert [[row[name] for name in losses] for row in once] == [[row[name] for name in losses] for row in again]
    assert [row["phase"] for row in once] == ["drawn"] * 4 + ["photographs"] * 4
    assert {"code", "pixel_mse", "perceptual"} <= {name for name in losses if once[-1][name]}


@pytest.mark.slow
def test_the_model_folder_holds_it_beside_the_other(prior, trained):
    whole, out = trained
    model = zoo.load(out / "model")
    assert model.encoder is None
    assert model.multi_encoder.module == whole.multi_encoder.module
    jax.tree.map(np.testing.assert_array_equal, model.multi_encoder.params, whole.multi_encoder.params)
    jax.tree.map(np.testing.assert_array_equal, model.params, prior.params)
    told = json.loads((out / "model" / "config.json").read_text())
    assert told["multi_encoder"]["arch"] == "multi_code_encoder"
    assert told["provenance"]["multi_encoder"]["training"]["num_codes"] == 3
    assert "encoder" not in told["provenance"]


@pytest.mark.slow
def test_the_first_step_is_at_what_the_encoder_draws(trained):
    prior, _ = trained
    recipe = recipes.mganprior(num_codes=3, layer=3, num_steps=1).from_encoder()
    fitted = recipe.fit(prior)
    assert fitted.encoder is prior.multi_encoder
    assert isinstance(fitted.coordinates, MeasuredWeights)
    assert fitted.summary()["coordinates"]["kind"] == "MeasuredWeights"
    result = invert(prior, IMAGES, recipe, key=jax.random.key(0))
    expected = drawn_by(prior, IMAGES)
    np.testing.assert_allclose(result.images, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(result.history["loss"][:, 0], np.square(expected - IMAGES).mean((1, 2, 3)), rtol=1e-3)
    codes = np.broadcast_to(prior.multi_encoder.params["codes"], (3, 3, 8))
    np.testing.assert_array_equal(result.variables["codes"], codes)
    # Of codes that move, too.
    free = recipes.mganprior(num_codes=3, layer=3, num_steps=1, preset="official").from_encoder()
    moved = invert(prior, IMAGES, free, key=jax.random.key(0))
    np.testing.assert_allclose(moved.images, expected, rtol=1e-2, atol=1e-2)


@pytest.mark.slow
def test_an_image_has_the_result_that_it_has_alone(trained):
    prior, _ = trained
    recipe = recipes.mganprior(num_codes=3, layer=3, num_steps=6).from_encoder()
    together = invert(prior, IMAGES, recipe, key=jax.random.key(0))
    alone = invert(prior, IMAGES[1:2], recipe, key=jax.random.key(0), ids=[1])
    np.testing.assert_allclose(together.images[1], alone.images[0], rtol=1e-3, atol=1e-3)
    loss = np.asarray(together.history["loss"])
    assert (loss[:, -1] < loss[:, 0]).all()


@pytest.mark.slow
def test_other_codes_or_another_layer_start_from_the_other_encoder(trained):
    prior, _ = trained
    one = dataclasses.replace(
        prior,
        encoder=encoder.Encoder({}, encoder_codes.build(dataclasses.replace(TINY, num_codes=0, layer=None), prior)),
    )
    for codes, layer in ((4, 3), (3, 2)):
        recipe = recipes.mganprior(num_codes=codes, layer=layer).from_encoder()
        assert recipe.fit(one).encoder is one.encoder
        assert type(recipe.fit(one).coordinates) is ChannelWeights
        with pytest.raises(ArgumentError, match="without an encoder"):
            recipe.fit(prior)
        assert recipes.mganprior(num_codes=codes, layer=layer).fit(one).encoder is None  # Unless it is asked for.
    assert recipes.mganprior(num_codes=3, layer=3).fit(one).encoder is one.multi_encoder
    assert recipes.mganprior(num_codes=3, layer=3, start="random").fit(one).encoder is None


def test_steps_learn_to_reconstruct(prior):
    config = dataclasses.replace(TINY, batch_size=8, images=4096, sampled_images=0, perceptual_weight=0.0)
    teacher = encoder.Teacher(
        prepare(dataclasses.replace(prior, critic=None)),
        Objective(terms_of(config, prior, None)),
        multi_codes.composing(config, prior),
    )
    state, errors = encoder.init(config, prior, jax.random.key(1)), []
    _, images = multi_codes.pairs(config, prior, jax.random.key(4), 8)
    for index in range(40):
        state, terms = encoder.step(config, None, teacher, state, 8 * index, images, jax.random.key(5))
        errors.append(float(terms["pixel_mse"]))
    assert np.mean(errors[-5:]) < 0.7 * np.mean(errors[:3])


@pytest.mark.parametrize("name", ["pggan", "stylegan2", "dcgan"])
def test_pairs_are_features_and_the_image_of_the_same_code(name):
    prior = random_prior(name)
    config = dataclasses.replace(TINY, layer=2)
    features, images = multi_codes.pairs(config, prior, jax.random.key(0), 2)
    assert features.shape == (2, *prior.feature_shape(2))
    assert images.shape == (2, *prior.image_shape)
    seen = prior.latent.sample(jax.random.key(0), (2, prior.z_dim))
    np.testing.assert_allclose(images, synthesize(prior, seen), rtol=1e-3, atol=1e-3)
    again, styles = multi_codes.kind_of(config, prior).features(prior, seen)
    np.testing.assert_allclose(again, features, rtol=1e-3, atol=1e-4)
    # Of codes that are among those that compose, the composition is the image itself but for damping.
    alike = multi_codes.Composing(seen, orthonormal(features, 1e-6)[0], styles)
    if not prior.num_styles:  # The later layers' are the mean of all codes'.
        np.testing.assert_allclose(multi_codes.render(config, prior, alike, features[0]), images[0], atol=1e-2)


def test_the_trunk_of_another_encoder_is_taken_where_it_fits(prior):
    one = dataclasses.replace(TINY, num_codes=0, layer=None)
    state = encoder.init(one, prior, jax.random.key(1))
    trained = jax.tree.map(lambda leaf: leaf + 1.0, state.encoder)
    known = dataclasses.replace(prior, encoder=encoder.Encoder(trained, encoder_codes.build(one, prior)))
    fresh, found = (encoder.init(TINY, each, jax.random.key(2)).encoder for each in (prior, known))
    for name in ("first", "blocks_0"):
        jax.tree.map(np.testing.assert_array_equal, found[name], trained[name])
    for name in ("last", "mean"):  # Drawn in another program: the last bits differ.
        jax.tree.map(lambda own, wanted: np.testing.assert_allclose(own, wanted, atol=1e-6), found[name], fresh[name])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_codes": -1}, "use 0 codes or more"),
        ({"num_directions": 0}, "0 directions"),
        ({"num_codes": 0}, "layer 3 is where several codes are composed"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, told):
    with pytest.raises(ArgumentError, match=told):
        dataclasses.replace(TINY, **changes)


def test_what_the_prior_lacks_is_said(prior):
    for config, other in (
        (TINY, dataclasses.replace(random_prior("stylegan2_conditional"), label=None)),
        (dataclasses.replace(TINY, space="w"), random_prior("stylegan2")),
    ):
        with pytest.raises(ArgumentError, match="an encoder gives several of z alone"):
            encoder_codes.build(config, other)
    with pytest.raises(ArgumentError, match="layer 30"):
        encoder_codes.build(dataclasses.replace(TINY, layer=30), prior)
    # The metric has no more directions than products, nor than weights.
    for codes, found in ((300, 2048), (3, 24)):
        config = dataclasses.replace(TINY, num_codes=codes, num_directions=4096)
        assert multi_codes.build(config, prior).num_directions == found
    assert encoder_codes.build(dataclasses.replace(TINY, channels=()), prior).channels == (32, 64, 128, 128)

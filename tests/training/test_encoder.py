"""Training of encoders: what its steps do, and runs that are stopped and go on."""

import csv
import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax import zoo
from gprior_jax.discriminators.critic import Critic
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import prepare
from gprior_jax.generators.styles import w_statistics
from gprior_jax.objectives import Objective
from gprior_jax.training import encoder, encoder_codes, encoder_run, optimize
from gprior_jax.training.encoder_config import OFFICIAL, EncoderConfig, encoder_config
from gprior_jax.training.encoder_run import FIELDS, terms_of, train_encoder

TINY = EncoderConfig(
    channels=(4, 6, 6),
    images=32,
    sampled_images=16,
    batch_size=4,
    perceptual_weight=0.1,
    adversarial_weight=0.1,
    r1_interval=2,
    code_weight=0.5,
    ema_half_life=20.0,
)


@pytest.fixture(scope="module")
def prior():
    return random_prior("stylegan2", "stylegan2")


def taught(config, prior):
    """What a run makes of a prior."""
    terms = terms_of(config, prior, "auto")
    bare = prepare(dataclasses.replace(prior, critic=None, encoder=None))
    return encoder.judge_of(config, prior), encoder.Teacher(bare, Objective(terms) if terms else None)


def test_codes_have_the_mean_and_the_spread_of_drawn_ones_from_the_start(prior):
    config = dataclasses.replace(TINY, batch_size=64, images=64, adversarial_weight=0.0)
    state = encoder.init(config, prior, jax.random.key(1))
    module = encoder_codes.build(config, prior)
    drawn = encoder_codes.draw(config, prior, jax.random.key(2), 2000)
    codes, _ = encoder.encode(module, state.encoder, normal(3, 64, 16, 16, 3))
    assert drawn.shape[1:] == codes.shape[1:] == (prior.num_styles, prior.w_dim)
    spread = float(jnp.std(drawn))
    np.testing.assert_allclose(codes.mean(0), drawn.mean(0), atol=0.1 * spread)
    assert float(state.deviation) == pytest.approx(float(jnp.sqrt(jnp.var(drawn, axis=0).mean())), rel=0.05)


def test_drawn_images_mix_styles_as_often_as_asked(prior):
    for part in (0.0, 1.0):
        codes = encoder_codes.draw(dataclasses.replace(TINY, style_mixing=part), prior, jax.random.key(0), 200)
        mixed = np.asarray((codes != codes[:, :1]).any((1, 2)))
        assert mixed.mean() == part


def test_codes_of_a_prior_with_classes_are_of_all_of_them():
    free = dataclasses.replace(random_prior("stylegan2_conditional"), label=None)
    config = dataclasses.replace(TINY, channels=(4, 6), space="w", adversarial_weight=0.0)
    codes = np.asarray(encoder_codes.draw(config, free, jax.random.key(0), 1000))
    means = [w_statistics(with_label(free, label), jax.random.key(label), 1000).mean[0] for label in range(3)]
    apart = float(np.linalg.norm(np.std(means, axis=0)))
    assert np.linalg.norm(codes.mean(0) - np.mean(means, axis=0)) < 0.25 * apart
    mixed = encoder_codes.draw(
        dataclasses.replace(config, space="w_plus", style_mixing=1.0), free, jax.random.key(0), 8
    )
    assert mixed.shape == (8, free.num_styles, free.w_dim)
    with pytest.raises(ArgumentError, match="has classes, which a code z does not tell"):
        encoder_codes.build(dataclasses.replace(config, space="z"), free)


def test_running_statistics_move_towards_those_of_the_batch(prior):
    state = encoder.init(TINY, prior, jax.random.key(1))
    module = encoder_codes.build(TINY, prior)
    _, found = encoder.encode(module, state.encoder, normal(3, 4, 16, 16, 3))
    moved = optimize.with_statistics(state.encoder, found, 0.9)
    own, new = state.encoder["first"]["norm"], moved["first"]["norm"]
    np.testing.assert_allclose(new["mean"], 0.9 * own["mean"] + 0.1 * found["first"]["norm"]["mean"], rtol=1e-5)
    np.testing.assert_array_equal(new["scale"], own["scale"])
    assert jax.tree.structure(moved) == jax.tree.structure(state.encoder)


def test_steps_learn_the_codes_of_drawn_images(prior):
    config = dataclasses.replace(TINY, batch_size=16, adversarial_weight=0.0, images=4096, sampled_images=4096)
    judge, teacher = taught(config, prior)
    state, errors = encoder.init(config, prior, jax.random.key(1)), []
    for index in range(60):
        state, terms = encoder.step(config, judge, teacher, state, 16 * index, None, jax.random.key(5))
        errors.append(float(terms["code"]))
    assert np.mean(errors[-10:]) < 0.8 * np.mean(errors[:5])


def rows_of(out):
    return list(csv.DictReader((out / "log.csv").read_text().splitlines()))


@pytest.mark.slow
def test_a_run_that_is_stopped_has_the_losses_of_one_that_is_not(prior, image_zip, tmp_path):
    settings = {"snapshot_images": 8, "log_images": 4}
    whole = train_encoder(prior, TINY, image_zip, tmp_path / "whole", **settings)
    for images in (12, 20, None):  # In both phases; not at a snapshot's own number the second time.
        parts = train_encoder(prior, TINY, image_zip, tmp_path / "parts", max_images=images, **settings)
    assert whole.encoder is not None
    assert parts.encoder is not None
    jax.tree.map(np.testing.assert_array_equal, whole.encoder.params, parts.encoder.params)
    once, again = rows_of(tmp_path / "whole"), rows_of(tmp_path / "parts")
    assert [row["phase"] for row in once] == ["drawn"] * 4 + ["photographs"] * 4
    losses = [name for name in FIELDS if name != "held_out_psnr"]  # Measured at the end of every session.
    assert [[row[name] for name in losses] for row in once] == [[row[name] for name in losses] for row in again]
    assert {name for name in encoder.TERMS if once[-1][name]} == {*encoder.TERMS}
    assert once[-1]["held_out_psnr"]
    model = zoo.load(tmp_path / "whole" / "model")
    assert model.encoder is not None
    assert model.encoder.encode(np.zeros((16, 16, 3), np.float32))["w_plus"].shape == (prior.num_styles, prior.w_dim)
    jax.tree.map(np.testing.assert_array_equal, model.params, prior.params)  # The generator stays as it is.
    assert (tmp_path / "whole" / "newest.png").is_file()
    with pytest.raises(ArgumentError, match="holds a run"):
        train_encoder(prior, dataclasses.replace(TINY, seed=3), image_zip, tmp_path / "whole", **settings)


def test_presets():
    assert encoder_config("official", images=320).adversarial_weight == OFFICIAL["adversarial_weight"] == 0.08
    assert encoder_config(batch_size=8) == EncoderConfig(batch_size=8)
    with pytest.raises(ArgumentError, match="preset 'best'"):
        encoder_config("best")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch_size": 1}, "batch normalisation takes at least 2 images"),
        ({"images": 1}, "images 1: the run needs at least one batch"),
        ({"pixel_weight": 0.0, "perceptual_weight": 0.0, "adversarial_weight": 0.0}, "compared by nothing"),
        ({"r1_interval": 0}, "r1_interval 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
    ],
)
def test_settings_that_train_nothing_are_refused(changes, told):
    with pytest.raises(ArgumentError, match=told):
        dataclasses.replace(TINY, **changes)


def test_what_the_prior_lacks_is_said(prior):
    plain = random_prior("pggan")
    with pytest.raises(ArgumentError, match="its latent space is 'z' only"):
        encoder_codes.build(dataclasses.replace(TINY, space="w"), plain)
    for other in (plain, dataclasses.replace(prior, critic=Critic({}, random_prior("pggan", "dcgan").critic.module))):
        with pytest.raises(ArgumentError, match="has no discriminator to start from"):
            encoder.judge_of(TINY, other)
    assert encoder_codes.build(dataclasses.replace(TINY, channels=()), plain).code_shape == (plain.z_dim,)


def test_settings_are_in_the_model_folder(prior, image_zip, tmp_path):
    config = dataclasses.replace(TINY, images=4, sampled_images=4, adversarial_weight=0.0)
    train_encoder(prior, config, image_zip, tmp_path, snapshot_images=4, log_images=4, provenance={"licence": "mine"})
    told = json.loads((tmp_path / "model" / "config.json").read_text())["provenance"]
    assert told["licence"] == "mine"
    assert told["encoder"]["training"]["channels"] == [4, 6, 6]


def test_the_metric_is_measured_once_a_run(prior, image_zip, tmp_path, monkeypatch):
    """The next session reads what was measured; of another prior, or damaged, it is measured again."""
    measured = []

    def mean_metric(prior, key):
        measured.append(prior)
        return np.full((prior.num_styles, prior.w_dim, prior.w_dim), 1 / 3, np.float32)

    monkeypatch.setattr(encoder_run, "mean_metric", mean_metric)
    config = dataclasses.replace(TINY, images=4, sampled_images=4, adversarial_weight=0.0)
    for _ in range(2):
        found = train_encoder(prior, config, image_zip, tmp_path, snapshot_images=4, log_images=4)
    assert len(measured) == 1
    np.testing.assert_array_equal(found.metric, mean_metric(prior, None))
    measured.clear()
    other = dataclasses.replace(prior, params=jax.tree.map(lambda leaf: 2 * leaf, prior.params))
    assert encoder_run._measured(tmp_path, other).metric is not None
    assert encoder_run._measured(tmp_path, other).metric is not None
    assert len(measured) == 1
    (tmp_path / "metric.npz").write_bytes(b"PK")
    assert encoder_run._measured(tmp_path, other).metric is not None
    assert len(measured) == 2
    assert encoder_run._measured(tmp_path, found).metric is found.metric  # It comes with one.
    assert len(measured) == 2

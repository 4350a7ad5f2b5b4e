"""Training of translators: steps as the published programs take them, and runs that are stopped and go on."""

import csv
import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from gprior_converters import translation as converter
from translation.published import randomised

from benchmarks.torch_translation import CycleGAN, Patches, Pix2Pix, ResNet, UNet, instance
from gprior_jax import zoo
from gprior_jax.errors import ArgumentError
from gprior_jax.training import translation
from gprior_jax.training.image_pool import empty_pool, shown
from gprior_jax.training.translation_config import translation_config
from gprior_jax.training.translation_run import FIELDS, train_translation

PIX2PIX = translation_config(
    resolution=32,
    jitter=1.25,
    width=2,
    depth=5,
    critic_width=2,
    critic_layers=1,
    dropout=False,
    batch_size=2,
    images=16,
    decay_images=8,
)
CYCLEGAN = translation_config(
    "cyclegan",
    resolution=16,
    width=2,
    depth=1,
    critic_width=2,
    critic_layers=1,
    images=8,
    decay_images=4,
    pool=4,
    ema_half_life=4.0,
)
"""Eight steps, of which the last four have rates that fall; before that no pool shows an old picture."""


def arrays(state):
    return {key: value.detach().numpy().copy() for key, value in state.items()}


def taken_over(config, generators, critics):
    """The state of a run that starts from the weights of PyTorch's networks."""
    kind = converter.convert_unet if config.network == "unet" else converter.convert_resnet
    state = translation.init(config, jax.random.key(0))
    own = {way: kind(arrays(net.state_dict()), "", {})[1] for way, net in generators.items()}
    judges = {way: converter.convert_discriminator(arrays(net.state_dict()), "", {})[1] for way, net in critics.items()}
    adam = translation.optimizer(config)
    return state._replace(
        generators=own,
        averages=own if state.averages else {},
        critics=judges,
        generator_opt=adam.init(own),
        critic_opt=adam.init(judges),
    )


def pictures(config, seed):
    rng = np.random.default_rng(seed)
    side = config.resolution
    return (rng.uniform(-1, 1, (config.batch_size, side, side, 3)).astype(np.float32) for _ in range(2))


def nchw(images):
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan"])
def test_steps_as_published(method):
    """Losses of some steps, from the same weights on the same pictures: each rests on the updates before it."""
    if method == "pix2pix":
        theirs = Pix2Pix(randomised(UNet(halvings=5)), randomised(Patches(2, 1), 1))
        config = PIX2PIX
        state = taken_over(config, {"AtoB": theirs.generator}, {"AtoB": theirs.critic})
    else:
        critics = [randomised(Patches(2, 1, 3, instance), seed) for seed in (2, 3)]
        theirs = CycleGAN(randomised(ResNet(2, 1)), randomised(ResNet(2, 1), 1), critics)
        config = CYCLEGAN
        ways = {"AtoB": 0, "BtoA": 1}
        generators = {"AtoB": theirs.there, "BtoA": theirs.back}
        state = taken_over(config, generators, {way: theirs.critics[i] for way, i in ways.items()})
    for index in range(4):
        before, after = pictures(config, index)
        wanted = theirs.step(nchw(before), nchw(after))
        state, found = translation.train_step(config, state, before, after, jax.random.key(0))
        for name, value in wanted.items():
            # Of weights whose gradient is next to nothing Adam's first steps have the sign of a rounding error.
            assert float(found[name]) == pytest.approx(value.item(), rel=2e-3, abs=1e-4), (index, name)


def test_rates_fall_evenly_in_the_end_and_rule_the_steps():
    config = dataclasses.replace(PIX2PIX, images=200, decay_images=100, batch_size=2)
    assert [round(float(config.rate(seen)), 3) for seen in (0, 100, 150, 198)] == [1.0, 0.98, 0.49, 0.02]
    rates = [float(config.rate(jnp.int32(seen))) for seen in range(100, 200, 2)]
    np.testing.assert_allclose(np.diff(rates), -2 / 102, rtol=1e-4)
    adam = translation.optimizer(dataclasses.replace(config, learning_rate=1.0))
    state, gradient = adam.init({"w": jnp.zeros(())}), {"w": jnp.ones(())}
    for _ in range(76):
        update, state = adam.update(gradient, state)
    assert float(update["w"]) == pytest.approx(-float(config.rate(150)), rel=1e-3)


def test_pools_fill_and_then_show_old_pictures_half_of_the_time():
    images = jnp.arange(400.0).reshape(400, 1, 1, 1)
    seen, pool = shown(empty_pool(5, (1, 1, 1)), images, jax.random.key(0))
    seen = np.asarray(seen).ravel()
    np.testing.assert_array_equal(seen[:5], np.arange(5))
    old = seen[5:] != np.arange(5, 400)
    assert 0.4 < old.mean() < 0.6
    assert (seen[5:][old] < np.arange(5, 400)[old]).all()
    assert int(pool.held) == 5
    same, _ = shown(empty_pool(0, (1, 1, 1)), images, jax.random.key(0))
    np.testing.assert_array_equal(same, images)


def test_dropout_and_running_statistics():
    """Every picture has other dropout, by the key; statistics are found for all norms."""
    config = dataclasses.replace(CYCLEGAN, norm="batch", dropout=True, batch_size=2)
    own = translation.init(config, jax.random.key(0)).generators["AtoB"]
    run = jax.jit(functools.partial(translation.translated, config, "AtoB", own))
    same = jnp.stack([next(pictures(config, 0))] * 2).at[:, 1].set(0.5)  # Two batches of two, alike.
    images, found = run(same, jax.random.key(1))
    others, _ = run(same, jax.random.key(2))
    assert np.abs(images - others).max() > 1e-4
    assert np.abs(images[0] - images[1]).max() > 1e-4
    assert {*found["block_a"]} == {"norm_mean", "norm_variance"}
    assert {name: leaf["norm_mean"].shape for name, leaf in found.items()} == {
        name: leaf["norm_mean"].shape for name, leaf in own.items() if "norm_mean" in leaf
    }


def rows_of(out):
    return list(csv.DictReader((out / "log.csv").read_text().splitlines()))


@pytest.mark.slow
def test_a_run_that_is_stopped_has_the_losses_of_one_that_is_not(image_zip, tmp_path):
    """Of CycleGAN, whose pools of earlier pictures are state too."""
    config = CYCLEGAN
    step = config.batch_size
    settings = {"target": image_zip, "snapshot_images": 2 * step, "log_images": step}
    whole = train_translation(config, image_zip, tmp_path / "whole", **settings)
    for images in (3 * step, 6 * step, None):  # At no snapshot's own number, and where the rates fall.
        parts = train_translation(config, image_zip, tmp_path / "parts", max_images=images, **settings)
    for way, own in whole.items():
        jax.tree.map(np.testing.assert_array_equal, own.params, parts[way].params)
    once, again = rows_of(tmp_path / "whole"), rows_of(tmp_path / "parts")
    losses = [name for name in FIELDS if name != "held_out_psnr"]  # Measured at the end of every session.
    assert len(once) == 8
    assert [[row[name] for name in losses] for row in once] == [[row[name] for name in losses] for row in again]
    assert float(once[-1]["rate"]) < float(once[0]["rate"]) == config.learning_rate
    stored = zoo.load_translator(tmp_path / "whole" / "model", config.ways[-1])
    jax.tree.map(np.testing.assert_array_equal, stored.params, whole[config.ways[-1]].params)
    assert (tmp_path / "whole" / "newest.png").is_file()
    facts = zoo.read_config(tmp_path / "whole" / "model")["provenance"]
    assert facts["training"] == json.loads(json.dumps(dataclasses.asdict(config)))
    with pytest.raises(ArgumentError, match="holds a run with another seed"):
        train_translation(dataclasses.replace(config, seed=3), image_zip, tmp_path / "whole", **settings)
    with pytest.raises(ArgumentError, match="rates began to fall towards its"):
        train_translation(dataclasses.replace(config, images=80), image_zip, tmp_path / "whole", **settings)
    again = dataclasses.replace(config, images=step, decay_images=0, seed=5)
    warm = train_translation(again, image_zip, tmp_path / "warm", init_from=tmp_path / "whole" / "model", **settings)
    for way, own in warm.items():  # A step from there.
        moved = np.abs(own.params["down_0"]["kernel"] - whole[way].params["down_0"]["kernel"])
        assert 0 < moved.max() <= 2.1e-4
    other = dataclasses.replace(again, width=3)
    with pytest.raises(ArgumentError, match="holds another network"):
        train_translation(other, image_zip, tmp_path / "other", init_from=tmp_path / "whole" / "model", **settings)


def test_settings_that_do_not_fit():
    for changes, told in (
        ({"method": "wgan"}, "method 'wgan': use pix2pix or cyclegan"),
        ({"resolution": 100}, "take multiples of 256 from 256 on, use 256"),
        ({"method": "cyclegan", "resolution": 66, "critic_layers": 1}, "take multiples of 4 from 8 on, use 68"),
        ({"in_channels": 2}, "in_channels 2: use 1"),
        ({"pairs": "gray"}, "pairs of gray and colour have 1 and 3"),
        ({"method": "cyclegan", "pairs": "side_by_side"}, "CycleGAN learns from two folders"),
        ({"method": "cyclegan", "in_channels": 1}, "are never the same, use 0"),
        ({"images": 0}, "needs at least one batch"),
        ({"decay_images": 90_000}, "use 0 to the 80000 images"),
        ({"jitter": 0.5}, "jitter must be a factor from 1 to 4"),
        ({"pool": -1}, "use 0, which keeps none"),
        ({"loss": "hinge"}, "loss 'hinge': use vanilla or lsgan"),
        ({"batch_size": 0}, "batch_size 0: use at least 1"),
    ):
        with pytest.raises(ArgumentError, match=told):
            translation_config(**changes)

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gprior_jax.discriminators.pggan import logits, minibatch_stddev
from gprior_jax.training import losses, optimize, pggan
from gprior_jax.training.lanes import ONE

KEY = jax.random.key(7)


def host(tree):
    """A copy: a step may write into the memory of the state that it is given."""
    return jax.tree.map(lambda leaf: np.array(leaf), tree)


def batch(size, number=4):
    return np.random.default_rng(0).uniform(-1, 1, (number, size, size, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def start(tiny):
    return host(pggan.init(tiny, jax.random.key(tiny.seed)))


def take_step(config, state, level, penalize=False, fade=1.0):
    """One step from a host copy of the state, so that nothing is donated from under a test."""
    given = jax.tree.map(jnp.array, state)
    state, terms = pggan.step(
        pggan.Plan(config, level, penalize), ONE, given, jnp.asarray(batch(4 << level))[None], jnp.float32(fade), KEY
    )
    return host(state), {name: float(value) for name, value in terms.items()}


def changed(before, after):
    """Names of the layers whose weights differ."""
    return {name for name in before if any((before[name][k] != after[name][k]).any() for k in before[name])}


def test_start(start):
    for a, b in zip(jax.tree.leaves(start.average), jax.tree.leaves(start.generator), strict=True):
        np.testing.assert_array_equal(a, b)
    assert start.images_seen == 0
    assert not np.array_equal(start.generator["layer2"]["kernel"], start.generator["layer3"]["kernel"])


@pytest.mark.slow
def test_a_step_trains_the_levels_in_use_and_no_others(tiny, start):
    state, terms = take_step(tiny, start, level=1)
    assert state.images_seen == 4
    assert all(np.isfinite(value) for value in terms.values())
    assert terms.keys() == {"generator", "discriminator", "real_logit", "fake_logit"}
    assert changed(start.generator, state.generator) == {"layer0", "layer1", "layer2", "layer3", "output1"}
    wanted = {"from_rgb_8", "conv_8", "down_8", "conv_4", "dense_4", "logit"}
    assert changed(start.discriminator, state.discriminator) == wanted
    assert changed(start.average, state.average) == changed(start.generator, state.generator)


@pytest.mark.slow
def test_a_fading_level_trains_both_outputs(tiny, start):
    state, _ = take_step(tiny, start, level=2, fade=0.5)
    assert changed(start.generator, state.generator) == start.generator.keys() - {"output0"}
    assert changed(start.discriminator, state.discriminator) == start.discriminator.keys() - {"from_rgb_4"}


def test_equal_steps_are_equal_to_the_bit(tiny, start):
    (a, terms), (b, again) = (take_step(tiny, start, level=1) for _ in range(2))
    assert terms == again
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_latent_codes_depend_on_the_images_seen(tiny, start):
    _, terms = take_step(tiny, start, level=1)
    _, later = take_step(tiny, start._replace(images_seen=np.int32(4)), level=1)
    assert terms["real_logit"] == later["real_logit"]
    assert terms["fake_logit"] != later["fake_logit"]


@pytest.mark.parametrize(("seen", "half_life"), [(0, 0.05 * 4), (996, 0.05 * 1000), (3996, 100.0)])
def test_moving_average(tiny, start, seen, half_life):
    """Half-life: ``ema_half_life``, but at most 5 % of the images seen."""
    other = jax.tree.map(lambda leaf: leaf + np.float32(1), start.average)
    state, _ = take_step(tiny, start._replace(images_seen=np.int32(seen), average=other), level=1)
    decay = 0.5 ** (4 / half_life)
    for name in ("layer0", "layer4"):
        wanted = decay * other[name]["kernel"] + (1 - decay) * state.generator[name]["kernel"]
        np.testing.assert_allclose(state.average[name]["kernel"], wanted, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "penalize"), [("nonsaturating", False), ("nonsaturating", True), ("wgan_gp", True)])
def test_a_step_descends_the_two_losses(tiny, start, monkeypatch, loss, penalize):
    """With plain descent in Adam's place the weights move by the gradients of the losses, each written out."""
    monkeypatch.setattr(optimize, "adam", lambda config, interval=0: optax.sgd(1.0))
    config = dataclasses.replace(tiny, loss=loss, learning_rate=0.1234)  # Not a program that another test compiled.
    given = start._replace(generator_opt=optax.sgd(1.0).init({}), discriminator_opt=optax.sgd(1.0).init({}))
    state, terms = take_step(config, given, level=1, penalize=penalize)
    generator, discriminator = pggan.build(config)
    z_key, mix_key = jax.random.split(jax.random.fold_in(KEY, 0))
    z, real = jax.random.normal(z_key, (4, config.z_dim)), jnp.asarray(batch(8))

    def critic(params, images):
        return logits(discriminator, params, images, 1, 1.0)

    def of_generator(params):
        return losses.generator_loss(critic(start.discriminator, pggan.generate(generator, params, z, 1, 1.0)), loss)

    def of_discriminator(params):
        fake = pggan.generate(generator, start.generator, z, 1, 1.0)
        total = losses.discriminator_loss(critic(params, real), critic(params, fake), loss)
        if not penalize:
            return total
        bound = functools.partial(critic, params)
        if loss == "wgan_gp":
            return total + 10 * losses.wgan_gradient_penalty(
                bound, real, fake, jax.random.uniform(mix_key, (4, 1, 1, 1))
            )
        # Applied every r1_interval steps, r1_interval times as strongly.
        return total + 0.5 * config.r1_gamma * config.r1_interval * losses.r1_penalty(bound, real)

    for function, name in ((of_generator, "generator"), (of_discriminator, "discriminator")):
        before, after = getattr(start, name), getattr(state, name)
        gradient = jax.jit(jax.grad(function))(before)
        largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient))
        for wanted, x, y in zip(*map(jax.tree.leaves, (gradient, before, after)), strict=True):
            np.testing.assert_allclose(x - y, wanted, atol=2e-5 * max(largest, 1.0))
    assert ("penalty" in terms) == penalize


def test_resetting_the_optimisers(tiny, start):
    moved = start._replace(
        generator_opt=jax.tree.map(lambda leaf: leaf + 1, start.generator_opt),
        discriminator_opt=jax.tree.map(lambda leaf: leaf + 1, start.discriminator_opt),
    )
    found = pggan.reset_optimizers(tiny, moved)
    for leaf in jax.tree.leaves((found.generator_opt, found.discriminator_opt)):
        assert not np.asarray(leaf).any()
    assert found.generator is moved.generator


def test_growth(tiny, start):
    """A new level starts as the enlarged image of the one below, and ends as its own."""
    generator, _ = pggan.build(tiny)
    z = np.random.default_rng(0).standard_normal((2, 8), np.float32)
    run = jax.jit(pggan.generate, static_argnums=(0, 3))
    below = run(generator, start.generator, z, 1, 1.0)
    assert below.shape == (2, 8, 8, 3)
    images = {fade: np.asarray(run(generator, start.generator, z, 2, fade)) for fade in (0.0, 0.25, 1.0)}
    np.testing.assert_allclose(images[0.0], np.asarray(below).repeat(2, 1).repeat(2, 2), atol=1e-5)
    np.testing.assert_allclose(images[0.25], 0.75 * images[0.0] + 0.25 * images[1.0], atol=1e-5)
    whole = jax.jit(jax.vmap(lambda code: generator.apply({"params": start.generator}, code)))(z)
    np.testing.assert_allclose(images[1.0], whole, atol=1e-5)


@pytest.mark.parametrize(("number", "group"), [(4, 4), (8, 4), (6, 2), (3, 4), (1, 4)])
def test_minibatch_stddev(number, group):
    """Group g holds images g, g + M, g + 2M, ...; one number for each group, on an extra channel."""
    x = np.random.default_rng(0).standard_normal((number, 4, 4, 5)).astype(np.float32)
    found = np.asarray(minibatch_stddev(jnp.asarray(x), group))
    np.testing.assert_array_equal(found[..., :5], x)
    groups = number // min(group, number)
    for image in range(number):
        mates = x[image % groups :: groups]
        np.testing.assert_allclose(found[image, ..., 5], np.sqrt(mates.var(0) + 1e-8).mean(), rtol=1e-5)


def test_minibatch_stddev_of_more_channels():
    x = np.random.default_rng(0).standard_normal((6, 4, 4, 10)).astype(np.float32)
    found = np.asarray(minibatch_stddev(jnp.asarray(x), 2, 5))
    np.testing.assert_array_equal(found[..., :10], x)
    for image in range(6):
        deviation = np.sqrt(x[image % 3 :: 3].var(0) + 1e-8)
        for channel in range(5):
            own = deviation[..., 2 * channel : 2 * channel + 2].mean()
            np.testing.assert_allclose(found[image, ..., 10 + channel], own, rtol=1e-5)
    with pytest.raises(ValueError, match="got 10 channels to average to 3: use a divisor"):
        minibatch_stddev(jnp.asarray(x), 2, 3)


def test_minibatch_stddev_of_a_part_of_a_group():
    with pytest.raises(ValueError, match="got 6 images for groups of 4: use a multiple of 4"):
        minibatch_stddev(jnp.zeros((6, 4, 4, 5)), 4)

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import random_prior

from gprior_jax.discriminators.stylegan2 import logits
from gprior_jax.errors import GPriorError
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.nn.resample import fir_up2
from gprior_jax.training import optimize, stylegan2
from gprior_jax.training import stylegan2_drawing as drawing
from gprior_jax.training.lanes import ONE, spread
from gprior_jax.training.warm_start import warm_start
from training.settings import CONDITIONAL

KEY = jax.random.key(7)

REAL = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32)
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]


def host(tree):
    """A copy: a step may write into the memory of the state that it is given."""
    return jax.tree.map(lambda leaf: np.array(leaf), tree)


@pytest.fixture(scope="module")
def start():
    return host(stylegan2.init(CONDITIONAL, jax.random.key(0)))


def take(config, state, seen):
    state, terms = take_some(config, state, seen, 1)
    return state, {name: float(value.reshape(-1)[0]) for name, value in terms.items()}


def take_some(config, state, seen, number):
    """Steps at once, each with images of its own."""
    images = np.stack([REAL * 0.9**n for n in range(stylegan2.most_together(config))])
    images[number:] = np.nan  # Those of no step are not looked at.
    labels = jnp.asarray(np.broadcast_to(LABELS, (len(images), *LABELS.shape)))
    given = jax.tree.map(jnp.array, state)
    state, terms = stylegan2.train_steps(config, given, seen, number, jnp.asarray(images), labels, KEY)
    return host(state), host(terms)


def equal(a, b):
    return all((x == y).all() for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_start(start):
    assert equal(start.average, start.generator)
    assert not start.generator["w_avg"].any()
    assert start.generator["mapping"]["embed"]["kernel"].shape == (3, 6)


@pytest.mark.slow
def test_penalties_are_applied_in_every_second_and_third_step(start):
    plain = {"generator", "discriminator", "real_logit", "fake_logit", "real_sign", "augment_p"}
    path = {"path_length", "path_penalty"}
    steps = {0: plain, 1: plain | path, 2: plain | {"penalty"}, 3: plain | path, 5: plain | path | {"penalty"}}
    for index, wanted in steps.items():
        state, terms = take(CONDITIONAL, start, 4 * index)
        assert terms.keys() == wanted
        assert all(np.isfinite(value) for value in terms.values())
        assert state.images_seen == 4
        assert (state.path_mean > 0) == ("path_length" in terms)


@pytest.mark.slow
@pytest.mark.parametrize("index", [4, 8])
def test_the_probability_that_is_told_is_the_adapted_one(start, index):
    """Whether a penalty keeps the step open until it is adapted (that of step 8) or not."""
    state, terms = take(CONDITIONAL, start._replace(augment_p=np.float32(0.5)), 4 * index)
    assert terms["augment_p"] == state.augment_p
    assert abs(state.augment_p - 0.5) == pytest.approx(0.1)


def test_penalties_without_a_weight_are_not_computed(start, monkeypatch):
    without = dataclasses.replace(CONDITIONAL, path_weight=0.0, r1_gamma=0.0)
    for name in ("path_step", "penalty_step"):
        monkeypatch.setattr(stylegan2, name, lambda *args: pytest.fail("a penalty was computed"))
    monkeypatch.setattr(
        stylegan2, "adversarial_steps", lambda config, lanes, state, *args: (state, {"adversarial": np.zeros(4)})
    )
    assert take(without, start, 0)[1].keys() == {"adversarial"}


@pytest.mark.slow
def test_steps_at_once_are_as_one_by_one(start):
    """To the bit, whether a penalty follows the last or not, whichever of the programs ends it."""
    config = dataclasses.replace(CONDITIONAL, path_interval=4, r1_interval=3)
    assert [stylegan2.together(config, 4 * index) for index in range(6)] == [3, 2, 1, 1, 2, 1]
    single, wanted = start, []
    for index in range(2):
        images = np.stack([REAL * 0.9**index] * 4)
        given = jax.tree.map(jnp.array, single)
        labels = jnp.asarray(np.stack([LABELS] * 4))
        single, terms = stylegan2.train_steps(config, given, 4 * index, 1, jnp.asarray(images), labels, KEY)
        wanted.append(host(terms))
    at_once, terms = take_some(config, start, 0, 2)
    assert equal(at_once, host(single))
    for name, values in terms.items():
        assert list(values[:2]) == [wanted[0][name][0], wanted[1][name][0]]
    held, terms = take_some(config, start, 0, 3)
    assert terms["penalty"].shape == ()
    assert held.images_seen == 12
    opened, _ = stylegan2.adversarial_steps(
        config,
        ONE,
        jax.tree.map(jnp.array, start),
        np.int32(1),
        np.bool_(True),
        jnp.asarray(np.stack([REAL] * 4)),
        jnp.asarray(np.stack([LABELS] * 4)),
        KEY,
    )
    opened = host(opened)
    assert opened.images_seen == 0
    assert equal(opened.average, start.average)
    assert not equal(opened.generator, start.generator)


def test_steps_of_one_program_have_room():
    config = dataclasses.replace(CONDITIONAL, path_weight=0.0, r1_gamma=0.0)
    assert stylegan2.together(config, 0) == 4
    assert stylegan2.most_together(dataclasses.replace(config, resolution=256, batch_size=32, images=64)) == 1


@pytest.mark.slow
def test_a_step_trains_everything_but_noise_maps(start):
    state, _ = take(CONDITIONAL, start, 0)
    still = {
        jax.tree_util.keystr(path)
        for (path, a), b in zip(
            jax.tree_util.tree_leaves_with_path(start.generator), jax.tree.leaves(state.generator), strict=True
        )
        if (a == b).all()
    }
    assert still == {f"['layer{k}']['noise']" for k in range(3)}
    assert not any(
        (a == b).all() for a, b in zip(*map(jax.tree.leaves, (start.discriminator, state.discriminator)), strict=True)
    )


@pytest.mark.slow
def test_a_step_descends_the_two_losses(start, monkeypatch):
    """With plain descent in Adam's place the weights move by the gradients of the losses, each written out."""
    plain = optax.sgd(1.0)
    monkeypatch.setattr(optimize, "adam", lambda config, interval=0: plain)
    config = dataclasses.replace(CONDITIONAL, augment=False, learning_rate=0.1234)  # Not yet compiled by another test.
    given = start._replace(generator_opt=plain.init({}), discriminator_opt=plain.init({}))
    state, _ = spread(stylegan2.adversarial_update)(
        config, ONE, jax.tree.map(jnp.array, given), jnp.asarray(REAL), jnp.asarray(LABELS), KEY
    )
    generator, discriminator = stylegan2.build(config)
    z_key, noise_key, _ = stylegan2._keys(KEY, start, 0)
    labels = jnp.asarray(LABELS)

    def generated(params):
        styles = drawing.map_mixed(config, generator, params, labels, z_key, 4)[0]
        return drawing.render(generator, params, styles, drawing.noise_maps(generator, noise_key, 4))

    def of_generator(params):
        of_fake = logits(discriminator, start.discriminator, generated(params), labels)
        return jnp.mean(jax.nn.softplus(-of_fake))

    def of_discriminator(params):
        of_fake = logits(discriminator, params, generated(start.generator), labels)
        of_real = logits(discriminator, params, jnp.asarray(REAL), labels)
        return jnp.mean(jax.nn.softplus(of_fake)) + jnp.mean(jax.nn.softplus(-of_real))

    for function, name in ((of_generator, "generator"), (of_discriminator, "discriminator")):
        before, after = dict(getattr(start, name)), dict(getattr(state, name))
        gradient = jax.jit(jax.grad(function))(before)
        for tree in (gradient, before, after):
            tree.pop("w_avg", None)  # No gradient, but the mean of the codes.
        largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient))
        for wanted, x, y in zip(*map(jax.tree.leaves, (gradient, before, after)), strict=True):
            np.testing.assert_allclose(x - y, wanted, atol=2e-5 * max(largest, 1.0))


@pytest.mark.slow
def test_strengths_of_noise_keep_to_their_limit(start):
    config = dataclasses.replace(CONDITIONAL, noise_limit=1e-3)  # Adam moves them by 4e-3 / 3 a step.
    free, _ = take(CONDITIONAL, start, 0)
    held, _ = take(config, start, 0)
    strengths = [abs(float(state.generator["layer1"]["noise_strength"])) for state in (free, held)]
    assert strengths == pytest.approx([4e-3 / 3, 1e-3], rel=0.01)
    np.testing.assert_array_equal(free.generator["layer1"]["kernel"], held.generator["layer1"]["kernel"])


@pytest.mark.slow
def test_equal_steps_are_equal_to_the_bit_and_others_draw_other_codes(start):
    (a, terms), (b, again) = take(CONDITIONAL, start, 4), take(CONDITIONAL, start, 4)
    assert terms == again
    assert equal(a, b)
    later = take(CONDITIONAL, start._replace(images_seen=np.int32(4)), 4)[1]
    assert later["generator"] != terms["generator"]


@pytest.mark.slow
def test_mean_of_w(start):
    """A step without penalties moves the mean by its share."""
    state, _ = take(CONDITIONAL, start, 0)
    key, generator = stylegan2._keys(KEY, start, 0)[0], stylegan2.build(CONDITIONAL)[0]
    styles, mean = drawing.map_mixed(CONDITIONAL, generator, start.generator, jnp.asarray(LABELS), key, 4)
    np.testing.assert_allclose(state.generator["w_avg"], (1.0 - CONDITIONAL.w_decay) * mean, atol=1e-5)  # From zero.
    assert (state.average["w_avg"] == state.generator["w_avg"]).all()
    assert styles.shape == (4, 4, 6)


def test_style_mixing():
    """The first styles of one code, the rest of another; the mean is that of the first codes."""
    config = dataclasses.replace(CONDITIONAL, num_classes=0, style_mixing=0.5)
    generator = StyleGAN2((8, 8), z_dim=6, w_dim=6, mapping_layers=2)
    params = generator.init(KEY, jnp.zeros(6), method="init_all")["params"]
    plain, mean = drawing.map_mixed(dataclasses.replace(config, style_mixing=0.0), generator, params, None, KEY, 400)
    mixed, same = drawing.map_mixed(config, generator, params, None, KEY, 400)
    np.testing.assert_array_equal(mean, same)
    kept = (mixed == plain).all(-1).sum(1)
    assert set(np.unique(kept)) == {1, 2, 3, 4}
    assert float((kept == 4).mean()) == pytest.approx(0.5, abs=0.08)
    assert all((mixed[i, : kept[i]] == plain[i, : kept[i]]).all() for i in range(400))


def test_lazy_regularisation_corrects_rate_and_betas():
    """Adam with interval k: rate and betas to k / (k + 1), against optax with the numbers written out."""
    params, gradient = {"x": jnp.array([1.0])}, {"x": jnp.array([0.3])}
    ours, theirs = optimize.adam(CONDITIONAL, 4), optax.adam(2e-3 * 4 / 5, b1=0.0, b2=0.99 ** (4 / 5))
    a, b = ours.init(params), theirs.init(params)
    for scale in (1.0, -2.0, 0.5):
        grads = jax.tree.map(lambda g, scale=scale: scale * g, gradient)
        (x, a), (y, b) = ours.update(grads, a), theirs.update(grads, b)
        np.testing.assert_allclose(x["x"], y["x"], rtol=1e-6)
    g_opt, d_opt = stylegan2._optimizers(dataclasses.replace(CONDITIONAL, path_weight=0.0, r1_gamma=0.0))
    assert float(g_opt.update(gradient, g_opt.init(params))[0]["x"][0]) == pytest.approx(-2e-3, rel=1e-4)
    assert float(d_opt.update(gradient, d_opt.init(params))[0]["x"][0]) == pytest.approx(-2e-3, rel=1e-4)


@pytest.mark.slow
def test_path_penalty_against_numbers_written_out(start):
    """The penalty's own formula, from the lengths of the same images."""
    given = jax.tree.map(jnp.array, start._replace(path_mean=np.float32(0.2)))
    state, told = stylegan2.path_step(CONDITIONAL, ONE, given, jnp.asarray(LABELS), KEY)
    mean = 0.2 + 0.01 * (float(told["path_length"]) - 0.2)
    assert float(state.path_mean) == pytest.approx(mean, rel=1e-5)
    # The mean square of two lengths about anything is at least the squared distance of their mean.
    assert float(told["path_penalty"]) >= (float(told["path_length"]) - mean) ** 2 * (1 - 1e-5)


@pytest.mark.slow
def test_augmentation_adapts(start):
    # An eighth of the real logits at least must not be positive for a mean sign of 0.6.
    for signs, p in {(40.0, 40.0): 0.6, (-40.0, 40.0): 0.4}.items():
        given = start._replace(augment_p=np.float32(0.5), signs=np.float32(signs))
        state, terms = take(CONDITIONAL, given, 0)
        assert terms["augment_p"] == pytest.approx(p, abs=1e-6)
        assert not state.signs.any()
        state, terms = take(CONDITIONAL, given, 4)
        assert terms["augment_p"] == 0.5
        assert state.signs[1] == 44
    assert 0 <= take(CONDITIONAL, start._replace(signs=np.float32((-4, 4))), 0)[1]["augment_p"] < 1e-6


@pytest.mark.slow
def test_the_prior_is_the_averaged_generator(start):
    state = start._replace(average=jax.tree.map(lambda leaf: leaf + np.float32(0.1), start.average))
    prior = stylegan2.averaged_prior(CONDITIONAL, state)
    assert prior.num_classes == 3
    assert prior.critic.module.num_classes == 3
    z = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    images = stylegan2.sample(CONDITIONAL, state, jnp.asarray(z), jnp.asarray(LABELS))
    assert images.shape == (4, 8, 8, 3)
    assert equal(prior.params, state.average)


@pytest.mark.slow
def test_a_larger_network_starts_with_the_smaller_ones_images():
    """Constant and random noise apart: noise strengths start at zero in the new layers only."""
    small = CONDITIONAL
    trained = stylegan2.averaged_prior(small, stylegan2.init(small, jax.random.key(1)))
    large = dataclasses.replace(small, resolution=16)
    state = warm_start(large, stylegan2.init(large, jax.random.key(2)), trained, "there")
    z = jax.random.normal(KEY, (2, 6))
    labels = jnp.asarray(LABELS[:2])
    images = stylegan2.sample(large, state, z, labels)
    wanted = jax.vmap(fir_up2)(stylegan2.sample(small, state._replace(average=trained.params), z, labels))
    np.testing.assert_allclose(images, wanted, atol=1e-5)
    assert state.discriminator["conv_8"]["kernel"] is trained.critic.params["conv_8"]["kernel"]
    assert state.discriminator["from_rgb"]["kernel"].shape[-1] == 4
    other = dataclasses.replace(large, z_dim=5)
    with pytest.raises(GPriorError, match=r"there: .* has another shape than this run's: use the same widths"):
        warm_start(other, stylegan2.init(other, KEY), trained, "there")


def test_a_network_of_the_same_size_starts_with_the_whole_discriminator():
    plain = CONDITIONAL
    trained = stylegan2.averaged_prior(plain, stylegan2.init(plain, jax.random.key(1)))
    state = warm_start(plain, stylegan2.init(plain, jax.random.key(2)), trained, "there")
    assert equal(state.discriminator, trained.critic.params)
    assert equal(state.generator, trained.params)
    with pytest.raises(GPriorError, match="there is a PGGAN, which a StyleGAN2 cannot start from"):
        warm_start(plain, state, random_prior("pggan", "pggan"), "there")


@pytest.mark.parametrize("name", ["r1_interval", "path_interval", "path_shrink", "batch_size", "minibatch_group"])
def test_zeros_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} 0: use at least 1"):
        dataclasses.replace(CONDITIONAL, **{name: 0})

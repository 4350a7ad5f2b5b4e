"""Styles, truncation, noise and labels of style-based generators."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import NORMAL, normal, random_params, random_prior

from gprior_jax.generators import styles
from gprior_jax.generators.base import Prior, prepare
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import features, from_features, map_latents, synthesize

PRIOR, PLAIN = random_prior("stylegan2"), random_prior("pggan")
KEY = jax.random.key(0)
Z = normal(1, 3, 8)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
CONDITIONAL = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3)


@pytest.fixture(scope="module")
def conditional():
    return Prior(random_params(CONDITIONAL, 5), CONDITIONAL, latent=NORMAL, name="classes")


def test_spaces_agree():
    w_plus = map_latents(PRIOR, Z)
    assert w_plus.shape == (3, 6, 6)
    images = synthesize(PRIOR, Z)
    np.testing.assert_allclose(synthesize(PRIOR, w_plus, space="w_plus"), images, **CLOSE)
    np.testing.assert_allclose(synthesize(PRIOR, w_plus[:, 0], space="w"), images, **CLOSE)
    np.testing.assert_allclose(synthesize(prepare(PRIOR), Z), images, **CLOSE)
    np.testing.assert_allclose(synthesize(PRIOR, Z[None, :, None]), images[None, :, None], **CLOSE)


def test_a_style_for_every_layer():
    w_plus = map_latents(random_prior("stylegan_w_per_layer"), Z)
    assert w_plus.shape == (3, 4, 5)
    assert (jnp.std(w_plus, axis=1) > 0).all()


@pytest.mark.parametrize("cutoff", [None, 0, 2, 6])
def test_truncation(cutoff):
    w_plus, mean = map_latents(PRIOR, Z), PRIOR.params["w_avg"]
    found = map_latents(PRIOR, Z, truncation_psi=0.6, truncation_cutoff=cutoff)
    count = 6 if cutoff is None else cutoff
    np.testing.assert_allclose(found[:, :count], mean + 0.6 * (w_plus[:, :count] - mean), **CLOSE)
    np.testing.assert_array_equal(found[:, count:], w_plus[:, count:])
    images = synthesize(PRIOR, Z, truncation_psi=0.6, truncation_cutoff=cutoff)
    np.testing.assert_allclose(images, synthesize(PRIOR, found, space="w_plus"), **CLOSE)


def test_no_truncation_left_is_the_mean():
    np.testing.assert_allclose(map_latents(PRIOR, Z, truncation_psi=0.0)[1], styles.mean_styles(PRIOR), **CLOSE)


@pytest.mark.parametrize("crossover", [0, 2, 6])
def test_mixing(crossover):
    a, b = map_latents(PRIOR, Z[:2])
    mixed = styles.mix(a, b, crossover)
    np.testing.assert_array_equal(mixed[:crossover], a[:crossover])
    np.testing.assert_array_equal(mixed[crossover:], b[crossover:])


def test_noise():
    stored = tuple(PRIOR.params[name]["noise"] for name in PRIOR.layer_names)
    images = synthesize(PRIOR, Z)
    np.testing.assert_allclose(synthesize(PRIOR, Z, noise=stored), images, **CLOSE)
    zeros = tuple(jnp.zeros((3, *each.shape)) for each in stored)
    np.testing.assert_allclose(synthesize(PRIOR, Z, noise=zeros), synthesize(PRIOR, Z, noise="none"), **CLOSE)
    drawn = synthesize(PRIOR, Z, noise=KEY)
    assert float(jnp.abs(drawn - images).max()) > 1e-3
    np.testing.assert_allclose(synthesize(PRIOR, Z[:2], noise=KEY), drawn[:2], **CLOSE)
    same = synthesize(PRIOR, np.stack([Z[0], Z[0]]), noise=KEY)
    assert float(jnp.abs(same[0] - same[1]).max()) > 1e-3, "every image has noise of its own"
    maps = styles.draw_noise(PRIOR, jax.random.fold_in(KEY, 1))
    np.testing.assert_allclose(synthesize(PRIOR, Z[1], noise=maps), drawn[1], **CLOSE)


def test_features_take_noise_too():
    f = features(PRIOR, Z, 3, noise="none")
    whole = from_features(PRIOR, f, 3, map_latents(PRIOR, Z), noise="none")
    np.testing.assert_allclose(whole, synthesize(PRIOR, Z, noise="none"), **CLOSE)


def test_statistics():
    found = styles.w_statistics(PRIOR, KEY, 2000)
    w = map_latents(PRIOR, jax.random.normal(KEY, (2000, 8)))[:, 0]
    np.testing.assert_allclose(found.mean[0], w.mean(0), rtol=1e-3, atol=1e-3)
    assert float(found.std) == pytest.approx(float(np.sqrt(np.square(w - w.mean(0)).sum() / 2000)), rel=1e-4)


def test_classes(conditional):
    by_index = synthesize(conditional, Z, label=np.array([0, 1, 2]))
    by_row = synthesize(conditional, Z, label=np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(by_index, by_row, **CLOSE)
    one = synthesize(conditional, Z, label=1)
    np.testing.assert_allclose(one[1], by_index[1], **CLOSE)
    assert float(jnp.abs(one[0] - by_index[0]).max()) > 1e-3
    f = features(conditional, Z, 2, label=1)
    np.testing.assert_allclose(from_features(conditional, f, 2, map_latents(conditional, Z, label=1)), one, **CLOSE)


MISTAKES = {
    "w_plus of another number": (lambda p: synthesize(PRIOR, normal(1, 5, 6), space="w_plus"), "takes [..., 6, 6]"),
    "w of another length": (lambda p: synthesize(PRIOR, normal(1, 5), space="w"), "takes [..., 6]"),
    "an unknown space": (lambda p: synthesize(PRIOR, Z, space="s"), "use 'z', 'w' or 'w_plus'"),
    "a code of another length": (lambda p: synthesize(PRIOR, normal(1, 5)), "takes [..., 8]"),
    "an unknown noise": (lambda p: synthesize(PRIOR, Z, noise="loud"), "use 'const', 'none'"),
    "noise of other sizes": (lambda p: synthesize(PRIOR, Z, noise=(jnp.zeros((4, 4)),)), "give one [..., S, S]"),
    "no label": (lambda p: synthesize(p, Z), "conditional: give a label, a class from 0 to 2"),
    "a class that is not there": (lambda p: synthesize(p, Z, label=3), "has classes 0 to 2"),
    "a row of another length": (lambda p: synthesize(p, Z, label=np.ones(2, np.float32)), "rows of 3 numbers"),
    "a label for another prior": (lambda p: synthesize(PRIOR, Z, label=1), "has no classes"),
    "a label for a plain prior": (lambda p: synthesize(PLAIN, Z, label=1), "has no classes"),
    "w of a plain prior": (lambda p: synthesize(PLAIN, Z, space="w"), "space 'z' only"),
    "noise of a plain prior": (lambda p: synthesize(PLAIN, Z, noise="none"), "neither noise nor truncation"),
    "truncation of a plain prior": (lambda p: synthesize(PLAIN, Z, truncation_psi=0.5), "neither noise nor truncation"),
    "mapping of a plain prior": (lambda p: map_latents(PLAIN, Z), "has no styles"),
    "styles of a plain prior": (lambda p: from_features(PLAIN, normal(1, 4, 4, 8), 2, normal(2, 6, 6)), "no styles"),
    "no styles": (lambda p: from_features(PRIOR, normal(1, *PRIOR.feature_shape(2)), 2), "needs styles"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(conditional, case):
    run, why = MISTAKES[case]
    with pytest.raises(ValueError, match=re.escape(why)):
        run(conditional)

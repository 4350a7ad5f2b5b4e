"""What priors draw against real images: a plain loop over the library's functions is the oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_critic, random_prior

from gprior_jax import metrics
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.noise import draw_noise
from gprior_jax.generators.synthesis import sample_z, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.keys import purpose
from gprior_jax.metrics.prior_distance import in_proportion
from gprior_jax.perceptual import network

JUDGE = network.discriminator(random_critic("pggan"), ("down_8",))
KEY = jax.random.key(5)


def classes():
    """A prior that is free to choose one of three."""
    return random_prior("stylegan2_conditional").replace(label=None)


@pytest.fixture(scope="module")
def plain():
    return random_prior("pggan")


def one_by_one(prior, number, labels=None, **options):
    """Files of the images that are meant, judged."""
    z = sample_z(prior, KEY, number)
    pixels = []
    for i in range(number):
        noise = draw_noise(prior, jax.random.fold_in(purpose(KEY, "noise"), i)) if prior.noise_sizes else "const"
        label = None if labels is None else labels[i]
        pixels.append(im.to_uint8(synthesize(prior, z[i], noise=noise, label=label, **options)))
    return metrics.network_features(JUDGE, np.stack(pixels) / 255)


def test_features_of_what_is_drawn(plain):
    seen = []
    found = metrics.drawn_features(
        plain, JUDGE, KEY, num_samples=5, batch_size=2, progress=lambda *numbers: seen.append(numbers)
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, one_by_one(plain, 5), rtol=1e-3, atol=1e-3)
    assert seen == [(2, 5), (4, 5), (5, 5)]
    fewer = metrics.drawn_features(plain, JUDGE, KEY, num_samples=3, batch_size=2)
    np.testing.assert_allclose(fewer, found[:3], rtol=1e-4, atol=1e-4)


def test_noise_classes_and_truncation():
    prior, options = classes(), {"num_samples": 4, "batch_size": 4}
    found = metrics.drawn_features(prior, JUDGE, KEY, truncation=0.5, reference_labels=[2, 0], **options)
    wanted = one_by_one(prior, 4, [0, 0, 2, 2], truncation_psi=0.5)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=2e-3)
    assert np.abs(found - one_by_one(prior, 4, [0, 0, 0, 0], truncation_psi=0.5)).max() > 0.01


def test_distances(plain):
    references = np.random.default_rng(0).normal(size=(6, 8))
    found = metrics.prior_distance(plain, JUDGE, references, KEY, num_samples=5, batch_size=2)
    drawn = metrics.drawn_features(plain, JUDGE, KEY, num_samples=5, batch_size=2)
    assert found.fid == pytest.approx(metrics.frechet_distance(drawn, references), rel=1e-4)
    assert found.kid == pytest.approx(metrics.kernel_distance(drawn, references), rel=1e-4)
    assert found == metrics.set_distance(drawn, references)


def test_proportions():
    assert in_proportion([1, 3, 3, 0], 4).tolist() == [0, 1, 3, 3]
    assert np.bincount(in_proportion([0] * 3 + [1] * 7, 1000)).tolist() == [300, 700]
    assert in_proportion([2], 3).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("prior", "options", "told"),
    [
        (random_prior("pggan"), {"truncation": 0.5}, "has no styles to truncate"),
        (random_prior("pggan"), {"reference_labels": [0]}, "has no classes: leave label=None"),
        (classes(), {}, "is conditional: give a label"),
        (classes(), {"reference_labels": [0, 3]}, "has classes 0 to 2"),
        (random_prior("pggan"), {"num_samples": 0}, "num_samples 0, batch_size 16: both must be at least 1"),
        (random_prior("pggan"), {"batch_size": 0}, "batch_size 0: both must be at least 1"),
    ],
)
def test_wrong_use(prior, options, told):
    with pytest.raises(ArgumentError, match=told):
        metrics.drawn_features(prior, JUDGE, KEY, **{"num_samples": 2} | options)


def test_images_that_are_read(monkeypatch):
    images = np.random.default_rng(1).random((5, 16, 16, 3)).astype(np.float32)
    read, seen = [], []

    def image(i):
        read.append(i)
        return images[i]

    found = metrics.features_of(JUDGE, image, 5, batch_size=3, progress=lambda *numbers: seen.append(numbers))
    np.testing.assert_allclose(found, metrics.network_features(JUDGE, images), rtol=1e-4, atol=1e-4)
    assert read == [0, 1, 2, 3, 4, 4]
    assert seen == [(3, 5), (5, 5)]
    assert found.shape == (5, jnp.size(JUDGE.vector(jnp.asarray(images[0]))))

import jax
import numpy as np
import pytest
from batteries import random_params

import gprior_jax as gp
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.dcgan import example_layers as discriminator_layers
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.prior import Prior
from gprior_jax.metrics.attribution import (
    Reference,
    as_json,
    attribute,
    auc,
    draw_images,
    feature_distances,
    from_json,
    project,
)
from gprior_jax.perceptual import network

KEY = jax.random.key(3)
MODULE = DCGAN(example_layers(width=4, resolution=8), z_dim=8)
CRITIC = DCGANDiscriminator(discriminator_layers(4, 8), resolution=8)
PRIOR = Prior(random_params(MODULE, 0), MODULE, critic=Critic(random_params(CRITIC, 1), CRITIC))


@pytest.fixture(scope="module")
def images():
    """Three of the prior's."""
    return draw_images(PRIOR, KEY, np.arange(3))


def test_auc_counts_pairs():
    rng = np.random.default_rng(0)
    generated, real = rng.integers(0, 8, 30) / 8.0, rng.integers(2, 10, 40) / 8.0
    wins = [(r > g) + 0.5 * (r == g) for g in generated for r in real]
    assert auc(Reference(generated, real)) == pytest.approx(np.mean(wins))
    assert auc(Reference(np.zeros(3), np.ones(3))) == 1.0
    assert auc(Reference(np.ones(3), np.ones(3))) == 0.5


def test_where_a_distance_stands():
    """Shares are counted; the probability is Bayes' rule with normal distributions of logarithms."""
    rng = np.random.default_rng(0)
    reference = Reference(np.exp(rng.normal(0.0, 0.5, 500)), np.exp(rng.normal(1.0, 0.7, 500)))
    for distance in (0.2, 1.0, 2.0, 9.0):
        found = attribute(distance, reference)
        assert found.generated_beyond == (reference.generated >= distance).mean()
        assert found.real_within == (reference.real <= distance).mean()
        densities = [
            np.exp(-0.5 * ((np.log(distance) - np.log(v).mean()) / np.log(v).std()) ** 2) / np.log(v).std()
            for v in reference
        ]
        assert found.probability == pytest.approx(densities[0] / sum(densities), rel=1e-6)
    assert 0.0 <= attribute(0.0, reference).probability <= 1.0


def test_distances_are_those_of_the_projections(images):
    recipe = gp.recipes.mganprior(1, 0, num_steps=2, perceptual=None)
    found = project(PRIOR, images, recipe, key=KEY, batch_size=2)
    assert found.images.shape == images.shape
    own = network.default(PRIOR)
    features = jax.jit(jax.vmap(own.features))
    pairs = zip(features(found.images), features(images), strict=True)
    wanted = (
        np.mean([np.mean(np.square(a - b), axis=(1, 2, 3)) for a, b in pairs], axis=0) * network.DISCRIMINATOR_SCALE
    )
    np.testing.assert_allclose(found.distances, wanted, rtol=1e-4)
    same = feature_distances(own.prepare(), images, images)
    np.testing.assert_array_equal(same, 0)


def test_drawn_images_are_what_a_file_holds(images):
    assert images.dtype == np.float32
    levels = (images + 1) * 127.5
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    assert np.abs(images).max() <= 1
    assert (images[0] != images[1]).any()
    np.testing.assert_array_equal(draw_images(PRIOR, KEY, np.array([2, 0, 1])), images[[2, 0, 1]])


def test_reference_survives_json():
    reference = Reference(np.array([0.1, 0.25]), np.array([1.0, 2.0, 3.0]))
    again, settings = from_json(as_json(reference, {"steps": 3}), "there")
    for a, b in zip(reference, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert settings == {"steps": 3}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "there is no reference of an attribution"),
        ([1], "there is no reference"),
        ({"generated": [1, 2], "real": ["x"], "settings": {}}, "there is no reference"),
        ({"generated": [1], "real": [1, 2], "settings": {}}, "there has fewer than two distances"),
        ({"generated": [1, -2], "real": [1, 2], "settings": {}}, "negative"),
        ({"generated": [1, float("nan")], "real": [1, 2], "settings": {}}, "not finite"),
    ],
)
def test_damaged_references(content, told):
    with pytest.raises(ValueError, match=told):
        from_json(content, "there")

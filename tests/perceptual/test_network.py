"""Perceptual networks: resizing, defaults, folders and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_critic, random_params, random_prior, random_vgg

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.images import arrays as im
from gprior_jax.perceptual import network
from gprior_jax.perceptual.vgg import VGG16, imagenet_normalize


def assert_same_features(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_vgg_is_mganpriors_by_default():
    module = VGG16(7)
    net = network.vgg16(module, random_params(module, 1))
    assert (net.layers, net.size, net.normalize, net.scale) == (("relu3_3",), 256, True, 1e-3)


def test_vgg_normalises_then_resizes():
    net = random_vgg()
    image = jnp.asarray(normal(1, 8, 8, 3))
    sized = net.replace(size=12)
    resized = im.resize(imagenet_normalize(image), (12, 12), "nearest")
    expected = net.module.apply({"params": net.weights}, resized, net.layers, method="features")
    assert_same_features(sized.features(image), expected)
    assert_same_features(sized.prepare().features(image), expected)
    assert expected[0].shape == (6, 6, 128)


def test_discriminator_takes_all_layers_as_they_are():
    critic = random_critic("pggan")
    net = network.discriminator(critic)
    assert (net.layers, net.size, net.normalize) == (critic.module.layer_names, 16, False)
    assert net.scale == 1 / len(net.layers)
    image = jnp.asarray(normal(2, 16, 16, 3))
    expected = critic.module.apply({"params": critic.params}, image, critic.module.layer_names, method="features")
    assert_same_features(net.features(image), expected)
    chosen = network.discriminator(critic, ("down_8",))
    assert_same_features(chosen.features(image), expected[-1:])


def test_discriminator_resizes_other_images():
    net = network.discriminator(random_critic("dcgan"))
    image = jnp.asarray(normal(3, 32, 32, 3))
    assert_same_features(net.features(image), net.features(im.resize(image, (16, 16), "nearest")))


def test_prepared_weights_are_used():
    net = random_vgg().prepare()
    image = jnp.asarray(normal(4, 8, 8, 3))
    # They follow the weights no longer, which shows that they are what runs.
    stale = net.replace(weights=jax.tree.map(lambda leaf: 2 * leaf, net.weights))
    assert_same_features(stale.features(image), net.features(image))


def test_unknown_layers():
    with pytest.raises(ValueError, match=r"no layer relu9_9, fc7: it has conv1_1, relu1_1, .*relu2_1"):
        network.vgg16(VGG16(3), {}, ("conv1_1", "relu9_9", "fc7"))
    with pytest.raises(ValueError, match="no layer conv_4: it has conv_16"):
        network.discriminator(random_critic("pggan"), ("conv_4",))


def test_default_is_the_priors_discriminator():
    prior = random_prior("pggan", "pggan")
    assert network.default(prior).module == prior.critic.module
    assert network.default(prior).weights is prior.critic.params


def test_default_without_a_discriminator_says_what_to_do():
    with pytest.raises(ValueError, match="tiny pggan comes without a discriminator") as caught:
        network.default(random_prior("pggan"))
    for remedy in ("gprior convert", "--perceptual DIR", "perceptual=None", "--perceptual none"):
        assert remedy in str(caught.value)


def test_folders(tmp_path):
    vgg, critic = random_vgg(), random_critic("dcgan")
    zoo.save_network(vgg.module, vgg.weights, tmp_path / "vgg")
    zoo.save_network(critic.module, critic.params, tmp_path / "critic")
    zoo.save(random_prior("pggan", "pggan"), tmp_path / "prior")
    image = jnp.asarray(normal(5, 16, 16, 3))
    loaded = zoo.load_perceptual(tmp_path / "vgg", ("relu2_1",))
    assert_same_features(loaded.replace(size=None).features(image), vgg.features(image))
    for folder, net in (
        ("critic", network.discriminator(critic)),
        ("prior", network.discriminator(random_critic("pggan"))),
    ):
        assert_same_features(zoo.load_perceptual(tmp_path / folder).features(image), net.features(image))
    assert zoo.load_perceptual(tmp_path / "prior", ("down_8",)).layers == ("down_8",)
    with pytest.raises(ValueError, match="no layer relu3_3"):
        zoo.load_perceptual(tmp_path / "vgg")  # Too shallow for the default layer.


def test_folder_of_a_generator_alone(tmp_path):
    zoo.save(random_prior("pggan"), tmp_path / "prior")
    with pytest.raises(CheckpointError, match="generator without a discriminator"):
        zoo.load_perceptual(tmp_path / "prior")

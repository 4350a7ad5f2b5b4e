"""Perceptual networks: resizing, defaults and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_critic, random_params, random_prior, random_vgg

from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.perceptual import network
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.perceptual.vgg import VGG16, imagenet_normalize

# Compiled, networks of one structure share a program.
features = jax.jit(network.PerceptualNetwork.features)


def assert_same_features(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def of_module(net, image, layers):
    """What the module itself gives."""
    apply = jax.jit(lambda params, image: net.module.apply({"params": params}, image, layers, method="features"))
    return apply(net.weights, image)


def test_vgg_is_mganpriors_by_default():
    net = network.vgg16(VGG16(7), {})
    assert (net.layers, net.size, net.normalize, net.scale) == (("relu3_3",), 256, True, 1e-3)


def test_alexnet_compares_what_lpips_does_by_default():
    net = network.alexnet(AlexNet(), {})
    assert (net.size, net.normalize, net.scale) == (256, True, 0.2)
    assert net.layers == ("relu1", "relu2", "relu3", "relu4", "relu5")
    chosen = network.alexnet(AlexNet(), {}, ("conv2",), size=None)
    assert (chosen.layers, chosen.size, chosen.scale) == (("conv2",), None, 1.0)


def test_vgg_normalises_then_resizes():
    net = random_vgg()
    image = jnp.asarray(normal(1, 8, 8, 3))
    sized = net.replace(size=12)
    resized = im.resize(imagenet_normalize(image), (12, 12), "nearest")
    expected = of_module(net, resized, net.layers)
    assert_same_features(features(sized, image), expected)
    ready = sized.prepare()
    assert_same_features(features(ready, image), expected)
    assert ready.prepare() is ready
    assert expected[0].shape == (6, 6, 128)
    # Prepared weights follow the others no longer, which shows that they are what runs.
    stale = ready.replace(weights=jax.tree.map(lambda leaf: 2 * np.asarray(leaf), net.weights))
    assert_same_features(features(stale, image), expected)


def test_alexnet_normalises_too():
    module = AlexNet()
    net = network.alexnet(module, random_params(module, 1), ("conv1",), size=None)
    image = jnp.asarray(normal(4, 31, 31, 3))
    assert_same_features(features(net.prepare(), image), of_module(net, imagenet_normalize(image), ("conv1",)))


def test_discriminator_takes_all_layers_as_they_are():
    critic = random_critic("pggan")
    net = network.discriminator(critic)
    assert (net.layers, net.size, net.normalize) == (critic.module.layer_names, 16, False)
    assert net.scale == network.DISCRIMINATOR_SCALE / len(net.layers)
    image = jnp.asarray(normal(2, 16, 16, 3))
    expected = of_module(net, image, net.layers)
    assert_same_features(features(net, image), expected)
    chosen = network.discriminator(critic, ("down_8",))
    assert_same_features(features(chosen, image), expected[-1:])


def test_discriminator_resizes_other_images():
    net = network.discriminator(random_critic("dcgan"))
    image = jnp.asarray(normal(3, 32, 32, 3))
    assert_same_features(features(net, image), features(net, im.resize(image, (16, 16), "nearest")))


def test_an_image_as_a_whole_is_the_means_of_its_layers():
    net = network.discriminator(random_critic("pggan"))
    image = jnp.asarray(normal(4, 16, 16, 3))
    maps = features(net, image)
    means = np.concatenate([np.asarray(x).mean((0, 1)) for x in maps])
    run = jax.jit(lambda net, image: (net.vector(image), *net.features_and_vector(image)))
    vector, same, again = run(net, image)
    np.testing.assert_allclose(vector, means, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(vector, again)
    assert_same_features(same, maps)


def test_other_layers_may_describe_the_whole():
    net = network.discriminator(random_critic("pggan"), ("down_8",)).replace(whole=("conv_16", "down_8"))
    image = jnp.asarray(normal(4, 16, 16, 3))
    first, second = of_module(net, image, net.whole)
    maps, vector = jax.jit(network.PerceptualNetwork.features_and_vector)(net, image)
    assert_same_features(maps, (second,))
    np.testing.assert_allclose(vector, np.concatenate([x.mean((0, 1)) for x in (first, second)]), rtol=1e-4, atol=1e-5)
    with pytest.raises(ArgumentError, match="no layer conv_4: it has conv_16"):
        net.replace(whole=("conv_4",))


def test_efficientnet_is_judged_by_its_last_layer():
    net = network.efficientnet(EfficientNetLite0(), {})
    assert (net.size, net.resize, net.normalize, net.whole) == (224, "bicubic", False, ("head",))
    assert net.layers == network.EFFICIENTNET_LAYERS
    assert net.scale == 0.02 / len(net.layers)
    assert net.prepare().prepared == ()


def test_efficientnet_resizes_smoothly():
    module = EfficientNetLite0()
    net = network.efficientnet(module, random_params(module, 1), ("stem",), size=20)
    image = jnp.asarray(normal(4, 9, 9, 3))
    assert_same_features(features(net, image), of_module(net, im.resize(image, (20, 20), "bicubic"), ("stem",)))
    assert net.summary()["resize"] == "bicubic"
    assert "resize" not in network.alexnet(AlexNet(), {}).summary(), "records of earlier runs stay the same"


def test_unknown_layers():
    with pytest.raises(ArgumentError, match=r"no layer relu9_9, fc7: it has conv1_1, relu1_1, .*relu2_1"):
        network.vgg16(VGG16(3), {}, ("conv1_1", "relu9_9", "fc7"))
    with pytest.raises(ArgumentError, match="no layer conv_4: it has conv_16"):
        network.discriminator(random_critic("pggan"), ("conv_4",))
    with pytest.raises(ArgumentError, match="no layer relu9: it has conv1, relu1"):
        network.alexnet(AlexNet(), {}, ("relu9",))


def test_default_is_the_priors_discriminator():
    prior = random_prior("pggan", "pggan")
    assert network.default(prior).module == prior.critic.module
    assert network.default(prior).weights is prior.critic.params


def test_default_without_a_discriminator_says_what_to_do():
    with pytest.raises(ArgumentError, match="tiny pggan comes without a discriminator") as caught:
        network.default(random_prior("pggan"))
    for remedy in ("pass one as perceptual", "vgg16-397923af.pth", "none to compare pixels only"):
        assert remedy in str(caught.value)
    assert "--" not in str(caught.value), "flags are the command line's"


def test_gray_and_rgba_are_shown_as_colours():
    net = random_vgg()
    image = jnp.asarray(normal(1, 8, 8, 4))
    for own in (image, image[..., :1]):
        assert_same_features(features(net, own), features(net, im.as_rgb(own)))
    critic = network.discriminator(random_critic("pggan"))
    with pytest.raises(ArgumentError, match="looks at images of 1 channels, these have 3"):
        network.suited(image[..., :3], 1)
    with pytest.raises(ArgumentError, match="images of 2 channels are no pictures"):
        network.suited(image[..., :2], critic.module.input_shape[-1])

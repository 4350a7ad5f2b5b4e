"""Perceptual networks from folders of every kind, bundled names among them."""

import functools

import pytest
from batteries import random_critic, random_prior, random_vgg
from encoders.toys import MeanEncoder, toy_encoder
from perceptual.networks import random_lpips

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.perceptual import network
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.zoo import networks
from zoo.networks import assert_trees_equal, positive_params

ALEXNET_TAPS = ("relu1", "relu2", "relu3", "relu4", "relu5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folders of every kind, by name."""
    root = tmp_path_factory.mktemp("perceptual")

    @functools.cache
    def make(name):
        if name == "prior":
            zoo.save(random_prior("pggan", "pggan"), root / name)
        elif name == "bare":
            zoo.save(random_prior("pggan"), root / name)
        else:
            zoo.save_network(*content(name), root / name)
        return root / name

    return make


@functools.cache
def content(name):
    """Module and weights of a folder with one network."""
    if name == "lpips":
        return random_lpips("alexnet").module, random_lpips("alexnet").weights
    if name == "critic":
        return random_critic("dcgan").module, random_critic("dcgan").params
    modules = {"vgg": VGG16(7), "shallow": random_vgg().module, "alexnet": AlexNet(), "lite0": EfficientNetLite0()}
    module = modules[name]
    return module, positive_params(module)


def test_vgg(folder):
    loaded = zoo.load_perceptual(folder("vgg"))
    assert_trees_equal(loaded, network.vgg16(*content("vgg")))
    assert (loaded.layers, loaded.size) == (("relu3_3",), 256)
    chosen = zoo.load_perceptual(folder("vgg"), ("relu1_2", "conv2_1"))
    assert_trees_equal(chosen, network.vgg16(*content("vgg"), ("relu1_2", "conv2_1")))


def test_vgg_too_shallow_for_the_default_layer(folder):
    with pytest.raises(ArgumentError, match=r"no layer relu3_3: it has conv1_1, .*relu2_1"):
        zoo.load_perceptual(folder("shallow"))
    assert zoo.load_perceptual(folder("shallow"), ("relu2_1",)).layers == ("relu2_1",)


def test_alexnet(folder):
    loaded = zoo.load_perceptual(folder("alexnet"))
    assert_trees_equal(loaded, network.alexnet(*content("alexnet")))
    assert (loaded.layers, loaded.size, loaded.scale) == (ALEXNET_TAPS, 256, 0.2)
    chosen = zoo.load_perceptual(folder("alexnet"), ("conv2",))
    assert_trees_equal(chosen, network.alexnet(*content("alexnet"), ("conv2",)))
    with pytest.raises(ArgumentError, match="no layer relu9: it has conv1, relu1"):
        zoo.load_perceptual(folder("alexnet"), ("relu9",))


def test_efficientnet(folder):
    loaded = zoo.load_perceptual(folder("lite0"))
    assert_trees_equal(loaded, network.efficientnet(*content("lite0")))
    assert (loaded.size, loaded.resize, loaded.whole) == (224, "bicubic", ("head",))
    chosen = zoo.load_perceptual(folder("lite0"), ("stem",))
    assert_trees_equal(chosen, network.efficientnet(*content("lite0"), ("stem",)))
    with pytest.raises(ArgumentError, match="no layer block17: it has stem, block1, "):
        zoo.load_perceptual(folder("lite0"), ("block17",))


def test_discriminators_alone_and_of_priors(folder):
    critics = {"critic": random_critic("dcgan"), "prior": random_critic("pggan")}
    for name, critic in critics.items():
        assert_trees_equal(zoo.load_perceptual(folder(name)), network.discriminator(critic))
    chosen = zoo.load_perceptual(folder("prior"), ("down_8",))
    assert_trees_equal(chosen, network.discriminator(critics["prior"], ("down_8",)))
    with pytest.raises(ArgumentError, match="no layer relu3_3"):
        zoo.load_perceptual(folder("critic"), ("relu3_3",))


def test_a_bundled_name():
    prior = zoo.load("builtin")
    assert_trees_equal(zoo.load_perceptual("builtin"), network.default(prior))


def test_lpips(folder):
    assert zoo.read_config(folder("lpips"))["network"] == {"arch": "lpips", "trunk": "alexnet"}
    for load in (zoo.load_perceptual, zoo.load_lpips):
        assert_trees_equal(load(folder("lpips")), random_lpips("alexnet"))
    with pytest.raises(ArgumentError, match=r"lpips holds LPIPS, a whole distance whose layers are not to be chosen"):
        zoo.load_perceptual(folder("lpips"), ("relu1",))


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        *[("vgg", "vgg16"), ("alexnet", "alexnet"), ("lite0", "efficientnet_lite0")],
        *[("critic", "dcgan_discriminator"), ("prior", "pggan_discriminator")],
    ],
)
def test_what_is_no_lpips(folder, name, arch):
    with pytest.raises(CheckpointError) as caught:
        zoo.load_lpips(folder(name))
    told = f"{folder(name)} holds no LPIPS but {arch}: convert a trunk with the linear weights of the lpips package."
    assert str(caught.value) == told


def test_what_has_no_features(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "NETWORKS", networks.NETWORKS | {"toy_encoder": MeanEncoder})
    encoder, generator = toy_encoder(), random_prior("pggan")
    zoo.save_network(encoder.module, encoder.params, tmp_path / "encoder")
    zoo.save_network(generator.module, generator.params, tmp_path / "generator")
    for name, arch in (("encoder", "toy_encoder"), ("generator", "pggan_generator")):
        with pytest.raises(CheckpointError, match=f"{name} holds {arch}, which has no features to compare"):
            zoo.load_perceptual(tmp_path / name)
        with pytest.raises(CheckpointError, match=f"{name} holds no LPIPS but {arch}"):
            zoo.load_lpips(tmp_path / name)


def test_a_trunk_too_shallow_for_the_default_is_no_lpips_all_the_same(tmp_path):
    trunk = random_vgg()
    zoo.save_network(trunk.module, trunk.weights, tmp_path / "trunk")
    with pytest.raises(CheckpointError, match="holds no LPIPS but vgg16"):
        zoo.load_lpips(tmp_path / "trunk")


@pytest.mark.parametrize("name", ["vgg", "prior"])
def test_no_layer_at_all(folder, name):
    with pytest.raises(ArgumentError, match="no layer is compared: name some of "):
        zoo.load_perceptual(folder(name), ())


@pytest.mark.parametrize("load", [zoo.load_perceptual, zoo.load_lpips])
def test_folders_without_such_a_network(folder, load, tmp_path):
    with pytest.raises(CheckpointError, match="bare holds a generator without a discriminator: it has no perceptual"):
        load(folder("bare"))
    with pytest.raises(CheckpointError, match="is no model folder"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match="'gone' is neither a model folder nor a bundled prior"):
        load("gone")

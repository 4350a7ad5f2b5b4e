"""Architectures by name: their descriptions, and those that a user adds."""

import functools
import json

import jax
import jax.numpy as jnp
import pytest
from encoders.toys import MeanEncoder
from generators.toys import Classes, Styles

from gprior_jax.discriminators import pggan, stylegan2
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.perceptual.lpips import LPIPSNetwork
from gprior_jax.perceptual.trunk import Trunk
from gprior_jax.zoo import networks
from gprior_jax.zoo.networks import NETWORKS, abstract_params, build, describe
from zoo.networks import MODULES


@pytest.fixture
def table(monkeypatch):
    """The table of architectures; what a test adds is taken out again."""
    monkeypatch.setattr(networks, "NETWORKS", dict(NETWORKS))
    return networks.NETWORKS


def test_every_architecture_is_tested():
    # Without those that other tests make known.
    of_the_package = {kind for kind in NETWORKS.values() if kind.__module__.startswith("gprior_jax.")}
    assert {type(module) for module in MODULES.values()} == of_the_package


@pytest.mark.parametrize("name", MODULES)
def test_descriptions_are_json_and_tell_all(name):
    module = MODULES[name]
    again = build(json.loads(json.dumps(describe(module))))
    assert again == module
    assert hash(again) == hash(module)


def run(module, params):
    """All that a network computes."""
    x = jnp.zeros(module.input_shape)
    if hasattr(module, "z_dim") and not isinstance(module, MultiCodeEncoder):
        label = jnp.zeros(module.num_classes) if getattr(module, "num_classes", 0) else None
        levels = range(len(module.channels)) if hasattr(module, "grow") else ()
        grown = [module.apply({"params": params}, x, level, method="grow") for level in levels]
        return run_layers(Prior(params, module), x, label=label), grown
    if isinstance(module, StyleGAN2Discriminator):
        return stylegan2.logits(module, params, x[None].repeat(2, 0), jnp.zeros((2, module.num_classes)))
    if isinstance(module, PGGANDiscriminator):
        grown = module.apply({"params": params}, x[::2, ::2], 0, method="trunk")
        return pggan.logits(module, params, x[None].repeat(2, 0)), grown
    if isinstance(module, LPIPSNetwork):
        return module.apply({"params": params}, x, method="embed")
    if isinstance(module, Trunk | EfficientNetLite0):
        return module.apply({"params": params}, x, module.layer_names[-1:], method="features")
    return module.apply({"params": params}, x)


@pytest.mark.parametrize("name", MODULES)
def test_weights_that_a_folder_is_read_for_are_all_that_there_are(name):
    """Linen says so where one is missing."""
    module = MODULES[name]
    found = jax.tree.leaves(jax.eval_shape(functools.partial(run, module), abstract_params(module)))
    assert found
    assert all(leaf.dtype == jnp.float32 for leaf in found)


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ({"arch": "biggan"}, "architecture 'biggan' is unknown to this version: it knows pggan_generator, "),
        ({}, "architecture None is unknown"),
        ({"arch": ["pggan_generator"]}, "architecture ['pggan_generator'] is unknown"),
        (["pggan_generator"], "described by an object with its architecture, not by ['pggan_generator']"),
        ({"arch": "pggan_generator", "channels": [4, 4], "width": 3}, "pggan_generator has no attribute width"),
        ({"arch": "pggan_generator", "channels": [4], "parent": None}, "pggan_generator has no attribute parent"),
        ({"arch": "pggan_generator"}, "pggan_generator cannot be built"),
        ({"arch": "dcgan_generator", "layers": [{"op": "pool", "features": 3}]}, "op 'pool'"),
        ({"arch": "dcgan_generator", "layers": [{"op": "conv", "width": 3}]}, "unexpected keyword argument 'width'"),
    ],
)
def test_descriptions_that_cannot_be_built(description, told):
    with pytest.raises(CheckpointError) as caught:
        build(description)
    assert told in str(caught.value)


def test_an_architecture_of_one_s_own_is_described_and_built(table):
    module = Classes(z_dim=5, num_classes=2, noisy=True)
    with pytest.raises(ArgumentError, match=r"Classes is no architecture .*: make it known with gprior_jax.zoo.regis"):
        describe(module)
    networks.register("toy_classes", Classes)
    networks.register("toy_encoder", MeanEncoder)
    assert describe(module) == {"arch": "toy_classes", "z_dim": 5, "num_classes": 2, "noisy": True}
    assert build(json.loads(json.dumps(describe(module)))) == module
    encoder = MeanEncoder(code=(2, 3), space="w_plus")
    assert build(json.loads(json.dumps(describe(encoder)))) == encoder
    shapes = {name: leaf.shape for name, leaf in abstract_params(module).items()}
    assert shapes == {"dense": (5, 8), "image": (2, 3), "shift": (2, 2), "noise2": (2, 2), "noise4": (4, 4)}
    with pytest.raises(CheckpointError, match=r"toy_classes has no attribute depth: it has noisy, num_classes, z_dim"):
        build({"arch": "toy_classes", "depth": 3})


def test_a_name_belongs_to_one_architecture(table):
    networks.register("toy", Classes)
    networks.register("toy", Classes)  # As where a module is imported again.
    for name in ("toy", "pggan_generator"):
        with pytest.raises(ArgumentError, match=f"there is an architecture '{name}' already: choose another name"):
            networks.register(name, Styles)
    assert table["pggan_generator"] is PGGAN
    assert "toy" not in NETWORKS

"""The networks of a file by the names that training programs give them."""

import numpy as np
import pytest
import torch
from gprior_converters.convert import convert_file
from gprior_converters.reading import read_networks

from converters import nvidia
from converters.test_dcgan import discriminator, generator
from gprior_jax import zoo


def numbered(number):
    return {"a.weight": torch.full((2,), float(number))}


def prefixed(**networks):
    """A state dict of a module that holds networks, ``__`` for a dot."""
    return {f"{name.replace('__', '.')}.{key}": v for name, state in networks.items() for key, v in state.items()}


def read(tmp_path, content, weights="averaged"):
    torch.save(content, tmp_path / "a.ckpt")
    found = read_networks(tmp_path / "a.ckpt", weights)
    return {role: float(state["a.weight"][0]) for role, state in found.items()}, found


LIGHTNING = {"epoch": 3, "global_step": 9, "pytorch-lightning_version": "2.4.0", "loops": {}, "optimizer_states": []}


@pytest.mark.parametrize(
    "names",
    [
        ("generator", "discriminator"),
        ("netG", "netD"),
        ("model__netG__module", "model__netD__module"),
        ("G", "D"),
        ("gan__generator", "gan__critic"),
        ("net_G", "disc"),
    ],
)
def test_modules_that_lightning_saved_whole(tmp_path, names):
    state = prefixed(**dict(zip(names, (numbered(1), numbered(2)), strict=True)), vgg__features={"0.w": torch.ones(1)})
    found, networks = read(tmp_path, LIGHTNING | {"state_dict": state})
    assert found == {"generator": 1.0, "discriminator": 2.0}
    assert networks.left_out == ("vgg",)


def test_a_lightning_checkpoint_of_a_gan_converts_with_its_discriminator(tmp_path):
    net, critic = generator(sizes=3), discriminator(sizes=3)
    state = prefixed(generator=net.state_dict(), discriminator=critic.state_dict())
    torch.save(LIGHTNING | {"state_dict": state}, tmp_path / "last.ckpt")
    conversion = convert_file(tmp_path / "last.ckpt", tmp_path / "model")
    assert conversion.layout == "dcgan_generator"
    assert conversion.has_critic
    assert conversion.taken == ("generator", "discriminator")
    kernel = zoo.load(tmp_path / "model").params["layer0"]["kernel"]
    np.testing.assert_array_equal(kernel, net.main[0].weight.detach().numpy().transpose(2, 3, 0, 1))


@pytest.mark.parametrize("prefix", ["net.", "model.", "gan.stack.", "module.model."])
def test_a_word_before_all_keys(tmp_path, prefix):
    torch.save({f"{prefix}{k}": v for k, v in generator(sizes=3).state_dict().items()}, tmp_path / "a.pth")
    assert convert_file(tmp_path / "a.pth", tmp_path / "model").layout == "dcgan_generator"


@pytest.mark.parametrize(
    ("averaged", "raw", "critic"),
    [
        ("netG_ema_state_dict", "netG_state_dict", "netD_state_dict"),
        ("g_ema", "g", "d"),
        ("G_ema", "G", "D"),
        ("generator_smooth", "generator", "discriminator"),
        ("g_running", "generator", "discriminator"),
        ("ema_generator", "gen_state_dict", "disc_state_dict"),
    ],
)
def test_averaged_or_raw_weights_of_one_file(tmp_path, averaged, raw, critic):
    content = {raw: numbered(1), averaged: numbered(2), critic: numbered(3), "optimizerG_state_dict": {"state": {}}}
    for weights, number, other in (("averaged", 2.0, raw), ("raw", 1.0, averaged)):
        found, networks = read(tmp_path, content, weights)
        assert found == {"generator": number, "discriminator": 3.0}
        assert other in networks.left_out
    flat = {"state_dict": prefixed(**{raw: numbered(1), averaged: numbered(2), critic: numbered(3)})}
    assert read(tmp_path, flat, "raw")[0] == {"generator": 1.0, "discriminator": 3.0}
    assert read(tmp_path, flat)[0] == {"generator": 2.0, "discriminator": 3.0}


@pytest.mark.parametrize("name", ["ema", "model_ema", "ema_state_dict"])
def test_averages_of_the_whole_module(tmp_path, name):
    content = {"model": numbered(1), name: numbered(2), "epoch": 3}
    assert read(tmp_path, content)[0] == {"": 2.0}
    found, networks = read(tmp_path, content, "raw")
    assert found == {"": 1.0}
    assert networks.left_out == (name,)


@pytest.mark.parametrize("content", [{"g_ema": numbered(1)}, {"ema": numbered(1)}, prefixed(g_ema=numbered(1))])
def test_raw_weights_that_are_not_there(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    message = nvidia.refusal(tmp_path / "a.pt", lambda path: read_networks(path, "raw"))
    assert "holds averaged weights only (" in message
    assert "no raw ones" in message

"""LPIPS from published files: what was written gives the distance that torch computes from the files themselves."""

import json

import jax
import numpy as np
import pytest
import torch
from gprior_converters import alexnet, lpips
from gprior_converters.convert import convert_file
from perceptual.stated import published, torch_lpips

from converters.classifiers import LINEAR_WIDTHS, alexnet_state, linear_state, save_wheel, vgg_state
from converters.converting import recognised, shapes_of
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.errors import CheckpointError
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.lpips import LPIPSNetwork
from gprior_jax.storage.atomic import sha256
from gprior_jax.zoo.networks import abstract_params, describe

TAKE = "give lpips/weights/v0.1/alex.pth of lpips 0.1.4, or its wheel, as --lpips-linear"


def assert_holds(folder, state):
    """That a folder's network, under the published keys, is the files' tensors.

    In ``tests/perceptual`` its distance is what torch computes from it under these keys.
    """
    found = published(zoo.load_lpips(folder))
    assert found.keys() == state.keys()
    for key, value in state.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.fixture
def trunk(tmp_path):
    """A file as torchvision publishes it."""
    classifier = {f"classifier.{i}.{kind}": torch.zeros(2) for i in (1, 4, 6) for kind in ("weight", "bias")}
    torch.save(alexnet_state() | classifier, tmp_path / "alexnet.pth")
    return tmp_path / "alexnet.pth"


@pytest.mark.parametrize("linear", ["alex.pth", "lpips-0.1.4-py3-none-any.whl"])
def test_alexnet(tmp_path, trunk, linear):
    if linear == "alex.pth":
        torch.save(linear_state("alex"), tmp_path / linear)
    else:
        save_wheel(tmp_path / linear, vgg=linear_state("vgg"), alex=linear_state("alex"))
    made = convert_file(trunk, tmp_path / "model", lpips_linear=tmp_path / linear)
    assert (made.layout, made.num_tensors, made.module) == ("lpips", 15, LPIPSNetwork("alexnet"))
    assert made.left_out[:2] == ("classifier.1.weight", "classifier.1.bias")
    provenance = zoo.read_config(tmp_path / "model")["provenance"]
    assert provenance["file"] == "alexnet.pth"
    assert provenance["licence"] == lpips.LICENCE_NOTE
    assert provenance["linear_source"] == {"file": linear, "sha256": sha256(tmp_path / linear)}
    assert_holds(tmp_path / "model", alexnet_state() | linear_state("alex"))


def test_distance_of_a_folder_as_torch(tmp_path, trunk):
    torch.save(linear_state("alex"), tmp_path / "alex.pth")
    convert_file(trunk, tmp_path / "model", lpips_linear=tmp_path / "alex.pth")
    a, b = np.random.default_rng(2).uniform(-1, 1, (2, 35, 40, 3)).astype(np.float32)
    expected = torch_lpips(alexnet_state() | linear_state("alex"), "alexnet", *map(torch.from_numpy, (a, b)))
    found = jax.jit(zoo.load_lpips(tmp_path / "model").distance)(a, b)
    np.testing.assert_allclose(found, expected.item(), rtol=1e-4)


@pytest.mark.slow
def test_vgg(tmp_path):
    state = {key: torch.from_numpy(value) for key, value in vgg_state().items()}
    torch.save(state, tmp_path / "vgg16.pth")
    torch.save(linear_state("vgg"), tmp_path / "vgg.pth")
    made = convert_file(tmp_path / "vgg16.pth", tmp_path / "model", lpips_linear=tmp_path / "vgg.pth")
    assert (made.num_tensors, made.module) == (31, LPIPSNetwork("vgg16"))
    assert_holds(tmp_path / "model", state | linear_state("vgg"))


def test_command(tmp_path, trunk, capsys):
    torch.save(linear_state("alex"), tmp_path / "alex.pth")
    words = ["convert", str(trunk), "--lpips-linear", str(tmp_path / "alex.pth"), "--to", str(tmp_path / "model")]
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["network"] == {"arch": "lpips", "trunk": "alexnet"}
    assert main([*words, "--overwrite"]) == 0
    assert f"{trunk}: LPIPS v0.1 (lpips package); 15 tensors are now in" in capsys.readouterr().out


def test_alexnet_alone(tmp_path, trunk):
    made = convert_file(trunk, tmp_path / "model")
    assert (made.layout, made.num_tensors, made.module) == ("alexnet", 10, AlexNet())
    _, params = zoo.load_network(tmp_path / "model")
    np.testing.assert_array_equal(params["conv2"]["kernel"], alexnet_state()["features.3.weight"].permute(2, 3, 1, 0))


@pytest.mark.parametrize("prefix", ["features.", ""])
def test_each_layout_is_recognised_and_no_other(prefix):
    bare = {key.replace("features.", prefix): value for key, value in alexnet_state().items()}
    for state, wanted in ((bare, "alexnet"), *((linear_state(name), "lpips") for name in LINEAR_WIDTHS)):
        assert recognised(shapes_of(state)) == [wanted]
    module, params, _ = alexnet.convert({key: value.numpy() for key, value in bare.items()}, "a.pth", {})
    assert describe(module) == {"arch": "alexnet"}
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, abstract_params(module))
    assert not alexnet.is_alexnet(shapes_of(bare) | {f"{prefix}3.weight": (256, 64, 5, 5)})
    assert not lpips.is_linear({})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("alex", r"gprior convert alexnet-owt-7be5be79.pth --lpips-linear .*bare.pth --to DIR"),
        ("vgg", r"gprior convert vgg16-397923af.pth --lpips-linear .*bare.pth --to DIR"),
        ("squeeze", r"a trunk that is not known \(SqueezeNet\?\); nothing was written: give .* vgg.pth or alex.pth"),
    ],
)
def test_linear_weights_alone(tmp_path, name, told):
    torch.save(linear_state(name), tmp_path / "bare.pth")
    with pytest.raises(CheckpointError, match=told):
        convert_file(tmp_path / "bare.pth", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def without(state, key):
    return {name: value for name, value in state.items() if name != key}


LIN0 = "lin0.model.1.weight"
BAD_LINEAR = {
    "of VGG-16": (lambda: linear_state("vgg"), f"linear weights for vgg16, .*alexnet.pth is alexnet; .*{TAKE}"),
    "of SqueezeNet": (lambda: linear_state("squeeze"), f"linear weights for squeezenet, .* is alexnet; .*{TAKE}"),
    "no linear weights": (alexnet_state, f"holds no linear weights of LPIPS .first tensors|{TAKE}"),
    "negative": (lambda: linear_state("alex") | {LIN0: torch.full((1, 64, 1, 1), -0.1)}, "negative numbers in lin0"),
    "NaN": (lambda: linear_state("alex") | {LIN0: torch.full((1, 64, 1, 1), torch.nan)}, "NaN or infinite"),
    "one missing": (lambda: without(linear_state("alex"), LIN0), r"missing: lin0.model.1.weight \[1, 64, 1, 1\]"),
    "misshapen": (lambda: linear_state("alex") | {LIN0: torch.zeros(64)}, r"misshapen: lin0.* \[64\] instead of"),
}


@pytest.mark.parametrize("case", BAD_LINEAR)
def test_bad_linear_weights(tmp_path, trunk, case):
    state, told = BAD_LINEAR[case]
    torch.save(state(), tmp_path / "linear.pth")
    with pytest.raises(CheckpointError, match=told) as caught:
        convert_file(trunk, tmp_path / "model", lpips_linear=tmp_path / "linear.pth")
    assert str(tmp_path / "linear.pth") in str(caught.value)
    assert not (tmp_path / "model").exists()


BAD_WHEELS = {
    "of something else": ({"vgg": b""}, r"lpips.whl has no lpips/weights/v0.1/alex.pth: give the wheel of lpips 0.1.4"),
    "bomb": ({"alex": bytes(2**21)}, "alex.pth has 2097152 bytes, more than linear weights need; it was refused"),
    "damaged member": ({"alex": b"\x80\x02}"}, r"lpips.whl, lpips/weights/v0.1/alex.pth is .*damaged.*fetch it again"),
    "text": ({"alex": b"<html>"}, r"lpips.whl, lpips/weights/v0.1/alex.pth is a web page"),
}


@pytest.mark.parametrize("case", BAD_WHEELS)
def test_bad_wheels(tmp_path, trunk, case):
    members, told = BAD_WHEELS[case]
    save_wheel(tmp_path / "lpips.whl", **members)
    with pytest.raises(CheckpointError, match=told):
        convert_file(trunk, tmp_path / "model", lpips_linear=tmp_path / "lpips.whl")
    assert not (tmp_path / "model").exists()


def test_no_wheel(tmp_path, trunk):
    wheel = tmp_path / "lpips.whl"
    with pytest.raises(CheckpointError, match=r"lpips.whl is no file: give the linear weights"):
        convert_file(trunk, tmp_path / "model", lpips_linear=wheel)
    wheel.write_text("not found")
    with pytest.raises(CheckpointError, match=r"lpips.whl is damaged or no wheel .*fetch lpips 0.1.4 again"):
        convert_file(trunk, tmp_path / "model", lpips_linear=wheel)


def test_trunks_that_do_not_serve(tmp_path):
    torch.save(linear_state("vgg"), tmp_path / "vgg.pth")
    short = {key: torch.from_numpy(value) for key, value in vgg_state(7).items()}
    dcgan = {f"main.{i}.weight": torch.zeros(shape) for i, shape in ((0, (8, 3, 4, 4)), (2, (1, 8, 4, 4)))}
    for state, told in (
        (short, "short.pth holds 7 of the 13 convolutions of VGG-16, .*: convert the whole vgg16-397923af.pth"),
        (without(alexnet_state(), "features.10.weight"), r"missing: features.10.weight \[256, 256, 3, 3\]"),
        (dcgan, "short.pth (holds neither VGG-16 nor AlexNet, which --lpips-linear needs|is of no known layout)"),
    ):
        torch.save(state, tmp_path / "short.pth")
        with pytest.raises(CheckpointError, match=told):
            convert_file(tmp_path / "short.pth", tmp_path / "model", lpips_linear=tmp_path / "vgg.pth")
    assert not (tmp_path / "model").exists()

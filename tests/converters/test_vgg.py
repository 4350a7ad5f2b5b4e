"""VGG-16 conversion against torchvision's trunk, stated in torch."""

import jax
import numpy as np
import pytest
import torch
from gprior_converters import vgg
from gprior_converters.convert import convert_file

from converters.classifiers import VGG_INDICES, vgg_state
from converters.converting import changed
from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.perceptual.vgg import VGG16, imagenet_normalize

NAMES = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3")


def torch_features(state, image, names):
    """torchvision's trunk, stated again: 3x3 convolutions with ReLU, a maximum before blocks 2 to 5."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.from_numpy(image) + 1) / 2 - mean) / std
    x, found = x.permute(2, 0, 1)[None], {}
    for index, name in zip(VGG_INDICES, NAMES, strict=True):
        if name.endswith("_1") and name != "1_1":
            x = torch.nn.functional.max_pool2d(x, 2)
        weight, bias = (torch.from_numpy(state[f"features.{index}.{kind}"]) for kind in ("weight", "bias"))
        x = found[f"conv{name}"] = torch.nn.functional.conv2d(x, weight, bias, padding=1)
        x = found[f"relu{name}"] = torch.relu(x)
        if names[-1] in found:
            break
    return [found[name][0].permute(1, 2, 0).numpy() for name in names]


@pytest.mark.parametrize(
    ("depth", "names", "side"), [(13, ("relu1_2", "conv5_3"), 16), (7, ("relu1_1", "conv2_2", "relu3_3"), 19)]
)
def test_features_as_torch(depth, names, side):
    state = vgg_state(depth)
    image = np.random.default_rng(1).uniform(-1, 1, (side, side, 3)).astype(np.float32)
    module, params, left_out = vgg.convert(state, "vgg.pth", {})
    assert module == VGG16(depth=depth)
    assert left_out == ()
    run = jax.jit(lambda params, x: module.apply({"params": params}, x, names, method="features"))
    with jax.default_matmul_precision("highest"):
        found = run(params, imagenet_normalize(image))
    for a, b in zip(found, torch_features(vgg_state() | state, image, names), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


def test_keys_without_a_prefix():
    module, params, _ = vgg.convert(vgg_state(7), "vgg.pth", {})
    bare, same, left_out = vgg.convert(vgg_state(7, prefix=""), "vgg.pth", {})
    assert (bare, left_out) == (module, ())
    jax.tree.map(np.testing.assert_array_equal, same, params)


def test_file_to_folder(tmp_path):
    state = {key: torch.from_numpy(value) for key, value in vgg_state(4).items()}
    state["classifier.0.weight"], state["classifier.0.bias"] = torch.zeros(4, 8), torch.zeros(4)
    torch.save(state, tmp_path / "vgg.pth")
    conversion = convert_file(tmp_path / "vgg.pth", tmp_path / "vgg")
    assert conversion.layout == "vgg16"
    assert conversion.num_tensors == 8
    assert conversion.left_out == ("classifier.0.weight", "classifier.0.bias")
    module, params = zoo.load_network(tmp_path / "vgg")
    assert module == VGG16(depth=4)
    np.testing.assert_array_equal(params["conv2_1"]["kernel"], state["features.5.weight"].permute(2, 3, 1, 0))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"features.3.weight": np.zeros((64, 64, 3, 3))}, "has layers features.3, which VGG-16 has not"),
        ({"features.2.bias": None}, r"missing: features.2.bias \[64\]"),
        (
            {"features.5.weight": np.zeros((128, 32, 3, 3))},
            r"misshapen: features.5.weight \[128, 32, 3, 3\] instead of",
        ),
        ({"fc.weight": np.zeros((2, 2))}, r"unexpected: fc.weight \[2, 2\]"),
    ],
)
def test_other_networks_are_named(change, told):
    with pytest.raises(CheckpointError, match=told):
        vgg.convert(changed(vgg_state(4), change), "vgg.pth", {})


def test_recognition():
    shapes = {key: value.shape for key, value in vgg_state(3).items()}
    assert vgg.is_vgg16(shapes)
    assert not vgg.is_vgg16(shapes | {"features.2.weight": (128, 64, 3, 3)})
    assert not vgg.is_vgg16({})

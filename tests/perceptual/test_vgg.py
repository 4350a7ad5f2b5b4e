"""VGG-16 against torch's layers."""

import functools

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal, random_params

from gprior_jax.perceptual.vgg import CONVOLUTIONS, VGG16, imagenet_normalize

MODULE = VGG16(depth=5)
PARAMS = random_params(MODULE, 1)


def torch_features(image: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer of the first five convolutions, in torchvision's order."""
    x, found = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()), {}
    for name, params in sorted(PARAMS.items()):
        if name in ("conv2_1", "conv3_1"):
            x = F.max_pool2d(x, 2, 2)
        weight = torch.from_numpy(np.asarray(params["kernel"]).transpose(3, 2, 0, 1).copy())
        x = F.conv2d(x, weight, torch.from_numpy(np.array(params["bias"])), padding=1)
        found[name] = x[0].permute(1, 2, 0).numpy()
        x = F.relu(x)
        found[name.replace("conv", "relu")] = x[0].permute(1, 2, 0).numpy()
    return found


@pytest.mark.parametrize("shape", [(12, 8), (11, 7)])  # Odd sides lose a row in the maximum.
def test_features_are_torchs(shape):
    image = normal(2, *shape, 3)
    expected = torch_features(image)
    names = MODULE.layer_names
    assert len(names) == 10

    @jax.jit
    def both(params, prepared, image):
        return [MODULE.apply({"params": params}, image, names, w, method="features") for w in (None, prepared)]

    for found in both(PARAMS, MODULE.apply({"params": PARAMS}, method="prepare"), image):
        for name, actual in zip(names, found, strict=True):
            np.testing.assert_allclose(actual, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_order_of_names_is_the_callers():
    run = functools.partial(MODULE.apply, {"params": PARAMS}, names=("relu2_1", "conv1_1"), method="features")
    a, b = jax.eval_shape(run, normal(2, 8, 8, 3))
    assert a.shape == (4, 4, 128)
    assert b.shape == (8, 8, 64)


def test_nothing_beyond_the_last_layer_is_computed():
    def convolutions(name: str) -> int:
        def run(image):
            return MODULE.apply({"params": PARAMS}, image, (name,), method="features")

        names = {"convolve_forward", "winograd_forward"}
        return sum(e.primitive.name in names for e in jax.make_jaxpr(run)(normal(2, 8, 8, 3)).eqns)

    assert [convolutions(name) for name in ("conv1_1", "relu1_2", "relu3_1")] == [1, 2, 5]


def test_imagenet_normalisation():
    image = normal(3, 4, 4, 3)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = ((torch.from_numpy(image) + 1) / 2 - mean) / std
    np.testing.assert_allclose(imagenet_normalize(image), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_architecture_is_torchvisions():
    widths = [features for _, features in CONVOLUTIONS]
    assert widths == [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    assert VGG16().layer_names[-1] == "relu5_3"
    assert VGG16(7).layer_names[-1] == "relu3_3"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_wide_layers_keep_their_digits_in_half_precision(dtype):
    """F(4x4, 3x3), which float32 takes from 128 channels up, would err several times as much."""
    module, image = VGG16(depth=5), normal(3, 16, 16, 3)
    names = ("conv3_1",)
    half = jax.tree.map(lambda leaf: leaf.astype(dtype), PARAMS)

    def features(params, image):
        return np.asarray(module.apply({"params": params}, image, names, method="features")[0], np.float32)

    expected = features(PARAMS, image)
    found = features(half, jax.numpy.asarray(image, dtype))
    digits = {"bfloat16": 2**-8, "float16": 2**-11}[dtype]
    error = np.sqrt(np.mean(np.square(found - expected))) / expected.std()
    assert error < 4 * digits

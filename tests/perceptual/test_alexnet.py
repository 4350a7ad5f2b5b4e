"""AlexNet against torch's layers."""

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal, random_params

from gprior_jax import zoo
from gprior_jax.perceptual.alexnet import CONVOLUTIONS, AlexNet
from gprior_jax.perceptual.vgg import imagenet_normalize

MODULE = AlexNet()
PARAMS = random_params(MODULE, 1)
# Stride and padding, stated again from torchvision's models/alexnet.py.
STRIDES = {"conv1": (4, 2), "conv2": (1, 2), "conv3": (1, 1), "conv4": (1, 1), "conv5": (1, 1)}


def torch_features(image: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer, in torchvision's order."""
    x, found = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()), {}
    for name, (stride, padding) in STRIDES.items():
        if name in ("conv2", "conv3"):
            x = F.max_pool2d(x, 3, 2)
        weight = torch.from_numpy(np.asarray(PARAMS[name]["kernel"]).transpose(3, 2, 0, 1).copy())
        x = F.conv2d(x, weight, torch.from_numpy(np.array(PARAMS[name]["bias"])), stride, padding)
        found[name] = x[0].permute(1, 2, 0).numpy()
        x = F.relu(x)
        found[name.replace("conv", "relu")] = x[0].permute(1, 2, 0).numpy()
    return found


def features(image, names, weights=None):
    return MODULE.apply({"params": PARAMS}, image, names, weights, method="features")


@pytest.mark.parametrize("shape", [(31, 31), (64, 47), (63, 65)])  # Windows of the maxima that end inside and short.
def test_features_are_torchs(shape):
    image = normal(2, *shape, 3)
    expected = torch_features(image)
    names = MODULE.layer_names
    assert len(names) == 10
    for weights in (None, MODULE.apply({"params": PARAMS}, method="prepare")):
        for name, actual in zip(names, features(image, names, weights), strict=True):
            assert actual.shape == expected[name].shape
            np.testing.assert_allclose(actual, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_batches():
    images = normal(3, 2, 35, 39, 3)
    (found,) = jax.vmap(lambda image: features(image, ("relu5",)))(images)
    for image, a in zip(images, found, strict=True):
        np.testing.assert_allclose(a, features(image, ("relu5",))[0], rtol=1e-4, atol=1e-5)


def test_order_of_names_is_the_callers():
    a, b = features(normal(2, 31, 31, 3), ("relu2", "conv1"))
    assert a.shape == (3, 3, 192)
    assert b.shape == (7, 7, 64)


def test_nothing_beyond_the_last_layer_is_computed():
    def convolutions(name: str) -> int:
        jaxpr = jax.make_jaxpr(lambda image: features(image, (name,)))(normal(2, 31, 31, 3))
        return sum(e.primitive.name == "conv_general_dilated" for e in jaxpr.eqns)

    assert [convolutions(name) for name in ("conv1", "relu2", "relu5")] == [1, 2, 5]


def test_smallest_image_leaves_one_pixel():
    assert features(normal(2, *MODULE.input_shape), ("relu5",))[0].shape == (1, 1, 256)


def test_architecture_is_torchvisions():
    assert [shape.features for shape in CONVOLUTIONS.values()] == [64, 192, 384, 256, 256]
    assert [shape.kernel_size for shape in CONVOLUTIONS.values()] == [11, 5, 3, 3, 3]


def test_folder_is_a_perceptual_network(tmp_path):
    zoo.save_network(MODULE, PARAMS, tmp_path / "alexnet")
    loaded = zoo.load_perceptual(tmp_path / "alexnet")
    assert (loaded.layers, loaded.size, loaded.scale) == (("relu1", "relu2", "relu3", "relu4", "relu5"), 256, 0.2)
    image = normal(4, 40, 40, 3)
    chosen = zoo.load_perceptual(tmp_path / "alexnet", ("conv2",)).replace(size=None)
    expected = features(imagenet_normalize(image), ("conv2",))
    np.testing.assert_allclose(chosen.prepare().features(image)[0], expected[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no layer relu9: it has conv1, relu1"):
        zoo.load_perceptual(tmp_path / "alexnet", ("relu9",))

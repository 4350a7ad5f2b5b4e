"""AlexNet against torch's layers."""

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal, random_params

from gprior_jax.perceptual.alexnet import CONVOLUTIONS, AlexNet

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


def features(image, names, weights=None, params=PARAMS):
    return MODULE.apply({"params": params}, image, names, weights, method="features")


@pytest.mark.parametrize("shape", [(31, 31), (64, 47), (63, 65)])  # Windows of the maxima that end inside and short.
def test_features_are_torchs(shape):
    image = normal(2, *shape, 3)
    expected = torch_features(image)
    names = MODULE.layer_names
    assert len(names) == 10
    # Prepared weights are an argument, so that the compiler cannot join the two.
    both = jax.jit(lambda params, w, image: [features(image, names, x, params) for x in (None, w)])
    for found in both(PARAMS, MODULE.apply({"params": PARAMS}, method="prepare"), image):
        for name, actual in zip(names, found, strict=True):
            assert actual.shape == expected[name].shape
            np.testing.assert_allclose(actual, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_batches():
    images = normal(3, 2, 31, 31, 3)
    run = jax.jit(jax.vmap(lambda params, image: features(image, ("relu5",), params=params), (None, 0)))
    (found,) = run(PARAMS, images)
    assert found.shape == (2, 1, 1, 256), "the smallest image leaves one pixel"
    for image, actual in zip(images, found, strict=True):
        np.testing.assert_allclose(actual, torch_features(image)["relu5"], rtol=1e-3, atol=1e-4)
    assert MODULE.input_shape == (31, 31, 3)


def test_order_of_names_is_the_callers():
    a, b = jax.eval_shape(lambda image: features(image, ("relu2", "conv1")), normal(2, 31, 31, 3))
    assert a.shape == (3, 3, 192)
    assert b.shape == (7, 7, 64)


def test_nothing_beyond_the_last_layer_is_computed():
    def convolutions(name: str) -> int:
        jaxpr = jax.make_jaxpr(lambda image: features(image, (name,)))(normal(2, 31, 31, 3))
        return sum(e.primitive.name == "convolve_forward" for e in jaxpr.eqns)

    assert [convolutions(name) for name in ("conv1", "relu2", "relu5")] == [1, 2, 5]


def test_architecture_is_torchvisions():
    assert [shape.features for shape in CONVOLUTIONS.values()] == [64, 192, 384, 256, 256]
    assert [shape.kernel_size for shape in CONVOLUTIONS.values()] == [11, 5, 3, 3, 3]

"""EfficientNet-Lite0 against its statement in torch's functions; the converted weights are tests/converters' matter."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batteries import normal, random_params
from torch.nn import functional as F

from gprior_jax.perceptual.efficientnet import BLOCKS, EfficientNetLite0, normalize

MODULE = EfficientNetLite0()
PARAMS = random_params(MODULE, 1)
# Kernel, stride, channels and expansion of every block, stated again from efficientnet_lite_builder.py.
STATED = [
    *[(3, 1, 16, 1)],
    *[(3, 2, 24, 6), (3, 1, 24, 6)],
    *[(5, 2, 40, 6), (5, 1, 40, 6)],
    *[(3, 2, 80, 6), (3, 1, 80, 6), (3, 1, 80, 6)],
    *[(5, 1, 112, 6), (5, 1, 112, 6), (5, 1, 112, 6)],
    *[(5, 2, 192, 6), (5, 1, 192, 6), (5, 1, 192, 6), (5, 1, 192, 6)],
    *[(3, 1, 320, 6)],
]


def tensor(x) -> torch.Tensor:
    return torch.from_numpy(np.array(x))


def same(x: torch.Tensor, side: int, stride: int) -> torch.Tensor:
    """TensorFlow's padding of [1, C, H, W]."""
    pads = []
    for length in (x.shape[3], x.shape[2]):
        total = max((-(-length // stride) - 1) * stride + side - length, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def pointwise(x: torch.Tensor, weights: dict) -> torch.Tensor:
    return F.conv2d(x, tensor(weights["kernel"]).T[:, :, None, None], tensor(weights["bias"]))


def torch_features(image: np.ndarray) -> dict[str, np.ndarray]:
    """Every layer."""
    stem = PARAMS["stem"]
    x = ((tensor(image) + 1) * 127.5 - 127) / 128
    x = same(x.permute(2, 0, 1)[None], 3, 2)
    x = F.relu6(F.conv2d(x, tensor(stem["kernel"]).permute(3, 2, 0, 1), tensor(stem["bias"]), 2))
    found = {"stem": x}
    for number, (side, stride, features, expansion) in enumerate(STATED, start=1):
        weights = PARAMS[f"block{number}"]
        wide = F.relu6(pointwise(x, weights["expand"])) if expansion != 1 else x
        kernel = tensor(weights["depthwise"]["kernel"]).permute(2, 0, 1)[:, None]
        bias = tensor(weights["depthwise"]["bias"])
        wide = F.relu6(F.conv2d(same(wide, side, stride), kernel, bias, stride, groups=len(bias)))
        out = pointwise(wide, weights["project"])
        x = x + out if stride == 1 and x.shape[1] == features else out
        found[f"block{number}"] = x
    found["head"] = F.relu6(pointwise(x, PARAMS["head"]))
    return {name: value[0].permute(1, 2, 0).numpy() for name, value in found.items()}


def features(image, names, params=PARAMS):
    return MODULE.apply({"params": params}, image, names, method="features")


@pytest.mark.parametrize("shape", [(33, 50), (16, 7)])  # Odd sides on the way; maps that shrink to one pixel.
def test_features_are_torchs(shape):
    image = 0.5 * normal(2, *shape, 3)
    expected = torch_features(image)
    found = jax.jit(lambda params, image: features(image, MODULE.layer_names, params))(PARAMS, image)
    assert len(found) == 18
    for name, actual in zip(MODULE.layer_names, found, strict=True):
        assert actual.shape == expected[name].shape
        np.testing.assert_allclose(actual, expected[name], atol=1e-4 * np.abs(expected[name]).max(), err_msg=name)


def test_batches():
    images = 0.5 * normal(3, 2, 16, 16, 3)
    (found,) = jax.jit(jax.vmap(lambda params, image: features(image, ("block3",), params), (None, 0)))(PARAMS, images)
    for image, actual in zip(images, found, strict=True):
        np.testing.assert_allclose(actual, torch_features(image)["block3"], rtol=1e-3, atol=1e-4)


def test_order_of_names_is_the_callers():
    a, b = jax.eval_shape(lambda image: features(image, ("block3", "stem")), normal(2, 31, 31, 3))
    assert a.shape == (8, 8, 24)
    assert b.shape == (16, 16, 32)


def test_nothing_beyond_the_last_layer_is_computed():
    def products(name: str) -> int:
        jaxpr = jax.make_jaxpr(lambda image: features(image, (name,)))(normal(2, 32, 32, 3))
        return sum(e.primitive.name == "dot_general" for e in jaxpr.eqns)

    assert [products(name) for name in ("stem", "block1", "block3", "head")] == [0, 1, 5, 32]


def test_the_convolution_of_accelerators_gives_the_same():
    image = 0.5 * normal(4, 16, 16, 3)
    run = functools.partial(jax.jit, static_argnums=0)(
        lambda path, params, image: EfficientNetLite0(path).apply(
            {"params": params}, image, ("block2", "block4"), method="features"
        )
    )
    for a, b in zip(run("grouped", PARAMS, image), run("shifted", PARAMS, image), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_normalisation():
    pixels = np.array([0.0, 127.0, 255.0], np.float32)
    np.testing.assert_allclose(normalize(jnp.asarray(pixels / 127.5 - 1)), (pixels - 127) / 128, atol=1e-6)


def test_architecture_is_lite0s():
    assert [(b.kernel_size, b.stride, b.features, b.expansion) for b in BLOCKS.values()] == STATED
    # With a thousand classes on top, 1280 weights and one bias each, the 4,652,008 of the published model less the
    # scales that batch normalisation had in place of these biases.
    assert sum(leaf.size for leaf in jax.tree.leaves(PARAMS)) == 3_350_000

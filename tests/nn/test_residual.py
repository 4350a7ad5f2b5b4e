"""Residual blocks whose norms follow from a style, against statements in numpy; formulations of their convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn.residual import BottleneckBlock, ResidualBlock


def weights_of(module, seed=0):
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((8, 8, 8)), jnp.zeros(3)))["params"]
    leaves, tree = jax.tree.flatten(shapes)
    made = jax.tree.unflatten(tree, [normal(seed + i, *leaf.shape) * 0.5 for i, leaf in enumerate(leaves)])
    return jax.tree_util.tree_map_with_path(lambda p, v: np.abs(v) + 0.5 if p[-1].key == "stored_var" else v, made)


def convolved(x, part):
    """Convolution with zeros around, written out."""
    side = part["kernel"].shape[0]
    padded = np.pad(x, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    height, width, _ = x.shape
    taps = [padded[i : i + height, j : j + width] @ part["kernel"][i, j] for i in range(side) for j in range(side)]
    return sum(taps) + part["bias"]


def normed(x, style, part):
    x = (x - part["stored_mean"][0]) / np.sqrt(part["stored_var"][0] + 1e-5)
    return np.maximum(x * (1 + style @ part["gain_kernel"]) + style @ part["bias_kernel"], 0)


def enlarged(x):
    return x.repeat(2, 0).repeat(2, 1)


@pytest.mark.parametrize("up", [True, False])
def test_the_block_of_biggan(up):
    module = ResidualBlock(8, 6, 3, 8, up)
    params, x, style = weights_of(module), normal(90, 8, 8, 8), normal(91, 3)
    h = normed(x, style, params["norm0"])
    h = convolved(enlarged(h) if up else h, params["conv0"])
    h = convolved(normed(h, style, params["norm1"]), params["conv1"])
    beside = convolved(enlarged(x) if up else x, params["shortcut"])
    np.testing.assert_allclose(module.apply({"params": params}, x, style), h + beside, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("up", [True, False])
def test_the_bottleneck_of_biggan_deep(up):
    module = BottleneckBlock(8, 4, 3, 8, up)
    params, x, style = weights_of(module), normal(90, 8, 8, 8), normal(91, 3)
    assert params["conv1"]["kernel"].shape == (3, 3, 2, 2)
    h = x
    for i in range(4):
        h = normed(h, style, params[f"norm{i}"])
        h = convolved(enlarged(h) if up and i == 1 else h, params[f"conv{i}"])
    beside = x[..., :4]  # The last channels are dropped.
    wanted = h + (enlarged(beside) if up else beside)
    np.testing.assert_allclose(module.apply({"params": params}, x, style), wanted, rtol=1e-3, atol=1e-4)


def test_formulations_give_the_same():
    x, style = normal(90, 8, 8, 8), normal(91, 3)
    params = weights_of(ResidualBlock(8, 6, 3, 8))
    found = [
        ResidualBlock(8, 6, 3, 8, conv_path=path).apply({"params": params}, x, style) for path in ("direct", "winograd")
    ]
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-4)

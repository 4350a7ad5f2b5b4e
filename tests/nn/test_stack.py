"""Described stacks against torch's layers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal

from gprior_jax.nn.stack import StackBlock, StackLayer, stack_shapes

CLOSE = {"rtol": 1e-4, "atol": 2e-5}


def block_params(layer: StackLayer, in_shape: tuple[int, ...]) -> tuple[StackBlock, dict[str, np.ndarray]]:
    block = StackBlock(layer, in_shape)
    shapes = jax.eval_shape(lambda: block.init(jax.random.key(0), jnp.zeros(in_shape)))["params"]
    params = {name: normal(10 + i, *leaf.shape) for i, (name, leaf) in enumerate(sorted(shapes.items()))}
    return block, {name: np.abs(v) + 0.5 if name.endswith("_var") else v for name, v in params.items()}


def torch_norm(x: torch.Tensor, params: dict, index: int, epsilon: float) -> torch.Tensor:
    mean, var, scale, bias = (
        torch.from_numpy(params[f"norm{index}_{key}"].reshape(-1).copy()) for key in ("mean", "var", "scale", "bias")
    )
    return F.batch_norm(x, mean, var, scale, bias, training=False, eps=epsilon)


@pytest.mark.parametrize(
    "then",
    [
        ("batch_norm",),
        ("batch_norm", "relu"),
        ("relu", "batch_norm"),
        ("batch_norm", "leaky_relu", "batch_norm"),
        ("tanh",),
        ("sigmoid",),
    ],
    ids="-".join,
)
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_what_follows_a_convolution_is_torchs(op, then):
    layer = StackLayer(op, 4, 4, 2, 1, bias=True, then=then, slope=0.3, epsilon=0.1)
    block, params = block_params(layer, (6, 6, 3))
    x, kernel = normal(1, 6, 6, 3), params["kernel"]
    image, bias = torch.from_numpy(x.transpose(2, 0, 1)[None].copy()), torch.from_numpy(params["bias"])
    axes, convolve = ((3, 2, 0, 1), F.conv2d) if op == "conv" else ((2, 3, 0, 1), F.conv_transpose2d)
    out = convolve(image, torch.from_numpy(kernel.transpose(axes).copy()), bias, stride=2, padding=1)
    activations = {"relu": F.relu, "leaky_relu": lambda v: F.leaky_relu(v, 0.3), "tanh": torch.tanh}
    count = 0
    for step in then:
        if step == "batch_norm":
            out, count = torch_norm(out, params, count, 0.1), count + 1
        else:
            out = activations.get(step, torch.sigmoid)(out)
    actual = block.apply({"params": params}, jnp.asarray(x))
    np.testing.assert_allclose(actual, out[0].permute(1, 2, 0).numpy(), **CLOSE)
    prepared = block.apply({"params": params}, method="prepare")
    np.testing.assert_allclose(block.apply({"params": params}, x, prepared), actual, rtol=1e-6)


@pytest.mark.parametrize("norm", ["batch_norm", "batch_norm_units"])
@pytest.mark.parametrize("first", [True, False])
def test_dense_to_a_map(norm, first):
    layer = StackLayer("dense", 3, size=2, bias=True, then=(norm, "relu") if first else ("relu", norm))
    block, params = block_params(layer, (5,))
    out = torch.from_numpy(normal(1, 5) @ params["kernel"] + params["bias"])
    out = out if first else F.relu(out)
    if norm == "batch_norm_units":  # One entry for every unit, in the order of the columns.
        out = torch_norm(out[None], params, 0, 1e-5)[0]
    else:
        out = torch_norm(out.reshape(4, 3), params, 0, 1e-5).reshape(-1)
    out = F.relu(out) if first else out
    actual = block.apply({"params": params}, normal(1, 5))
    np.testing.assert_allclose(actual, out.reshape(2, 2, 3).numpy(), **CLOSE)


def test_dense_flattens_a_map():
    block, params = block_params(StackLayer("dense", 4), (2, 3, 5))
    x = normal(1, 2, 3, 5)
    np.testing.assert_allclose(block.apply({"params": params}, x), x.reshape(-1) @ params["kernel"], **CLOSE)


@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 1, 0), (5, 3, 2), (1, 1, 0)])
def test_output_shape_is_what_comes_out(op, kernel, stride, padding):
    layer = StackLayer(op, 2, kernel, stride, padding)
    block, params = block_params(layer, (7, 6, 3))
    assert block.apply({"params": params}, jnp.ones((7, 6, 3))).shape == layer.output_shape((7, 6, 3))


def test_stack_shapes():
    layers = (StackLayer("conv_transpose", 8), StackLayer("conv", 4, 3, 2, 1), StackLayer("dense", 1))
    assert stack_shapes(layers, (10,)) == [(10,), (4, 4, 8), (2, 2, 4), (1,)]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"op": "pool"}, "op 'pool': use one of dense, conv, conv_transpose"),
        ({"then": ("gelu",)}, "then 'gelu': use batch_norm, "),
        ({"then": ("batch_norm_units",)}, "belongs to a dense layer"),
        ({"features": 0}, "below its minimum"),
        ({"stride": 0}, "below its minimum"),
        ({"padding": -1}, "below its minimum"),
    ],
)
def test_wrong_descriptions(attributes, message):
    with pytest.raises(ValueError, match=message):
        StackLayer(**({"op": "conv", "features": 4} | attributes))


def test_kernel_larger_than_the_input():
    with pytest.raises(ValueError, match=r"does not fit an input of shape \(2, 2, 3\)"):
        stack_shapes((StackLayer("conv", 4, 5),), (2, 2, 3))


def test_initial_weights_are_the_examples():
    block = StackBlock(StackLayer("conv", 64, 4, then=("batch_norm",)), (8, 8, 64))
    params = block.init(jax.random.key(0), jnp.zeros((8, 8, 64)))["params"]
    assert float(params["kernel"].std()) == pytest.approx(0.02, rel=0.02)
    assert math.isclose(float(params["norm0_var"].mean()), 1.0)

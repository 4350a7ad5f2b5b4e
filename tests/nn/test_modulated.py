"""Styled convolutions against the paper's statement: a kernel for every image, scaled and demodulated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batteries import normal
from torch.nn import functional as F

from gprior_jax.nn.modulated import StyledConv, ToRGB

INPUTS, OUTPUTS, W_DIM, SIDE, IMAGES = 5, 4, 6, 4, 3
FILTER = torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4] * 2)


def tensor(x):
    return torch.from_numpy(np.array(x))


def affine(params, w):
    return tensor(w) @ tensor(params["kernel"]) / W_DIM**0.5 + tensor(params["bias"])


def modulated(x, params, style, up):
    """Equation 1 and 3 of arXiv:1912.04958 for one image, NCHW."""
    weight = tensor(params["kernel"]).permute(3, 2, 0, 1) * style[None, :, None, None]
    weight = weight / torch.sqrt(weight.square().sum((1, 2, 3), keepdim=True) + 1e-8)
    if not up:
        return F.conv2d(x, weight, padding=1)
    y = F.pad(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), (1, 1, 1, 1))
    return F.conv2d(y, FILTER.expand(OUTPUTS, 1, -1, -1), groups=OUTPUTS)


def reference(x, params, w, noise, up, gain, clamp):
    y = modulated(tensor(x).permute(2, 0, 1)[None], params, affine(params["affine"], w), up)
    y = y + tensor(params["noise_strength"]) * tensor(noise) + tensor(params["bias"])[:, None, None]
    y = F.leaky_relu(y, 0.2) * 2**0.5
    return (y.clamp(-clamp, clamp) if clamp else y)[0].permute(1, 2, 0).numpy() * gain


def draw(module, x, w):
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), x, w, *(["const"] if hasattr(module, "up") else [])))
    leaves, tree = jax.tree.flatten(shapes["params"])
    return jax.tree.unflatten(tree, [jnp.asarray(normal(50 + i, *leaf.shape)) for i, leaf in enumerate(leaves)])


@pytest.mark.parametrize("path", ["direct", "winograd"])
@pytest.mark.parametrize(("up", "gain", "clamp"), [(False, 1.0, None), (True, 1.0, 0.8), (False, 0.5**0.5, 0.8)])
def test_styled_convolution(path, up, gain, clamp):
    size = 2 * SIDE if up else SIDE
    module = StyledConv(INPUTS, OUTPUTS, W_DIM, size, up, conv_path=path, gain=gain, clamp=clamp)
    x, w, noise = normal(1, IMAGES, SIDE, SIDE, INPUTS), normal(2, IMAGES, W_DIM), normal(3, IMAGES, size, size)
    params = draw(module, x[0], w[0])
    found = jax.jit(jax.vmap(lambda x, w, noise: module.apply({"params": params}, x, w, noise)))(x, w, noise)
    for i in range(IMAGES):
        expected = reference(x[i], params, w[i], noise[i], up, gain, clamp)
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-5)
    stored = module.apply({"params": params}, x[0], w[0], "const")
    np.testing.assert_allclose(
        stored, reference(x[0], params, w[0], params["noise"], up, gain, clamp), rtol=1e-4, atol=1e-5
    )
    silent = module.apply({"params": params}, x[0], w[0], "none")
    np.testing.assert_allclose(
        silent, reference(x[0], params, w[0], noise[0] * 0, up, gain, clamp), rtol=1e-4, atol=1e-5
    )


def test_prepared_weights_change_nothing():
    module = StyledConv(INPUTS, OUTPUTS, W_DIM, 2 * SIDE, up=True)
    x, w = normal(1, SIDE, SIDE, INPUTS), normal(2, W_DIM)
    variables = {"params": draw(module, x, w)}
    weights = module.apply(variables, method="prepare")
    expected = module.apply(variables, x, w, "const")
    np.testing.assert_array_equal(module.apply(variables, x, w, "const", weights), expected)


@pytest.mark.parametrize("clamp", [None, 0.3])
def test_to_rgb(clamp):
    module = ToRGB(INPUTS, 3, W_DIM, clamp)
    x, w = normal(1, SIDE, SIDE, INPUTS), normal(2, W_DIM)
    params = draw(module, x, w)
    expected = tensor(x) * affine(params["affine"], w) @ tensor(params["kernel"]) / INPUTS**0.5 + tensor(params["bias"])
    expected = expected.clamp(-clamp, clamp) if clamp else expected
    np.testing.assert_allclose(module.apply({"params": params}, x, w), expected.numpy(), rtol=1e-4, atol=1e-5)

"""Self-attention against a statement in torch."""

import numpy as np
import torch
from batteries import normal
from converters.biggan_torch import attention

from gprior_jax.nn.attention import SelfAttention, max_pool2

SHAPES = {"theta_kernel": (16, 2), "phi_kernel": (16, 2), "g_kernel": (16, 8), "o_kernel": (8, 16)}


def test_the_published_attention():
    params = {name: normal(i, *shape) for i, (name, shape) in enumerate(SHAPES.items())} | {"gamma": np.float32(0.7)}
    module, x = SelfAttention(16), normal(9, 4, 6, 16)
    found = module.apply({"params": params}, x)
    kernels = [torch.from_numpy(params[name].T.copy())[..., None, None] for name in SHAPES]
    wanted = attention(torch.from_numpy(x.transpose(2, 0, 1)[None].copy()), *kernels, 0.7)[0].permute(1, 2, 0)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-4)
    weights = module.apply({"params": params}, method="prepare")
    np.testing.assert_allclose(module.apply({"params": params}, x, weights), found, rtol=1e-6)


def test_without_strength_it_does_nothing():
    params = {name: normal(i, *shape) for i, (name, shape) in enumerate(SHAPES.items())} | {"gamma": np.float32(0.0)}
    x = normal(9, 4, 4, 16)
    np.testing.assert_array_equal(SelfAttention(16).apply({"params": params}, x), x)


def test_the_largest_of_every_block():
    x = np.arange(16.0, dtype=np.float32).reshape(4, 4, 1)
    np.testing.assert_array_equal(max_pool2(x)[..., 0], [[5, 7], [13, 15]])

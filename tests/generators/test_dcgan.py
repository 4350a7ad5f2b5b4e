"""DCGAN against a torch netG as in pytorch/examples ``dcgan/main.py``."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from batteries import random_prior
from torch import nn

from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.synthesis import features, synthesize
from gprior_jax.nn.stack import StackLayer

NGF, NZ = 4, 10


def net_g(seed: int = 0) -> nn.Sequential:
    """The example's generator for 16 pixels, with running statistics that are not trivial."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.ConvTranspose2d(NZ, NGF * 2, 4, 1, 0, bias=False),
        nn.BatchNorm2d(NGF * 2),
        nn.ReLU(True),
        nn.ConvTranspose2d(NGF * 2, NGF, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NGF),
        nn.ReLU(True),
        nn.ConvTranspose2d(NGF, 3, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    for module in net:
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                assert tensor is not None
                tensor.data = torch.rand_like(tensor) + 0.5
    return net.eval()


def params_of(net: nn.Sequential) -> dict:
    """The net's tensors under the names of :class:`DCGAN`."""
    params = {}
    for index, module in enumerate(m for m in net if isinstance(m, nn.ConvTranspose2d)):
        params[f"layer{index}"] = {"kernel": module.weight.detach().numpy().transpose(2, 3, 0, 1)}
    for index, norm in enumerate(m for m in net if isinstance(m, nn.BatchNorm2d)):
        stats = {"scale": norm.weight, "bias": norm.bias, "mean": norm.running_mean, "var": norm.running_var}
        params[f"layer{index}"] |= {f"norm0_{k}": v.detach().numpy() for k, v in stats.items() if v is not None}
    return jax.tree.map(jnp.asarray, params)


def test_images_and_features_are_the_examples():
    net = net_g()
    prior = Prior(params_of(net), DCGAN(example_layers(NGF, resolution=16), z_dim=NZ))
    z = np.random.default_rng(0).normal(size=(3, NZ)).astype(np.float32)
    x = torch.from_numpy(z)[:, :, None, None]
    found = jax.jit(lambda prior, z: [[features(p, z, n) for p in (prior, prepare(prior))] for n in (1, 2, 3)])(
        prior, z
    )
    for last, both in zip((3, 6, 8), found, strict=True):
        with torch.no_grad():
            expected = net[:last](x.clone()).permute(0, 2, 3, 1).numpy()
        for actual in both:
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_examples_stack():
    module = DCGAN()
    assert [module.feature_shape(layer) for layer in range(6)] == [
        (100,), (4, 4, 512), (8, 8, 256), (16, 16, 128), (32, 32, 64), (64, 64, 3),
    ]  # fmt: skip
    assert module.resolution == 64
    assert module.layer_names == ("layer0", "layer1", "layer2", "layer3", "layer4")
    assert [layer.then for layer in module.layers] == [("batch_norm", "relu")] * 4 + [("tanh",)]
    assert [layer.features for layer in example_layers(8, 1, 32)] == [32, 16, 8, 1]


def test_sigmoid_becomes_minus_one_to_one():
    prior = random_prior("dcgan_described")
    logits = prior.module.clone(layers=(*prior.module.layers[:-1], StackLayer("conv_transpose", 3, 4, 2, 1, bias=True)))
    z = np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32)
    expected = np.tanh(np.asarray(synthesize(prior.replace(module=logits), z)) / 2)
    np.testing.assert_allclose(synthesize(prior, z), expected, rtol=1e-4, atol=1e-5)
    assert expected.min() < -0.05


def test_only_a_final_sigmoid_is_mapped():
    layers = (StackLayer("dense", 3, size=4, then=("sigmoid",)), StackLayer("conv", 3, 1, then=("tanh",)))
    module = DCGAN(layers, z_dim=2)
    params = {"layer0": {"kernel": jnp.zeros((2, 48))}, "layer1": {"kernel": jnp.eye(3)[None, None]}}
    prior = Prior(params, module)
    np.testing.assert_allclose(features(prior, jnp.ones(2), 1), 0.5)
    np.testing.assert_allclose(synthesize(prior, jnp.ones(2)), np.tanh(0.5), rtol=1e-6)

"""DCGAN discriminator against a torch netD as in pytorch/examples ``dcgan/main.py``."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from batteries import normal
from torch import nn

from gprior_jax.discriminators.dcgan import DCGANDiscriminator, example_layers

NDF = 4


def net_d() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, NDF, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(NDF, 2 * NDF, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * NDF),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * NDF, 1, 4, 1, 0, bias=False),
    )
    norm = net[3]
    assert isinstance(norm, nn.BatchNorm2d)
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert tensor is not None
        tensor.data = torch.rand_like(tensor) + 0.5
    return net.eval()


def params_of(net: nn.Sequential) -> dict:
    state = {key: value.numpy() for key, value in net.state_dict().items()}
    params = {f"layer{i}": {"kernel": state[f"{j}.weight"].transpose(2, 3, 1, 0)} for i, j in enumerate((0, 2, 5))}
    names = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
    params["layer1"] |= {f"norm0_{ours}": state[f"3.{theirs}"] for ours, theirs in names.items()}
    return jax.tree.map(jnp.asarray, params)


def test_logit_and_features_are_the_examples():
    net, module = net_d(), DCGANDiscriminator(example_layers(NDF, 16), resolution=16)
    variables, image = {"params": params_of(net)}, normal(1, 16, 16, 3)
    x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        expected = [net[:last](x) for last in (2, 5)]
        logit = float(net(x))

    @jax.jit
    def run(variables, image):
        weights = (None, module.apply(variables, method="prepare"))
        found = [module.apply(variables, image, ("layer1", "layer0"), w, method="features") for w in weights]
        return module.apply(variables, image), found

    actual, features = run(variables, image)
    np.testing.assert_allclose(actual, logit, rtol=1e-4, atol=1e-5)
    for found in features:
        for actual, reference in zip(found, reversed(expected), strict=True):
            np.testing.assert_allclose(actual, reference[0].permute(1, 2, 0).numpy(), rtol=1e-4, atol=1e-5)


def test_examples_stack():
    module = DCGANDiscriminator()
    assert module.input_shape == (64, 64, 3)
    assert module.layer_names == ("layer0", "layer1", "layer2", "layer3")
    assert module.layers[0].then == ("leaky_relu",)
    assert module.layers[1].then == ("batch_norm", "leaky_relu")
    assert module.layers[-1].then == ()
    assert [layer.features for layer in example_layers(8, 32)] == [8, 16, 32, 1]

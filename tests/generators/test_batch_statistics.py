"""Statistics of batch norms from drawn codes, against torch's training mode."""

import jax
import numpy as np
import pytest
import torch
from batteries import random_prior

from generators.test_dcgan import NZ, net_g, params_of
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.batch_statistics import drift, has_batch_norms, with_batch_statistics
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.keys import purpose

KEY = jax.random.key(3)


def test_statistics_are_those_of_torchs_batch():
    net = net_g()
    prior = Prior(params_of(net), DCGAN(example_layers(4, resolution=16), z_dim=NZ))
    # Not a whole number of the pieces that the codes are taken in.
    made = with_batch_statistics(prior, KEY, 50)
    z = prior.latent.sample(purpose(KEY, "codes"), (50, NZ))
    for module in net:
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        wanted = net.train()(torch.from_numpy(np.array(z))[:, :, None, None]).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(synthesize(made, z), wanted, atol=1e-5)
    norms = [module for module in net if isinstance(module, torch.nn.BatchNorm2d)]
    for index, norm in enumerate(norms):
        layer = made.params[f"layer{index}"]
        np.testing.assert_allclose(layer["norm0_mean"], norm.running_mean, rtol=1e-4, atol=1e-6)
        pixels = 50 * (4 << index) ** 2
        np.testing.assert_allclose(layer["norm0_var"], norm.running_var * (pixels - 1) / pixels, rtol=1e-4)
    assert not drift(made, KEY).is_far


def test_units_and_classes():
    prior = random_prior("dcgan_conditional").replace(label=None)
    made = with_batch_statistics(prior, KEY, 40)
    found = drift(made, KEY)
    assert not found.is_far
    assert found.shift < 0.5
    assert found.saturated == pytest.approx(found.saturated_in_batch, abs=0.02)
    dense = with_batch_statistics(random_prior("dcgan_described"), KEY, 40)
    assert dense.params["layer0"]["norm0_var"].shape == (4, 4, 8)
    assert not drift(dense, KEY).is_far


def test_stale_statistics_are_far():
    prior = with_batch_statistics(random_prior("dcgan"), KEY, 40)
    params = dict(prior.params)
    params["layer1"] = params["layer1"] | {"norm0_var": params["layer1"]["norm0_var"] * 1e-4}
    found = drift(prior.replace(params=params), KEY)
    assert found.is_far
    assert found.layer == "layer1"
    assert found.ratio > 1000
    assert found.saturated > 0.5 > found.saturated_in_batch


@pytest.mark.parametrize(("name", "number", "told"), [("pggan", 8, "has no batch norms"), ("dcgan", 1, "1 codes")])
def test_what_has_no_statistics(name, number, told):
    with pytest.raises(ArgumentError, match=told):
        with_batch_statistics(random_prior(name), KEY, number)
    assert has_batch_norms(random_prior(name)) == (name == "dcgan")

"""Batch norms at conversion: stale statistics are noticed, and computed anew where that is asked for."""

import numpy as np
import pytest
import torch
from gprior_converters.convert import convert_file
from torch import nn

from converters.test_dcgan import discriminator, generator
from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.batch_statistics import drift
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.keys import purpose, seeded

CODES = 64


def file_of(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "net.pth")
    return tmp_path / "net.pth"


def drawn(prior: Prior, number: int) -> torch.Tensor:
    """The codes that the converter draws."""
    z = prior.latent.sample(purpose(seeded(0), "codes"), (number, prior.z_dim))
    return torch.from_numpy(np.array(z))[:, :, None, None]


def stale(net, factor=1e-4):
    """A generator whose norms keep far smaller variances than they are given: its images saturate."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_var *= factor
    return net


def test_stale_statistics_are_noticed(tmp_path):
    made = convert_file(file_of(tmp_path, stale(generator(sizes=3))), tmp_path / "model")
    assert len(made.notes) == 1
    assert made.notes[0].startswith("the batch norms store statistics far from those of drawn codes (in layer")
    assert made.notes[0].endswith("convert it again with --batch-statistics 1000")
    assert zoo.read_config(tmp_path / "model")["provenance"]["notes"] == list(made.notes)


def test_statistics_of_drawn_codes_are_those_of_training(tmp_path):
    net = stale(generator(sizes=3))
    made = convert_file(file_of(tmp_path, net), tmp_path / "model", batch_statistics=CODES)
    assert made.notes == (f"the batch norms store the statistics of {CODES} drawn codes, not those of the file",)
    prior = zoo.load(tmp_path / "model")
    found = drift(prior, seeded(0), CODES)
    assert not found.is_far
    # Of these codes, what the program draws in training mode, which takes the statistics of the batch.
    z = drawn(prior, CODES)
    with torch.no_grad():
        wanted = net.train()(z).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(synthesize(prior, z[:, :, 0, 0].numpy()), wanted, atol=1e-4)
    assert found.saturated == pytest.approx(found.saturated_in_batch, abs=0.01)


@pytest.mark.parametrize(
    ("net", "number", "told"),
    [
        (generator(sizes=2), 1, "batch statistics of 1 codes: use at least 2"),
        (discriminator(sizes=2), 64, "has no generator with batch norms"),
    ],
)
def test_numbers_that_cannot_be(tmp_path, net, number, told):
    with pytest.raises(CheckpointError, match=told):
        convert_file(file_of(tmp_path, net), tmp_path / "model", batch_statistics=number)
    assert not (tmp_path / "model").exists()

"""Generators of PyTorch-GAN, written down independently in torch, and stacks of dense layers of other programs."""

import numpy as np
import pytest
import torch
from torch import nn

from converters.converting import assert_refused, convert_content
from converters.test_dcgan import codes, randomise, run, settle
from gprior_jax import zoo
from gprior_jax.generators.synthesis import synthesize


class Convolutional(nn.Module):
    """dcgan.py: BatchNorm2d's second argument is what is added to the variance."""

    def __init__(self, z_dim=5, width=6, channels=1, start=3):
        super().__init__()
        self.size, self.width = start, width
        self.l1 = nn.Sequential(nn.Linear(z_dim, width * start**2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, stride=1, padding=1),
            nn.BatchNorm2d(width, 0.8),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, 4, 3, stride=1, padding=1),
            nn.BatchNorm2d(4, 0.8),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4, channels, 3, stride=1, padding=1),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.conv_blocks(self.l1(z).view(-1, self.width, self.size, self.size))


def block(inputs, outputs, normalize=True):
    norm = [nn.BatchNorm1d(outputs, 0.8)] if normalize else []
    return [nn.Linear(inputs, outputs), *norm, nn.LeakyReLU(0.2)]


class Dense(nn.Module):
    """gan.py, and cgan.py where there are classes."""

    def __init__(self, z_dim=5, shape=(1, 9, 9), classes=0):
        super().__init__()
        self.shape = shape
        if classes:
            self.label_emb = nn.Embedding(classes, classes)
        self.model = nn.Sequential(
            *block(z_dim + classes, 7, normalize=False),
            *block(7, 8),
            *block(8, 9),
            nn.Linear(9, int(np.prod(shape))),
            nn.Tanh(),
        )

    def forward(self, z, label=None):
        x = z if label is None else torch.cat((self.label_emb(label), z), -1)
        return self.model(x).view(len(z), *self.shape)


@pytest.mark.parametrize("channels", [1, 3])
def test_convolutional(tmp_path, channels):
    net = randomise(Convolutional(channels=channels))
    conversion, folder = convert_content(tmp_path, net.state_dict())
    assert conversion.layout == "pytorch_gan_generator"
    prior, z = zoo.load(folder), codes(3, 5)
    assert prior.image_shape == (12, 12, channels)
    np.testing.assert_allclose(synthesize(prior, z), run(net, z), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 9, 9), (3, 8, 8)])
def test_dense(tmp_path, shape):
    net = settle(randomise(Dense(shape=shape)), torch.from_numpy(codes(50, 5)))
    conversion, folder = convert_content(tmp_path, net.state_dict())
    assert conversion.layout == "dense_generator"
    assert conversion.notes == ()
    prior, z = zoo.load(folder), codes(3, 5)
    assert prior.image_shape == (*shape[1:], shape[0])
    np.testing.assert_allclose(synthesize(prior, z), run(net, z), atol=1e-5)


def test_classes_with_a_table_of_their_own(tmp_path):
    net = settle(randomise(Dense(classes=4)), torch.from_numpy(codes(40, 5)), torch.arange(40) % 4)
    conversion, folder = convert_content(tmp_path, net.state_dict())
    assert (conversion.module.z_dim, conversion.module.num_classes) == (5, 4)
    prior, z, labels = zoo.load(folder), codes(4, 5), np.array([3, 0, 2, 1])
    with torch.no_grad():
        wanted = net(torch.from_numpy(z), torch.from_numpy(labels)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(synthesize(prior, z, label=labels), wanted, atol=1e-5)
    assert np.abs(synthesize(prior, z, label=0) - wanted).max() > 0.05


def test_dense_layers_without_norms_are_taken_with_relu(tmp_path):
    net = randomise(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 64), nn.Tanh()))
    conversion, folder = convert_content(tmp_path, net.state_dict())
    assert conversion.layout == "dense_generator"
    assert "ReLU and a final tanh are taken" in conversion.notes[0]
    z = codes(2, 5)
    with torch.no_grad():
        wanted = net(torch.from_numpy(z)).view(-1, 8, 8, 1).numpy()
    np.testing.assert_allclose(synthesize(zoo.load(folder), z), wanted, atol=1e-5)


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 1)),  # A discriminator.
        nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 63)),  # No square image.
        nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(6, 64)),  # No chain.
    ],
)
def test_other_stacks_of_dense_layers(tmp_path, net):
    assert_refused(tmp_path, net.state_dict(), "is of no known layout")


def test_classes_that_multiply_the_code(tmp_path):
    state = Convolutional().state_dict() | {"label_emb.weight": torch.ones(10, 5)}
    assert_refused(tmp_path, state, "is of acgan.py of PyTorch-GAN, which multiplies the code")

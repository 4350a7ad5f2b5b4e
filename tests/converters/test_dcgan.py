"""DCGAN conversion against pytorch/examples' networks, written down independently in torch."""

import itertools
import json
import re

import jax
import numpy as np
import pytest
import torch
from gprior_converters.convert import convert_file
from torch import nn

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import LatentDistribution
from gprior_jax.generators.synthesis import synthesize


class Main(nn.Module):
    """A network whose layers are called ``main.0``, ``main.1``, ... as in the example."""

    def __init__(self, *layers):
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, x):
        return self.main(x)


def generator(nz=6, ngf=3, nc=3, sizes=4, bias=False):
    widths = [ngf << i for i in reversed(range(sizes))]
    layers = [nn.ConvTranspose2d(nz, widths[0], 4, 1, 0, bias=bias), nn.BatchNorm2d(widths[0]), nn.ReLU(True)]
    for before, after in itertools.pairwise(widths):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=bias), nn.BatchNorm2d(after), nn.ReLU(True)]
    return randomise(Main(*layers, nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=bias), nn.Tanh()))


def discriminator(ndf=3, nc=3, sizes=4, bias=False):
    layers = [nn.Conv2d(nc, ndf, 4, 2, 1, bias=bias), nn.LeakyReLU(0.2)]
    for i in range(sizes - 1):
        layers += [
            nn.Conv2d(ndf << i, ndf << i + 1, 4, 2, 1, bias=bias),
            nn.BatchNorm2d(ndf << i + 1),
            nn.LeakyReLU(0.2),
        ]
    return randomise(Main(*layers, nn.Conv2d(ndf << sizes - 1, 1, 4, 1, 0, bias=bias)))


def randomise(net, seed=0):
    """Random weights and running statistics; evaluation mode."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(100)
                continue
            low, high = (0.5, 1.5) if name.endswith(("running_var",)) or tensor.ndim == 1 else (-0.3, 0.3)
            tensor.copy_(torch.from_numpy(rng.uniform(low, high, tuple(tensor.shape))))
    return net.eval()


def settle(net, *inputs):
    """Statistics of a batch in place of random ones, as a trained network has them; evaluation mode."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(*inputs)
    return net.eval()


def convert(tmp_path, net, described=None, **options):
    state = net if isinstance(net, dict) else net.state_dict()
    torch.save(state, tmp_path / "net.pth")
    if described is not None:
        (tmp_path / "a.json").write_text(json.dumps(described))
        options["architecture"] = tmp_path / "a.json"
    return convert_file(tmp_path / "net.pth", tmp_path / "model", **options)


def run(net, x):
    """Images [B, H, W, C] of a torch generator."""
    with torch.no_grad():
        return net(torch.from_numpy(x)).permute(0, 2, 3, 1).numpy()


def codes(number, z_dim, seed=1):
    return np.random.default_rng(seed).standard_normal((number, z_dim), np.float32)


@pytest.mark.parametrize(("sizes", "nc", "bias"), [(4, 3, False), (3, 1, False), (2, 3, True)])
def test_example_generator_gives_the_same_images(tmp_path, sizes, nc, bias):
    net = generator(sizes=sizes, nc=nc, bias=bias)
    conversion = convert(tmp_path, net)
    assert conversion.layout == "dcgan_generator"
    assert conversion.module.z_dim == 6
    assert conversion.module.resolution == 4 << sizes
    # Every tensor is used but the batch counters, which are named.
    assert conversion.left_out == tuple(f"main.{3 * i + 1}.num_batches_tracked" for i in range(sizes))
    assert conversion.num_tensors == len(net.state_dict()) - sizes
    z = codes(2, 6)
    found = synthesize(zoo.load(tmp_path / "model"), z)
    np.testing.assert_allclose(found, run(net, z[:, :, None, None]), atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_example_discriminator_gives_the_same_logits(tmp_path, bias):
    net = discriminator(sizes=3, bias=bias)
    assert convert(tmp_path, net).layout == "dcgan_discriminator"
    module, params = zoo.load_network(tmp_path / "model")
    images = np.random.default_rng(2).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    found = jax.jit(jax.vmap(lambda image: module.apply({"params": params}, image)))(images)
    wanted = run(net, images.transpose(0, 3, 1, 2)).reshape(-1)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_generator_with_its_discriminator(tmp_path):
    torch.save(discriminator(sizes=3).state_dict(), tmp_path / "d.pth")
    conversion = convert(tmp_path, generator(sizes=3), discriminator=tmp_path / "d.pth")
    assert conversion.has_critic
    config = zoo.read_config(tmp_path / "model")
    assert config["provenance"]["discriminator_source"]["file"] == "d.pth"
    assert len(config["provenance"]["discriminator_source"]["sha256"]) == 64
    assert zoo.load(tmp_path / "model").critic.module.resolution == 32


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (discriminator(sizes=4), "the discriminator sees 64-pixel images, the generator makes 32-pixel ones"),
        (generator(sizes=3), "holds a DCGAN generator .*no discriminator"),
        (discriminator(sizes=3, nc=1), "sees images of 1 channels, the generator makes images of 3"),
    ],
)
def test_discriminator_of_another_network(tmp_path, other, told):
    torch.save(other.state_dict(), tmp_path / "d.pth")
    with pytest.raises(CheckpointError, match=told):
        convert(tmp_path, generator(sizes=3), discriminator=tmp_path / "d.pth")
    assert not (tmp_path / "model").exists()


class Described(nn.Module):
    """A DCGAN of another make: a dense layer, norm after the activation, an output in [0, 1]."""

    def __init__(self):
        super().__init__()
        # Declared out of the order in which they run.
        self.to_image = nn.ConvTranspose2d(4, 3, 3, 2, 1, output_padding=1)
        self.dense = nn.Linear(5, 6 * 4 * 4)
        self.units = nn.BatchNorm1d(6 * 4 * 4)
        self.conv = nn.Conv2d(6, 4, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(4, eps=1e-3)

    def forward(self, z):
        x = torch.relu(self.units(self.dense(z))).view(-1, 6, 4, 4)
        x = self.norm(nn.functional.leaky_relu(self.conv(x), 0.1))
        return torch.sigmoid(self.to_image(x)) * 2 - 1


DESCRIPTION = {
    "arch": "dcgan_generator",
    "z_dim": 5,
    "latent": {"kind": "uniform", "low": 0.0, "high": 2.0},
    "modules": ["dense", "units", "conv", "norm", "to_image"],
    "layers": [
        {"op": "dense", "features": 6, "size": 4, "bias": True, "then": ["batch_norm_units", "relu"]},
        {"op": "conv", "features": 4, "kernel": 3, "padding": 1, "then": ["leaky_relu", "batch_norm"], "slope": 0.1,
         "epsilon": 1e-3},
        {"op": "conv_transpose", "features": 3, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1,
         "bias": True, "then": ["sigmoid"]},
    ],
}  # fmt: skip


def test_described_network_gives_the_same_images(tmp_path):
    net = randomise(Described())
    assert convert(tmp_path, net, DESCRIPTION).layout == "described"
    prior = zoo.load(tmp_path / "model")
    assert prior.latent == LatentDistribution("uniform", 0.0, 2.0)
    z = codes(3, 5)
    np.testing.assert_allclose(synthesize(prior, z), run(net, z), atol=1e-5)


def changed(layer, **changes):
    layers = [dict(row) for row in DESCRIPTION["layers"]]
    layers[layer] |= changes
    return DESCRIPTION | {"layers": layers}


@pytest.mark.parametrize(
    ("described", "told"),
    [
        (changed(1, features=5), r"misshapen: conv.weight \[4, 6, 3, 3\] instead of \[5, 6, 3, 3\]"),
        (changed(2, bias=False), r"unexpected: to_image.bias \[3\]"),
        (changed(1, then=["leaky_relu"]), r"has 5 modules with tensors, the described network has 4"),
        (changed(1, op="pool"), r"does not describe a network: .*op 'pool'"),
        (changed(0, op="conv", kernel=9, then=["relu"]), r"does not describe a network: .*does not fit an input"),
        (changed(1, width=3), r"does not describe a network: .*width"),
        (DESCRIPTION | {"arch": "vae"}, r"architecture 'vae' is unknown"),
        (DESCRIPTION | {"latent": {"mean": 1}}, r"bad entry 'latent': .*mean"),
        (DESCRIPTION | {"modules": ["dense", "units", "conv", "norm", "out"]}, r"missing: out.weight"),
        (DESCRIPTION | {"modules": "dense"}, r'"modules" is to be a list of distinct names'),
        (DESCRIPTION | {"modules": ["dense", "units", "conv", "norm", "norm"]}, r"list of distinct names"),
    ],
)
def test_descriptions_that_do_not_fit(tmp_path, described, told):
    with pytest.raises(CheckpointError, match=told):
        convert(tmp_path, randomise(Described()), described)
    assert not (tmp_path / "model").exists()


def test_convolutions_alone_under_modules_bring_a_table_of_both(tmp_path):
    with pytest.raises(CheckpointError, match='list under "modules" every module') as caught:
        convert(tmp_path, randomise(Described()), DESCRIPTION | {"modules": ["dense", "conv", "to_image"]})
    told = str(caught.value)
    assert 'has 5 modules with tensors, the described network has 5 and "modules" of the architecture file names 3' in (
        told
    )
    rows = [re.split(" {3,}", line.strip()) for line in told.splitlines()[1:]]
    assert rows == [
        ["the description wants", "the file has"],
        ["dense [96, 5]", "to_image [4, 3, 3, 3]"],
        ["batch_norm_units [96]", "dense [96, 5]"],
        ["conv [4, 6, 3, 3]", 'units [96] (not under "modules")'],
        ["batch_norm [4]", "conv [4, 6, 3, 3]"],
        ["conv_transpose [4, 3, 3, 3]", 'norm [4] (not under "modules")'],
    ]
    assert not (tmp_path / "model").exists()


def test_shapes_that_differ_bring_a_table_of_both(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        convert(tmp_path, randomise(Described()), changed(1, features=5))
    rows = [re.split(" {3,}", line.strip()) for line in str(caught.value).splitlines()[1:]]
    assert rows[3:5] == [["conv [5, 6, 3, 3]", "conv [4, 6, 3, 3]"], ["batch_norm [5]", "norm [4]"]]


def stack(widths, nz=6, nc=3):
    """A generator as the example's, of any widths."""
    pairs = list(itertools.pairwise((nz, *widths)))
    layers = []
    for number, (before, after) in enumerate(pairs):
        up = (4, 2, 1) if number else (4, 1, 0)
        layers += [nn.ConvTranspose2d(before, after, *up, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]
    return randomise(Main(*layers, nn.ConvTranspose2d(widths[-1], nc, 4, 2, 1, bias=False), nn.Tanh()))


@pytest.mark.parametrize(("widths", "nc"), [((8, 8, 8, 4), 3), ((3, 5, 4), 1), ((4,), 4)])
def test_any_width_and_depth(tmp_path, widths, nc):
    net = stack(widths, nc=nc)
    conversion = convert(tmp_path, net)
    assert conversion.layout == "dcgan_generator"
    assert [layer.features for layer in conversion.module.layers] == [*widths, nc]
    z = codes(2, 6)
    found = synthesize(zoo.load(tmp_path / "model"), z)
    np.testing.assert_allclose(found, run(net, z[:, :, None, None]), atol=1e-5)


@pytest.mark.parametrize("widths", [(4, 4, 8), (5, 3), (3,)])
def test_discriminators_of_any_width_and_depth(tmp_path, widths):
    layers = [nn.Conv2d(3, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    net = randomise(Main(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False)))
    assert convert(tmp_path, net).layout == "dcgan_discriminator"
    module, params = zoo.load_network(tmp_path / "model")
    side = 4 << len(widths)
    images = np.random.default_rng(2).uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
    found = module.apply({"params": params}, images[0])
    np.testing.assert_allclose(found, run(net, images.transpose(0, 3, 1, 2)).reshape(()), rtol=1e-4, atol=1e-5)


def test_modules_in_the_order_of_the_file(tmp_path):
    net = generator(sizes=2)
    description = {
        "arch": "dcgan_generator",
        "z_dim": 6,
        "layers": [
            {"op": "conv_transpose", "features": 6, "then": ["batch_norm", "relu"]},
            {"op": "conv_transpose", "features": 3, "stride": 2, "padding": 1, "then": ["batch_norm", "relu"]},
            {"op": "conv_transpose", "features": 3, "stride": 2, "padding": 1, "then": ["tanh"]},
        ],
    }
    convert(tmp_path, net, description)
    z = codes(2, 6)
    np.testing.assert_allclose(synthesize(zoo.load(tmp_path / "model"), z), run(net, z[:, :, None, None]), atol=1e-5)


def test_damaged_example(tmp_path):
    state = generator(sizes=3).state_dict()
    state["main.4.running_mean"] = torch.zeros(99)
    with pytest.raises(CheckpointError, match=r"misshapen: main.4.running_mean \[99\] instead of \[6\]"):
        convert(tmp_path, dict(state))
    assert not (tmp_path / "model").exists()


class CelebA(nn.Module):
    """The network of shared/weights, as its README tells, under whatever keys the file has, in the file's order."""

    def __init__(self):
        super().__init__()
        up = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(100, 256, 4, bias=False), nn.BatchNorm2d(256),
            nn.Conv2d(256, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(128, 64, **up), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(64, 32, **up), nn.BatchNorm2d(32), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(32, 3, **(up | {"bias": True})), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.layers(z)


@pytest.mark.shared
def test_real_weights_give_the_same_images(tmp_path, shared, golden):
    source = shared / "weights" / "celeba32_dcgan_generator.pth"
    convert_file(source, tmp_path / "model", architecture=golden / "celeba32_dcgan.json")
    prior = zoo.load(tmp_path / "model")
    assert prior.latent == LatentDistribution("uniform", -1.0, 1.0)
    state = torch.load(source, weights_only=True, map_location="cpu")
    net = CelebA().eval()
    net.load_state_dict(dict(zip(net.state_dict(), state.values(), strict=True)))
    z = np.random.default_rng(0).uniform(-1, 1, (4, 100)).astype(np.float32)
    wanted = run(net, z[:, :, None, None])
    assert wanted.std() > 0.2
    np.testing.assert_allclose(synthesize(prior, z), wanted, atol=1e-4)

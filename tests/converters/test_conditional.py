"""Classes that a generator takes beside its code, which no tensor tells."""

import json

import numpy as np
import pytest
import torch
from gprior_converters.convert import convert_file
from gprior_converters.known import classes_of
from torch import nn

from converters.test_dcgan import codes, generator, randomise, settle
from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.synthesis import synthesize


def file_of(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "net.pth")
    return tmp_path / "net.pth"


def latents(z_dim):
    return torch.from_numpy(codes(50, z_dim))[:, :, None, None]


def images(net, *parts):
    """What a torch generator draws from a code and a class, put together in this order."""
    with torch.no_grad():
        x = torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))
        return net(x[:, :, None, None]).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("first", [False, True])
def test_a_class_before_or_after_the_code(tmp_path, first):
    net = generator(nz=9, sizes=2)
    described = {"num_classes": 3}
    if first:
        layers = [{"op": "conv_transpose", "features": 6, "then": ["batch_norm", "relu"]}]
        layers += [{"op": "conv_transpose", "features": 3, "stride": 2, "padding": 1, "then": ["batch_norm", "relu"]}]
        layers += [{"op": "conv_transpose", "features": 3, "stride": 2, "padding": 1, "then": ["tanh"]}]
        described |= {"arch": "dcgan_generator", "z_dim": 6, "layers": layers, "labels": {"first": True}}
    (tmp_path / "a.json").write_text(json.dumps(described))
    made = convert_file(file_of(tmp_path, net), tmp_path / "model", architecture=tmp_path / "a.json")
    assert (made.module.z_dim, made.module.num_classes) == (6, 3)
    prior, z, labels = zoo.load(tmp_path / "model"), codes(4, 6), np.array([2, 0, 1, 2])
    rows = np.eye(3)[labels]
    wanted = images(net, *((rows, z) if first else (z, rows)))
    np.testing.assert_allclose(synthesize(prior, z, label=labels), wanted, atol=1e-5)


def test_number_of_classes_as_an_argument(tmp_path):
    net = settle(generator(nz=9, sizes=2), latents(9))
    made = convert_file(file_of(tmp_path, net), tmp_path / "model", num_classes=4)
    assert (made.module.z_dim, made.module.num_classes) == (5, 4)
    assert made.notes == ()
    z = codes(2, 5)
    wanted = images(net, z, np.eye(4)[[3, 3]])
    np.testing.assert_allclose(synthesize(zoo.load(tmp_path / "model"), z, label=3), wanted, atol=1e-5)


class WithTable(nn.Module):
    """A table with rows of another length than there are classes, after the code; a dense layer first."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(4, 3)
        self.dense = nn.Linear(5 + 3, 2 * 16)
        self.conv = nn.ConvTranspose2d(2, 1, 4, 2, 1)

    def forward(self, z, label):
        x = torch.relu(self.dense(torch.cat([z, self.embed(label)], 1))).view(-1, 2, 4, 4)
        return torch.tanh(self.conv(x))


DESCRIBED = {
    "arch": "dcgan_generator",
    "z_dim": 5,
    "num_classes": 4,
    "labels": {"embedding": "embed"},
    "layers": [
        {"op": "dense", "features": 2, "size": 4, "bias": True, "then": ["relu"]},
        {"op": "conv_transpose", "features": 1, "stride": 2, "padding": 1, "bias": True, "then": ["tanh"]},
    ],
}


def convert_described(tmp_path, net, described):
    (tmp_path / "a.json").write_text(json.dumps(described))
    return convert_file(file_of(tmp_path, net), tmp_path / "model", architecture=tmp_path / "a.json")


def test_a_table_of_classes(tmp_path):
    net = randomise(WithTable())
    convert_described(tmp_path, net, DESCRIBED)
    z, labels = codes(4, 5), np.array([1, 3, 0, 2])
    with torch.no_grad():
        wanted = net(torch.from_numpy(z), torch.from_numpy(labels)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(synthesize(zoo.load(tmp_path / "model"), z, label=labels), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"num_classes": 5}, r"no table embed.weight with a row for each of 5 classes \(it has \[4, 3\]\)"),
        ({"labels": {"embedding": "emb"}}, r"no table emb.weight with a row for each of 4 classes \(it has none\)"),
        ({"labels": {"table": "embed"}}, "bad entry 'labels'"),
        ({"labels": {"embedding": 3}}, '"labels" is to be like'),
        ({"z_dim": 6}, "looks like the layout described stack but does not fit it"),
    ],
)
def test_descriptions_that_do_not_fit(tmp_path, change, told):
    with pytest.raises(CheckpointError, match=told):
        convert_described(tmp_path, randomise(WithTable()), DESCRIBED | change)
    assert not (tmp_path / "model").exists()


def heavier(net, rows, factor=4.0):
    """The generator with a first layer whose last inputs weigh more."""
    with torch.no_grad():
        net.main[0].weight[-rows:] *= factor
    return net


def test_inputs_that_weigh_more_are_remarked_upon(tmp_path):
    net = settle(heavier(generator(nz=20, sizes=2), 4), latents(20))
    made = convert_file(file_of(tmp_path, net), tmp_path / "model")
    assert made.module.num_classes == 0
    assert made.notes == (
        "the last 4 of the 20 numbers of a code weigh 4.0 times as much as the others, as classes do: if they are, "
        "convert it again with --num-classes 4",
    )


@pytest.mark.parametrize(
    ("classes", "told"), [(1, "1 classes: give 2 or more"), (9, "takes 9 numbers, code and class")]
)
def test_impossible_numbers_of_classes(tmp_path, classes, told):
    with pytest.raises(CheckpointError, match=told):
        convert_file(file_of(tmp_path, generator(nz=9, sizes=2)), tmp_path / "model", num_classes=classes)
    assert not (tmp_path / "model").exists()


def test_classes_of_a_file_that_is_known():
    eyes = zoo.find("omniart-eye-generator")
    assert classes_of(eyes, None, {}) == classes_of(eyes, 8, {}) == {"num_classes": 8}
    with pytest.raises(CheckpointError, match="is omniart-eye-generator, which has 8 classes, not 5: leave their"):
        classes_of(eyes, 5, {})


def test_networks_that_tell_their_classes(tmp_path):
    state = {"layer0.conv.weight": torch.ones(4, 4, 4, 4), "output0.conv.weight": torch.ones(3, 4, 1, 1)}
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match="is a pggan generator, whose classes are read off its tensors"):
        convert_file(tmp_path / "net.pth", tmp_path / "model", num_classes=3)

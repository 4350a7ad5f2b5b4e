import functools
import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from gprior_converters import reading

from converters import nvidia
from gprior_jax.errors import MissingExtraError

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([0.5, -0.5])}

refusal = functools.partial(nvidia.refusal, read=reading.read_networks)


def trap(path):
    """Creates a file when it is unpickled."""
    return nvidia.Trap(open, str(path), "w")


def save(path, content, **options):
    torch.save(content, path, **options)
    return path


def assert_state(found, wanted):
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        np.testing.assert_array_equal(found[key], value.numpy())


@pytest.mark.parametrize("zipped", [True, False])
def test_without_pytorch_it_is_named_and_the_file_is_not_called_damaged(tmp_path, monkeypatch, zipped):
    path = save(tmp_path / "a.pth", STATE, _use_new_zipfile_serialization=zipped)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"^torch is not installed: pip install 'gprior-jax\[convert\]'$"):
        reading.load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_both_serialisations(tmp_path, zipped):
    path = save(tmp_path / "a.pth", OrderedDict(STATE), _use_new_zipfile_serialization=zipped)
    assert zipfile.is_zipfile(path) == zipped
    found = reading.read_networks(path)
    assert found.keys() == {""}
    assert found.left_out == ()
    assert_state(found[""], STATE)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, zipped):
    path = save(tmp_path / "a.pth", STATE | {"trap": trap(tmp_path / "owned")}, _use_new_zipfile_serialization=zipped)
    message = refusal(path)
    assert "could run code" in message
    assert "state_dict() alone" in message
    assert not (tmp_path / "owned").exists()
    # The trap works: what was refused would have run.
    torch.load(path, weights_only=False)["trap"].close()
    assert (tmp_path / "owned").exists()


def test_code_in_a_bare_pickle(tmp_path):
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"a": trap(tmp_path / "owned")}))
    refusal(tmp_path / "a.pth")
    assert not (tmp_path / "owned").exists()


class Generator(torch.nn.Module):
    """A user's own, which a whole pickle of it names."""

    def __init__(self):
        super().__init__()
        self.main = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (Generator(), f"{__name__}.Generator"),
        ({"netG": Generator(), "epoch": 3}, f"{__name__}.Generator"),
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
    ],
)
def test_whole_networks_are_called_so(tmp_path, content, kind, zipped):
    message = refusal(save(tmp_path / "a.pth", content, _use_new_zipfile_serialization=zipped))
    assert f"is a whole network, of the class {kind}, as torch.save(net) writes it" in message
    assert "nothing was run: where its program is installed, save net.state_dict() of it" in message


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.7, 0.95])
def test_truncated_files(tmp_path, zipped, part):
    state = {"a": torch.randn(40, 40)}
    path = save(tmp_path / "a.pth", state, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert "fetch it again" in refusal(path)


def test_another_zip_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "fetch it again" in refusal(tmp_path / "a.pth")


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()])
def test_no_file(tmp_path, make):
    make(tmp_path / "a.pth")
    assert "is no file: give a .pth, .pt, .ckpt, .pkl or .safetensors checkpoint" in refusal(tmp_path / "a.pth")


def test_zip_bomb(tmp_path):
    path = save(tmp_path / "plain.pth", {"a": torch.zeros(1 << 20)})
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as bomb:
        for entry in plain.infolist():
            bomb.writestr(entry.filename, plain.read(entry))
    assert (tmp_path / "a.pth").stat().st_size < 100_000
    assert "inflates to 41" in refusal(tmp_path / "a.pth")


@pytest.mark.parametrize("shape", [(1 << 20, 1 << 20), (3, 2)])
def test_expanded_view(tmp_path, shape):
    path = save(tmp_path / "a.pth", {"a": torch.zeros(1).expand(shape)})
    assert path.stat().st_size < 10_000
    assert f"a claims shape {shape} over a smaller storage" in refusal(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(tmp_path, value):
    state = STATE | {"b.weight": torch.tensor([1.0, value])}
    assert "b.weight holds NaN or infinite numbers" in refusal(save(tmp_path / "a.pth", state))


@pytest.mark.parametrize("tensor", [torch.eye(3).to_sparse(), torch.zeros(2, dtype=torch.complex64)])
def test_tensors_that_are_not_plain(tmp_path, tensor):
    assert "b is not a plain real tensor" in refusal(save(tmp_path / "a.pth", STATE | {"b": tensor}))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_become_float32(tmp_path, dtype):
    found = reading.read_networks(save(tmp_path / "a.pth", {"a": torch.tensor([0.1, 2.0], dtype=dtype)}))[""]["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, torch.tensor([0.1, 2.0], dtype=dtype).float().numpy())


def test_integers_are_kept(tmp_path):
    found = reading.read_networks(save(tmp_path / "a.pth", STATE | {"n": torch.tensor(7)}))[""]["n"]
    assert found.dtype == np.int64
    assert found == 7


def test_parameters_and_views(tmp_path):
    state = {"a": torch.nn.Parameter(torch.arange(6.0).reshape(2, 3)), "b": torch.arange(6.0).reshape(2, 3).T}
    found = reading.read_networks(save(tmp_path / "a.pth", state))[""]
    np.testing.assert_array_equal(found["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["b"], [[0, 3], [1, 4], [2, 5]])


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."])
def test_prefixes_of_wrappers_are_stripped(tmp_path, prefix):
    path = save(tmp_path / "a.pth", {prefix + key: value for key, value in STATE.items()})
    assert_state(reading.read_networks(path)[""], STATE)


def test_prefixes_that_collide(tmp_path):
    path = save(tmp_path / "a.pth", STATE | {"module.a.bias": torch.zeros(2)})
    assert "has a.bias twice" in refusal(path)


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "anything"])
def test_wrapped_state_dict(tmp_path, wrapper):
    path = save(tmp_path / "a.pth", {wrapper: STATE, "epoch": 3, "loss": 0.25})
    assert_state(reading.read_networks(path)[""], STATE)


class Config:
    """Options with attributes, written as of another program's class."""

    def __init__(self):
        self.rate = 1


@pytest.mark.parametrize(
    "name", ["omegaconf.dictconfig.DictConfig", "easydict.EasyDict", "lightning.fabric.AttributeDict"]
)
def test_options_of_training_programs_are_dropped(tmp_path, monkeypatch, name):
    module, _, own = name.rpartition(".")
    made = type(own, (dict,) if own.endswith("Dict") else (Config,), {"__module__": module})
    for end in range(1, module.count(".") + 2):
        part = ".".join(module.split(".")[:end])
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    setattr(sys.modules[module], own, made)
    options = made()
    options.extra = "x"
    if isinstance(options, dict):
        options["rate"] = 1
    content = {"state_dict": STATE, "hyper_parameters": options, "where": Path("runs"), "loss": np.float64(0.5)}
    assert_state(reading.read_networks(save(tmp_path / "a.ckpt", content))[""], STATE)


def numbered(number):
    return {"a.weight": torch.full((2,), float(number))}


def test_a_whole_training_file(tmp_path):
    content = {
        "generator": numbered(1),
        "generator_smooth": numbered(2),
        "discriminator": numbered(3),
        "optimizer": torch.optim.Adam([torch.zeros(2, requires_grad=True)]).state_dict(),
        "iteration": 9,
    }
    for path in (save(tmp_path / "a.pth", content), save(tmp_path / "b.pth", {"models": content, "note": "x"})):
        found = reading.read_networks(path)
        assert found.keys() == {"generator", "discriminator"}
        # The averaged generator is the better one; what else the file holds is named.
        assert_state(found["generator"], numbered(2))
        assert_state(found["discriminator"], numbered(3))
        assert set(found.left_out) == {"generator", "optimizer", "iteration"}


@pytest.mark.parametrize(
    ("names", "best"), [(("g", "g_ema", "d"), "g_ema"), (("netG", "netD"), "netG"), (("G", "G_ema", "D"), "G_ema")]
)
def test_names_of_other_programs(tmp_path, names, best):
    content = {name: numbered(index) for index, name in enumerate(names)}
    found = reading.read_networks(save(tmp_path / "a.pth", content))
    assert_state(found["generator"], content[best])
    assert_state(found["discriminator"], content[names[-1]])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([torch.zeros(2)], "holds a list of 1 arrays (images or codes, perhaps), no network"),
        (torch.zeros(2, 100, 1, 1), "holds one array [2, 100, 1, 1] (codes, perhaps), no network"),
        ([0.7, 0.69, 1], "holds a list of 3 numbers (losses, perhaps), no network"),
        ([{}, "a"], "holds a list of 2 entries, no network"),
        ({"G_losses": [0.7], "D_losses": (1, 2.0)}, "holds lists of numbers (G_losses, D_losses: losses, perhaps)"),
        (torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).state_dict(), "holds the state of an optimiser"),
        ({}, "holds nothing, no network"),
        ({"epoch": 3, "loss": 0.5}, "holds nothing but epoch, loss, no network"),
        ({"encoder": numbered(1), "decoder": numbered(2)}, "a generator (it holds encoder, decoder), no network"),
        ({"model": {"model": {"model": {"model": {"model": numbered(1)}}}}}, "(it holds model), no network"),
    ],
)
def test_files_without_a_network(tmp_path, content, told):
    message = refusal(save(tmp_path / "a.pth", content))
    assert told in message
    assert "give the file with the network's state_dict()" in message


@pytest.mark.parametrize(
    "content",
    [
        torch.ones(1, 512),
        torch.ones(1, 18, 512),
        {"ckpt": "g.pt", "eigvec": torch.eye(4)},
    ],
)
def test_files_of_codes_and_directions_say_who_reads_them(tmp_path, content):
    message = refusal(save(tmp_path / "a.pt", content))
    assert "no network: give the file" in message
    assert message.endswith("codes are read by gprior morph, mix and arithmetic, directions by gprior directions.")


def test_storage_shorter_than_its_tensor(tmp_path):
    # A tensor that claims a larger storage than its entry has.
    path = save(tmp_path / "plain.pth", {"a": torch.arange(64.0)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(buffer, "w") as cut:
        for entry in plain.infolist():
            content = plain.read(entry)
            cut.writestr(entry.filename, content[:16] if entry.filename.endswith("data/0") else content)
    (tmp_path / "a.pth").write_bytes(buffer.getvalue())
    assert "fetch it again" in refusal(tmp_path / "a.pth")

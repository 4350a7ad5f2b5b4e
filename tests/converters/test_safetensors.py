"""safetensors files: written here from the format's description; as an oracle the tensors themselves."""

import json

import numpy as np
import pytest
import torch
from gprior_converters import safetensors
from gprior_converters.convert import convert_file
from gprior_converters.reading import read_networks

from converters import nvidia
from converters.test_dcgan import generator
from gprior_jax import zoo

KINDS = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def write(path, tensors, metadata=None, **changes):
    """A file; the official writer lists larger kinds first, then by name."""
    header, body = {} if metadata is None else {"__metadata__": metadata}, b""
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name].contiguous()
        raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape)}
        header[name] |= {"data_offsets": [len(body), len(body) + len(raw)]} | changes.get(name, {})
        body += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


@pytest.mark.parametrize("dtype", KINDS)
def test_every_kind_of_number(tmp_path, dtype):
    tensor = torch.tensor([[0.0, 1.0, 2.5], [7.0, 100.0, 3.0]]).to(dtype)
    found = safetensors.read(write(tmp_path / "a.safetensors", {"a": tensor, "b": tensor[0, 1]}, {"format": "pt"}))
    wanted = tensor.float() if tensor.is_floating_point() else tensor
    assert found["a"].dtype == wanted.numpy().dtype
    np.testing.assert_array_equal(found["a"], wanted.numpy())
    np.testing.assert_array_equal(found["b"], wanted[0, 1].numpy())


def test_numbers_in_names_count(tmp_path):
    names = [f"main.{i}.weight" for i in (0, 1, 3, 10, 12)]
    assert list(safetensors.read(write(tmp_path / "a", {name: torch.zeros(1) for name in names[::-1]}))) == names


def test_a_stack_in_the_order_of_the_forward_pass(tmp_path):
    state = generator(sizes=4).state_dict()
    torch.save(state, tmp_path / "a.pth")
    write(tmp_path / "a.safetensors", dict(state))
    for name in ("a.pth", "a.safetensors"):
        assert convert_file(tmp_path / name, tmp_path / f"{name}-model").layout == "dcgan_generator"
    wanted, found = (zoo.load(tmp_path / f"{name}-model") for name in ("a.pth", "a.safetensors"))
    assert found.module == wanted.module
    for layer, arrays in wanted.params.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(found.params[layer][key], array)


def test_names_of_networks_are_prefixes(tmp_path):
    state = {"g_ema.a.weight": torch.ones(2), "g.a.weight": torch.zeros(2), "d.b": torch.ones(1)}
    found = read_networks(write(tmp_path / "a.safetensors", state))
    assert {role: list(one) for role, one in found.items()} == {"generator": ["a.weight"], "discriminator": ["b"]}
    assert found["generator"]["a.weight"].tolist() == [1, 1]
    assert found.left_out == ("g",)


def test_a_header_whose_length_begins_like_a_pickle(tmp_path):
    write(tmp_path / "a.pth", {"a": torch.zeros(4)})
    data = (tmp_path / "a.pth").read_bytes()
    length = int.from_bytes(data[:8], "little")
    padded = data[8 : 8 + length] + b" " * (0x80 - length)
    (tmp_path / "a.pth").write_bytes((0x80).to_bytes(8, "little") + padded + data[8 + length :])
    assert list(read_networks(tmp_path / "a.pth")[""]) == ["a"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dtype": "F8_E4M3"}, "a has numbers of kind F8_E4M3: save it in float32"),
        ({"shape": [3, 3]}, "a claims shape [3, 3] over 16 bytes; refused"),
        ({"shape": [-4]}, "a claims the impossible shape [-4]; refused"),
        ({"data_offsets": [0, 1 << 40]}, "claims more numbers than it holds (truncated?): fetch it again"),
        ({"data_offsets": [8, 0]}, "claims more numbers than it holds"),
        ({"data_offsets": "all"}, "claims more numbers than it holds"),
    ],
)
def test_claims_that_the_bytes_do_not_bear(tmp_path, changes, told):
    write(tmp_path / "a.pth", {"a": torch.zeros(4)}, a=changes)
    assert told in nvidia.refusal(tmp_path / "a.pth", read_networks)


def test_tensors_that_share_bytes_many_times_over(tmp_path):
    same = {name: {"data_offsets": [0, 4000]} for name in "bcdefgh"}
    write(tmp_path / "a.pth", {name: torch.zeros(1000) for name in "abcdefgh"}, **same)
    data = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(data[: len(data) - 28_000])
    assert "claims more numbers than it holds" in nvidia.refusal(tmp_path / "a.pth", read_networks)


@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_truncated_files(tmp_path, part):
    path = write(tmp_path / "a.pth", {"a": torch.zeros(400)})
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    assert "fetch it again" in nvidia.refusal(path, read_networks)


def test_damaged_header_and_numbers_that_are_not_finite(tmp_path):
    (tmp_path / "a.pth").write_bytes((16).to_bytes(8, "little") + b'{"a": nonsense! ' + bytes(64))
    assert "is a damaged safetensors file" in nvidia.refusal(tmp_path / "a.pth", read_networks)
    write(tmp_path / "b.pth", {"a": torch.tensor([1.0, float("nan")])})
    assert "a holds NaN or infinite numbers" in nvidia.refusal(tmp_path / "b.pth", read_networks)

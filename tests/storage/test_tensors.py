"""Trees as safetensors files."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.errors import CheckpointError
from gprior_jax.storage.tensors import load_tensors, read_tensors, write_tensors

safetensors = pytest.importorskip("safetensors.numpy", reason="the extra hub is not installed")

RANDOM = np.random.default_rng(0)


def same(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_what_is_written_is_read(tmp_path):
    matrix = RANDOM.normal(size=(3, 5)).astype(np.float32)
    tree = {
        "a": {"as it is": matrix, "transposed": matrix.T, "columns first": np.asfortranarray(matrix)},
        "b": {"turned": matrix[::-1, ::2], "of jax": jnp.asarray(matrix), "number": np.float32(3.0)},
    }
    write_tensors(tmp_path / "model.safetensors", tree)
    same(read_tensors(tmp_path / "model.safetensors", tree), tree)
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors"}


@pytest.mark.parametrize("kind", [jnp.bfloat16, np.float16, np.float64, ">f4", np.int8, np.bool_])
def test_numbers_of_any_type(tmp_path, kind):
    """Half ones too, as weights are kept for accelerators, and empty arrays; as they lie in memory or turned."""
    matrix = RANDOM.normal(size=(3, 5)).astype(kind)
    tree = {"matrix": matrix, "turned": matrix.T[::-1], "none": matrix[:0]}
    write_tensors(tmp_path / "m", tree)
    found = load_tensors(tmp_path / "m")
    same(found, tree)
    assert {array.dtype for array in found.values()} == {matrix.dtype.newbyteorder("=")}


def test_a_type_that_is_none(tmp_path):
    header = json.dumps({"x": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(CheckpointError, match="m cannot be read: x is of type F8_E4M3, which is none of F64, F32"):
        load_tensors(tmp_path / "m")


def test_others_read_it(tmp_path):
    write_tensors(tmp_path / "m", {"layer": {"kernel": np.eye(2, dtype=np.float16)}}, {"name": "eye"})
    arrays = safetensors.load((tmp_path / "m").read_bytes())
    assert list(arrays) == ["layer.kernel"]
    assert arrays["layer.kernel"].dtype == np.float16


def test_numbers_are_cast_to_what_is_wanted(tmp_path):
    write_tensors(tmp_path / "m", {"x": np.float16([0.5, 2.0])})
    found = read_tensors(tmp_path / "m", {"x": jax.ShapeDtypeStruct((2,), jnp.float32)})
    assert found["x"].dtype == jnp.float32
    same(found, {"x": np.float32([0.5, 2.0])})


def test_another_model_s(tmp_path):
    write_tensors(tmp_path / "m", {"x": np.zeros(2, np.float32), "y": np.zeros(1, np.float32)})
    wanted = {"x": np.zeros(3, np.float32), "z": {"w": np.zeros(1, np.float32)}}
    told = r"m belongs to another model: missing: z\.w; unexpected: y; misshapen: x \[2\] instead of \[3\]"
    with pytest.raises(CheckpointError, match=told):
        read_tensors(tmp_path / "m", wanted)


@pytest.mark.parametrize("damage", [b"", b"none of it", None])
def test_damaged(tmp_path, damage):
    write_tensors(tmp_path / "m", {"x": np.zeros(200, np.float32)})
    data = (tmp_path / "m").read_bytes()
    (tmp_path / "m").write_bytes(data[: len(data) // 2] if damage is None else damage)
    with pytest.raises(CheckpointError, match=r"m cannot be read: .*; copy or fetch it again"):
        read_tensors(tmp_path / "m", {"x": np.zeros(200, np.float32)})


def test_missing(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_tensors(tmp_path / "m", {})


def test_names_that_would_be_read_as_others(tmp_path):
    with pytest.raises(CheckpointError, match="names with dots"):
        write_tensors(tmp_path / "m", {"a.b": np.zeros(1)})
    assert not (tmp_path / "m").exists()


def test_a_library_that_does_not_keep_them(tmp_path, monkeypatch):
    part = {"dtype": "F64", "shape": [2], "data": bytearray(np.ones(2).tobytes())}
    monkeypatch.setattr("safetensors.deserialize", lambda data: [("x", part)])
    with pytest.raises(CheckpointError, match="safetensors did not keep x as it is"):
        write_tensors(tmp_path / "m", {"x": np.zeros(2)})
    assert not (tmp_path / "m").exists()


def test_a_tensor_that_is_a_part_as_well(tmp_path):
    """Of a hand of others: one name goes on where another ends."""
    arrays = {"x": np.zeros(2, np.float64), "x.y": np.zeros(2, np.float16)}
    (tmp_path / "m").write_bytes(safetensors.save(arrays))
    with pytest.raises(CheckpointError, match=r"m belongs to another model: unexpected: x; misshapen: x\.y \[2\]"):
        read_tensors(tmp_path / "m", {"x": {"y": np.zeros(1, np.float32)}})

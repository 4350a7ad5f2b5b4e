from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gprior_jax.errors import CheckpointError
from gprior_jax.storage import checkpoint, stored
from gprior_jax.storage.atomic import sha256, write_json
from gprior_jax.storage.checkpoint import load_tree, save_tree

TREE = {
    "layer0": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 7, "bias": np.array([1, 2, 3], np.float32)},
    "seen": np.int32(17),
}


def abstract(tree):
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype), tree)


@pytest.fixture
def saved(tmp_path):
    save_tree(tmp_path / "params", jax.tree.map(jnp.asarray, TREE))
    return tmp_path / "params"


def test_nothing_stored_tells_where_it_was_written(tmp_path):
    save_tree(tmp_path / "tree", {"a": jnp.zeros(3)})
    written = [path.read_bytes() for path in (tmp_path / "tree").rglob("*") if path.is_file()]
    assert written
    assert not any(str(tmp_path).encode() in content for content in written)


def test_round_trip_is_exact(saved):
    found = load_tree(saved, abstract(TREE))
    assert jax.tree.structure(found) == jax.tree.structure(TREE)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(TREE), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("why", ["as it is", "TensorStore is missing", "of another layout"])
def test_orbax_reads_what_is_not_read_without_it(saved, why, monkeypatch):
    read, calls = checkpoint._orbax, []
    monkeypatch.setattr(checkpoint, "_orbax", lambda: calls.append(1) or read())
    if why == "TensorStore is missing":
        monkeypatch.setattr(stored, "_library", lambda: None)
    elif why == "of another layout":
        monkeypatch.setattr(stored, "_STATE", "elsewhere")
    found = load_tree(saved, abstract(TREE))
    jax.tree.map(np.testing.assert_array_equal, found, TREE)
    assert bool(calls) == (why != "as it is")


def test_what_is_no_dict_is_read_by_orbax(tmp_path):
    tree = {"pair": [jnp.arange(2), jnp.ones(3)]}
    save_tree(tmp_path / "params", tree)
    assert stored.read_stored(tmp_path / "params") is None
    jax.tree.map(np.testing.assert_array_equal, load_tree(tmp_path / "params", abstract(tree)), tree)


def test_arrays_lie_on_one_device(saved):
    # The suite runs with eight devices; a model must not be spread over them by loading it.
    for leaf in jax.tree.leaves(load_tree(saved, abstract(TREE))):
        assert leaf.devices() == {jax.devices()[0]}


def test_numbers_are_cast_to_the_dtypes_asked_for(tmp_path):
    half = {"kernel": jnp.asarray([1 / 3, 2.0], jnp.float16)}
    save_tree(tmp_path / "params", half)
    found = load_tree(tmp_path / "params", {"kernel": jax.ShapeDtypeStruct((2,), jnp.float32)})
    assert found["kernel"].dtype == jnp.float32
    np.testing.assert_array_equal(found["kernel"], np.float32(np.float16([1 / 3, 2.0])))


def test_an_existing_checkpoint_is_replaced(saved):
    save_tree(saved, {"other": jnp.zeros(2)})
    assert load_tree(saved, {"other": jax.ShapeDtypeStruct((2,), jnp.float32)}).keys() == {"other"}


def test_missing_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone is missing: .*convert or train the model again"):
        load_tree(tmp_path / "gone", abstract(TREE))


def _without_a_leaf(tree):
    return tree | {"layer0": {"kernel": tree["layer0"]["kernel"]}}


def _with_another_leaf(tree):
    return tree | {"extra": np.zeros(2, np.float32)}


def _renamed(tree):
    return {"layer1" if name == "layer0" else name: value for name, value in tree.items()}


def _longer(tree):
    return tree | {"layer0": tree["layer0"] | {"bias": np.zeros(4, np.float32)}}


def _shorter(tree):
    return tree | {"layer0": tree["layer0"] | {"bias": np.zeros(2, np.float32)}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without_a_leaf, "unexpected: layer0.bias"),
        (_with_another_leaf, "missing: extra"),
        (_renamed, "missing: layer1.bias, layer1.kernel; unexpected: layer0.bias, layer0.kernel"),
        (_longer, r"misshapen: layer0.bias \[3\] instead of \[4\]"),
        (_shorter, r"misshapen: layer0.bias \[3\] instead of \[2\]"),
    ],
)
def test_another_structure_or_shape_is_refused(saved, change, told):
    with pytest.raises(CheckpointError, match=rf"belongs to another model: {told}\.$") as caught:
        load_tree(saved, abstract(change(TREE)))
    assert str(saved) in str(caught.value)


class Pair(NamedTuple):
    first: Any
    second: Any


def test_tuples_and_empty_branches_round_trip(tmp_path):
    # The state of an optimiser.
    tree = Pair({"a": jnp.arange(3.0)}, (optax.EmptyState(), [jnp.int32(4), {}]))
    save_tree(tmp_path / "state", tree)
    found = load_tree(tmp_path / "state", abstract(tree))
    assert jax.tree.structure(found) == jax.tree.structure(tree)
    assert int(found.second[1][0]) == 4
    np.testing.assert_array_equal(found.first["a"], [0, 1, 2])


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_no_file_of_a_checkpoint_can_be_damaged_unnoticed(saved, tmp_path, damage):
    """One file at a time; Orbax is not let near it, so that nothing is left behind that speaks up later."""
    for path in sorted(p for p in saved.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(content[: len(content) // 2])
        else:
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:] if content else b"x")
        # Of an empty file nothing can be cut off.
        if path.exists() and path.read_bytes() == content:
            continue
        with pytest.raises(CheckpointError, match=str(saved)):
            load_tree(saved, abstract(TREE))
        path.write_bytes(content)
    assert int(load_tree(saved, abstract(TREE))["seen"]) == 17


def test_digests_cannot_lead_out_of_the_folder(saved, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    for name in ("../outside", str(outside)):
        write_json(saved / "digests.json", {name: sha256(outside)})
        with pytest.raises(CheckpointError, match=r"outside is missing or has other content"):
            load_tree(saved, abstract(TREE))


def test_a_checkpoint_without_digests_is_of_another_version(saved):
    (saved / "digests.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no digests\.json: it is of an older version, .*convert or train"):
        load_tree(saved, TREE)


def test_a_path_may_go_up(tmp_path, monkeypatch):
    tree = {"a": np.arange(3, dtype=np.float32)}
    save_tree(tmp_path / "tree", tree)
    (tmp_path / "beside").mkdir()
    monkeypatch.chdir(tmp_path / "beside")
    np.testing.assert_array_equal(load_tree("../tree", tree)["a"], tree["a"])


def test_one_process_of_several_reads_for_itself(tmp_path, monkeypatch):
    """It waits for none of the others, which read other things or nothing."""
    tree = {"a": np.arange(6.0, dtype=np.float32).reshape(2, 3)}
    save_tree(tmp_path / "tree", tree)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    found = load_tree(tmp_path / "tree", tree)
    np.testing.assert_array_equal(found["a"], tree["a"])

"""Meshes, placement, and the share of a process."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from gprior_jax.inversion.devices import IMAGES, image_mesh, local_share, replicate, shard_images


@pytest.mark.parametrize(("wanted", "expected"), [(None, 8), (1, 1), (3, 3), (8, 8)])
def test_mesh(wanted, expected):
    mesh = image_mesh(wanted)
    assert mesh.axis_names == (IMAGES,)
    assert list(mesh.devices.flat) == jax.local_devices()[:expected]


@pytest.mark.parametrize("wanted", [0, -1, 9])
def test_mesh_of_devices_that_are_not_there(wanted):
    with pytest.raises(ValueError, match=rf"devices {wanted}: this process has 8 \(cpu\)"):
        image_mesh(wanted)


def test_images_are_split_and_weights_copied():
    mesh = image_mesh(4)
    tree = {"x": np.arange(8.0).reshape(8, 1), "n": np.arange(4)}
    split, copied = shard_images(mesh, tree), replicate(mesh, tree)
    for array, rows in ((split["x"], 2), (split["n"], 1), (copied["x"], 8), (copied["n"], 4)):
        assert [shard.data.shape[0] for shard in array.addressable_shards] == [rows] * 4
    jax.tree.map(np.testing.assert_array_equal, split, tree)
    jax.tree.map(np.testing.assert_array_equal, copied, tree)
    np.testing.assert_array_equal(split["n"].addressable_shards[2].data, [2])


def test_keys_are_split_too():
    keys = jax.random.split(jax.random.key(0), 8)
    split = shard_images(image_mesh(8), keys)
    assert len(split.sharding.device_set) == 8
    np.testing.assert_array_equal(jax.random.key_data(split), jax.random.key_data(keys))


def test_shares_of_processes_make_the_whole(monkeypatch):
    items = list("abcdefg")
    assert local_share(items) == items
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    shares = []
    for index in range(3):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        shares.append(local_share(items))
    assert shares == [["a", "d", "g"], ["b", "e"], ["c", "f"]]


@pytest.mark.parametrize(
    ("before", "flags", "expected"),
    [("", "", "cores"), ("jax.devices()", "", "1"), ("", "--xla_force_host_platform_device_count=3", "3")],
    ids=["at the start", "after JAX has started", "named by the user"],
)
def test_cores_as_devices(before, flags, expected):
    lines = ["import jax", before, "from gprior_jax.inversion.devices import use_cores", "use_cores()"]
    program = "\n".join([*lines, "print(jax.device_count())"])
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert done.stdout.strip() == expected.replace("cores", str(cores))

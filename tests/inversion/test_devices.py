"""Meshes, placement, and the share of a process."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion import devices
from gprior_jax.inversion.devices import (
    IMAGES,
    device_facts,
    image_mesh,
    replicate,
    shard_images,
    spread,
    use_cores,
)


@pytest.mark.parametrize(("wanted", "expected"), [(None, 8), (1, 1), (3, 3), (8, 8)])
def test_mesh(wanted, expected):
    mesh = image_mesh(wanted)
    assert mesh.axis_names == (IMAGES,)
    assert list(mesh.devices.flat) == jax.local_devices()[:expected]


@pytest.mark.parametrize("wanted", [0, -1, 9])
def test_mesh_of_devices_that_are_not_there(wanted):
    with pytest.raises(ArgumentError, match=rf"devices {wanted}: this process has 8 \(cpu\)"):
        image_mesh(wanted)


@pytest.mark.parametrize("wanted", [(), (1, 1, 1)])
def test_devices_have_at_most_two_numbers(wanted):
    with pytest.raises(ArgumentError, match=r"give a number of devices, or those of images and of codes, \(2, 4\)"):
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


def test_cores_become_devices_before_jax_starts():
    program = "import jax; from gprior_jax.inversion.devices import use_cores; use_cores(); print(jax.device_count())"
    environment = os.environ | {"XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert int(done.stdout) == cores


def test_a_number_that_the_user_names_stays(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=3")
    monkeypatch.setattr(jax.config, "update", lambda *_: pytest.fail("the user has said how many"))
    use_cores()


def test_nothing_changes_after_jax_has_started(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS")
    before = jax.device_count(), jax.config.jax_num_cpu_devices
    use_cores()
    assert (jax.device_count(), jax.config.jax_num_cpu_devices) == before


@pytest.mark.parametrize(("number", "cores", "full"), [(1, 1, False), (2, 2, True), (2, 3, False), (8, 2, True)])
def test_devices_fill_the_cores_where_none_is_left(monkeypatch, number, cores, full):
    monkeypatch.setattr(devices, "cores", lambda: cores)
    assert devices.fill_cores(number) == full


def test_a_batch_is_spread_over_the_cores_of_a_cpu_unless_a_number_is_named():
    assert [spread(None, size) for size in (1, 5, 8, 100)] == [1, 5, 8, 8]
    assert [spread(devices, 4) for devices in (1, 3, 8)] == [1, 3, 8]
    facts = device_facts(None, 5)
    assert (facts["platform"], facts["devices"]) == ("cpu", 5)
    assert isinstance(facts["kind"], str)


def test_another_accelerator_takes_one(monkeypatch):
    class Chip:
        platform, device_kind = "gpu", "a chip"

    monkeypatch.setattr(jax, "local_devices", lambda: [Chip()] * 4)
    assert (spread(None, 8), spread(2, 8)) == (1, 2)
    assert device_facts(None, 8) == {"platform": "gpu", "kind": "a chip", "devices": 1}

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from gprior_jax.inversion import devices
from gprior_jax.inversion.devices import IMAGES, image_mesh
from gprior_jax.training import pggan, stylegan2
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.training.lanes import ONE, Lanes, lanes_for, spread
from training.settings import CONDITIONAL

TWO = Lanes(2, group=2)
WIDE = dataclasses.replace(CONDITIONAL, batch_size=8, minibatch_group=4, path_interval=1, r1_interval=1)
REAL = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 3)).astype(np.float32)
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0, 0, 2, 1]]


def parts(lanes, batch, name):
    """What every device takes as its own, one after the other."""
    take = getattr(lanes, name)
    run = jax.shard_map(take, mesh=image_mesh(lanes.devices), in_specs=PartitionSpec(), out_specs=PartitionSpec(IMAGES))
    return np.asarray(jax.jit(run)(jnp.asarray(batch))).reshape(lanes.devices, -1).tolist()


def test_groups_stay_together():
    # Groups of two among eight images: 0 with 4, 1 with 5, 2 with 6, 3 with 7.
    assert parts(TWO, np.arange(8), "own") == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert parts(TWO, np.arange(8), "own_single") == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert parts(Lanes(4, group=2), np.arange(8), "own") == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_one_device_has_everything():
    batch = jnp.arange(6)
    assert ONE.own(batch) is ONE.own_single(batch) is ONE.mean(batch) is ONE.place(batch) is batch


def test_mean_over_devices():
    lanes = Lanes(4)
    run = jax.shard_map(
        lambda x: lanes.mean(lanes.own(x)[0]), mesh=image_mesh(4), in_specs=PartitionSpec(), out_specs=PartitionSpec()
    )
    assert float(jax.jit(run)(jnp.array([1.0, 2.0, 3.0, 10.0]))) == 4.0


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (PGGANConfig(batch_size=16), 4),
        (PGGANConfig(batch_size=32), 8),
        (PGGANConfig(batch_size=48), 6),
        (PGGANConfig(batch_size=4), 1),
        (PGGANConfig(batch_size=2), 1),
        (PGGANConfig(batch_size=16, minibatch_group=1), 8),
        (StyleGAN2Config(batch_size=16), 4),
        (StyleGAN2Config(batch_size=16, path_shrink=8), 2),  # Two images have path lengths.
        (StyleGAN2Config(batch_size=16, path_shrink=8, path_weight=0.0), 4),
    ],
)
def test_as_many_devices_as_divide_the_batch(config, wanted):
    assert jax.local_device_count() == 8
    found = lanes_for(config)
    assert found.devices == wanted
    assert found.group == min(config.minibatch_group, config.batch_size)


def test_cores_work_alone_where_every_one_is_a_device(monkeypatch):
    config = PGGANConfig(batch_size=32)
    for cores, wanted in ((8, True), (4, True), (16, False)):
        monkeypatch.setattr(devices, "cores", lambda cores=cores: cores)
        assert lanes_for(config).single_threaded == wanted
    monkeypatch.setattr(devices, "cores", lambda: 1)
    assert not lanes_for(PGGANConfig(batch_size=4)).single_threaded


def test_a_step_is_compiled_once_and_donates_its_state():
    traced = []

    @spread
    def step(plan, lanes, state, x):
        traced.append(lanes.devices)
        return state + lanes.mean(lanes.own(x).sum()) * plan

    state = TWO.place(jnp.zeros(()))
    for _ in range(2):
        before, state = state, step(3, TWO, state, TWO.place(jnp.ones(8)))
    assert float(state) == 2 * 3 * 4
    assert traced == [2]
    assert before.is_deleted()
    assert float(step(3, ONE, jnp.zeros(()), jnp.ones(8))) == 3 * 8


def near(a, b):
    """Trees that agree but for the order of float32 sums."""
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        scale = max(1.0, float(np.abs(x).max(initial=0.0)))
        np.testing.assert_allclose(x, y, atol=2e-5 * scale)


def host(tree):
    return jax.tree.map(lambda leaf: np.array(leaf), tree)


@pytest.mark.slow
@pytest.mark.parametrize("update", ["adversarial_update", "path_step", "penalty_step"])
def test_updates_of_stylegan2_are_the_same_on_two_devices(update, monkeypatch):
    """With plain descent: Adam turns the last digit of a gradient near zero into a whole step."""
    import optax

    monkeypatch.setattr(stylegan2.optimize, "adam", lambda config, interval=0: optax.sgd(0.01))
    config = dataclasses.replace(WIDE, learning_rate=0.2345)  # Not yet compiled by another test.
    start = host(stylegan2.init(config, jax.random.key(0))._replace(augment_p=jnp.float32(0.7)))
    batch = (LABELS,) if update == "path_step" else (REAL, LABELS)
    found = []
    taken = spread(stylegan2.adversarial_update) if update == "adversarial_update" else getattr(stylegan2, update)
    for lanes in (ONE, Lanes(2, group=4)):
        arguments = jax.tree.map(jnp.asarray, (start, *batch, jax.random.key(7)))
        found.append(host(taken(config, lanes, *lanes.place(arguments))))
    near(*found)
    changed = jax.tree.map(lambda a, b: bool((a != b).any()), found[0][0], type(start)(*start))
    assert any(jax.tree.leaves(changed))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["nonsaturating", "wgan_gp"])
def test_a_step_of_pggan_is_the_same_on_two_devices(loss, monkeypatch):
    import optax

    monkeypatch.setattr(pggan.optimize, "adam", lambda config, interval=0: optax.sgd(0.01))
    config = PGGANConfig(
        resolution=8, z_dim=6, base_channels=64, max_channels=8, batch_size=8, images_per_level=(16,), loss=loss
    )
    start = host(pggan.init(config, jax.random.key(0)))
    plan, found = pggan.Plan(config, 1, True), []
    for lanes in (ONE, Lanes(2, group=4)):
        arguments = jax.tree.map(jnp.asarray, (start, REAL[None], np.float32(1.0), jax.random.key(7)))
        found.append(host(pggan.step(plan, lanes, *lanes.place(arguments))))
    near(*found)
    assert {"penalty", "generator"} <= found[0][1].keys()

"""Inversions over the devices of a user's mesh: of one axis or several, Auto or Explicit, set or not."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import own_images
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from latents.priors import tiny_prior

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion import filming, programs
from gprior_jax.inversion.devices import IMAGES, images_mesh, replicate, shard_images
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.latents import MultiCode
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER

PRIOR = tiny_prior()
RECIPE = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 20))
KEY_NUMBER = 3
TYPES = {"auto": AxisType.Auto, "explicit": AxisType.Explicit}
COLLECTIVE = re.compile(r"all-(reduce|gather|to-all)|collective-|reduce-scatter")


def made(shape, kind="explicit"):
    """As users make one; ``jax.make_mesh`` of this version makes Explicit ones unless told."""
    names = ("x", "y", "z")[: len(shape)]
    return jax.make_mesh(shape, names, (TYPES[kind],) * len(shape), devices=jax.devices()[: int(np.prod(shape))])


@pytest.fixture(scope="module")
def images():
    return own_images(PRIOR, 5)


@pytest.fixture(scope="module")
def expected(images):
    """What one device gives."""
    return gp.invert(PRIOR, images, RECIPE, key=jax.random.key(KEY_NUMBER))


def assert_same(found, expected):
    """The row property; of the padding nothing is left."""
    assert found.images.shape == expected.images.shape
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-4)
    np.testing.assert_allclose(found.images, expected.images, atol=1e-3)
    np.testing.assert_array_equal(found.status, expected.status)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((1,), "explicit"), ((2,), "auto"), ((4,), "explicit"), ((8,), "auto"), ((8,), "explicit"), ((2, 2, 2), "auto")],
)
def test_any_mesh_gives_what_one_device_gives(images, expected, shape, kind):
    found = gp.invert(PRIOR, images, RECIPE, key=jax.random.key(KEY_NUMBER), mesh=made(shape, kind))
    assert_same(found, expected)


@pytest.mark.parametrize("kind", TYPES)
def test_while_a_mesh_is_set(images, expected, kind):
    """JAX refuses to mix meshes: keys that are made now belong to this one."""
    mesh = made((2, 4), kind)
    with jax.set_mesh(mesh):
        key = jax.random.key(KEY_NUMBER)
        assert_same(gp.invert(PRIOR, images, RECIPE, key=key, mesh=mesh), expected)
        assert_same(gp.invert(PRIOR, images, RECIPE, key=key), expected)
    assert_same(gp.invert(PRIOR, images, RECIPE, key=key), expected)


def test_streams_while_a_mesh_is_set(images, expected):
    """What an iterator of images makes belongs to the mesh that is set, and not to that of the stream."""
    mesh = made((2, 4), "explicit")
    with jax.set_mesh(mesh):
        factor = jax.device_put(np.float32(1.0), NamedSharding(mesh, PartitionSpec()))
        entries = (Entry(i, i, np.asarray(jnp.asarray(image) * factor)) for i, image in enumerate(images))
        found = dict(stream(Inverter(PRIOR, RECIPE), entries, key=jax.random.key(KEY_NUMBER), slots=2))
    for i, own in found.items():
        np.testing.assert_allclose(own.loss, expected.loss[i], rtol=1e-4)


@pytest.mark.parametrize("kind", TYPES)
def test_a_step_has_no_collective(images, kind):
    inverter = Inverter(PRIOR, RECIPE, mesh=made((4, 2), kind), steps_per_call=2)
    inputs = inverter.inputs(np.concatenate([images, images[:3]]))
    states, measurements = inverter.start(0, jax.random.key(0), inputs, 1)
    assert len(states.best_loss.sharding.device_set) == 8
    text = inverter.lower(0, 2, states, measurements).compile().as_text()
    assert "ENTRY" in text
    assert COLLECTIVE.search(text) is None
    # It would find one.
    summed = jax.jit(lambda x: x.sum()).lower(states.best_loss).compile().as_text()
    assert COLLECTIVE.search(summed) is not None


KERNEL = np.full((3, 3), 1 / 9, np.float32)
TASKS = {
    "colorize": gp.tasks.COLORIZE,
    "upscale": gp.tasks.upscaling(2),
    "inpaint": gp.tasks.inpainting(),
    "denoise": gp.tasks.denoising(),
    "deblur": gp.tasks.deblurring(KERNEL),
}


def begun(task, pictures, restarts=1):
    """An inverter of a task on two devices, and what its steps begin with."""
    known = np.ones((len(pictures), *pictures.shape[1:3], 1), np.float32)
    observed = np.asarray(jax.vmap(task.degrade)(pictures, jax.random.split(jax.random.key(0), len(pictures))))
    pixels = task.pixels._asdict()
    recipe = gp.recipes.restoration(task.name, PRIOR, num_codes=2, layer=1, num_steps=2, perceptual=None, **pixels)
    inverter = Inverter(PRIOR, dataclasses.replace(recipe, restarts=restarts), devices=2)
    inputs = inverter.inputs(observed, operator=task.operator({"observed": observed, "known": known}))
    return inverter, inputs, inverter.start(0, jax.random.key(0), inputs, 1)


def assert_apart(lowered):
    text = lowered.compile().as_text()
    assert text is not None
    assert "num_partitions=2" in text
    assert COLLECTIVE.search(text) is None


@pytest.mark.parametrize("name", TASKS)
def test_a_step_of_no_task_has_a_collective(images, name):
    """On a CPU one that waits for a busy core ends the process."""
    inverter, _, begin = begun(TASKS[name], images[:2])
    assert_apart(inverter.lower(0, 1, *begin))


def test_neither_start_nor_end_nor_film_has_a_collective(images):
    inverter, inputs, begin = begun(TASKS["deblur"], images[:2], restarts=2)
    problem, config = inverter._problems[0], inverter._configs[0]
    key, placed = replicate(inverter.mesh, jax.random.key(0)), shard_images(inverter.mesh, tuple(inputs))
    assert_apart(programs.start.lower(problem, config, 2, key, *placed))
    assert_apart(programs.finish.lower(problem, 2, *begin))
    assert_apart(filming._best.lower(2, begin[0].best_loss, begin[0].best_image))


def test_devices_keep_their_order():
    devices = np.array(jax.devices()[::-1]).reshape(2, 4)
    mesh = images_mesh(Mesh(devices, ("a", "b")))
    assert (mesh.axis_names, mesh.axis_types) == ((IMAGES,), (AxisType.Auto,))
    assert [*mesh.devices] == jax.devices()[::-1]


def test_devices_of_other_processes_are_refused(monkeypatch):
    mesh = made((8,))
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    with pytest.raises(ArgumentError, match=r"mesh has 8 of 8 devices in other processes.*jax\.local_devices"):
        images_mesh(mesh)


@pytest.mark.parametrize("mesh", [4, "images", jax.sharding.AbstractMesh((4,), ("x",))])
def test_what_is_no_mesh_is_refused(mesh):
    with pytest.raises(ArgumentError, match="has no devices: give a jax"):
        Inverter(PRIOR, RECIPE, mesh=mesh)


@pytest.mark.parametrize(
    ("shape", "names", "expected"),
    [((2, 4), ("images", "codes"), [0, 1, 2, 3, 4, 5, 6, 7]), ((4, 2), ("codes", "x"), [0, 2, 4, 6, 1, 3, 5, 7])],
)
def test_an_axis_of_codes_stays(shape, names, expected):
    mesh = images_mesh(jax.make_mesh(shape, names, devices=jax.devices()))
    assert mesh.shape_tuple == (("images", 2), ("codes", 4))
    assert [device.id for device in mesh.devices.flat] == expected


def test_mesh_and_devices_are_refused():
    with pytest.raises(ArgumentError, match="devices and mesh both say"):
        Inverter(PRIOR, RECIPE, mesh=made((2,)), devices=2)

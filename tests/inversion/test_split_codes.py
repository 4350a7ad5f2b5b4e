"""Inversions whose codes are split over devices: what they give, what is sent, and where states lie."""

import re
from collections import Counter

import jax
import numpy as np
import optax
import pytest
from batteries import own_images
from jax.sharding import NamedSharding, PartitionSpec
from latents.priors import tiny_prior

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import image_mesh
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.footprint import ceiling, footprint
from gprior_jax.inversion.meter import Meter
from gprior_jax.inversion.optimizer import AnyOptimizer, Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import AS_THEY_ARE, ChannelWeights, MultiCode
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER
from inversion.test_mesh import TYPES, assert_same
from inversion.test_stream import streamed

PRIOR = tiny_prior()
FEATURE = PRIOR.feature_shape(1)
KEY = jax.random.key(3)


def recipe(optimizer: AnyOptimizer = FREE_OPTIMIZER, coordinates=AS_THEY_ARE, **fields) -> Recipe:
    return Recipe("test", MultiCode(8, 1, **fields), (Pixel(),), SolverConfig(optimizer, 6), coordinates=coordinates)


MOVING = recipe()
RECIPES = {
    "codes that move": MOVING,
    "two at a time": recipe(codes_per_call=1, average=True),
    "channel weights": recipe(gp.recipes.mganprior().solver.optimizer, coordinates=ChannelWeights()),
    "an optimiser that mixes codes": recipe(Optimizer(optax.contrib.muon, 0.05)),
}


def made(shape, names=("images", "codes"), kind="explicit"):
    return jax.make_mesh(shape, names, (TYPES[kind],) * len(shape), devices=jax.devices()[: int(np.prod(shape))])


@pytest.fixture(scope="module")
def images():
    return own_images(PRIOR, 3)


@pytest.mark.parametrize("name", RECIPES)
def test_gives_what_one_device_gives(images, name):
    """Up to the order of sums: 8 numbers are added up as 4 times 2."""
    expected = gp.invert(PRIOR, images, RECIPES[name], key=KEY)
    assert_same(gp.invert(PRIOR, images, RECIPES[name], key=KEY, devices=(2, 4)), expected)


@pytest.mark.parametrize(
    ("shape", "names", "kind"),
    [
        ((1, 8), ("images", "codes"), "auto"),
        ((4, 2), ("codes", "images"), "explicit"),  # In any order, beside any others.
        ((2, 2, 2), ("x", "codes", "y"), "auto"),
        ((8,), ("codes",), "explicit"),
    ],
)
def test_any_mesh(images, shape, names, kind):
    expected = gp.invert(PRIOR, images, MOVING, key=KEY)
    mesh = made(shape, names, kind)
    assert_same(gp.invert(PRIOR, images, MOVING, key=KEY, mesh=mesh), expected)
    with jax.set_mesh(mesh):
        assert_same(gp.invert(PRIOR, images, MOVING, key=jax.random.key(3), mesh=mesh), expected)


def collectives(inverter: Inverter, images: np.ndarray) -> Counter[tuple[str, tuple[int, ...]]]:
    """How many there are in two steps, in a loop or one after the other, by kind and by the shape that is sent."""
    states, measurements = inverter.start(0, KEY, inverter.inputs(images), 1)
    text = inverter.lower(0, 1, states, measurements).compile().as_text()
    assert text is not None
    assert "ENTRY" in text
    kind = re.compile(r" = (.*?) (all-(?:reduce|gather|to-all)|collective-\w+|reduce-scatter)(?:-start)?\(")
    found = Counter()
    for sent, name in kind.findall(text):
        for shape in re.findall(r"\[([\d,]*)\]", sent):
            found[name, tuple(map(int, shape.split(",")))] += 1
    return found


def test_the_composed_feature_is_the_only_thing_that_is_sent(images):
    batch = np.concatenate([images, images[:1]])
    for name in ("codes that move", "two at a time"):
        inverter = Inverter(PRIOR, RECIPES[name], devices=(2, 4))
        assert collectives(inverter, batch) == {("all-reduce", (2, *FEATURE)): 1}
    # Conjugate gradients try another place, and ask for lengths and angles of what is apart.
    found = collectives(Inverter(PRIOR, RECIPES["channel weights"], devices=(2, 4)), batch)
    assert found.pop(("all-reduce", (2, *FEATURE))) == 2
    assert set(found) == {("all-reduce", (2,))}
    assert "all-gather" in {
        name
        for name, _ in collectives(Inverter(PRIOR, RECIPES["an optimiser that mixes codes"], devices=(2, 4)), batch)
    }


@pytest.mark.parametrize("name", ["codes that move", "channel weights"])
def test_nothing_is_sent_between_images(images, name):
    """All that is sent is over the axis of codes: with one device on it there is nothing."""
    assert not collectives(Inverter(PRIOR, RECIPES[name], devices=(4, 1)), np.concatenate([images, images[:1]]))


@pytest.mark.parametrize("length", [1, 2])
def test_codes_and_what_the_optimiser_keeps_of_them_stay_apart(images, length):
    inverter = Inverter(PRIOR, MOVING, devices=(1, 8))
    states, measurements = inverter.start(0, KEY, inverter.inputs(images), 1)
    for _ in range(2):
        for path, leaf in jax.tree.leaves_with_path(states):
            apart = {getattr(key, "key", None) for key in path} & {"codes", "alpha"} and leaf.ndim == 3
            spec = PartitionSpec("images", "codes") if apart else PartitionSpec("images")
            wanted = NamedSharding(inverter.mesh, spec)
            assert leaf.sharding.is_equivalent_to(wanted, leaf.ndim), jax.tree_util.keystr(path)
            assert leaf.addressable_shards[0].data.shape[1:2] == ((1,) if apart else leaf.shape[1:2])
        states, _ = inverter.steps(0, length, states, measurements, images=3)(states, measurements)


@pytest.mark.parametrize("name", ["codes that move", "channel weights"])
def test_streams(images, name):
    expected = streamed(images, RECIPES[name])
    for own, whole in zip(streamed(images, RECIPES[name], engine={"devices": (2, 4)}), expected, strict=True):
        np.testing.assert_allclose(own.loss, whole.loss, rtol=1e-4)
        np.testing.assert_allclose(own.images, whole.images, atol=1e-3)


@pytest.mark.parametrize(
    ("asked", "devices", "sentence"),
    [
        (recipe(), (1, 3), r"8 codes cannot be split evenly over the 3 devices of the axis codes: take 6 or 9 codes"),
        (Recipe("test", MultiCode(2, 1), (Pixel(),)), (1, 4), "2 codes cannot be .* take 4 codes, or another number"),
        (Recipe("test", MultiCode(12, 1, codes_per_call=4), (Pixel(),)), (1, 2), "codes_per_call 4 must divide the 6"),
        (gp.recipes.latent("z", perceptual=None), (1, 2), "splits the codes of MultiCode, not Z: spread images alone"),
        (recipe(), (3, 3), r"devices 3x3: this process has 8 \(cpu\)"),
        (recipe(), (0, 1), r"devices 0x1: this process has 8 \(cpu\)"),
    ],
)
def test_what_cannot_be_split_is_refused(asked, devices, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        Inverter(PRIOR, asked, devices=devices)


class Looking(Meter):
    """A meter that keeps what it has seen."""

    def look(self, stage, length, program, mesh, images, rows):
        super().look(stage, length, program, mesh, images, rows)
        self.seen = footprint(program(), images, rows)


def test_what_a_step_is_measured_by(images):
    """As many operations as on one device, of which each has a part; the ceiling is that of all."""
    found = []
    for devices in (1, (1, 8)):
        meter = Looking(lambda mesh: None)
        Inverter(PRIOR, MOVING, devices=devices, meter=meter).invert(images, key=KEY)
        found.append(meter.seen)
    one, split = found
    assert split.operations == one.operations > 0
    assert 0 < split.rows < one.rows
    assert 0 < split.beside < one.beside
    assert ceiling(image_mesh((2, 4))) > 0.0

"""Keys: seeds that are none, and that no two purposes draw with one key."""

import collections
import dataclasses
import itertools
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import PARAMETRIZATIONS, STYLE_PARAMETRIZATIONS, normal, own_images, random_prior
from training.settings import CONDITIONAL

import gprior_jax as gp
from gprior_jax import keys, metrics, operators
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.metrics import attribution, diversity, swd
from gprior_jax.objectives import Pixel
from gprior_jax.perceptual import network
from gprior_jax.runs.evaluation import Pair, Row, Sets
from gprior_jax.runs.items import Item
from gprior_jax.runs.measurements import DrawnMasks, Whole
from gprior_jax.runs.restoration import Restoring
from gprior_jax.tasks import denoising
from gprior_jax.training import loop, projected
from gprior_jax.training.trainers import trainer_of

SEED = 1
KEY = jax.random.key(SEED)
SAMPLERS = ("normal", "uniform", "randint", "bernoulli", "poisson", "permutation")
GENERIC = {"sample", "draw_noise", "recorded"}
"""Functions that draw whatever they are called for: what called them says the purpose."""


def test_why_purposes_are_folded_in_first():
    """What split gives is what fold_in gives: the numbers of one are those of the other."""
    split = jax.random.key_data(jax.random.split(KEY, 4))
    folded = jax.random.key_data(jax.vmap(lambda i: jax.random.fold_in(KEY, i))(jnp.arange(4)))
    np.testing.assert_array_equal(split, folded)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 2**64, -(2**70), 1.5, True, None, "7", float("nan")])
def test_no_seed(seed):
    with pytest.raises(gp.ArgumentError, match=r"^seed .*: use a whole number from 0 to 4294967295\.$"):
        keys.seeded(seed)


@pytest.mark.parametrize("key", [KEY, jax.random.PRNGKey(1), jax.random.split(KEY, 2)])
def test_keys_are_those_of_jax(key):
    keys.check_key(key)


@pytest.mark.parametrize("key", [0, np.int64(0), np.uint32(3), np.zeros(2), None, "key"])
def test_no_key(key):
    with pytest.raises(gp.ArgumentError, match="is no key of random numbers: give one, such as"):
        keys.check_key(key)


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**32 - 1, np.int64(7), np.uint32(2**32 - 1)])
def test_seeds_are_those_of_jax(seed):
    np.testing.assert_array_equal(jax.random.key_data(keys.seeded(seed)), [0, int(seed)])


def test_purposes_lie_above_all_counted_numbers(monkeypatch):
    numbers = []
    monkeypatch.setattr(keys, "folded", lambda key, number: numbers.append(number))
    keys.purpose(KEY, "noise")
    keys.purpose(KEY, "mask")
    assert len(set(numbers)) == 2
    assert all(keys.MAX_ID < number < 2**32 for number in numbers)


@pytest.mark.parametrize("number", [0, 1, 7, 2**31 - 1, 2**31, 2**32 - 1, 0xDEADBEEF])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_folding_on_the_host_is_that_of_jax(seed, number):
    key = jax.random.fold_in(jax.random.key(seed), 3)  # Both words of it are full.
    expected = jax.random.key_data(jax.random.fold_in(key, np.uint32(number)))
    np.testing.assert_array_equal(jax.random.key_data(keys.folded(key, number)), expected)


def test_folding_on_the_host_compiles_nothing(monkeypatch):
    monkeypatch.setattr(jax.random, "fold_in", None)
    assert keys.folded(keys.seeded(1), 2).dtype == KEY.dtype


@pytest.mark.parametrize("key", [jax.random.PRNGKey(1), jax.random.key(1, impl="rbg")])
def test_other_keys_are_folded_by_jax(key):
    found, expected = keys.folded(key, 5), jax.random.fold_in(key, 5)
    assert found.dtype == expected.dtype
    if found.dtype != np.uint32:
        found, expected = jax.random.key_data(found), jax.random.key_data(expected)
    np.testing.assert_array_equal(found, expected)


def test_keys_are_folded_where_they_are_traced():
    expected = jax.random.key_data(jax.random.fold_in(KEY, 5))
    np.testing.assert_array_equal(jax.jit(lambda key: jax.random.key_data(keys.folded(key, 5)))(KEY), expected)
    # And where something else is, as in a function that has a key of its own.
    np.testing.assert_array_equal(jax.jit(lambda: jax.random.key_data(keys.folded(KEY, 5)))(), expected)


@pytest.mark.parametrize("kind", [np.uint32, np.int32, np.int64])
def test_numbers_of_numpy_are_folded_in(kind):
    found, expected = keys.folded(KEY, kind(7)), jax.random.fold_in(KEY, 7)
    np.testing.assert_array_equal(jax.random.key_data(found), jax.random.key_data(expected))


def test_seeds_follow_the_settings_of_jax():
    with jax.default_prng_impl("rbg"):
        assert jax.random.key_impl(keys.seeded(5)) == jax.random.key_impl(jax.random.key(5)) == "rbg"
    before = jax.config.values["jax_random_seed_offset"]
    jax.config.update("jax_random_seed_offset", 3)
    try:
        found, expected = keys.seeded(5), jax.random.key(5)
    finally:
        jax.config.update("jax_random_seed_offset", before)
    np.testing.assert_array_equal(jax.random.key_data(found), jax.random.key_data(expected))
    np.testing.assert_array_equal(jax.random.key_data(found), [0, 8])


class Recorder:
    """Every key that a random number is drawn with, by the line that draws."""

    def __init__(self):
        self.drawn: dict[tuple[int, ...], set[str]] = collections.defaultdict(set)

    def wrap(self, sampler):
        def recorded(key, *args, **options):
            frame = sys._getframe(1)
            while "gprior_jax" not in frame.f_code.co_filename or frame.f_code.co_name in GENERIC:
                if frame.f_back is None:
                    break
                frame = frame.f_back
            place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {sampler.__name__}"
            jax.debug.callback(lambda data: self.drawn[tuple(np.asarray(data).tolist())].add(place), _data(key))
            return sampler(key, *args, **options)

        return recorded

    def shared(self) -> list[set[str]]:
        """Lines that drew with one key."""
        jax.effects_barrier()
        return [places for places in self.drawn.values() if len(places) > 1]

    def places(self) -> set[str]:
        jax.effects_barrier()
        return set(itertools.chain.from_iterable(self.drawn.values()))


def _data(key):
    return jax.random.key_data(key)


@pytest.fixture
def recorder(monkeypatch):
    """Records what is drawn; programs that were traced before do not count."""
    found = Recorder()
    for name in SAMPLERS:
        monkeypatch.setattr(jax.random, name, found.wrap(getattr(jax.random, name)))
    jax.clear_caches()
    yield found
    jax.clear_caches()


def start(prior, recipe, stage=0, key=KEY):
    """The starts of three images, two restarts each."""
    images = np.zeros((3, *prior.image_shape), np.float32)
    if prior.num_classes:
        prior = gp.with_label(prior, 0)
    inverter = Inverter(prior, recipe)
    jax.block_until_ready(inverter.start(stage, key, inverter.inputs(images), 2))


def commands(tmp_path):
    """What the commands draw with one seed, but for the inversions."""
    prior, picture = random_prior("stylegan2"), tmp_path / "a.png"
    gp.save_image(picture, own_images(prior, 1)[0])
    items = [Item(i, picture, f"{i}") for i in range(3)]
    z = gp.sample_z(prior, KEY, 4)
    gp.synthesize(prior, z, noise=KEY)
    judge = network.discriminator(random_prior("stylegan2", "stylegan2").critic)
    metrics.drawn_features(prior, judge, KEY, num_samples=3, batch_size=2)
    attribution.draw_images(random_prior("stylegan2_conditional").replace(label=None), KEY, np.arange(3))
    gp.geometry.perceptual_path_length(prior, judge, KEY, num_samples=3, batch_size=3)
    gp.editing.scatter(z[0], KEY, 0.1)
    images = np.asarray(jax.random.uniform(jax.random.key(99), (4, 32, 32, 3)))
    swd.sliced_wasserstein(images, images[::-1], KEY, patches=4)
    diversity.random_pairs(KEY, 50)
    sets = Sets(KEY, 40)
    described = [sets.describe(place, (images[place], images[place]), ()) for place in range(2)]
    rows = [Row(Pair(picture, picture), 32, {})] * 2
    sets.figures(rows, described[0].keys(), lambda name: np.stack([each[name] for each in described]))
    for options in ({"missing": 0.5}, {"strokes": 2}):
        masks = DrawnMasks(prior, KEY, **options)
        for item in items:
            masks.beside(item)
    task = denoising("gaussian", 25.0)
    job = Restoring(prior, recipe_of(PARAMETRIZATIONS["z"]), KEY, task, Whole(prior), simulate=True)
    for item in items:
        job.load(item)


def recipe_of(parametrization):
    return Recipe("test", parametrization, (Pixel(),), SolverConfig(num_steps=1))


@pytest.mark.slow
def test_commands_and_methods_share_no_key(recorder, tmp_path, monkeypatch):
    """With one seed for all of them, nothing but a code of one number is drawn with a key of another purpose."""
    monkeypatch.setattr(diversity, "ms_ssim", lambda *images: jnp.zeros(()))
    commands(tmp_path)
    styled = random_prior("stylegan2")
    for table in (PARAMETRIZATIONS, STYLE_PARAMETRIZATIONS):
        for name in ("z", "codes", "deep_image_prior", "w_remat", "w_plus_noise", "projector", "sphere", "codes_w"):
            if name in table:
                start(styled, recipe_of(table[name]))
    # The stages of a method draw with keys of their own.
    plain, two = random_prior("pggan"), recipe_of(PARAMETRIZATIONS["z"])
    two = dataclasses.replace(two, then=recipe_of(PARAMETRIZATIONS["codes"]))
    gp.invert(plain, own_images(plain, 2), two, key=KEY)
    assert len(recorder.places()) > 25
    assert not [places for places in recorder.shared() if not same_purpose(places)]


STARTS = {"z.py", "multi_code.py", "w.py", "w_plus.py", "styled.py", "sphere.py", "deep_image_prior.py", "projector.py"}
STARTS |= {"parametrization.py"}


def same_purpose(places: set[str]) -> bool:
    """Lines of methods, of which a run has one."""
    return {place.split(":")[0] for place in places} <= STARTS


@pytest.mark.slow
def test_training_shares_no_key(recorder, tmp_path, monkeypatch):
    """Steps of all kinds, the sheet of samples, the projected discriminators and the images of that seed."""
    config = CONDITIONAL
    key = keys.seeded(config.seed)
    state = loop._restore(tmp_path, config, None, None)
    monkeypatch.setattr(projected.networks, "freeze", lambda weights, key: jax.random.normal(key, ()))
    projected.init(config, {}, keys.purpose(key, "projected"))
    loop.sample_grid(config, state)
    real = jnp.asarray(normal(0, config.batch_size, 8, 8, 3))
    labels = jax.nn.one_hot(jnp.arange(config.batch_size) % 3, 3)
    for seen in range(0, 12, 4):
        given = real[None], labels[None], keys.purpose(key, "steps")
        state, _ = trainer_of(config).train_steps(config, state, seen, 1, *given)
    prior = random_prior("stylegan2")
    gp.synthesize(prior, gp.sample_z(prior, key, 70), noise=key)
    operators.random_mask(key, 8, 0.5)
    assert len(recorder.places()) > 10
    assert not recorder.shared()

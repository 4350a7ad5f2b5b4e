"""The driver: restarts, batches, calls, hints, classes and errors. The row property is in ``test_batteries.py``."""

import dataclasses
import functools
import warnings

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal, own_images
from latents.priors import conditional_prior, tiny_prior

from gprior_jax import operators
from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.synthesis import features
from gprior_jax.inversion import progress, solver
from gprior_jax.inversion.driver import Inverter, invert
from gprior_jax.inversion.problem import Problem
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode, Parametrization, Z
from gprior_jax.objectives import Objective, Perceptual, Pixel, Style, Term
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER
from inversion.encoders import toy_encoder

KEY = jax.random.key(5)
PRIOR = tiny_prior()
STEPS = 6
RECIPE = Recipe("test", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, STEPS))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return own_images(PRIOR, 5)


@pytest.fixture(scope="module")
def reference(images) -> Result:
    return invert(PRIOR, images, RECIPE, key=KEY)


def assert_same_result(actual: Result, expected: Result):
    np.testing.assert_allclose(actual.loss, expected.loss, rtol=1e-4)
    np.testing.assert_allclose(actual.images, expected.images, atol=1e-3)
    np.testing.assert_array_equal(actual.step, expected.step)
    for name, history in expected.history.items():
        np.testing.assert_allclose(actual.history[name], history, rtol=1e-4)


def test_shapes(reference):
    assert reference.images.shape == (5, 8, 8, 3)
    # The layer was left to the prior: of two layers the first.
    assert {k: v.shape for k, v in reference.variables.items()} == {"codes": (5, 4, 8), "alpha": (5, 4, 6)}
    assert {k: v.shape for k, v in reference.history.items()} == {"loss": (5, STEPS), "pixel_mse": (5, STEPS)}
    assert reference.loss.shape == reference.status.shape == reference.step.shape == (5,)
    assert isinstance(reference.images, np.ndarray)
    assert (reference.status == Status.MAX_STEPS).all()


def test_result_is_the_best_of_its_history(reference, images):
    best = reference.history["loss"].argmin(axis=1)
    np.testing.assert_array_equal(reference.step, best)
    np.testing.assert_array_equal(reference.loss, reference.history["loss"].min(axis=1))
    np.testing.assert_array_equal(reference.terms["pixel_mse"], reference.history["pixel_mse"][np.arange(5), best])
    error = np.mean((reference.images - images) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(error, reference.loss, rtol=1e-4)
    render = jax.jit(jax.vmap(functools.partial(RECIPE.parametrization.fit(PRIOR).render, PRIOR)))
    np.testing.assert_allclose(render(reference.variables), reference.images, atol=1e-5)


def test_images_start_differently_and_runs_by_their_key(reference, images):
    result = invert(PRIOR, np.repeat(images[:1], 5, axis=0), RECIPE, key=KEY)
    assert len(set(result.loss.tolist())) == 5
    other = invert(PRIOR, images, RECIPE, key=jax.random.key(6))
    assert (other.history["loss"][:, 0] != reference.history["loss"][:, 0]).all()


def test_keys_may_be_arrays_of_bits(reference, images):
    np.testing.assert_array_equal(invert(PRIOR, images, RECIPE, key=jax.random.PRNGKey(5)).images, reference.images)


@pytest.mark.parametrize("batch_size", [2, 5])
def test_batches_give_the_same(reference, images, batch_size):
    assert_same_result(invert(PRIOR, images, RECIPE, key=KEY, batch_size=batch_size), reference)


@pytest.mark.parametrize("steps_per_call", [5, 100])
def test_calls_give_the_same(reference, images, steps_per_call):
    assert_same_result(invert(PRIOR, images, RECIPE, key=KEY, steps_per_call=steps_per_call), reference)


def test_an_inverter_serves_many_batches(reference, images):
    inverter = Inverter(PRIOR, RECIPE)
    assert inverter.recipe.parametrization == MultiCode(4, 1)
    assert inverter.prior is PRIOR
    for _ in range(2):
        jax.tree.map(np.testing.assert_array_equal, inverter.invert(images, key=KEY), reference)


# Two images in six rows each, whether these are restarts, samples or both: one program.


@pytest.fixture(scope="module")
def samples(images) -> Result:
    return invert(PRIOR, images[:2], RECIPE, key=KEY, samples=6)


@pytest.fixture(scope="module")
def restarts(images) -> Result:
    return invert(PRIOR, images[:2], dataclasses.replace(RECIPE, restarts=6), key=KEY)


def test_restarts_keep_the_best(images, restarts):
    problem = Problem(PRIOR, Objective(RECIPE.terms), None, RECIPE.parametrization.fit(PRIOR))
    assert restarts.images.shape == (2, 8, 8, 3)
    assert restarts.history["loss"].shape == (2, STEPS)
    start = jax.jit(lambda key: solver.init(problem, RECIPE.solver, key).variables)
    # The restarts of both images as twelve images of one.
    keys = [jax.random.fold_in(jax.random.fold_in(KEY, row), restart) for row in range(2) for restart in range(6)]
    hints = jax.tree.map(lambda *leaves: np.stack(leaves), *map(start, keys))
    alone = invert(PRIOR, np.repeat(images[:2], 6, axis=0), RECIPE, key=KEY, init=hints)
    assert len(set(alone.loss.tolist())) == 12
    for row in range(2):
        best = 6 * row + int(alone.loss[6 * row : 6 * row + 6].argmin())
        assert restarts.loss[row] == pytest.approx(alone.loss[best], rel=1e-4)
        np.testing.assert_allclose(restarts.images[row], alone.images[best], atol=1e-3)
        np.testing.assert_allclose(restarts.history["loss"][row], alone.history["loss"][best], rtol=1e-4)


def test_samples_are_the_restarts_sorted(reference, images, samples, restarts):
    assert samples.images.shape == (2, 6, 8, 8, 3)
    assert samples.history["loss"].shape == (2, 6, STEPS)
    assert (np.diff(samples.loss, axis=1) >= 0).all()
    np.testing.assert_allclose(samples.loss[:, 0], restarts.loss, rtol=1e-4)
    np.testing.assert_allclose(samples.images[:, 0], restarts.images, atol=1e-3)
    # What is found without samples is one of them.
    assert (np.abs(samples.loss / reference.loss[:2, None] - 1)).min(axis=1).max() < 1e-4
    one = invert(PRIOR, images, RECIPE, key=KEY, samples=1)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[:, 0], b), one, reference)


def test_samples_of_restarts_are_the_best_of_each(images, samples):
    both = invert(PRIOR, images[:2], dataclasses.replace(RECIPE, restarts=3), key=KEY, samples=2)
    assert both.loss.shape == (2, 2)
    np.testing.assert_allclose(both.loss[:, 0], samples.loss[:, 0], rtol=1e-4)
    # The other is the best of its own three rows: one of the six, and at best the fourth of them.
    for row in range(2):
        place = np.flatnonzero(np.abs(samples.loss[row] / both.loss[row, 1] - 1) < 1e-4)
        assert 1 <= place[0] <= 3


@dataclasses.dataclass(frozen=True)
class Lottery(Parametrization):
    """One shade of grey, which some keys make infinite."""

    def init(self, prior, key, hint=None):
        drawn = jax.random.uniform(key)
        return {"shade": jnp.where(drawn < 0.5, jnp.inf, drawn)}

    def render(self, prior, variables):
        return jnp.full(prior.image_shape, variables["shade"])


def test_what_is_not_finite_is_never_the_best():
    recipe = Recipe("lottery", Lottery(), (Pixel(),), SolverConfig(optax.sgd(0.0), 1))
    images = np.zeros((16, 8, 8, 3), np.float32)
    singles = invert(PRIOR, images, recipe, key=KEY, samples=2)
    finite = np.isfinite(singles.loss).sum(axis=1)
    assert {0, 1, 2} <= set(finite.tolist())
    # What is not finite comes last.
    assert (np.isfinite(singles.loss) == (np.arange(2) < finite[:, None])).all()
    np.testing.assert_array_equal(singles.status == Status.NONFINITE, ~np.isfinite(singles.loss))
    best = invert(PRIOR, images, dataclasses.replace(recipe, restarts=2), key=KEY)
    np.testing.assert_array_equal(best.loss, singles.loss[:, 0])
    np.testing.assert_array_equal(best.status == Status.NONFINITE, finite == 0)


def test_batches_that_stop_at_different_steps(images):
    # The first image starts where nothing can be improved and stops at once; the second goes on.
    recipe = dataclasses.replace(RECIPE, solver=SolverConfig(FREE_OPTIMIZER, 20, tolerance=0.3, patience=5))
    z = normal(11, 5, 8)
    composed = {"codes": np.repeat(z[:2, None], 4, axis=1), "alpha": np.full((2, 4, 6), 0.25, np.float32)}
    composed["codes"][1] = normal(12, 4, 8)
    assert np.abs(features(PRIOR, z[:1], 1)).max() > 0
    both = invert(PRIOR, images[:2], recipe, key=KEY, batch_size=1, init=composed)
    assert both.loss[0] == pytest.approx(0.0, abs=1e-8)
    lengths = [int(np.sum(row != row[-1])) + 1 for row in both.history["loss"]]
    assert both.history["loss"].shape[0] == 2
    assert lengths[0] <= 10 < lengths[1] == both.history["loss"].shape[1]


def test_operators_are_inverted(images):
    reduce = operators.Downsample(2, "area")
    operator = operators.broadcast(reduce, 5)
    small = np.asarray(jax.vmap(reduce)(images))
    result = invert(PRIOR, small, RECIPE, key=KEY, operator=operator)
    again = np.asarray(jax.vmap(reduce)(result.images))
    np.testing.assert_allclose(np.mean((again - small) ** 2, axis=(1, 2, 3)), result.loss, rtol=1e-3)
    with pytest.raises(ArgumentError, match=r"inverts \[B, 4, 4, 3\] observed through this operator"):
        invert(PRIOR, images, RECIPE, key=KEY, operator=operator)
    with pytest.raises(ArgumentError, match=r"leaf of shape \(8, 8, 1\) for 5 images"):
        invert(PRIOR, images, RECIPE, key=KEY, operator=operators.Mask(operators.box_mask(8, 4)))


def test_hints_are_where_it_starts(reference, images):
    result = invert(PRIOR, images, RECIPE, key=KEY, init=reference.variables)
    np.testing.assert_allclose(result.history["loss"][:, 0], reference.loss, rtol=1e-4)


def test_all_converged_ends_the_run(images):
    # What improves nothing is stopped at the second count of the patience; the optimiser is optax's, as it is.
    solver = SolverConfig(optax.set_to_zero(), 50, tolerance=0.01, patience=3)
    result = invert(PRIOR, images[:2], dataclasses.replace(RECIPE, solver=solver), key=KEY)
    assert (result.status == Status.CONVERGED).all()
    assert result.history["loss"].shape == (2, 6)


def test_progress_reports_every_batch_in_plain_numbers(images, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    heard: list[dict] = []
    result = invert(PRIOR, images, RECIPE, key=KEY, batch_size=2, progress=heard.append)
    assert [(n["batch"], n["batches"], n["step"]) for n in heard] == [
        (b, 3, s + 1) for b in (0, 1, 2) for s in range(STEPS)
    ]
    assert {(n["num_steps"], n["images"]) for n in heard} == {(STEPS, 5)}
    for numbers in heard:
        assert all(type(value) in (int, float) for value in numbers.values())
    losses = [n["loss"] for n in heard[:STEPS]]
    np.testing.assert_allclose(losses, result.history["loss"][:2].mean(axis=0), rtol=1e-5)
    expected = (10 * np.log10(4 / result.history["pixel_mse"][:2])).mean(axis=0)
    np.testing.assert_allclose([n["psnr"] for n in heard[:STEPS]], expected, rtol=1e-4)
    assert [n["seconds_left"] >= 0 for n in heard[1:STEPS]] == [True] * (STEPS - 1)
    assert heard[STEPS - 1]["seconds_left"] == 0


def test_progress_is_not_reported_every_step(images, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY_S", 1000.0)
    heard: list[dict] = []
    invert(PRIOR, images, RECIPE, key=KEY, progress=heard.append)
    assert [n["step"] for n in heard] == [1, STEPS]  # The first, and the end.


def test_networks_that_are_left_to_the_prior_are_its_discriminator(images, reference):
    recipe = dataclasses.replace(RECIPE, terms=(Pixel(), Perceptual("default", 0.1)))
    with pytest.raises(ArgumentError, match="tiny comes without a discriminator"):
        invert(PRIOR, images, recipe, key=KEY)
    both = dataclasses.replace(RECIPE, terms=(Pixel(), Perceptual("auto", 0.1), Style("auto", 0.2)))
    result = invert(tiny_prior(critic=True), images, both, key=KEY)
    total = result.terms["pixel_mse"] + 0.1 * result.terms["perceptual"] + 0.2 * result.terms["style"]
    np.testing.assert_allclose(result.loss, total, rtol=1e-5)
    assert (result.terms["perceptual"] > 0).all()
    # Without one, what is "auto" is left out.
    jax.tree.map(np.testing.assert_array_equal, invert(PRIOR, images, both, key=KEY), reference)
    with pytest.raises(ArgumentError, match="an objective needs terms"):
        invert(PRIOR, images, dataclasses.replace(RECIPE, terms=(Perceptual("auto"),)), key=KEY)


@flax.struct.dataclass
class Told(Term):
    """A term of the user's own that uses everything it is told."""

    weight: float = 1.0
    wanted: float = 0.25

    @property
    def name(self):
        return "told"

    def target(self, observation):
        return {"mean": observation.pixels.mean(), "known": observation.known.mean()}

    def loss(self, image, observed, target, variables):
        parts = image.mean() - observed.sum() / 192 + target["mean"] * target["known"]
        return jnp.square(parts - self.wanted) + jnp.mean(jnp.square(variables["codes"]))


def test_a_term_of_the_user_s_own_and_a_mask_for_every_image(images):
    masks = np.stack([operators.box_mask(8, side) for side in range(1, 6)])
    recipe = dataclasses.replace(RECIPE, terms=(Pixel(), Told(0.5)))
    result = invert(PRIOR, images * masks, recipe, key=KEY, operator=operators.Mask(masks))
    assert result.history["told"].shape == (5, STEPS)
    axes = (1, 2, 3)
    observed = (images * masks).mean(axes)
    parts = result.images.mean(axes) - (result.images * masks).mean(axes) + observed * masks.mean(axes)
    expected = (parts - 0.25) ** 2 + (result.variables["codes"] ** 2).mean((1, 2))
    np.testing.assert_allclose(result.terms["told"], expected, rtol=1e-4)
    np.testing.assert_allclose(result.loss, result.terms["pixel_mse"] + 0.5 * expected, rtol=1e-4)
    # Alone: beside copies of itself that fill the batch.
    mask = operators.Mask(masks[3:4])
    alone = invert(PRIOR, (images * masks)[3:4], recipe, key=KEY, operator=mask, ids=np.array([3]), batch_size=5)
    np.testing.assert_allclose(alone.loss, result.loss[3:4], rtol=1e-4)
    np.testing.assert_allclose(alone.images, result.images[3:4], atol=1e-3)


def test_images_start_at_the_code_of_an_encoder(images):
    encoder = toy_encoder()
    solver = SolverConfig(optax.sgd(0.0), 1)
    recipe = Recipe("encoded", Z(), (Pixel(),), solver, encoder=encoder)
    result = invert(PRIOR, images, recipe, key=KEY)
    codes = np.stack([encoder.encode(image)["z"] for image in images])
    np.testing.assert_allclose(result.variables["z"], codes, atol=1e-5)
    # The prior's own is used where it is named, and what somebody says comes before what an encoder says.
    own = dataclasses.replace(PRIOR, encoder=encoder)
    named = dataclasses.replace(recipe, encoder="default")
    jax.tree.map(np.testing.assert_array_equal, invert(own, images, named, key=KEY), result)
    hinted = invert(PRIOR, images, recipe, key=KEY, init={"z": 2 * codes})
    np.testing.assert_allclose(hinted.variables["z"], 2 * codes, atol=1e-5)
    # A prior's encoder alone changes nothing.
    assert dataclasses.replace(recipe, encoder=None).fit(own).fitted_encoder is None
    with pytest.raises(ArgumentError, match="tiny comes without an encoder"):
        invert(PRIOR, images, named, key=KEY)


LABELS = np.array([2, 0, 1, 2])
CODE = Recipe("code", Z(), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 4))


@pytest.fixture(scope="module")
def observed():
    return np.clip(0.5 * normal(3, 4, 4, 4, 3), -1, 1)


@pytest.fixture(scope="module")
def by_class(observed):
    return invert(conditional_prior(), observed, CODE, key=KEY, label=LABELS)


def test_every_image_has_its_class(observed, by_class):
    assert (by_class.loss < by_class.history["loss"][:, 0]).all()
    for label in range(3):
        rows = np.flatnonzero(label == LABELS)
        held = invert(with_label(conditional_prior(), label), observed, CODE, key=KEY)
        np.testing.assert_allclose(by_class.loss[rows], held.loss[rows], rtol=1e-4)
        np.testing.assert_allclose(by_class.images[rows], held.images[rows], atol=1e-3)
        np.testing.assert_allclose(by_class.variables["z"][rows], held.variables["z"][rows], atol=1e-3)
        others = np.flatnonzero(label != LABELS)
        assert (np.abs(by_class.loss[others] / held.loss[others] - 1) > 1e-3).all()


def test_classes_follow_their_images(observed, by_class):
    rows = np.eye(3, dtype=np.float32)[LABELS]
    given = invert(conditional_prior(), observed, CODE, key=KEY, label=rows)
    jax.tree.map(np.testing.assert_array_equal, given, by_class)
    turned = invert(conditional_prior(), observed[::-1], CODE, key=KEY, ids=np.arange(4)[::-1], label=LABELS[::-1])
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[::-1], turned), by_class)
    alone = invert(conditional_prior(), observed[1:2], CODE, key=KEY, ids=np.array([1]), label=0, batch_size=4)
    np.testing.assert_allclose(alone.loss, by_class.loss[1:2], rtol=1e-4)
    # One class for all, and several rows of an image.
    samples = invert(conditional_prior(), observed[:2], CODE, key=KEY, label=LABELS[:2], samples=2)
    assert (np.abs(samples.loss / by_class.loss[:2, None] - 1).min(axis=1) < 1e-4).all()


def test_wrong_classes(observed, images):
    for label, message in (
        (None, "tiny classes is conditional: give a label, a class from 0 to 2"),
        (np.array([0, 1, 2, 3]), r"label \[0, 1, 2, 3\]: tiny classes has classes 0 to 2"),
        (np.ones((4, 2), np.float32), "labels of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            invert(conditional_prior(), observed, CODE, key=KEY, label=label)
    held = with_label(conditional_prior(), 1)
    for prior, pixels, told in ((PRIOR, images[:4], "has no classes"), (held, observed, "is held to a class")):
        with pytest.raises(ArgumentError, match=f"{told}: leave label=None"):
            invert(prior, pixels, CODE, key=KEY, label=LABELS)


def test_a_wrong_number_of_classes(observed):
    with pytest.raises(ArgumentError, match="label"):
        invert(conditional_prior(), observed, CODE, key=KEY, label=np.array([0, 1, 2]))


def test_wrong_images(images):
    with pytest.raises(ArgumentError, match=r"shape \(8, 8, 3\): this prior inverts \[B, 8, 8, 3\]"):
        invert(PRIOR, images[0], RECIPE, key=KEY)
    with pytest.raises(ArgumentError, match=r"shape \(5, 4, 8, 3\)"):
        invert(PRIOR, images[:, :4], RECIPE, key=KEY)
    with pytest.raises(ArgumentError, match="empty"):
        invert(PRIOR, images[:0], RECIPE, key=KEY)
    broken = images.copy()
    broken[1, 3, 3, 0], broken[4, 0, 0, 0] = np.nan, np.inf
    with pytest.raises(ArgumentError, match="images 1, 4 hold NaN or infinite pixels"):
        invert(PRIOR, broken, RECIPE, key=KEY)


def test_pixels_of_another_range_are_refused(images):
    grey = (images + 1) * 127.5
    with pytest.raises(ArgumentError, match=r"images of dtype uint8: give floats in \[-1, 1\]; 8-bit pixels become"):
        invert(PRIOR, grey.astype(np.uint8), RECIPE, key=KEY)
    with pytest.raises(ArgumentError, match=r"images of dtype int64: give floats in \[-1, 1\]"):
        invert(PRIOR, grey.astype(np.int64), RECIPE, key=KEY)
    with pytest.raises(ArgumentError, match=r"images from .* to .*: give floats in \[-1, 1\]; 8-bit pixels become"):
        invert(PRIOR, grey, RECIPE, key=KEY)


def test_pixels_that_may_be_of_another_range_are_named_and_those_of_noise_are_not(images, reference):
    with pytest.warns(UserWarning, match=r"lie between .* black is -1 here; pixels in \[0, 1\] become"):
        invert(PRIOR, (images + 1) / 2, RECIPE, key=KEY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        invert(PRIOR, 0.4 + 0.2 * images, RECIPE, key=KEY)  # Flat and bright.
        invert(PRIOR, images + normal(3, 5, 8, 8, 3), RECIPE, key=KEY)
        jax.tree.map(
            np.testing.assert_array_equal, invert(PRIOR, images.astype(np.float64), RECIPE, key=KEY), reference
        )


@pytest.mark.parametrize(
    "ids",
    [
        [0, 1],
        [0, 1, 2, 3, -1],
        [0.0, 1.0, 2.0, 3.0, 4.0],
        [[0, 1, 2, 3, 4]],
        [0, 1, 2, 3, 2**31],  # JAX would take these for -2147483648 and 1.
        [0, 1, 2, 3, 2**32 + 1],
    ],
)
def test_wrong_ids(images, ids):
    with pytest.raises(ArgumentError, match="ids must be 5 integers from 0"):
        invert(PRIOR, images, RECIPE, key=KEY, ids=ids)


def test_ids_may_be_large_and_equal(images):
    """Images of one id start from the same numbers, and have nothing else to do with each other."""
    ids = [2**31 - 1, 7, 2**31 - 2, 7, 0]
    found = invert(PRIOR, images, RECIPE, key=KEY, ids=ids)
    for i in (0, 3):
        alone = invert(PRIOR, images[i : i + 1], RECIPE, key=KEY, ids=ids[i : i + 1], batch_size=5)
        np.testing.assert_allclose(alone.loss, found.loss[i : i + 1], rtol=1e-4)
    same = invert(PRIOR, images[[1, 1, 1, 3, 3]], RECIPE, key=KEY, ids=[7, 8, 7, 7, 8])
    np.testing.assert_allclose(same.loss[0], same.loss[2], rtol=1e-4)
    assert np.abs(same.loss[0] - same.loss[1]) > 1e-4 * same.loss[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size 0: use at least 1"),
        ({"steps_per_call": 0}, "steps_per_call 0: use at least 1"),
        ({"devices": 9}, "devices 9: this process has 8"),
        ({"samples": 0}, "samples 0: use at least 1"),
    ],
)
def test_wrong_settings(images, settings, message):
    with pytest.raises(ArgumentError, match=message):
        invert(PRIOR, images, RECIPE, key=KEY, **settings)


@pytest.mark.parametrize("layer", [0, 2, -1])
def test_a_layer_out_of_range(images, layer):
    recipe = dataclasses.replace(RECIPE, parametrization=MultiCode(4, layer))
    with pytest.raises(ArgumentError, match=f"layer {layer} is out of range: tiny can be cut at layers 1 to 1"):
        invert(PRIOR, images, recipe, key=KEY)


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        (toy_encoder("w"), r"the encoder gives w \(8,\), but what is searched for is z \(8,\)"),
        (toy_encoder("z", (5,)), r"the encoder gives z \(5,\), but what is searched for is z \(8,\)"),
    ],
)
def test_an_encoder_of_another_space_is_refused(images, encoder, told):
    with pytest.raises(ArgumentError, match=told):
        invert(PRIOR, images, dataclasses.replace(RECIPE, parametrization=Z(), encoder=encoder), key=KEY)


def test_an_encoder_cannot_start_from_what_it_does_not_take(images):
    recipe = dataclasses.replace(RECIPE, parametrization=Z(), encoder=toy_encoder())
    with pytest.raises(ArgumentError, match=r"takes images of shape \(8, 8, 3\), and \(4, 4, 3\) were observed"):
        invert(PRIOR, images[:, ::2, ::2], recipe, key=KEY, operator=operators.Downsample(2))


@pytest.mark.parametrize("shape", [(2, 8), (5, 7), (5,)])
def test_starts_of_another_shape_are_refused(images, shape):
    recipe = dataclasses.replace(RECIPE, parametrization=Z())
    with pytest.raises(ArgumentError, match=r"init holds 'z' of shape .*: give \(5, 8\)"):
        invert(PRIOR, images, recipe, key=KEY, init={"z": np.zeros(shape, np.float32)})


@pytest.mark.parametrize("of", [jax.jit, jax.vmap, jax.grad], ids=["jit", "vmap", "grad"])
def test_traced_images_are_refused_and_what_takes_them_is_named(of, images):
    def loss(observed):
        return invert(PRIOR, observed, RECIPE, key=KEY).loss.sum()

    with pytest.raises(ArgumentError, match="outside of jit, vmap and grad; gp"):
        of(loss)(jnp.asarray(images))


def test_a_seed_is_no_key(images):
    with pytest.raises(ArgumentError, match="key 0 is no key of random numbers: give"):
        invert(PRIOR, images, RECIPE, key=0)  # pyright: ignore[reportArgumentType]

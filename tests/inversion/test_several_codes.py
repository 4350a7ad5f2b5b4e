"""Inversions that start from an encoder of several codes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal
from encoders.several import CODES, LAYER, encoded_prior
from jax.sharding import AxisType

from gprior_jax import differentiable, recipes
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import astype
from gprior_jax.inversion.conjugate import ConjugateGradient
from gprior_jax.inversion.driver import Inverter, invert
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.inversion.stream import Entry, stream
from gprior_jax.latents import MeasuredWeights
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.limits import Limits
from gprior_jax.serving.making import Maker

KEY, STEPS = jax.random.key(0), 4
IMAGES = 0.3 * normal(2, 3, 16, 16, 3)
RECIPE = recipes.mganprior(CODES, LAYER, num_steps=STEPS).from_encoder()


@pytest.fixture(scope="module")
def prior():
    return encoded_prior()


@pytest.fixture(scope="module")
def expected(prior):
    return invert(prior, IMAGES, RECIPE, key=KEY)


@pytest.mark.parametrize(("codes", "layer"), [(CODES, 2), (CODES, 4), (3, LAYER)])
def test_an_encoder_of_other_codes_that_is_given_is_refused(prior, codes, layer):
    """Of another layer shapes need not tell it: two layers have features of 8 px and as many channels."""
    recipe = recipes.mganprior(codes, layer).from_encoder(prior.multi_encoder)
    with pytest.raises(ArgumentError, match=f"of 4 codes at layer 3, but {codes} at layer {layer} are searched for"):
        invert(prior, IMAGES, recipe, key=KEY)


def test_samples_and_restarts_that_would_be_the_same_are_refused(prior):
    for recipe, samples in ((RECIPE, 2), (dataclasses.replace(RECIPE, restarts=2), None)):
        with pytest.raises(ArgumentError, match="2 samples or restarts that start from an encoder of several codes"):
            invert(prior, IMAGES, recipe, key=KEY, samples=samples)
        entries = [Entry(0, 0, IMAGES[0])]
        with pytest.raises(ArgumentError, match="2 samples or restarts"):
            next(stream(Inverter(prior, recipe), iter(entries), key=KEY, slots=1, samples=samples))
    several = dataclasses.replace(RECIPE, encoder=None, restarts=2)
    assert invert(prior, IMAGES[:1], several, key=KEY, samples=2).loss.shape == (1, 2)


@pytest.mark.parametrize("free", [False, True])
def test_weights_to_start_from_come_with_their_codes(prior, free):
    """Beside the encoder's codes they may come alone."""
    drawn = recipes.mganprior(CODES, LAYER, num_steps=2, free_codes=free, perceptual=None)
    alpha = invert(prior, IMAGES, RECIPE, key=KEY).variables["alpha"]
    for recipe in (drawn, dataclasses.replace(drawn, encoder=None)):
        with pytest.raises(ArgumentError, match="init holds 'alpha' without 'codes': weights of codes that are drawn"):
            invert(prior, IMAGES, recipe, key=KEY, init={"alpha": alpha})
    found = invert(prior, IMAGES, RECIPE, key=KEY, init={"alpha": alpha})
    assert (found.history["loss"][:, 0] < invert(prior, IMAGES, RECIPE, key=KEY).history["loss"][:, 0]).all()


def test_a_server_refuses_them_and_starts_restorations_there():
    maker = Maker(encoded_prior(), KEY, Limits(), devices=1)
    asked = Asked(task="denoise", codes=CODES, layer=LAYER, steps=2, start="encoder")
    assert maker.recipe(asked).fit(maker.prior).encoder is maker.prior.multi_encoder
    with pytest.raises(ArgumentError, match="3 samples or restarts"):
        maker.recipe(dataclasses.replace(asked, samples=3))
    assert maker.recipe(dataclasses.replace(asked, samples=3, start="auto")).fit(maker.prior).encoder is None


def test_another_parametrisation_is_refused_by_its_variables(prior):
    recipe = recipes.latent("z", perceptual=None).from_encoder(prior.multi_encoder)
    with pytest.raises(ArgumentError, match=r"the encoder gives codes .* features .*, but what is searched for is z"):
        invert(prior, IMAGES, recipe, key=KEY)


@pytest.mark.slow
def test_unrolled_steps_are_those_of_the_solver(prior, expected):
    """They are measured by the metric too."""
    made = differentiable.inversion(prior, RECIPE)
    observed = jnp.asarray(IMAGES[0], jnp.float32)
    start = differentiable.start(made, jax.random.fold_in(KEY, 0), observed)
    losses = jax.jit(differentiable.unrolled)(made, observed, start).losses
    np.testing.assert_allclose(losses, expected.history["loss"][0], rtol=1e-3)


def test_a_damping_of_ones_own_stays(prior, expected):
    own = dataclasses.replace(RECIPE, coordinates=MeasuredWeights(metric_damping=3.0))
    fitted = own.fit(prior).fit(prior)
    assert fitted.coordinates == MeasuredWeights(metric_damping=3.0)
    found = invert(prior, IMAGES, own, key=KEY)
    np.testing.assert_allclose(found.history["loss"][:, 0], expected.history["loss"][:, 0], rtol=1e-4)
    assert (np.abs(found.history["loss"][:, 2] / expected.history["loss"][:, 2] - 1.0) > 1e-3).all()


def test_without_such_an_encoder_nothing_is_measured(prior):
    plain = dataclasses.replace(RECIPE, encoder=None)
    own = dataclasses.replace(plain, coordinates=MeasuredWeights())
    found, wanted = (invert(prior, IMAGES[:1], each, key=KEY) for each in (own, plain))
    np.testing.assert_allclose(found.history["loss"], wanted.history["loss"], rtol=1e-4)


def test_half_the_precision(prior, expected):
    found = invert(astype(prior, "bfloat16"), IMAGES, RECIPE, key=KEY)
    np.testing.assert_allclose(found.history["loss"][:, 0], expected.history["loss"][:, 0], rtol=0.02)
    assert (found.loss < 0.6 * found.history["loss"][:, 0]).all()


@pytest.mark.skipif(jax.local_device_count() < 2, reason="codes are split over two devices")
@pytest.mark.parametrize("devices", [2, (1, 2)])
def test_devices_give_the_same(prior, expected, devices):
    found = invert(prior, IMAGES, RECIPE, key=KEY, devices=devices)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=2e-3)


@pytest.mark.skipif(jax.local_device_count() < 2, reason="codes are split over two devices")
@pytest.mark.parametrize(("shape", "names"), [((2,), ("x",)), ((1, 2), ("images", "codes"))])
def test_while_an_explicit_mesh_is_set(prior, expected, shape, names):
    """Shapes are looked at with the mesh of the run, as everything that is computed."""
    mesh = jax.make_mesh(shape, names, (AxisType.Explicit,) * len(shape), devices=jax.devices()[:2])
    with jax.set_mesh(mesh):
        found = invert(prior, IMAGES, RECIPE, key=jax.random.key(0), mesh=mesh)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=2e-3)


def test_codes_that_move_start_there_and_are_divided_as_they_compose(prior, expected):
    """The published preset divides the sum by the number of codes once more."""
    for more in ({"free_codes": True}, {"preset": "official"}):
        recipe = recipes.mganprior(CODES, LAYER, num_steps=1, perceptual=None, **more).from_encoder()
        found = invert(prior, IMAGES, recipe, key=KEY)
        np.testing.assert_allclose(found.history["loss"][:, 0], expected.history["loss"][:, 0], rtol=1e-2)


def halving(update):
    """A line search of one's own: half of the step as long as that is better."""
    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def _halved(gradient, params, value, function):
    shorter = [jax.tree.map(lambda g, rate=rate: -rate * g, gradient) for rate in (1.0, 0.5, 0.25, 0.125)]
    tried = jnp.stack([function(optax.apply_updates(params, update)) for update in shorter])
    return optax.tree.scale(0.5 ** jnp.argmin(tried) * (tried.min() < value), optax.tree.scale(-1.0, gradient))


def strict(gradient, state, params, *, value, value_fn):
    """It names all that it takes."""
    return _halved(gradient, params, value, value_fn), state


def generous(gradient, state, params, *, value, value_fn, **others):
    """It hands all else on."""
    return _halved(gradient, params, value, lambda x: value_fn(x, **others)), state


CONJUGATE = ConjugateGradient()(STEPS)


@pytest.mark.parametrize(
    ("optimizer", "as_good_as"),
    [
        (CONJUGATE, None),
        (optax.chain(CONJUGATE, optax.identity()), None),
        (halving(strict), optax.sgd(1e-9)),
        (halving(generous), halving(strict)),
        (optax.lbfgs(), optax.sgd(1e-9)),
        (optax.adam(0.01), optax.sgd(1e-9)),
    ],
    ids=["itself", "in a chain", "strict", "generous", "lbfgs", "adam"],
)
def test_what_an_optimiser_is_told(prior, expected, optimizer, as_good_as):
    """The metric reaches those that take it, wrapped ones too, and disturbs no other; unrolled steps are the same."""
    recipe = dataclasses.replace(RECIPE, solver=SolverConfig(optimizer, STEPS))
    losses = invert(prior, IMAGES, recipe, key=KEY).history["loss"]
    if as_good_as is None:
        np.testing.assert_allclose(losses, expected.history["loss"], rtol=1e-4)
    else:
        other = dataclasses.replace(RECIPE, solver=SolverConfig(as_good_as, STEPS))
        worse = invert(prior, IMAGES, other, key=KEY).history["loss"]
        assert (losses[:, -1] <= worse[:, -1] * 1.0001).all()
    made = differentiable.inversion(prior, RECIPE)
    begun = differentiable.start(made, KEY, IMAGES[0])
    found = differentiable.unrolled(made, IMAGES[0], begun, num_steps=STEPS, optimizer=optimizer)
    np.testing.assert_allclose(found.losses, losses[0], rtol=1e-3)

"""Recipes: what they say of themselves, what is left to the prior, several stages, and goals."""

import dataclasses
import json

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal, random_vgg
from latents.priors import styled_prior, tiny_prior

from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.noise import stored_noise
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion import progress
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.schedules import LateLinear, cosine
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import STYLES_STAY, MultiCode, Parametrization, WPlus, Z
from gprior_jax.objectives import Perceptual, Pixel, Style, Term
from inversion.encoders import toy_encoder

PRIOR = styled_prior(1)
KEY = jax.random.key(4)
ADAM = Optimizer(optax.adam, 0.05)
SECOND = Recipe(
    "noise", WPlus(noise="fitted"), (Pixel(),), SolverConfig(dataclasses.replace(ADAM, rates=STYLES_STAY), 8)
)
FIRST = Recipe("w_plus", WPlus(start="random"), (Pixel(),), SolverConfig(ADAM, 10))
BOTH = dataclasses.replace(FIRST, then=SECOND)


def inverted(images, recipe=BOTH, **settings):
    """All runs of this file take four rows at once (images, samples, restarts): one program for each stage."""
    return invert(PRIOR, images, recipe, key=KEY, **{"batch_size": 4} | settings)


@pytest.fixture(scope="module")
def images():
    """Five: a batch and one beside it."""
    drawn = synthesize(PRIOR, normal(2, 5, 5), space="w", noise=stored_noise(PRIOR))
    return np.asarray(drawn) + 0.1 * normal(1, 5, 4, 4, 3)


@pytest.fixture(scope="module")
def first(images):
    return inverted(images, FIRST)


@pytest.fixture(scope="module")
def result(images):
    return inverted(images)


def test_the_second_stage_goes_on_where_the_first_ended(first, result):
    np.testing.assert_array_equal(result.variables["w_plus"], first.variables["w_plus"])
    # It starts from the first stage's image, with the noise that this was drawn with.
    np.testing.assert_allclose(result.history["loss"][:, 0], first.loss, rtol=1e-4)
    assert (result.loss < 0.98 * first.loss).all()
    assert result.history["loss"].shape == (5, 8)
    maps = tuple(result.variables[f"noise_{i}"] for i in range(1))
    drawn = synthesize(PRIOR, result.variables["w_plus"], space="w_plus", noise=maps)
    np.testing.assert_allclose(drawn, result.images, atol=1e-4)


@pytest.mark.slow
def test_alone_equals_in_company(images, result):
    # Beside a copy of itself that fills the batch.
    alone = inverted(images[1:2], ids=np.array([1]))
    np.testing.assert_allclose(alone.loss, result.loss[1:2], rtol=1e-4)
    np.testing.assert_allclose(alone.images, result.images[1:2], atol=1e-3)
    # Other batches and other mates.
    turned = inverted(images[::-1], ids=np.arange(5)[::-1])
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[::-1], turned), result)


@pytest.mark.slow
def test_samples_and_restarts_go_through_all_stages(images, result):
    samples = inverted(images[:2], samples=2, batch_size=2)
    assert samples.images.shape == (2, 2, 4, 4, 3)
    # The first drawn is the one that is found without samples.
    nearest = np.abs(samples.loss - result.loss[:2, None]).min(axis=1)
    np.testing.assert_allclose(nearest / result.loss[:2], 0, atol=1e-4)
    twice = dataclasses.replace(BOTH, restarts=2, then=dataclasses.replace(SECOND, restarts=2))
    best = inverted(images[:2], dataclasses.replace(twice, then=None), batch_size=2)
    followed = inverted(images[:2], twice, batch_size=2)
    np.testing.assert_array_equal(followed.variables["w_plus"], best.variables["w_plus"])
    np.testing.assert_allclose(followed.loss, samples.loss[:, 0], rtol=1e-4)


def test_progress_counts_the_steps_of_all_stages(images, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    heard: list[dict] = []
    inverted(images[:4], progress=heard.append)
    assert [numbers["step"] for numbers in heard] == list(range(1, 19))
    assert {numbers["num_steps"] for numbers in heard} == {18}


def test_an_image_stops_at_its_goal(images, first):
    history = first.history["pixel_mse"][:4]
    value = float(history[0, 4])
    config = dataclasses.replace(FIRST.solver, goal=("pixel_mse", value), patience=3)
    stopped = inverted(images[:4], dataclasses.replace(FIRST, solver=config))
    for i, losses in enumerate(history):
        reached = np.flatnonzero(losses <= value)
        if len(reached):
            assert stopped.status[i] == Status.CONVERGED
            assert stopped.step[i] == reached[0]
            assert stopped.loss[i] == losses[reached[0]]
        else:
            assert stopped.status[i] == Status.MAX_STEPS
    assert stopped.status[0] == Status.CONVERGED
    ended = inverted(images[:1], dataclasses.replace(FIRST, solver=config))
    assert ended.history["loss"].shape == (1, 6)  # Looked at every third step.
    wrong = dataclasses.replace(FIRST, solver=dataclasses.replace(config, goal=("lpips", 0.1)))
    with pytest.raises(ArgumentError, match="goal 'lpips': the objective has the terms pixel_mse"):
        inverted(images, wrong)


def test_stages_are_listed_and_checked():
    assert [stage.name for stage in BOTH.stages] == ["w_plus", "noise"]
    assert BOTH.summary()["then"]["parametrization"]["noise"] == "fitted"
    assert "then" not in FIRST.summary()
    assert "coordinates" not in FIRST.summary()
    with pytest.raises(ArgumentError, match="has no styles"):
        BOTH.fit(tiny_prior())
    # A later stage is checked before the first begins.
    with pytest.raises(ArgumentError, match="has no styles"):
        dataclasses.replace(FIRST, parametrization=Z(), then=SECOND).fit(tiny_prior())
    with pytest.raises(ArgumentError, match="restarts 0"):
        dataclasses.replace(FIRST, restarts=0)


def test_fit_decides_what_is_left_to_the_prior():
    prior = dataclasses.replace(tiny_prior(critic=True), encoder=toy_encoder())
    then = Recipe("later", MultiCode(2), (Pixel(), Style("auto")))
    recipe = Recipe("open", MultiCode(3), (Pixel(), Perceptual("default")), encoder="default", then=then)
    with pytest.raises(ArgumentError, match=r"the encoder 'default' is left to the prior: call fit\(prior\) first"):
        _ = recipe.fitted_encoder
    fitted = recipe.fit(prior)
    assert [stage.parametrization for stage in fitted.stages] == [MultiCode(3, 1), MultiCode(2, 1)]
    assert fitted.fitted_encoder is prior.encoder
    assert fitted.then.fitted_encoder is None
    for stage in fitted.stages:
        assert stage.terms[1].network.module is prior.critic.module
    # What is decided stays decided, and is told.
    again = fitted.fit(tiny_prior())
    assert again.summary() == fitted.summary()
    told = fitted.summary()
    assert told["terms"][1]["network"]["module"]["kind"] == "DCGANDiscriminator"
    assert (told["encoder"]["module"]["kind"], told["encoder"]["space"]) == ("ToyEncoder", "z")
    assert recipe.summary()["encoder"] == "default"
    without = dataclasses.replace(recipe, encoder=None, terms=(Pixel(), Perceptual("auto"))).fit(tiny_prior())
    assert [[term.name for term in stage.terms] for stage in without.stages] == [["pixel_mse"], ["pixel_mse"]]


@flax.struct.dataclass
class Own(Term):
    """A term of the user's own, with an array."""

    weight: float = 1.0
    reference: jax.Array | None = None

    @property
    def name(self):
        return "own"

    def target(self, observation):
        return None

    def loss(self, image, observed, target, variables):
        return jnp.mean(jnp.square(image - self.reference))


@dataclasses.dataclass(frozen=True)
class OwnPoint(Parametrization):
    """A parametrisation of the user's own."""

    scale: float = 1.0


def built(**changed) -> Recipe:
    """A recipe of everything that a recipe can be made of, from new objects every time."""
    parts = {
        "own": Own(2.0, jnp.asarray(normal(1, 8, 8, 3))),
        "style": Style(random_vgg(), 0.5, image=normal(2, 8, 8, 3)),
        "features": Perceptual("auto", 0.1),
        "optimizer": Optimizer(optax.adam, 0.1, (("z", 0.3),), LateLinear(0.6), (("b2", 0.95),)),
        "steps": 7,
        "tolerance": 0.1,
        "point": MultiCode(4, 2),
        "encoder": toy_encoder(),
        "restarts": 2,
        "later": optax.chain(optax.clip(0.5), optax.lion(1e-2)),
        "later_point": OwnPoint(2.0),
    } | changed
    then = Recipe("then", parts["later_point"], (Pixel(),), SolverConfig(parts["later"], 3))
    solver = SolverConfig(parts["optimizer"], parts["steps"], parts["tolerance"])
    terms = (Pixel(), parts["own"], parts["style"], parts["features"])
    return Recipe("all", parts["point"], terms, solver, parts["restarts"], parts["encoder"], then)


def test_summary_is_json_and_the_same_for_equal_recipes():
    told = built().summary()
    assert json.loads(json.dumps(told)) == told == built().summary()
    assert told["name"] == "all"
    assert told["parametrization"] == {
        "kind": "MultiCode", "num_codes": 4, "layer": 2, "average": False,
        "space": "z", "later_styles": "mean", "start_spread": 1.0, "free_label": False,
    }  # fmt: skip
    assert (told["terms"][1]["term"], told["terms"][1]["weight"]) == ("own", 2.0)
    assert told["terms"][3]["network"] == "auto"
    assert (told["solver"]["num_steps"], told["solver"]["optimizer"]["learning_rate"]) == (7, 0.1)
    assert told["then"]["parametrization"] == {"kind": "OwnPoint", "scale": 2.0}
    # Arrays on the host and on the device are the same.
    assert built(own=Own(2.0, normal(1, 8, 8, 3))).summary() == told


@pytest.mark.parametrize(
    "changed",
    [
        {"own": Own(2.0, normal(5, 8, 8, 3))},
        {"own": Own(1.0, normal(1, 8, 8, 3))},
        {"style": Style(random_vgg(), 0.5, image=normal(3, 8, 8, 3))},
        {"style": Style(random_vgg(), 0.5)},
        {"style": Style(random_vgg(2), 0.5, image=normal(2, 8, 8, 3))},
        {"features": Perceptual("default", 0.1)},
        {"optimizer": Optimizer(optax.adam, 0.2, (("z", 0.3),), LateLinear(0.6), (("b2", 0.95),))},
        {"optimizer": Optimizer(optax.lion, 0.1, (("z", 0.3),), LateLinear(0.6), (("b2", 0.95),))},
        {"optimizer": Optimizer(optax.adam, 0.1, (("z", 0.4),), LateLinear(0.6), (("b2", 0.95),))},
        {"optimizer": Optimizer(optax.adam, 0.1, (("z", 0.3),), LateLinear(0.7), (("b2", 0.95),))},
        {"optimizer": Optimizer(optax.adam, 0.1, (("z", 0.3),), cosine, (("b2", 0.95),))},
        {"optimizer": Optimizer(optax.adam, 0.1, (("z", 0.3),), LateLinear(0.6), (("b2", 0.9),))},
        {"optimizer": optax.adam(0.1)},
        {"steps": 8},
        {"tolerance": 0.0},
        {"point": MultiCode(4, 3)},
        {"point": MultiCode(4)},
        {"encoder": toy_encoder(seed=1)},
        {"encoder": None},
        {"encoder": "default"},
        {"restarts": 1},
        {"later": optax.chain(optax.clip(0.5), optax.lion(2e-2))},
        {"later": optax.chain(optax.clip(0.4), optax.lion(1e-2))},
        {"later": optax.lion(1e-2)},
        {"later_point": OwnPoint(3.0)},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_summary_differs_where_results_would(changed):
    assert built(**changed).summary() != built().summary()


def test_functions_are_told_by_what_they_hold():
    def told(optimizer):
        return built(optimizer=optimizer).summary()

    def of_rate(rate):
        return lambda num_steps: optax.adam(rate / num_steps)

    assert told(of_rate(1.0)) == told(of_rate(1.0)) != told(of_rate(2.0))
    assert told(lambda n: optax.adam(1.0 / n)) != told(lambda n: optax.adam(2.0 / n))
    assert told(optax.adam(0.1)) == told(optax.adam(0.1)) != told(optax.adam(0.2))
    falling = optax.schedules.linear_schedule
    assert told(optax.sgd(falling(0.1, 0.0, 9))) == told(optax.sgd(falling(0.1, 0.0, 9)))
    assert told(optax.sgd(falling(0.1, 0.0, 9))) != told(optax.sgd(falling(0.1, 0.0, 8)))


def test_a_schedule_that_leaves_something_open_is_told():
    def told(rate):
        return built(optimizer=optax.sgd(optax.schedules.exponential_decay(rate, 10, 0.5))).summary()

    assert told(0.1) == told(0.1) != told(0.2)


class Rate:
    """A function of the number of steps that is an object."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, num_steps):
        return optax.adam(self.rate / num_steps)


@pytest.mark.parametrize("made", [Rate, lambda rate: Rate(rate).__call__], ids=["object", "method"])
def test_a_callable_object_is_told_by_what_it_holds(made):
    assert built(optimizer=made(0.1)).summary() != built(optimizer=made(0.2)).summary()

"""Step sizes learned by gradient: through all steps of searches on images, for searches on others.

Learning to learn by gradient descent (Andrychowicz et al. 2016, arXiv:1606.04474) with a handful of numbers in place of
a network: a schedule's knots and the decay rates of Adam's averages, which any recipe can take over.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gprior_jax.checks import check_number
from gprior_jax.compiling import jit
from gprior_jax.differentiable.inversion import Inversion, check_rows, measured, start
from gprior_jax.differentiable.unrolled import updated
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.problem import Measurement, Problem, evaluate
from gprior_jax.inversion.schedules import Knots
from gprior_jax.inversion.solver import free_of
from gprior_jax.latents import Variables
from gprior_jax.typing import Array, ArrayLike, Key, PyTree

Make = Callable[[PyTree, int], optax.GradientTransformation]
"""``make(settings, num_steps)``: an optimiser of settings that may be traced."""


class Hypergradient(NamedTuple):
    """The objective of learning and its derivative.

    Attributes:
        value: mean over images of the logarithm of the loss after the last update.
        gradients: of every image's logarithm in the settings, ``[B, ...]``; their mean is that of the value.
        losses: ``[B]``.
    """

    value: Array
    gradients: PyTree
    losses: Array


def hypergradient(
    inversion: Inversion, observed: Array, variables: Variables, make: Make, settings: PyTree, num_steps: int
) -> Hypergradient:
    """How the settings of an optimiser should change for searches to end lower.

    What :func:`gprior_jax.differentiable.unrolled` gives inside of one program, by a step after the other, forth and
    back, from Python: states are kept and steps computed again, and no convolution runs in a loop, which is slow on
    XLA:CPU.

    Args:
        inversion: of images that are observed as they are.
        observed: ``[B, R, R, C]`` in [-1, 1].
        variables: to begin with, ``[B, ...]``.
        make: of one function object for calls that shall share their programs.
        settings: floats.
        num_steps: updates.

    Raises:
        ValueError: not as many variables as images.

    >>> import gprior_jax as gp, optax
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", perceptual=None))
    >>> observed = gp.synthesize(prior, jnp.zeros((1, 2)))
    >>> make = lambda rate, num_steps: optax.sgd(rate)
    >>> found = gp.differentiable.hypergradient(made, observed, {"z": jnp.ones((1, 2))}, make, jnp.array(0.1), 3)
    >>> found.losses.shape, bool((found.gradients < 0).all())  # Larger steps would lead further down.
    ((1,), True)
    """
    check_rows(observed, variables)
    problem = inversion.problem
    # Copies for every image, so that each has a derivative of its own.
    settings = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf)[None], len(observed), 0), settings)
    carry, measurements = _begin(inversion, observed, variables, make, settings, num_steps)
    kept = []
    for _ in range(num_steps):
        kept.append(carry)
        carry = _forth(make, num_steps, problem, settings, measurements, carry)
    (value, losses), back = _end(problem, measurements, carry)
    total = jax.tree.map(jnp.zeros_like, settings)
    for state in reversed(kept):
        change, back = _back(make, num_steps, problem, settings, measurements, state, back)
        total = jax.tree.map(jnp.add, total, change)
    return Hypergradient(value / len(observed), total, losses)


@partial(jit, use="once", static_argnums=(3, 5))
def _begin(
    inversion: Inversion, observed: Array, variables: Variables, make: Make, settings: PyTree, num_steps: int
) -> Any:
    def one(observed: Array, variables: Variables, settings: PyTree) -> Any:
        optimised, measurement = measured(inversion, observed, variables)
        return (optimised, make(settings, num_steps).init(free_of(optimised))), measurement

    return jax.vmap(one)(observed, variables, settings)


def _all(
    make: Make, num_steps: int, problem: Problem, measurements: Measurement, settings: PyTree, carry: PyTree
) -> PyTree:
    """One update of all images."""

    def one(settings: PyTree, measurement: Measurement, carry: PyTree) -> PyTree:
        made = optax.with_extra_args_support(make(settings, num_steps))
        return updated(problem, made, measurement, carry, {})[0]

    return jax.vmap(one)(settings, measurements, carry)


@partial(jit, use="often", static_argnums=(0, 1))
def _forth(
    make: Make, num_steps: int, problem: Problem, settings: PyTree, measurements: Measurement, carry: PyTree
) -> PyTree:
    return _all(make, num_steps, problem, measurements, settings, carry)


@partial(jit, use="often", static_argnums=(0, 1))
def _back(
    make: Make, num_steps: int, problem: Problem, settings: PyTree, measurements: Measurement, carry: PyTree, back: list
) -> tuple[PyTree, list]:
    """The derivative in the settings, and in the floats of the state before, of those in the state after."""
    floats, rebuilt = _floats(carry)

    def run(settings: PyTree, floats: list) -> list:
        return _floats(_all(make, num_steps, problem, measurements, settings, rebuilt(floats)))[0]

    return jax.vjp(run, settings, floats)[1](back)


@partial(jit, use="often")
def _end(problem: Problem, measurements: Measurement, carry: PyTree) -> tuple[tuple[Array, Array], list]:
    floats, rebuilt = _floats(carry)

    def value(floats: list) -> tuple[Array, Array]:
        losses = jax.vmap(lambda x, m: evaluate(problem, x, m)[0].loss)(rebuilt(floats)[0], measurements)
        return jnp.sum(jnp.log(losses)), losses

    return jax.value_and_grad(value, has_aux=True)(floats)


def _floats(tree: PyTree) -> tuple[list, Callable[[list], PyTree]]:
    """The floats among the leaves, and what puts them back: counters have no derivative."""
    leaves, structure = jax.tree.flatten(tree)
    places = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def rebuilt(floats: list) -> PyTree:
        own = list(leaves)
        for i, leaf in zip(places, floats, strict=True):
            own[i] = leaf
        return structure.unflatten(own)

    return [leaves[i] for i in places], rebuilt


def adam(settings: PyTree, num_steps: int) -> optax.GradientTransformation:
    """Adam of learned settings: logarithms of rates at ``"knots"``, logits of the two ``"decays"`` of its averages."""
    knots, decays = settings["knots"], jax.nn.sigmoid(settings["decays"])
    places = jnp.linspace(0.0, max(1, num_steps - 1), len(knots))
    return optax.adam(lambda count: jnp.exp(jnp.interp(count, places, knots)), decays[0], decays[1])


def settings_of(rates: Sequence[float], b1: float, b2: float) -> PyTree:
    """What :func:`adam` takes, of rates above 0 at knots and of decays between 0 and 1."""
    decays = jnp.asarray([b1, b2], jnp.float32)
    return {"knots": jnp.log(jnp.asarray(list(rates), jnp.float32)), "decays": jnp.log(decays / (1.0 - decays))}


def optimizer_of(settings: PyTree) -> Optimizer:
    """The same Adam for a recipe.

    >>> made = optimizer_of(settings_of([0.2, 0.1], 0.9, 0.99))
    >>> round(made.learning_rate, 3), made.schedule, dict(made.options)["b2"]
    (0.2, Knots(factors=(1.0, 0.5)), 0.99)
    """
    rates, decays = np.exp(np.asarray(settings["knots"])), np.asarray(jax.nn.sigmoid(settings["decays"]))
    highest = float(rates.max())
    factors = tuple(round(float(rate) / highest, DIGITS) for rate in rates)
    b1, b2 = (round(float(decay), DIGITS) for decay in decays)
    return Optimizer(optax.adam, round(highest, DIGITS), schedule=Knots(factors), options=(("b1", b1), ("b2", b2)))


DIGITS = 4
"""Of learned numbers, which a recipe may state."""

Told = Callable[[int, float, Optimizer], None]
"""``told(round, value, optimizer)``, before every round's change."""


def learn_rates(
    inversion: Inversion,
    images: ArrayLike,
    key: Key,
    *,
    num_steps: int = 50,
    rounds: int = 20,
    batch_size: int = 4,
    rates: Sequence[float] = (0.1, 0.1, 0.1, 0.05, 0.02),
    decays: tuple[float, float] = (0.9, 0.95),
    step: float = 0.25,
    told: Told | None = None,
) -> Optimizer:
    """Learn the rates of Adam over a search, and the decays of its averages.

    Args:
        inversion: what is searched; its own optimiser does not count.
        images: ``[N, R, R, C]`` in [-1, 1], to learn on.
        key: chooses images and where searches begin.
        num_steps: of the searches. What is learned has knots at equal parts of a search, for any number of steps.
        rounds: of learning, a step of Adam each.
        batch_size: images a round.
        rates: at the knots, to begin with.
        decays: to begin with, those of first and second moments.
        step: of learning, in logarithms.
        told: is told of every round.

    Returns:
        what a recipe's :class:`gprior_jax.SolverConfig` takes.

    Raises:
        ValueError: numbers out of range.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", perceptual=None))
    >>> images = gp.synthesize(prior, jax.random.normal(jax.random.key(1), (4, 2)))
    >>> few = {"num_steps": 4, "rounds": 2, "rates": (0.01, 0.01)}
    >>> learned = gp.differentiable.learn_rates(made, images, jax.random.key(2), **few)
    >>> learned.learning_rate > 0.01, len(learned.schedule.factors)
    (True, 2)
    """
    pool = np.asarray(images, np.float32)
    check_number("rates", list(rates), lambda x: x > 0, "numbers above 0")
    check_number("decays", list(decays), lambda x: (x > 0) & (x < 1), "two numbers between 0 and 1")
    if min(num_steps, rounds, batch_size, len(rates)) < 1 or batch_size > len(pool):
        raise ArgumentError(
            f"{num_steps} steps, {len(rates)} rates, {rounds} rounds, {batch_size} of {len(pool)} images: use at least "
            "1 of each, and no more images a round than there are."
        )
    settings = settings_of(rates, *decays)
    learner = optax.adam(step, b1=0.7, b2=0.9)  # Few rounds: averages over the last ones.
    state = learner.init(settings)
    for index in range(rounds):
        rows, starts = jax.random.split(jax.random.fold_in(key, index))
        chosen = jnp.asarray(pool[np.asarray(jax.random.choice(rows, len(pool), (batch_size,), replace=False))])
        begun = _starts(inversion, jax.random.split(starts, batch_size))
        found = hypergradient(inversion, chosen, begun, adam, settings, num_steps)
        if told is not None:
            told(index, float(found.value), optimizer_of(settings))
        # A search that has lost its way has a gradient of any size: each has its say, none more than the others.
        bounded = jax.vmap(_bounded)(found.gradients)
        updates, state = learner.update(jax.tree.map(lambda leaf: leaf.mean(0), bounded), state, settings)
        settings = optax.apply_updates(settings, updates)
    return optimizer_of(settings)


def _bounded(gradient: PyTree) -> PyTree:
    """A gradient of length 1 at most; 0 where it is not finite."""
    norm = optax.tree.norm(gradient)
    return jax.tree.map(lambda g: jnp.where(jnp.isfinite(norm), g / jnp.maximum(norm, 1.0), 0.0), gradient)


@partial(jit, use="once")
def _starts(inversion: Inversion, keys: Array) -> Variables:
    return jax.vmap(lambda key: start(inversion, key))(keys)

"""Unrolled searches: the solver's own steps, differentiable in everything, whatever is kept of them."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import random_prior

import gprior_jax as gp
from differentiable.problems import normal, smooth_problem
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.recipe import Recipe

STEPS = 6


@pytest.fixture(scope="module")
def searched():
    """An inversion by Adam, what was observed, and a start."""
    inversion, observed, _ = smooth_problem()
    optimizer = gp.Optimizer(optax.adam, 0.05)
    inversion = dataclasses.replace(inversion, solver=gp.SolverConfig(optimizer, STEPS))
    return inversion, observed, differentiable.start(inversion, jax.random.key(4))


@partial(jit, use="once", static_argnums=4)
def slope(inversion, observed, start, rates, chunk):
    """The loss at the end, losses on the way, and the gradient in the rates and in the start."""

    def last(rates, start):
        run = differentiable.unrolled(inversion, observed, start, rates=rates, chunk=chunk)
        return run.found.loss, run.losses

    return jax.value_and_grad(last, (0, 1), has_aux=True)(rates, start)


def test_steps_are_those_of_the_solver(searched):
    inversion, observed, start = searched
    recipe = Recipe("t", inversion.problem.parametrization, inversion.problem.objective.terms, inversion.solver)
    init = {name: value[None] for name, value in start.items()}
    result = gp.invert(random_prior("own"), observed[None], recipe, key=jax.random.key(0), init=init)
    (_, losses), _ = slope(inversion, observed, start, jnp.ones(STEPS), None)
    np.testing.assert_allclose(losses, result.history["loss"][0], rtol=1e-4)


def test_gradients_in_steps_and_start_are_those_of_differences(searched):
    inversion, observed, start = searched
    (loss, _), (by_rate, by_start) = slope(inversion, observed, start, jnp.ones(STEPS), None)
    assert by_rate.shape == (STEPS,)
    step, change = 0.05, {name: normal(8, value.shape) for name, value in start.items()}

    def number(rates=0.0, along=0.0):
        moved = {name: value + along * change[name] for name, value in start.items()}
        return float(slope(inversion, observed, moved, jnp.ones(STEPS) + rates, None)[0][0])

    differences = [(number(rates=step) - number(rates=-step)) / (2 * step)]
    differences += [(number(along=step) - number(along=-step)) / (2 * step)]
    gradients = [by_rate.sum(), optax.tree.vdot(by_start, change)]
    np.testing.assert_allclose(gradients, differences, rtol=1e-2)
    assert loss > 0


def test_what_is_kept_changes_nothing(searched):
    """Of six steps: all, or four and then two."""
    inversion, observed, start = searched
    whole, some = (slope(inversion, observed, start, jnp.ones(STEPS), chunk) for chunk in (None, 4))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), some, whole)


def test_rates_by_variable(searched):
    inversion, observed, start = searched
    by_number = jnp.linspace(0.5, 1.5, STEPS)[:, None] * jnp.linspace(0.0, 1.0, start["z"].size)
    run = jit(lambda r: differentiable.unrolled(inversion, observed, start, rates={"z": r}), use="once")(by_number)
    moved = np.asarray(run.found.variables["z"] - start["z"])
    assert moved[0] == 0
    assert (moved[1:] != 0).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rates": {"w": jnp.ones(3)}}, "rates of 'w': the variables are z"),
        ({"rates": jnp.ones(3), "num_steps": 4}, r"\[3, 4\] steps"),
        ({"rates": 0.5}, "rates of 'z' are a single number: give one for each step"),
        ({"rates": {"z": jnp.float32(0.5)}}, "rates of 'z' are a single number: give one for each step"),
        ({"num_steps": 0}, "num_steps 0"),
        ({"chunk": 0}, "chunk 0"),
    ],
)
def test_bad_input_is_refused(searched, options, told):
    inversion, observed, start = searched
    with pytest.raises(ArgumentError, match=told):
        differentiable.unrolled(inversion, observed, start, **options)


def test_little_is_kept_of_implicit_derivatives(searched):
    """Memory of compiled programs: unrolled by steps kept whole, and implicit."""
    inversion, observed, start = searched
    steps = 200

    def unrolled(inversion, observed, start):
        return differentiable.unrolled(inversion, observed, start, num_steps=steps, chunk=None).found.image.sum()

    def implicit(inversion, observed, start):
        return differentiable.implicit(inversion, observed, start).image.sum()

    longer = dataclasses.replace(inversion, solver=dataclasses.replace(inversion.solver, num_steps=steps))
    sizes = []
    for run in (unrolled, implicit):
        lowered = jit(jax.grad(run, 1), use="once").lower(longer, observed, start)
        sizes.append(lowered.compile().memory_analysis().temp_size_in_bytes)
    assert sizes[0] > 10 * sizes[1]


@pytest.mark.parametrize("which", ["both", "observed", "variables"])
def test_a_batch_is_to_be_mapped(searched, which):
    inversion, observed, start = searched
    many, starts = jnp.stack([observed] * 2), {name: jnp.stack([value] * 2) for name, value in start.items()}
    images, begun = (observed if which == "variables" else many), (start if which == "observed" else starts)
    name = r"observed of shape \(2, 16, 16, 3\)" if which == "observed" else r"z of shape \(2, \d+\)"
    told = rf"{name}: give that of one image, \(.*\); map over a batch with jax.vmap"
    for search in (differentiable.unrolled, differentiable.implicit):
        with pytest.raises(ArgumentError, match=told):
            search(inversion, images, begun)
    with pytest.raises(ArgumentError, match=told):
        differentiable.attached(inversion, begun, images)
    mapped = jax.vmap(lambda y, v: differentiable.unrolled(inversion, y, v).losses)(many, starts)
    np.testing.assert_allclose(mapped[1], differentiable.unrolled(inversion, observed, start).losses, rtol=1e-4)

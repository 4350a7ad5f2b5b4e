"""Learned step sizes: their gradient against the program that unrolls, and what learning comes to."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gprior_jax as gp
from differentiable.problems import normal, smooth_problem
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.differentiable.learning import adam, optimizer_of, settings_of
from gprior_jax.errors import ArgumentError

STEPS = 5


@pytest.fixture(scope="module")
def images():
    prior = smooth_problem()[0].problem.prior
    return np.clip(
        gp.synthesize(prior, gp.sample_z(prior, jax.random.key(5), 3)) + 0.05 * normal(1, (3, 16, 16, 3)), -1, 1
    )


def test_the_gradient_is_that_of_unrolled_steps(images):
    inversion = smooth_problem()[0]
    starts = jax.vmap(partial(differentiable.start, inversion))(jax.random.split(jax.random.key(6), 2))
    settings = settings_of([0.1, 0.05], 0.8, 0.9)
    found = differentiable.hypergradient(inversion, jnp.asarray(images[:2]), starts, adam, settings, STEPS)

    def value(settings):
        def loss(pixels, start):
            options = {"optimizer": adam(settings, STEPS), "num_steps": STEPS, "chunk": None}
            return differentiable.unrolled(inversion, pixels, start, **options).found.loss

        return jnp.mean(jnp.log(jax.vmap(loss)(jnp.asarray(images[:2]), starts)))

    wanted, gradient = jit(jax.value_and_grad(value), use="once")(settings)
    np.testing.assert_allclose(found.value, wanted, rtol=1e-4)
    np.testing.assert_allclose(found.gradients["knots"].mean(0), gradient["knots"], rtol=1e-3)
    np.testing.assert_allclose(found.gradients["decays"].mean(0), gradient["decays"], rtol=1e-3)
    assert found.losses.shape == (2,)
    assert found.gradients["knots"].shape == (2, 2)


def test_a_rate_that_is_far_too_small_grows(images):
    """And searches end lower; the recipe's Adam is the one that was learned."""
    told = []
    learned = differentiable.learn_rates(
        smooth_problem()[0],
        images,
        jax.random.key(0),
        num_steps=STEPS,
        rounds=4,
        batch_size=2,
        rates=(0.01, 0.01),
        decays=(0.8, 0.9),
        told=lambda *args: told.append(args),
    )
    assert [index for index, *_ in told] == [0, 1, 2, 3]
    assert learned.learning_rate > 1.3 * told[0][2].learning_rate
    assert told[-1][1] < told[0][1]
    assert len(learned.schedule.factors) == 2


def test_an_optimizer_of_settings_is_the_same():
    settings = settings_of([0.2, 0.05, 0.1], 0.8, 0.9)
    learned, own = optimizer_of(settings)(7), adam(settings, 7)
    x = {"z": jnp.ones(3)}
    state, other = learned.init(x), own.init(x)
    for seed in range(7):
        gradient = {"z": normal(seed, (3,))}
        (a, state), (b, other) = learned.update(gradient, state, x), own.update(gradient, other, x)
        np.testing.assert_allclose(a["z"], b["z"], rtol=1e-3)


def test_bad_input_is_refused(images):
    with pytest.raises(ArgumentError, match="4 of 3 images"):
        differentiable.learn_rates(smooth_problem()[0], images, jax.random.key(0), batch_size=4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rates": ()}, "0 rates"),
        ({"rates": (0.1, 0.0)}, "rates must be numbers above 0"),
        ({"decays": (0.9, 1.0)}, "decays must be two numbers between 0 and 1"),
        ({"decays": (0.0, 0.9)}, "decays must be two numbers between 0 and 1"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_learned(images, options, told):
    with pytest.raises(ArgumentError, match=told):
        differentiable.learn_rates(smooth_problem()[0], images, jax.random.key(0), batch_size=2, **options)


def test_variables_are_as_many_as_images(images):
    starts = {"z": jnp.zeros((2, 8))}
    with pytest.raises(ArgumentError, match=r"images of shape \(3, .* and z of shape \(2, 8\): give as many of both"):
        differentiable.hypergradient(smooth_problem()[0], jnp.asarray(images), starts, adam, {}, STEPS)

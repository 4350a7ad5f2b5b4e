"""What is shared by all images, what belongs to one, and the objective of one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import normal
from latents.priors import conditional_prior, tiny_prior

from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import astype
from gprior_jax.inversion import solver
from gprior_jax.inversion.problem import Measurement, Problem, evaluate, held
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import W, Z
from gprior_jax.objectives import Objective, Observation, Pixel
from gprior_jax.operators import Downsample

SMALL = 0.5 * normal(1, 4, 4, 3)
Z_CODE = jnp.asarray(normal(2, 8))
TERMS = Objective((Pixel(3.0), Pixel(0.5, kind="l1")))
MEASUREMENT = Measurement(Downsample(2), TERMS.targets(Observation(SMALL, Downsample(2))), None, {})


@jax.jit
def evaluated(problem, z):
    """The objective, and the image that it is of."""
    variables = {"z": z, "_step": jnp.zeros(())}
    return evaluate(problem, variables, MEASUREMENT)[0], problem.parametrization.render(problem.prior, variables)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_terms_are_weighted_and_images_float32(dtype):
    (loss, terms), image = evaluated(Problem(astype(tiny_prior(), dtype), TERMS, None, Z()), Z_CODE)
    assert (image.dtype, loss.dtype) == (dtype, "float32")
    found = np.asarray(image, np.float32).reshape(4, 2, 4, 2, 3)
    found = found.mean((1, 3)) if dtype == "float32" else np.asarray(Downsample(2)(image.astype("float32")))
    rtol = 1e-4 if dtype == "float32" else 2e-2
    np.testing.assert_allclose(terms["pixel_mse"], np.mean((found - SMALL) ** 2), rtol=rtol)
    np.testing.assert_allclose(terms["pixel_l1"], np.mean(np.abs(found - SMALL)), rtol=rtol)
    assert float(loss) == pytest.approx(3 * float(terms["pixel_mse"]) + 0.5 * float(terms["pixel_l1"]), rel=1e-5)


def test_a_gradient_is_taken_of_what_is_free_only():
    """Plain gradient descent of rate 1 tells the gradient by what it takes away."""
    problem, descent = Problem(tiny_prior(), TERMS, None, Z()), SolverConfig(optax.sgd(1.0), 2)
    variables = {"z": Z_CODE, "_step": jnp.float32(3.0)}
    state = solver.init(problem, descent, jax.random.key(0))
    state = state._replace(variables=variables, best_variables=variables)
    after, evaluation = jax.jit(partial(solver.step, problem, descent))(state, MEASUREMENT)
    assert float(evaluation.loss) == pytest.approx(float(evaluated(problem, Z_CODE)[0].loss), rel=1e-5)
    assert float(after.variables["_step"]) == 3.0
    step = 1e-2 * normal(3, 8)
    ahead, behind = (float(evaluated(problem, Z_CODE + sign * step)[0].loss) for sign in (1, -1))
    assert float((Z_CODE - after.variables["z"]) @ step) == pytest.approx((ahead - behind) / 2, rel=1e-2)


def test_the_prior_is_held_to_an_image_s_class():
    prior = conditional_prior()
    problem = Problem(prior, Objective((Pixel(),)), None, W())
    assert held(problem, None) is prior
    np.testing.assert_array_equal(held(problem, jnp.eye(3)[1]).label, with_label(prior, 1).label)

"""Parameters of an operator from what was observed through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gprior_jax as gp
from differentiable.problems import blur, normal, smooth_problem
from gprior_jax import differentiable
from gprior_jax.errors import ArgumentError

SIGMAS = np.array([0.7, 1.3])


def build(parameters):
    return blur(jnp.exp(parameters[0]))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_width_of_a_blur_is_found(sigma):
    """Of two images that the prior draws, with noise; from the other width."""
    inversion, _, _ = smooth_problem()
    inversion = inversion.with_weights(own=1e-4)
    prior = inversion.problem.prior
    z = gp.sample_z(prior, jax.random.key(2), 2)
    observed = jnp.stack([blur(sigma)(image) for image in gp.synthesize(prior, z)]) + 0.01 * normal(1, (2, 16, 16, 3))
    first = jnp.log(jnp.full(1, SIGMAS[::-1][list(SIGMAS).index(sigma)]))
    variables = {"z": z + 0.1 * normal(3, z.shape)}
    fitted = differentiable.fit_operator(inversion, observed, variables, build, first, rounds=8)
    np.testing.assert_allclose(np.exp(fitted.parameters[0]), sigma, rtol=0.03)
    assert fitted.residuals[-1] < 0.5 * fitted.residuals[0]
    assert fitted.path.shape == (8, 1)
    assert fitted.variables["z"].shape == z.shape


def test_bad_input_is_refused():
    inversion, observed, found = smooth_problem()
    with pytest.raises(ArgumentError, match=r"parameters of shape \(\)"):
        differentiable.fit_operator(inversion, observed[None], found, build, jnp.zeros(()))
    with pytest.raises(ArgumentError, match="longest must be a number above 0, got 0"):
        differentiable.fit_operator(inversion, observed[None], found, build, jnp.zeros(1), longest=0.0)

"""Parameters of an operator from what was observed through it."""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gprior_jax as gp
from differentiable.problems import blur, normal, smooth_problem
from gprior_jax import differentiable
from gprior_jax.errors import ArgumentError
from gprior_jax.recipes.common import LBFGS


def build(parameters):
    return blur(jnp.exp(parameters[0]))


def exposure(parameters):
    return Exposure(jnp.exp(parameters[0]), parameters[1])


@flax.struct.dataclass
class Exposure:
    """An operator of a user's own."""

    contrast: jnp.ndarray
    brightness: jnp.ndarray

    def __call__(self, image):
        return self.contrast * image + self.brightness


@pytest.fixture(scope="module")
def inversion():
    """Of the small smooth problem, by steps that come to its minimum."""
    made = smooth_problem()[0].with_weights(own=1e-4)
    return dataclasses.replace(made, solver=gp.SolverConfig(LBFGS, 30))


@pytest.fixture(scope="module")
def drawn(inversion):
    """Two images that the prior draws, and codes near theirs."""
    prior = inversion.problem.prior
    z = gp.sample_z(prior, jax.random.key(2), 2)
    return gp.synthesize(prior, z), {"z": z + 0.1 * normal(3, z.shape)}


@pytest.mark.parametrize(("sigma", "first"), [(0.7, 1.3), (1.3, 0.7), (0.7, 2.0)])
def test_the_width_of_a_blur_is_found(inversion, drawn, sigma, first):
    """With noise; from a width that is too large as from one that is too small."""
    images, variables = drawn
    observed = jnp.stack([blur(sigma)(image) for image in images]) + 0.01 * normal(1, images.shape)
    fitted = differentiable.fit_operator(inversion, observed, variables, build, np.log([first]), rounds=6)
    np.testing.assert_allclose(np.exp(fitted.parameters[0]), sigma, rtol=0.03)
    assert fitted.losses.min() < 0.5 * fitted.losses[0]
    assert fitted.path.shape == (len(fitted.losses), 1)
    assert len(fitted.losses) <= 6
    assert fitted.variables["z"].shape == variables["z"].shape


def test_several_parameters_are_found(inversion, drawn):
    """Contrast and brightness of what a camera gave."""
    images, variables = drawn
    fitted = differentiable.fit_operator(inversion, 0.8 * images + 0.1, variables, exposure, np.zeros(2), rounds=12)
    np.testing.assert_allclose(np.exp(fitted.parameters[0]), 0.8, rtol=0.02)
    np.testing.assert_allclose(fitted.parameters[1], 0.1, atol=0.02)


def test_bad_input_is_refused():
    inversion, observed, found = smooth_problem()
    with pytest.raises(ArgumentError, match=r"parameters of shape \(\)"):
        differentiable.fit_operator(inversion, observed[None], found, build, jnp.zeros(()))
    for images in (observed, jnp.stack([observed] * 2)):
        variables = {"z": found["z"][None]}
        with pytest.raises(ArgumentError, match=r"images of shape .* and z of shape \(1, 8\): give as many of both"):
            differentiable.fit_operator(inversion, images, variables, build, jnp.zeros(1))
    with pytest.raises(ArgumentError, match="longest must be a number above 0, got 0"):
        differentiable.fit_operator(inversion, observed[None], found, build, jnp.zeros(1), longest=0.0)

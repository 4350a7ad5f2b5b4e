"""A small smooth problem: a generator of SiLU and tanh, a blur, a measurement that it cannot explain in full."""

import functools

import jax
import jax.numpy as jnp
import optax
from batteries import random_prior
from own.term import OwnTerm

import gprior_jax as gp
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import Z
from gprior_jax.objectives import Pixel
from gprior_jax.operators import Blur, gaussian_kernel

SHAPE = (16, 16, 3)
EXACT = differentiable.Curvature("hessian", 0.0, 50, 1e-6)
SIGMA, WEIGHT = 1.0, 0.5


def normal(seed, shape=SHAPE):
    return jax.random.normal(jax.random.key(seed), shape)


def blur(sigma):
    return Blur(gaussian_kernel(sigma, 5))


@functools.cache
def smooth_problem():
    """The inversion, what was observed of one image, and a minimum."""
    prior = random_prior("own")
    image = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(3), 1))[0]
    observed = blur(SIGMA)(image) + 0.1 * normal(9)
    recipe = Recipe("smooth", Z(), (Pixel(), OwnTerm(jnp.full(3, 0.1), WEIGHT)), gp.SolverConfig(optax.sgd(1.0), 30))
    inversion = differentiable.inversion(prior, recipe)
    start = differentiable.start(inversion, jax.random.key(0))
    return inversion, observed, solved(inversion, start, observed, SIGMA, WEIGHT)


@functools.partial(jit, use="once")
def solved(inversion, variables, observed, sigma, weight):
    """The minimum near some variables."""
    weighted = inversion.with_weights(own=weight)
    return differentiable.refined(weighted, variables, observed, blur(sigma), steps=30)

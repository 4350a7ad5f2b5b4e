"""The curvature of Gauss and Newton where a term looks through a network that bends."""

from functools import partial

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from batteries import random_prior

import gprior_jax as gp
from differentiable.problems import normal
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.differentiable import Curvature
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import Z
from gprior_jax.objectives import Perceptual

PRODUCTS = Curvature("gauss_newton", 0.0, 50, 1e-6)


@flax.struct.dataclass
class Waves:
    """A network whose features bend so much that their distance has directions of negative curvature in the pixels."""

    scale: float = flax.struct.field(pytree_node=False, default=1.0)

    def prepare(self):
        return self

    def features(self, image):
        return (jnp.sin(3.0 * image),)


def test_it_is_that_of_the_features():
    """With residuals as large as they get: least squares of features, which have their own Jacobian."""
    recipe = Recipe("bent", Z(), (Perceptual(Waves(), kind="mse"),), gp.SolverConfig(optax.sgd(1.0), 1))
    inversion = differentiable.inversion(random_prior("own"), recipe)
    start = differentiable.start(inversion, jax.random.key(0))
    observed, change = normal(1), normal(2)

    @partial(jit, use="once")
    def moved(inversion, start):
        def code(observed):
            return differentiable.attached(inversion, start, observed, curvature=PRODUCTS).variables["z"]

        return jax.jvp(code, (observed,), (change,))[1]

    @partial(jit, use="once")
    def jacobian(inversion, start):
        see = Waves().features
        return jax.jacfwd(lambda z: see(differentiable.rendered(inversion, {"z": z}))[0].ravel())(start["z"])

    slopes = np.asarray(jacobian(inversion, start), np.float64)
    right = np.asarray(3.0 * jnp.cos(3.0 * observed) * change, np.float64).ravel()
    wanted = np.linalg.lstsq(slopes, right)[0]
    np.testing.assert_allclose(moved(inversion, start), wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())

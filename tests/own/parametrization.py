"""A parametrisation of a user's own, and a method that searches with it."""

import dataclasses

import jax

from gprior_jax import recipes
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.running import run_layers
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Parametrization, from_hint
from gprior_jax.objectives import Pixel


@dataclasses.dataclass(frozen=True)
class OwnSum(Parametrization):
    """Several codes whose sum makes the image: ``{"own_codes": [count, z_dim]}``."""

    count: int = 3

    def fit(self, prior):
        check_label(prior, None)
        return self

    def init(self, prior, key, hint=None):
        return from_hint({"own_codes": jax.random.normal(key, (self.count, prior.z_dim)) / self.count}, hint)

    def render(self, prior, variables):
        return run_layers(prior, variables["own_codes"].sum(0))


def own_sum(count: int = 3, num_steps: int | None = None, restarts: int = 1) -> Recipe:
    """The recipe of the method."""
    return Recipe("own", OwnSum(count), (Pixel(),), SolverConfig(num_steps=num_steps or 5), restarts)


recipes.register(recipes.Method("own_sum", "a sum of codes", own_sum))

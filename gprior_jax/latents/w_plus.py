"""A w for every layer as the variables."""

import dataclasses

import jax

from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import as_styles
from gprior_jax.latents.parametrization import Variables, from_hint
from gprior_jax.latents.styled import Styled
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class WPlus(Styled):
    """A w for every layer: ``{"w_plus": [num_styles, w_dim]}``, and free noise maps; see :class:`Styled`.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin:portraits")
    >>> {name: value.shape for name, value in WPlus(start="random").init(prior, jax.random.key(0)).items()}
    {'w_plus': (10, 128)}
    """

    starts_at = ("w_plus", "w")

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """The mean of w in every layer, or the styles of a random code."""
        w_key, noise_key = jax.random.split(key)
        return from_hint({"w_plus": self.first_styles(prior, w_key)} | self.first_noise(prior, noise_key), hint)

    def start_at(self, prior: Prior, key: Key, code: Variables) -> Variables:
        """The styles of a code, or its w for every layer."""
        return {"w_plus": as_styles(prior, code["w"], "w")} if "w" in code else code

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the styles."""
        return self.render_styles(prior, variables["w_plus"], variables)

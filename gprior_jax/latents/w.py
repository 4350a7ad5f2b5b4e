"""One w for all layers as the variable."""

import dataclasses

import jax

from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import as_styles
from gprior_jax.latents.parametrization import Variables, from_hint
from gprior_jax.latents.styled import Styled
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class W(Styled):
    """One w for all layers: ``{"w": [w_dim]}``, and free noise maps; see :class:`Styled` for the attributes.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin:portraits")
    >>> found = W().init(prior, jax.random.key(0))
    >>> found["w"].shape, jax.jit(W().render)(prior, found).shape
    ((128,), (64, 64, 3))
    """

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """The mean of w, or that of a random code, or uniform numbers."""
        w_key, noise_key = jax.random.split(key)
        found = self.first_styles(prior, w_key)
        # A mean of uniform numbers would be none.
        w = found[0] if self.start == "uniform" else found.mean(0)
        return from_hint({"w": w} | self.first_noise(prior, noise_key), hint)

    def start_at(self, prior: Prior, key: Key, code: Variables) -> Variables:
        """The w of a code, or the mean of its styles."""
        return {"w": code["w_plus"].mean(0)} if "w_plus" in code else code

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of w."""
        return self.render_styles(prior, as_styles(prior, variables["w"], "w"), variables)

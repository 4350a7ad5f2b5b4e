"""One latent code as the variable."""

import dataclasses

from gprior_jax.generators.labels import check_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.latents.parametrization import Parametrization, Variables, from_hint
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class Z(Parametrization):
    """One latent code: ``{"z": [z_dim]}``, started from the prior's distribution.

    Attributes:
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
    """

    remat: bool = saves_memory(False)

    def fit(self, prior: Prior) -> "Z":
        """Itself; raises ``ValueError`` for a prior with classes that is held to none."""
        check_label(prior, None)
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code."""
        return from_hint({"z": prior.latent.sample(key, (prior.z_dim,))}, hint)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image."""
        return run_layers(prior, variables["z"], remat=self.remat)

"""One latent code as the variable."""

import dataclasses

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.latents.classes import check_class, first_label, of_class
from gprior_jax.latents.parametrization import Parametrization, Variables, from_hint
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class Z(Parametrization):
    """One latent code: ``{"z": [z_dim]}``, started from the prior's distribution.

    Attributes:
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
        free_label: the class is a variable too, ``"label": [num_classes]``, and may become any mixture; it starts from
            the one that the prior is held to, or from all alike.

    >>> import gprior_jax as gp, jax
    >>> Z().init(gp.load("builtin"), jax.random.key(0))["z"].shape
    (128,)
    """

    remat: bool = saves_memory(False)
    free_label: bool = False

    def fit(self, prior: Prior) -> "Z":
        """Itself; raises ``ValueError`` where the class is not free and a prior with classes is held to none."""
        check_class(prior, self.free_label)
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code."""
        own = {"z": prior.latent.sample(key, (prior.z_dim,))} | first_label(prior, self.free_label)
        return from_hint(own, hint)

    def is_drawn(self, encoder: Encoder | None = None) -> bool:
        """The code is, and there is nothing beside that of an encoder."""
        return encoder is None

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image."""
        return run_layers(of_class(prior, variables, self.free_label), variables["z"], remat=self.remat)

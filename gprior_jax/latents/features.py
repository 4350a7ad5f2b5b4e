"""A style for every layer, and what is added to the features at one of them."""

import dataclasses

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior, check_layer
from gprior_jax.generators.running import run_layers
from gprior_jax.latents.parametrization import Variables
from gprior_jax.latents.w_plus import WPlus
from gprior_jax.typing import Array, Key

OFFSET = "offset"
"""Name of the variable that is added."""


@dataclasses.dataclass(frozen=True)
class Features(WPlus):
    """W+ and an offset at a layer: ``G2(G1(w) + offset, w)`` with G1 the first ``layer`` layers and G2 the rest.

    The offset holds what no styles draw. An edit of the styles moves the features by ``G1(w + d) - G1(w)``, as it does
    without an offset, so that edits stay as strong. (BDInvert, Kang et al. 2021, arXiv:2108.08998, searches for
    features at a layer beside styles as well.)

    Variables: ``{"w_plus": [num_styles, w_dim], "offset": prior.feature_shape(layer)}``.

    Attributes:
        layer: where it is added, 1 to the number of layers less one; None takes the first one of a third of the
            resolution or more.
        offset_weight: weight of the offset's mean square, which keeps it small where styles would do.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin:portraits")
    >>> fitted = Features(offset_weight=0.1).fit(prior)
    >>> {name: value.shape for name, value in fitted.init(prior, jax.random.key(0)).items()}
    {'w_plus': (10, 128), 'offset': (32, 32, 35)}
    """

    layer: int | None = None
    offset_weight: float = 0.0

    def fit(self, prior: Prior) -> "Features":
        """Itself with a layer; raises ``ValueError`` for one that the prior does not have."""
        super().fit(prior)
        layer = default_feature_layer(prior) if self.layer is None else self.layer
        check_layer(prior, layer, lowest=1, highest=prior.num_layers - 1)
        return dataclasses.replace(self, layer=layer)

    @property
    def _cut(self) -> int:
        if self.layer is None:
            raise ArgumentError("the layer of the offset is left to the prior: call fit(prior) first.")
        return self.layer

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Styles as of W+, and an offset of zeros."""
        offset = jnp.zeros(prior.feature_shape(self._cut), jnp.float32)
        own = super().init(prior, key, hint) | {OFFSET: offset}
        return own | {OFFSET: hint[OFFSET]} if hint and OFFSET in hint else own

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the styles with the offset."""
        styles, noise = variables["w_plus"], self.noise_of(variables)
        first = run_layers(prior, None, stop=self._cut, remat=self.remat, styles=styles, noise=noise)
        moved = first + variables[OFFSET]
        return run_layers(prior, moved, start=self._cut, remat=self.remat, styles=styles, noise=noise)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """The mean square of the offset, with its weight."""
        found = super().penalty(prior, variables)
        if not self.offset_weight:
            return found
        return found | {OFFSET: self.offset_weight * jnp.mean(jnp.square(variables[OFFSET]))}


def default_feature_layer(prior: Prior) -> int:
    """The first layer after which features have at least a third of the image's side."""
    sides = [prior.feature_shape(layer)[0] for layer in range(1, prior.num_layers)]
    return 1 + next((i for i, side in enumerate(sides) if 3 * side >= prior.resolution), len(sides) - 1)

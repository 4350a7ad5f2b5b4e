"""The difference of style: of how the features of a perceptual network go together, wherever they are."""

import dataclasses
from typing import Any

import flax.struct
import jax.numpy as jnp

from gprior_jax.generators.prior import Prior
from gprior_jax.latents.parametrization import Variables
from gprior_jax.objectives.distances import known_weights
from gprior_jax.objectives.perceptual import features_of, fit_network
from gprior_jax.objectives.term import Observation, Term
from gprior_jax.typing import Array


def gram(features: Array, weights: Array | None = None) -> Array:
    """Mean product of every two channels, ``[C, C]``: what of an image does not depend on where it is.

    Args:
        features: ``[h, w, C]``.
        weights: ``[h, w, 1]`` of mean 1; None weighs all cells alike.

    >>> gram(jnp.ones((2, 2, 1))).tolist()
    [[1.0]]
    """
    weighted = features if weights is None else features * weights
    return jnp.einsum("hwc,hwd->cd", weighted, features) / (features.shape[0] * features.shape[1])


@flax.struct.dataclass
class Style(Term):
    """Difference of the :func:`gram` matrices of a perceptual network's features: the mean of its square, per layer.

    Attributes:
        network: see :data:`gprior_jax.objectives.perceptual.Network`; its ``scale`` does not count.
        weight: factor in the total.
        image: ``[H, W, C]`` in [-1, 1] whose style is wanted; None takes that of what was observed.
        region: ``[H, W, 1]``, where the reconstruction shall have the style (1); None is everywhere that is known.
        max_side: see :class:`gprior_jax.objectives.Perceptual` (static).

    >>> import gprior_jax as gp, jax
    >>> term = Style("auto", weight=10.0).fit(gp.load("builtin"))
    >>> term.name, len(term.network.layers)
    ('style', 8)
    """

    network: Any
    weight: float | Array = 1.0
    image: Array | None = None
    region: Array | None = None
    max_side: int | None = flax.struct.field(pytree_node=False, default=None)

    @property
    def name(self) -> str:
        """``"style"``."""
        return "style"

    def fit(self, prior: Prior) -> "Style | None":
        """The term with its network; None where ``"auto"`` finds none."""
        network = fit_network(self.network, prior)
        return None if network is None else dataclasses.replace(self, network=network)

    def target(self, observation: Observation) -> tuple[Array | None, tuple[Array, ...]]:
        """The region, and the Gram matrices of what has the style."""
        region = observation.known if self.region is None else self.region
        if self.image is None:
            return region, self._grams(observation.pixels, region)
        return region, self._grams(self.image, None)

    def seen(self, image: Array, observed: Array, target: Any, variables: Variables) -> tuple[Array, ...]:
        """Gram matrices of the reconstruction."""
        return self._grams(observed, target[0])

    def compared(self, seen: tuple[Array, ...], target: Any) -> Array:
        """Distance of Gram matrices, a scalar."""
        pairs = zip(seen, target[1], strict=True)
        return sum((jnp.mean(jnp.square(a - b)) for a, b in pairs), start=jnp.asarray(0))

    def _grams(self, image: Array, region: Array | None) -> tuple[Array, ...]:
        features = features_of(self.network, image, self.max_side)
        return tuple(gram(f, known_weights(region, (f.shape[0], f.shape[1]))) for f in features)

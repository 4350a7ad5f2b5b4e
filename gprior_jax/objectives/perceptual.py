"""The difference of the features of a perceptual network."""

import dataclasses
from typing import Any, Literal, NamedTuple

import flax.struct

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.parametrization import Variables
from gprior_jax.objectives.distances import Distance, at_most, distance, known_weights
from gprior_jax.objectives.term import Observation, Term
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork, default
from gprior_jax.typing import Array

Network = PerceptualNetwork | LPIPS | Literal["default", "auto"]
"""A loaded network; or the prior's discriminator: an error where there is none (``"default"``), or nothing
(``"auto"``)."""


def fit_network(network: Network, prior: Prior) -> PerceptualNetwork | LPIPS | None:
    """The network that is meant on a prior, prepared; None where ``"auto"`` finds no discriminator.

    Raises:
        ValueError: ``"default"``, and the prior has no discriminator.
    """
    if network == "auto" and prior.critic is None:
        return None
    return (default(prior) if isinstance(network, str) else network).prepare()


def features_of(network: Network, image: Array, max_side: int | None) -> tuple[Array, ...]:
    """Features of one image, reduced first where it is larger than ``max_side``."""
    if isinstance(network, str):
        raise ArgumentError(f"the network {network!r} is left to the prior: call fit(prior) of the term first.")
    return network.features(at_most(image, max_side))


class PerceptualTarget(NamedTuple):
    """What a perceptual term compares with: features, and for every layer weights of mean 1 (None: all alike)."""

    features: tuple[Array, ...]
    weights: tuple[Array | None, ...]


@flax.struct.dataclass
class Perceptual(Term):
    """Difference of the features of a perceptual network, summed over its layers, times the network's scale.

    Under a mask both images have the same zeros in the holes, and features are weighted by the part of their cell that
    is known, so that a hole neither counts nor dilutes the mean.

    Attributes:
        network: see :data:`Network`; LPIPS with ``kind="mse"`` is the published distance.
        weight: factor in the total.
        kind: mean absolute (mGANprior's default) or mean squared difference (static).
        masked: weigh features by the known area (static); False is mGANprior's mean over all of them.
        max_side: larger images are reduced to this side first, by area (static); None leaves them.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> prior = gp.load("builtin")
    >>> term = Perceptual("auto").fit(prior)  # The features of its discriminator.
    >>> gray, white = jnp.zeros((64, 64, 3)), jnp.ones((64, 64, 3))
    >>> distance_of = jax.jit(term.between)
    >>> float(distance_of(gray, gray)), bool(distance_of(gray, white) > 0)
    (0.0, True)
    """

    network: Any
    weight: float | Array = 1.0
    kind: Distance = flax.struct.field(pytree_node=False, default="l1")
    masked: bool = flax.struct.field(pytree_node=False, default=True)
    max_side: int | None = flax.struct.field(pytree_node=False, default=None)

    @property
    def name(self) -> str:
        """``"perceptual"``."""
        return "perceptual"

    def fit(self, prior: Prior) -> "Perceptual | None":
        """The term with its network; None where ``"auto"`` finds none."""
        network = fit_network(self.network, prior)
        return None if network is None else dataclasses.replace(self, network=network)

    def target(self, observation: Observation) -> PerceptualTarget:
        """Features of the observation, and their weights."""
        features = features_of(self.network, observation.pixels, self.max_side)
        known = observation.known if self.masked else None
        return PerceptualTarget(features, tuple(known_weights(known, (f.shape[0], f.shape[1])) for f in features))

    def between(self, image: Array, reference: Array) -> Array:
        """Distance of two images ``[H, W, C]`` in [-1, 1], a scalar; of a fitted term."""
        return self.loss(image, image, self.target(Observation(reference, None)), {})

    def seen(self, image: Array, observed: Array, target: PerceptualTarget, variables: Variables) -> tuple[Array, ...]:
        """Features of the reconstruction."""
        return features_of(self.network, observed, self.max_side)

    def compared(self, seen: tuple[Array, ...], target: PerceptualTarget) -> Array:
        """Distance of features, a scalar."""
        layers = zip(seen, target.features, target.weights, strict=True)
        return self.network.scale * sum(distance(a, b, self.kind, weights) for a, b, weights in layers)

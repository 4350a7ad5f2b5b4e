"""Objectives: named, weighted terms that compare a reconstruction with what was observed.

A term is a pytree with two functions for one image: ``target(y)``, computed once, and ``loss(y_hat, target)``, computed
in every step. All terms are means, so that weights do not depend on sizes.
"""

import dataclasses
from typing import Literal

import flax.struct
import jax.numpy as jnp

from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.typing import Array, PyTree

Distance = Literal["mse", "l1"]


def distance(a: Array, b: Array, kind: Distance) -> Array:
    """Mean squared or mean absolute difference, a scalar.

    >>> float(distance(jnp.zeros(4), jnp.full(4, 3.0), "mse"))
    9.0
    """
    difference = a - b
    return jnp.mean(jnp.square(difference) if kind == "mse" else jnp.abs(difference))


@flax.struct.dataclass
class Pixel:
    """Difference of pixels in [-1, 1].

    Attributes:
        weight: factor in the total.
        kind: mean squared or mean absolute difference (static).
    """

    weight: float | Array = 1.0
    kind: Distance = flax.struct.field(pytree_node=False, default="mse")

    @property
    def name(self) -> str:
        """Name in results and histories."""
        return f"pixel_{self.kind}"

    def prepare(self) -> "Pixel":
        """Nothing to prepare."""
        return self

    def target(self, observed: Array) -> Array:
        """The observation itself."""
        return observed

    def loss(self, observed: Array, target: Array) -> Array:
        """Distance of one image, a scalar."""
        return distance(observed, target, self.kind)


@flax.struct.dataclass
class Perceptual:
    """Difference of the features of a perceptual network, summed over its layers, times the network's scale.

    Attributes:
        network: a loaded network, or ``"default"`` for the one that comes with the prior.
        weight: factor in the total.
        kind: mean absolute (mGANprior's default) or mean squared difference (static).
    """

    network: PerceptualNetwork | Literal["default"]
    weight: float | Array = 1.0
    kind: Distance = flax.struct.field(pytree_node=False, default="l1")

    @property
    def name(self) -> str:
        """Name in results and histories."""
        return "perceptual"

    def prepare(self) -> "Perceptual":
        """The term with the network's weights prepared."""
        return dataclasses.replace(self, network=self._loaded().prepare())

    def target(self, observed: Array) -> tuple[Array, ...]:
        """Features of the observation."""
        return self._loaded().features(observed)

    def loss(self, observed: Array, target: tuple[Array, ...]) -> Array:
        """Distance of one image, a scalar."""
        network = self._loaded()
        distances = [distance(a, b, self.kind) for a, b in zip(network.features(observed), target, strict=True)]
        return network.scale * _sum(distances)

    def _loaded(self) -> PerceptualNetwork:
        if isinstance(self.network, str):
            raise ValueError("a perceptual term needs a network: only a recipe can put a prior's own for 'default'.")
        return self.network


def _sum(values: list[Array]) -> Array:
    return sum(values, start=jnp.asarray(0))  # Weakly typed: the sum keeps the dtype of the values.


Term = Pixel | Perceptual


@flax.struct.dataclass
class Objective:
    """A weighted sum of named terms.

    Attributes:
        terms: the terms; their names are distinct.
    """

    terms: tuple[Term, ...]

    def __post_init__(self):
        names = [term.name for term in self.terms]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"an objective needs terms of distinct names, got {names}.")

    def prepare(self) -> "Objective":
        """The objective with everything computed that no step needs to repeat."""
        return Objective(tuple(term.prepare() for term in self.terms))

    def targets(self, observed: Array) -> PyTree:
        """What every term compares with, for one observation."""
        return tuple(term.target(observed) for term in self.terms)

    def __call__(self, observed: Array, targets: PyTree, penalties: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Weighted sum and named terms, unweighted.

        Args:
            observed: the operator applied to the reconstruction.
            targets: what :meth:`targets` returned.
            penalties: terms of the variables (:meth:`gprior_jax.latents.Z.penalty`), added with weight 1.

        Returns:
            The total (a scalar), and ``{name: scalar}``.
        """
        values = {t.name: t.loss(observed, g) for t, g in zip(self.terms, targets, strict=True)}
        weighted = [term.weight * values[term.name] for term in self.terms]
        return _sum([*weighted, *penalties.values()]), values | penalties

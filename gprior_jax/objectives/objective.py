"""A weighted sum of terms."""

from typing import Any

import flax.struct
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import FLOATS, check_dtype
from gprior_jax.latents.parametrization import Variables
from gprior_jax.objectives.term import Observation, Term
from gprior_jax.typing import Array, PyTree


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
            raise ArgumentError(f"an objective needs terms of distinct names, got {names}.")

    def targets(self, observation: Observation) -> PyTree:
        """What every term compares with, for one image.

        Raises:
            ValueError: whole numbers for pixels.
        """
        check_dtype(observation.pixels, "f", FLOATS, "what was observed")
        return tuple(term.target(observation) for term in self.terms)

    def __call__(
        self, image: Array, observed: Array, targets: Any, variables: Variables, penalties: dict[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """Weighted sum and named terms, unweighted.

        Args:
            image: the reconstruction.
            observed: the operator applied to it.
            targets: what :meth:`targets` returned.
            variables: that the reconstruction was rendered from.
            penalties: terms of the variables (:meth:`gprior_jax.latents.Parametrization.penalty`), added with weight 1.

        Returns:
            The total (a scalar), and ``{name: scalar}``.

        Raises:
            ValueError: whole numbers for pixels.
        """
        check_dtype(image, "f", FLOATS, "the image")
        pairs = zip(self.terms, targets, strict=True)
        values = {term.name: term.loss(image, observed, target, variables) for term, target in pairs}
        weighted = [term.weight * values[term.name] for term in self.terms]
        # Weakly typed: the sum keeps the dtype of the values.
        return sum([*weighted, *penalties.values()], start=jnp.asarray(0)), values | penalties

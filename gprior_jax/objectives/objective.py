"""A weighted sum of terms."""

from typing import Any

import flax.struct
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import FLOATS, check_dtype
from gprior_jax.latents.parametrization import Variables
from gprior_jax.objectives.term import Observation, Term, is_in_parts
from gprior_jax.typing import Array, PyTree


@flax.struct.dataclass
class Objective:
    """A weighted sum of named terms.

    Attributes:
        terms: the terms; their names are distinct.

    >>> import gprior_jax as gp, jax.numpy as jnp
    >>> both = Objective((gp.objectives.Pixel(), gp.objectives.Pixel(0.5, "l1")))
    >>> image, seen = jnp.full((2, 2, 3), 0.5), gp.objectives.Observation(jnp.zeros((2, 2, 3)), None)
    >>> total, terms = both(image, image, both.targets(seen), {}, {})
    >>> float(total), {name: float(value) for name, value in terms.items()}
    (0.5, {'pixel_mse': 0.25, 'pixel_l1': 0.5})
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
        return self._sum(values, penalties)

    def seen(self, image: Array, observed: Array, targets: Any, variables: Variables) -> tuple[PyTree, ...]:
        """What every term compares (:meth:`Term.seen`), or all that its loss takes; arguments are those of a call."""
        everything = image, observed, variables
        pairs = zip(self.terms, targets, strict=True)
        return tuple(
            term.seen(image, observed, target, variables) if is_in_parts(term) else everything for term, target in pairs
        )

    def compared(
        self, seen: tuple[PyTree, ...], targets: Any, penalties: dict[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """What a call returns, of what is :meth:`seen`."""

        def value(term: Term, seen: Any, target: Any) -> Array:
            if is_in_parts(term):
                return term.compared(seen, target)
            image, observed, variables = seen
            return term.loss(image, observed, target, variables)

        triples = zip(self.terms, seen, targets, strict=True)
        return self._sum({term.name: value(term, own, target) for term, own, target in triples}, penalties)

    def _sum(self, values: dict[str, Array], penalties: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        weighted = [term.weight * values[term.name] for term in self.terms]
        # Weakly typed: the sum keeps the dtype of the values.
        return sum([*weighted, *penalties.values()], start=jnp.asarray(0)), values | penalties

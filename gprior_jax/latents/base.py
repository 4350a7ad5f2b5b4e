"""What the solver asks of a parametrisation of an image."""

import dataclasses
from typing import Any, ClassVar, Protocol

from gprior_jax.generators.base import Prior
from gprior_jax.typing import Array, Key

Variables = dict[str, Array]

FIXED = "_"
"""First letter of the name of what belongs to a point but is not optimised: noise as drawn, a counter, a radius."""


class Parametrization(Protocol):
    """What the solver asks of a parametrisation, a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` if it does not fit the prior."""
        ...

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Variables to start from; entries of ``hint`` are taken as they are."""
        ...

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image ``[R, R, C]``."""
        ...

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """Named scalars to add to the objective."""
        ...

    def project(self, variables: Variables) -> Variables:
        """The nearest admissible variables."""
        ...

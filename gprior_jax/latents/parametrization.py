"""What the solver asks of a parametrisation of an image, and what parametrisations share."""

from collections.abc import Collection
from typing import Any, ClassVar, Protocol, TypeVar

import jax
import jax.numpy as jnp

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.prior import Prior
from gprior_jax.keys import purpose
from gprior_jax.typing import Array, Key

Variables = dict[str, Array]

FIXED = "_"
"""First letter of the name of what belongs to a point but is not optimised: noise as drawn, a counter, a radius."""

P = TypeVar("P", bound="Parametrization")

KINDS: dict[str, type["Parametrization"]] = {}
"""Every parametrisation by the name of its class, those of the user's too: what a result's ``run.json`` names."""


class Parametrization(Protocol):
    """The variables that are optimised, and the image that they stand for; functions are for one image.

    A parametrisation is a frozen dataclass: static and hashable. One of your own derives from this
    class and says how to ``init`` and to ``render``; the rest has defaults. A prior with classes that comes here is
    held to one.
    """

    starts_at: ClassVar[tuple[str, ...]] = ()
    """Spaces of codes that :meth:`start_at` takes from an encoder that nobody asked for."""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        KINDS[cls.__name__] = cls

    def fit(self: P, prior: Prior) -> P:
        """This parametrisation with everything that was left to the prior decided.

        Raises:
            ValueError: it does not fit the prior.
        """
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Variables to start from; entries of ``hint`` that are of them are taken as they are."""
        ...

    def encoder_of(self, prior: Prior) -> Encoder | None:
        """The prior's encoder for this parametrisation, once fitted; its own unless a parametrisation says so."""
        return prior.encoder

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise ``ValueError`` for an encoder whose codes belong to other variables, where shapes do not tell it."""

    def start_at(self, prior: Prior, key: Key, code: Variables) -> Variables:
        """The part of the variables that draws what a code of an encoder draws, as a hint for :meth:`init`.

        Args:
            prior: the generator.
            key: of what is drawn around it.
            code: under the name of its space: ``z``, ``w`` or ``w_plus``; or ``codes`` with the ``features`` that they
                are to compose.
        """
        return code

    def check_init(self, names: Collection[str]) -> None:
        """Raise ``ValueError`` where variables of these names mean nothing beside others that are drawn."""

    def is_drawn(self, encoder: Encoder | None = None) -> bool:
        """Whether starts differ, as something of them is drawn; so it is, unless a parametrisation says so.

        Args:
            encoder: what they start from; None starts without.
        """
        return True

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image ``[R, R, C]``."""
        ...

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """Named scalars to add to the objective; none unless a parametrisation says so."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """The nearest admissible variables, after every update; all are admissible unless it says so."""
        return variables


def from_hint(own: Variables, hint: Variables | None) -> Variables:
    """Variables with those entries of a hint that are of them and not fixed; a result of another method may hold more.

    >>> from_hint({"w": 0, "_step": 0}, {"w": 1, "_step": 5, "codes": 2})
    {'w': 1, '_step': 0}
    """
    return own | {n: value for n, value in (hint or {}).items() if n in own and not n.startswith(FIXED)}


_STEP, _SEED = f"{FIXED}step", f"{FIXED}seed"
_SEEDS = 1 << 24  # Kept as float32, as results are stored; these whole numbers are exact in it.


def first_step(key: Key) -> Variables:
    """Fixed variables of a parametrisation that draws anew in every step: a seed, and the step before the first.

    >>> advanced = next_step(next_step(first_step(jax.random.key(0))))
    >>> float(advanced["_step"]), step_key(advanced).shape
    (1.0, ())
    """
    return {_STEP: jnp.float32(-1.0), _SEED: jax.random.randint(key, (), 0, _SEEDS).astype(jnp.float32)}


def next_step(variables: Variables) -> Variables:
    """The variables, with the step counted up."""
    return variables | {_STEP: variables[_STEP] + 1.0}


def step_key(variables: Variables) -> Key:
    """The key of this step, of the image's own stream."""
    # The seeds of users count from 0 as well: step i of seed 5 shall not draw code i of theirs.
    key = purpose(jax.random.key(variables[_SEED].astype(jnp.uint32)), "steps")
    return jax.random.fold_in(key, variables[_STEP].astype(jnp.uint32))

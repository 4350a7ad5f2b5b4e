"""What a term of an objective is, and what it is told."""

from typing import Any, NamedTuple, Protocol

from gprior_jax.generators.prior import Prior
from gprior_jax.latents.parametrization import Variables
from gprior_jax.operators import Forward
from gprior_jax.summary import summarise_fields
from gprior_jax.typing import Array, PyTree


class Observation(NamedTuple):
    """What was observed of one image.

    Attributes:
        pixels: ``[h, w, C]`` in [-1, 1], what the operator gave.
        operator: the forward operator; any callable pytree, see :mod:`gprior_jax.operators`.

    >>> import gprior_jax as gp, jax.numpy as jnp
    >>> mask = gp.operators.Mask(gp.operators.box_mask(4, 2))
    >>> Observation(jnp.zeros((4, 4, 3)), mask).known.shape, Observation(jnp.zeros((4, 4, 3)), None).known
    ((4, 4, 1), None)
    """

    pixels: Array
    operator: Forward | None

    @property
    def known(self) -> Array | None:
        """``[h, w, 1]``, 1 where a pixel was observed; None where all were."""
        return getattr(self.operator, "known", None)  # An operator of the user's may be any callable pytree.


class Term(Protocol):
    """One named, weighted number that is to become small; a pytree, whose arrays are leaves.

    A term of your own is a ``flax.struct.dataclass`` that derives from this class, has ``name`` and ``weight``, and
    says how to make its ``target`` and its ``loss``, for one image; the rest has defaults. All terms of this package
    are means, so that weights do not depend on sizes.

    >>> import flax.struct, jax.numpy as jnp
    >>> @flax.struct.dataclass
    ... class Brightness(Term):
    ...     weight: float = 1.0
    ...
    ...     @property
    ...     def name(self):
    ...         return "brightness"
    ...
    ...     def target(self, observation):
    ...         return observation.pixels.mean()
    ...
    ...     def loss(self, image, observed, target, variables):
    ...         return jnp.square(observed.mean() - target)
    >>> Brightness(0.5).summary()
    {'term': 'brightness', 'weight': 0.5}
    """

    weight: float | Array
    """Factor in the total."""

    @property
    def name(self) -> str:
        """Name in results and histories; the terms of an objective have distinct ones."""
        ...

    def fit(self, prior: Prior) -> "Term | None":
        """This term with everything that was left to the prior decided and prepared; None leaves it out.

        Raises:
            ValueError: it does not fit the prior.
        """
        return self

    def target(self, observation: Observation) -> PyTree:
        """What :meth:`loss` compares with, computed once for an image."""
        ...

    def loss(self, image: Array, observed: Array, target: Any, variables: Variables) -> Array:
        """A scalar, computed in every step: give this one, or :meth:`seen` and :meth:`compared`.

        Args:
            image: ``[R, R, C]``, the reconstruction.
            observed: the operator applied to it.
            target: what :meth:`target` returned.
            variables: that the reconstruction was rendered from.
        """
        return self.compared(self.seen(image, observed, target, variables), target)

    def seen(self, image: Array, observed: Array, target: Any, variables: Variables) -> PyTree:
        """What :meth:`compared` takes, arrays of floats, such as a network's features; arguments are those of the loss.

        The curvature of Gauss and Newton (:class:`gprior_jax.differentiable.Curvature`) is made of first derivatives
        of this and second ones of :meth:`compared`. It has no negative directions where that is convex, as the loss
        itself rarely is in the pixels where a term looks through a network.
        """
        raise NotImplementedError(f"{type(self).__name__} has no loss: write loss, or seen and compared.")

    def compared(self, seen: Any, target: Any) -> Array:
        """The loss of what is :meth:`seen`, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no loss: write loss, or seen and compared.")

    def summary(self) -> dict[str, Any]:
        """The term as JSON, which differs where its losses would: arrays by their fingerprint."""
        return summarise_fields(self, term=self.name)


def is_in_parts(term: Term) -> bool:
    """Whether ``seen`` and ``compared`` are a term's loss: not where a class has written another one over them."""
    # A loss may also be a field, or that of a class which only looks like a term.
    places = (getattr(term, "__dict__", {}), *(vars(own) for own in type(term).__mro__))
    written = next((own for own in places if {"loss", "compared"} & own.keys()), {})
    return "compared" in written

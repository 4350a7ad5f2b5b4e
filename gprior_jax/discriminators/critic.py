"""A discriminator with its weights."""

from typing import Any, Protocol

import flax.struct

from gprior_jax.typing import Array, Params


class Discriminator(Protocol):
    """What a Linen module must offer for its features to be compared. Methods take one image, through ``apply``."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image, ``(R, R, C)``."""
        ...

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output ``features`` can return, in order."""
        ...

    def prepare(self) -> Any:
        """Weights in the form that ``features`` applies; a pytree."""
        ...

    def features(self, image: Array, names: tuple[str, ...], weights: Any = None) -> tuple[Array, ...]:
        """Features of one image ``[R, R, C]`` in [-1, 1] at the named layers."""
        ...

    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Linen's."""
        ...


@flax.struct.dataclass
class Critic:
    """A discriminator with its weights.

    Attributes:
        params: weights, nested dicts.
        module: the Linen module (static).

    >>> import gprior_jax as gp
    >>> from gprior_jax.perceptual.network import discriminator
    >>> critic = gp.load("builtin").critic
    >>> critic.module.input_shape, discriminator(critic, ("conv_8",)).layers  # Its features compare images.
    ((64, 64, 3), ('conv_8',))
    """

    params: Params
    module: Discriminator = flax.struct.field(pytree_node=False)

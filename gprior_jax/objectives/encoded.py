"""The distance of a code from what an encoder makes of its image."""

import dataclasses
from typing import Any

import flax.struct
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.parametrization import Variables
from gprior_jax.objectives.term import Observation, Term
from gprior_jax.typing import Array


@flax.struct.dataclass
class Encoded(Term):
    """Mean squared difference of the code and the encoder's code of the image that it draws.

    It keeps codes where the encoder's are, in the domain of images that it was trained on: in-domain inversion (Zhu et
    al. 2020, arXiv:2004.00049, equation 4; idinvert_pytorch ``utils/inverter.py``).

    Attributes:
        encoder: an :class:`gprior_jax.encoders.encoder.Encoder`, or ``"default"``, the prior's own.
        weight: factor in the total; 2 is published.

    >>> import gprior_jax as gp
    >>> term = Encoded(weight=0.5).fit(gp.load("builtin"))
    >>> term.name, term.encoder.module.space
    ('encoder', 'z')
    """

    encoder: Any = "default"
    weight: float | Array = 2.0

    @property
    def name(self) -> str:
        """``"encoder"``."""
        return "encoder"

    def fit(self, prior: Prior) -> "Encoded":
        """The term with its encoder.

        Raises:
            ValueError: ``"default"``, and the prior has none; or an encoder of several codes.
        """
        if not isinstance(self.encoder, str):
            if self.encoder.module.space == "codes":
                raise ArgumentError(
                    "the encoder gives several codes, no code to compare with: give one of z or styles."
                )
            return self
        if prior.encoder is None:
            raise ArgumentError(f"{prior} comes without an encoder: train one (gprior train encoder), or give one.")
        return dataclasses.replace(self, encoder=prior.encoder)

    def target(self, observation: Observation) -> tuple[()]:
        """Nothing: the image that the code draws is what it is compared by."""
        return ()

    def seen(self, image: Array, observed: Array, target: tuple[()], variables: Variables) -> Array:
        """The code less what the encoder makes of its image.

        Raises:
            ValueError: what is searched for is no code of the encoder's space.
        """
        module = self.encoder.module
        code = variables.get(module.space)
        if code is None or code.shape != tuple(module.code_shape):
            held = ", ".join(f"{name} {value.shape}" for name, value in variables.items())
            raise ArgumentError(
                f"the encoder gives {module.space} {tuple(module.code_shape)}, but what is searched for is {held}."
            )
        return code - module.apply({"params": self.encoder.params}, image)

    def compared(self, seen: Array, target: tuple[()]) -> Array:
        """Mean square of that difference, a scalar."""
        return jnp.mean(jnp.square(seen))

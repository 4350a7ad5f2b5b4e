"""The difference of pixels."""

from typing import NamedTuple

import flax.struct
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.latents.parametrization import Variables
from gprior_jax.objectives.distances import Distance, distance, known_weights
from gprior_jax.objectives.term import Observation, Term
from gprior_jax.typing import Array


class PixelTarget(NamedTuple):
    """What a pixel term compares with: the observation, weights of mean 1 (None where all are known), the floor."""

    pixels: Array
    weights: Array | None
    floor: Array


@flax.struct.dataclass
class Pixel(Term):
    """Difference of pixels in [-1, 1].

    Attributes:
        weight: factor in the total.
        kind: mean squared, absolute or Huber's difference (static).
        floor: the loss is never below this number, and its gradient is zero there: the observation is not fitted
            closer than its noise. PULSE's epsilon (Menon et al. 2020, ``loss.py``, 2e-3 on pixels in [0, 1]).
        masked: take the mean over the known pixels (static); False is mGANprior's mean over all of them.
        floor_from_noise: raise the floor to the mean square of the noise that the observation seems to have
            (:func:`gprior_jax.images.arrays.noise_level`; static); for ``"mse"``.

    >>> from gprior_jax.objectives.term import Observation
    >>> term, image = Pixel(kind="l1"), jnp.full((2, 2, 3), 0.5)
    >>> term.name, float(term.loss(image, image, term.target(Observation(jnp.zeros((2, 2, 3)), None)), {}))
    ('pixel_l1', 0.5)
    """

    weight: float | Array = 1.0
    kind: Distance = flax.struct.field(pytree_node=False, default="mse")
    floor: float | Array = 0.0
    masked: bool = flax.struct.field(pytree_node=False, default=True)
    floor_from_noise: bool = flax.struct.field(pytree_node=False, default=False)

    def __post_init__(self):
        if self.floor_from_noise and self.kind != "mse":
            raise ArgumentError(f"the noise level is a floor of the mean square, not of {self.kind!r}: leave it out.")

    @property
    def name(self) -> str:
        """``"pixel_"`` and the distance."""
        return f"pixel_{self.kind}"

    def target(self, observation: Observation) -> PixelTarget:
        """The observation itself, the weights of its pixels, and the floor."""
        floor = jnp.asarray(self.floor, observation.pixels.dtype)
        if self.floor_from_noise:
            floor = jnp.maximum(floor, jnp.square(im.noise_level(observation.pixels) / im.GREY_LEVEL))
        return PixelTarget(observation.pixels, known_weights(observation.known) if self.masked else None, floor)

    def seen(self, image: Array, observed: Array, target: PixelTarget, variables: Variables) -> Array:
        """Pixels, as they are observed."""
        return observed

    def compared(self, seen: Array, target: PixelTarget) -> Array:
        """Distance of pixels, a scalar."""
        return jnp.maximum(distance(seen, target.pixels, self.kind, target.weights), target.floor)

"""An encoder of one matrix, from the mean colour to a code."""

import flax.linen as nn
import jax.numpy as jnp
from batteries import normal

from gprior_jax.encoders.encoder import Encoder


class MeanEncoder(nn.Module):
    """The mean of all pixels, times a matrix ``[channels, code]``.

    Attributes:
        code: shape of the code.
        space: what it is.
        side: of the image, pixels.
    """

    code: tuple[int, ...] = (4,)
    space: str = "z"
    side: int = 4

    @property
    def input_shape(self):
        return (self.side, self.side, 3)

    @property
    def code_shape(self):
        return self.code

    def setup(self):
        self.kernel = self.param("kernel", nn.initializers.normal(), (3, *self.code))

    def __call__(self, image):
        return jnp.tensordot(image.mean((0, 1)), self.kernel, 1)

    def init_all(self, image):
        self(image)


def toy_encoder(**attributes) -> Encoder:
    """One with fixed random weights."""
    module = MeanEncoder(**attributes)
    return Encoder({"kernel": jnp.asarray(normal(60, 3, *module.code))}, module)

"""A toy encoder, for the tests in this folder."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.encoders.encoder import Encoder


class ToyEncoder(nn.Module):
    """From the pixels of 8x8 images, linearly, to what an encoder gives in its space."""

    space: str = "z"
    code_shape: tuple[int, ...] = (8,)
    input_shape: tuple[int, ...] = (8, 8, 3)

    @nn.compact
    def __call__(self, image):
        return nn.Dense(int(np.prod(self.code_shape)))(image.reshape(-1)).reshape(self.code_shape)


@functools.cache
def toy_encoder(space: str = "z", shape: tuple[int, ...] = (8,), seed: int = 0) -> Encoder:
    """One with random weights."""
    module = ToyEncoder(space, shape)
    return Encoder(module.init(jax.random.key(seed), jnp.zeros((8, 8, 3)))["params"], module)

"""Colour to gray."""

from typing import Literal

import flax.struct
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Parts of red, green and blue in the luma of ITU-R BT.601."""


@flax.struct.dataclass
class Luma:
    """The luma (gray value) of BT.601, taken of values in [-1, 1]: they stay in [-1, 1], as the weights sum to 1.

    Attributes:
        channels: 3 repeats the gray value as mGANprior does, so that networks for colour images can look at it; 1 gives
            ``[H, W, 1]`` (static). The alpha of an image ``[H, W, 4]`` is kept as one more.

    Raises:
        ValueError: ``channels`` is neither, or the image has neither three nor four channels.

    >>> Luma(channels=1)(jnp.ones((4, 4, 3))).shape
    (4, 4, 1)
    """

    channels: Literal[1, 3] = flax.struct.field(pytree_node=False, default=3)
    linear = True
    pixelwise = True
    known = None

    def __post_init__(self):
        if self.channels not in (1, 3):
            raise ArgumentError(f"channels of a gray image must be 1 or 3, got {self.channels}.")

    def __call__(self, image: Array) -> Array:
        """Gray image ``[H, W, channels]`` of one image ``[H, W, 3]``."""
        if image.shape[-1] not in (3, 4):
            raise ArgumentError(f"luma is taken of images [H, W, 3], got shape {image.shape}.")
        # No matrix product: accelerators would round its factors.
        gray = jnp.sum(image[..., :3] * jnp.asarray(LUMA_WEIGHTS, image.dtype), axis=-1, keepdims=True)
        return jnp.concatenate([jnp.repeat(gray, self.channels, axis=-1), image[..., 3:]], axis=-1)

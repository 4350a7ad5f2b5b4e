"""Forward operators: what was done to an image before it was observed.

An operator is a pytree with ``op(x) -> y`` for one image ``[H, W, C]`` in [-1, 1], differentiable; operators with
per-image parameters are batched by ``jax.vmap`` over their leaves.
"""

import flax.struct

from gprior_jax.typing import Array


@flax.struct.dataclass
class Identity:
    """The image itself was observed: plain inversion.

    >>> import jax.numpy as jnp
    >>> Identity()(jnp.ones((4, 4, 3))).shape
    (4, 4, 3)
    """

    def __call__(self, image: Array) -> Array:
        """Return ``image``."""
        return image

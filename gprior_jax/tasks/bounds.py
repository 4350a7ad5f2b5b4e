"""What is certain of a picture before it is restored: the range of every value of it that what was observed leaves.

Functions are for one image ``[H, W, C]`` in [-1, 1]; batch them with ``jax.vmap``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gprior_jax.images.arrays import GREY_LEVEL
from gprior_jax.operators.color import LUMA_WEIGHTS
from gprior_jax.typing import Array


class Interval(NamedTuple):
    """The lower and the upper end of every value of an image, ``[H, W, C]`` or what broadcasts to it."""

    low: Array | np.ndarray
    high: Array | np.ndarray


Bounds = Callable[[Array, Any], Interval]
"""``(observed, operator) -> ends between which the intact image lies for sure``, for one image."""


def whole_range(observed: Array, operator: Any) -> Interval:
    """Nothing is certain but the range of pixels."""
    one = jnp.ones((1, 1, 1))
    return Interval(-one, one)


def of_known(observed: Array, operator: Any) -> Interval:
    """The known pixels of a mask are what was observed; those that are known in part may be anything.

    >>> from gprior_jax.operators import Mask, box_mask
    >>> of_known(jnp.full((4, 4, 1), 0.5), Mask(box_mask(4, 2))).low[1, :, 0].tolist()
    [0.5, -1.0, -1.0, 0.5]
    """
    known = operator.known >= 1
    return Interval(jnp.where(known, observed, -1.0), jnp.where(known, observed, 1.0))


def of_luma(observed: Array, operator: Any) -> Interval:
    """Colours of a luma: where it is dark no channel is bright, least of all green, which counts most in it.

    A file holds the luma to half a grey level. Further channels (alpha) are what was observed.

    Args:
        observed: ``[H, W, C]``, luma in the first three channels.
        operator: not asked.

    >>> black = of_luma(jnp.full((1, 1, 3), -1.0), None)
    >>> [round(float(end), 3) for end in black.high[0, 0]]
    [-0.987, -0.993, -0.966]
    """
    half, others = 0.5 / GREY_LEVEL, 1.0 - LUMA_WEIGHTS
    luma, rest = observed[..., :3], observed[..., 3:]
    low = jnp.clip((luma - half - others) / LUMA_WEIGHTS, -1.0, 1.0)
    high = jnp.clip((luma + half + others) / LUMA_WEIGHTS, -1.0, 1.0)
    return Interval(jnp.concatenate([low, rest], axis=-1), jnp.concatenate([high, rest], axis=-1))

"""Missing pixels filled."""

import warnings
from functools import partial
from typing import Any, Unpack

import jax
import numpy as np

from gprior_jax.errors import ArgumentError, GPriorWarning
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import Mask, as_masks
from gprior_jax.operators.masks import looks_inverted, missing_share
from gprior_jax.tasks.bounds import of_known
from gprior_jax.tasks.finishing import Blend, blend
from gprior_jax.tasks.restoration import Arrays, Finish, Restoration, RestoreOptions, Task, check_images
from gprior_jax.typing import Array, ArrayLike, Key


def _fill(mode: Blend, image: Array, observed: Array, operator: Any) -> Array:
    return blend(image, observed, operator.known, mode)


# One function object a mode, so that jit compiles it once.
_FILL: dict[Blend, Finish] = {
    "paste": partial(_fill, "paste"),
    "feather": partial(_fill, "feather"),
    "poisson": partial(_fill, "poisson"),
    "none": partial(_fill, "none"),
}


def inpainting(blend: Blend = "paste") -> Task:
    """The task of filling the pixels that ``arrays["known"]`` leaves out; see :func:`inpaint`.

    Raises:
        ValueError: an unknown way to blend.

    >>> inpainting().name, inpainting("poisson").name
    ('inpaint', 'inpaint')
    """
    if blend not in _FILL:
        raise ArgumentError(f"blend {blend!r}: use {', '.join(_FILL)}.")
    return Task("inpaint", _operator, lambda image, key: image, _FILL[blend], bounds=of_known)


def _operator(arrays: Arrays) -> Mask:
    return Mask(jax.device_put(arrays["known"]))


def inpaint(
    prior: Prior,
    images: ArrayLike,
    known: ArrayLike,
    *,
    key: Key,
    blend: Blend = "paste",
    **options: Unpack[RestoreOptions],
) -> Restoration:
    """Fill missing pixels.

    Args:
        prior: the generator.
        images: ``[B, R, R, C]`` in [-1, 1], whatever in the holes.
        known: ``[B, R, R, 1]`` (or ``[R, R, 1]`` for all), 1 where a pixel is known and 0 where it is missing; between,
            how much it counts, and how much of it is kept.
        key: the run's key.
        blend: how the filling meets the known pixels, see :func:`gprior_jax.tasks.finishing.blend`.
        **options: see :func:`gprior_jax.tasks.restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: a mask of another size, with values outside of [0, 1], or without a known pixel.

    Warns:
        GPriorWarning: a mask that looks as if 1 was missing and 0 known.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 2))
    >>> known = gp.operators.box_mask(64, 24)  # A hole of 24 x 24 pixels in the middle.
    >>> recipe = gp.recipes.restoration("inpaint", prior, num_codes=2, num_steps=2, perceptual=None)
    >>> filled = gp.tasks.inpaint(prior, images, known, key=jax.random.key(1), recipe=recipe).images
    >>> bool((filled == images)[:, np.asarray(known)[..., 0] == 1].all())  # What is known stays.
    True
    """
    task, array = inpainting(blend), np.asarray(images)
    masks = as_masks(known, array.shape[:3], weights=True)
    _doubt(masks)
    pixels = check_images(np.where(masks > 0, array, array.dtype.type(0)), "images")  # Holes may hold anything.
    return task.restore(prior, {"observed": pixels, "known": masks}, key, options)


def _doubt(masks: np.ndarray) -> None:
    """Warn of masks that look as if they were the other way round."""
    shares = [missing_share(mask) for mask in masks if looks_inverted(mask)]
    if shares:
        warnings.warn(
            f"{len(shares)} of {len(masks)} masks look inverted (of the first {shares[0]:.0%} is missing, and what is "
            "known lies together inside): 1 is known and 0 missing here; 1 - known turns them round.",
            GPriorWarning,
            stacklevel=3,
        )

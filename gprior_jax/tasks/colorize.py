"""Gray photographs in colour."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import Luma
from gprior_jax.tasks.bounds import of_luma
from gprior_jax.tasks.finishing import keep_luma
from gprior_jax.tasks.restoration import Restoration, RestoreOptions, Task, check_images
from gprior_jax.typing import Array, ArrayLike, Key


def _keep(image: Array, observed: Array, operator: Any) -> Array:
    return jnp.concatenate([keep_luma(image[..., :3], observed[..., :1]), observed[..., 3:]], axis=-1)


COLORIZE = Task("colorize", lambda arrays: Luma(), lambda image, key: Luma()(image), _keep, bounds=of_luma)


def check_colours(prior: Prior) -> int:
    """Number of channels of a prior that draws colours.

    Raises:
        ValueError: it draws none.

    >>> import gprior_jax as gp
    >>> gp.tasks.check_colours(gp.load("builtin"))
    3
    """
    channels = prior.image_shape[-1]
    if channels not in (3, 4):
        kind = "gray images" if channels == 1 else f"images of {channels} channels"
        raise ArgumentError(f"{prior} draws {kind}, without colours to find: use a prior of colour images.")
    return channels


def colorize(prior: Prior, gray: ArrayLike, *, key: Key, **options: Unpack[RestoreOptions]) -> Restoration:
    """Colour gray photographs: the luma stays as it is, the chroma is the prior's.

    Args:
        prior: the generator.
        gray: ``[B, R, R, 1]`` luma, or ``[B, R, R, 3]``, of which the BT.601 luma is taken; [-1, 1]. A prior of RGBA
            images also takes ``[B, R, R, 4]``, of which the alpha stays; without, images are opaque.
        key: the run's key.
        **options: see :func:`gprior_jax.tasks.restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: images of another shape, or of another number of channels; or a prior of gray images.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.restoration("colorize", prior, num_codes=2, num_steps=2)
    >>> gp.tasks.colorize(prior, jnp.zeros((1, 64, 64, 1)), key=jax.random.key(0), recipe=recipe).images.shape
    (1, 64, 64, 3)
    """
    has_alpha = check_colours(prior) == 4
    images = check_images(gray, "gray images")
    if images.shape[-1] not in ((1, 3, 4) if has_alpha else (1, 3)):
        raise ArgumentError(f"gray images of shape {images.shape}: give [B, H, W, 1 or 3].")
    observed = np.broadcast_to(images, (*images.shape[:3], 3)) if images.shape[-1] == 1 else images
    if has_alpha and observed.shape[-1] == 3:
        observed = np.concatenate([observed, np.ones_like(observed[..., :1])], axis=-1)
    observed = np.asarray(jax.vmap(Luma())(jnp.asarray(observed)))
    return COLORIZE.restore(prior, {"observed": observed}, key, options)

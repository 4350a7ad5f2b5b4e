"""From the files of a request to what was observed of a picture, and what is known of it."""

import jax.numpy as jnp
import numpy as np

from gprior_jax import tasks
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import box_mask
from gprior_jax.serving import pictures
from gprior_jax.serving.asked import Asked
from gprior_jax.serving.pictures import Sent
from gprior_jax.tasks import Arrays
from gprior_jax.typing import Key


def arrays_of(prior: Prior, key: Key, megapixels: float, asked: Asked, sent: Sent) -> Arrays:
    """What was observed, ``"observed"`` ``[H, W, C]``, and what is known of it, ``"known"`` or ``"kernel"``.

    Args:
        prior: the generator.
        key: of the degradation of colours.
        megapixels: that are decoded at most.
        asked: what is to be done.
        sent: the files.

    Raises:
        ArgumentError: settings that do not fit the files.
        ImageFileError: files that cannot be used.
    """
    size = pictures.size_of_content(sent.image, pictures.PICTURE, megapixels)
    for file, task in (("mask", "inpaint"), ("kernel", "deblur")):
        if asked.task != task and getattr(sent, file) is not None:
            raise ArgumentError(f"a {file} is for the task {task}: leave it out.")
    if asked.task == "inpaint":
        return _holed(prior, megapixels, asked, sent)
    if asked.task == "upscale":
        return {"observed": pictures.small(sent.image, prior, asked.crop, asked.factor, size)}
    if asked.task == "colorize":
        tasks.check_colours(prior)
    image = pictures.whole(sent.image, prior, asked.crop)
    if asked.task == "deblur":
        return {"observed": image, "kernel": _kernel(prior.resolution, megapixels, asked, sent)}
    if asked.task == "colorize":
        image = np.asarray(tasks.COLORIZE.degrade(jnp.asarray(image), key))
    return {"observed": image}


def _holed(prior: Prior, megapixels: float, asked: Asked, sent: Sent) -> Arrays:
    """A picture of which something is missing, by a mask or a box."""
    if sent.mask is None:
        image = pictures.whole(sent.image, prior, asked.crop)
        if asked.box is None:
            raise ArgumentError("say what is missing: send a mask, or give a box.")
        known = np.asarray(box_mask(prior.resolution, asked.box))
        if not known.any():
            raise ArgumentError(f"box {asked.box} hides every pixel: use a smaller one.")
        return {"observed": image, "known": known}
    if asked.box is not None:
        raise ArgumentError("the mask says what is missing: leave out box.")
    pictures.size_of_content(sent.mask, pictures.MASK, megapixels)
    image, known = pictures.holed(sent, prior, asked.crop, bool(asked.invert_mask))
    return {"observed": image, "known": known}


def _kernel(side: int, megapixels: float, asked: Asked, sent: Sent) -> np.ndarray:
    """What has blurred a picture."""
    if sent.kernel is None:
        given = {name: getattr(asked, name) for name in ("sigma", "length", "angle")}
        own = {name: value for name, value in given.items() if value is not None}
        return np.asarray(tasks.kernel_of(asked.blur or "gaussian", side, **own))
    if asked.blur is not None or asked.sigma is not None:
        raise ArgumentError("the kernel says how it is blurred: leave out blur and what belongs to it.")
    pictures.size_of_content(sent.kernel, pictures.KERNEL, megapixels)
    return pictures.blurring(sent, side)

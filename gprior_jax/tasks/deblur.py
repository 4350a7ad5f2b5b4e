"""Photographs that a known kernel has blurred, sharpened."""

from typing import Unpack

import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import Blur, broadcast
from gprior_jax.tasks.restoration import Restoration, RestoreOptions, Task, check_images
from gprior_jax.typing import ArrayLike, Key


def deblurring(kernel: ArrayLike) -> Task:
    """The task of sharpening what a kernel has blurred, ``[k, k]`` for all images or ``[B, k, k]``; see :func:`deblur`.

    Raises:
        ValueError: a kernel of another shape.
    """
    kernels = jnp.asarray(kernel, jnp.float32)
    if kernels.ndim not in (2, 3) or kernels.shape[-1] != kernels.shape[-2] or kernels.shape[-1] % 2 == 0:
        raise ArgumentError(f"kernel of shape {kernels.shape}: give [k, k] or [B, k, k] with k odd.")
    blur = Blur(kernels)
    return Task(
        "deblur",
        lambda arrays: broadcast(blur, len(arrays["observed"])) if kernels.ndim == 2 else blur,
        lambda image, key: blur(image),
    )


def deblur(
    prior: Prior, images: ArrayLike, kernel: ArrayLike, *, key: Key, **options: Unpack[RestoreOptions]
) -> Restoration:
    """Sharpen photographs that a known kernel has blurred.

    Args:
        prior: the generator.
        images: ``[B, R, R, C]`` in [-1, 1].
        kernel: ``[k, k]`` for all or ``[B, k, k]``, k odd, summing to 1; see
            :func:`gprior_jax.operators.gaussian_kernel` and :func:`gprior_jax.operators.motion_kernel`.
        key: the run's key.
        **options: see :func:`gprior_jax.tasks.restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: a kernel of another shape.
    """
    return deblurring(kernel).restore(prior, {"observed": check_images(images, "images")}, key, options)

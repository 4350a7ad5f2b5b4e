"""Photographs that a known kernel has blurred, sharpened."""

from typing import Literal, Unpack

import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import Blur, broadcast, gaussian_kernel, motion_kernel
from gprior_jax.tasks.restoration import Restoration, RestoreOptions, Task, check_images
from gprior_jax.typing import Array, ArrayLike, Key

BlurKind = Literal["gaussian", "motion"]


def kernel_of(blur: BlurKind, side: int, sigma: float = 1.5, length: float = 7.0, angle: float = 0.0) -> Array:
    """The kernel ``[k, k]`` of a lens out of focus or of a camera that moved, see :mod:`gprior_jax.operators.blur`.

    Args:
        blur: which.
        side: of the image, pixels, beyond which it must not reach.
        sigma: of ``"gaussian"``, pixels.
        length: of ``"motion"``, pixels.
        angle: of ``"motion"``, degrees counter-clockwise from the horizontal.

    Raises:
        ValueError: numbers out of range; the message begins with the name.

    >>> kernel_of("motion", 64, length=3.0).shape
    (5, 5)
    """
    name, value, most = ("sigma", sigma, (side - 1) / 3) if blur == "gaussian" else ("length", length, 2.0 * side - 3)
    if value > most:
        raise ArgumentError(f"{name} {value} is too much for images of {side}x{side}: use at most {most:.4g}.")
    return gaussian_kernel(sigma) if blur == "gaussian" else motion_kernel(length, angle)


def check_reach(kernel: np.ndarray, side: int, what: object) -> None:
    """Check that a kernel ``[k, k]`` from a file does not reach beyond images of a side.

    Raises:
        ArgumentError: it does; ``what`` is the kernel.

    >>> kernel = np.full((7, 7), 1 / 49)
    >>> check_reach(kernel, 64, "kernel.png")  # Nothing is wrong with it.
    >>> try:
    ...     check_reach(kernel, 3, "kernel.png")
    ... except ValueError as error:
    ...     print(error)
    kernel.png is too large for 3x3 images: use at most 5.
    """
    if len(kernel) >= 2 * side:
        raise ArgumentError(f"{what} is too large for {side}x{side} images: use at most {2 * side - 1}.")


def deblurring(kernel: ArrayLike) -> Task:
    """The task of sharpening what a kernel has blurred, ``[k, k]`` for all images or ``[B, k, k]``; see :func:`deblur`.

    Raises:
        ValueError: a kernel of another shape.

    >>> import jax
    >>> kernel = np.zeros((3, 3))
    >>> kernel[1, :2] = 0.5  # Two pixels beside each other.
    >>> spot = jnp.zeros((5, 5, 1)).at[2, 2].set(1.0)
    >>> abs(deblurring(kernel).degrade(spot, jax.random.key(0)))[2, :, 0].round(3).tolist()
    [0.0, 0.0, 0.5, 0.5, 0.0]
    """
    kernels = jnp.asarray(kernel, jnp.float32)
    if kernels.ndim not in (2, 3) or kernels.shape[-1] != kernels.shape[-2] or kernels.shape[-1] % 2 == 0:
        raise ArgumentError(f"kernel of shape {kernels.shape}: give [k, k] or [B, k, k] with k odd.")
    blur = Blur(kernels)
    return Task(
        "deblur",
        lambda arrays: broadcast(blur, len(arrays["observed"])) if kernels.ndim == 2 else blur,
        lambda image, key: blur(image),
        seen="blurred",
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

    >>> import gprior_jax as gp, jax
    >>> prior, kernel = gp.load("builtin"), gp.operators.gaussian_kernel(2.0)
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 2))
    >>> blurred = jax.vmap(gp.operators.Blur(kernel))(images)
    >>> recipe = gp.recipes.latent("z", num_steps=2, perceptual=None)
    >>> gp.tasks.deblur(prior, blurred, kernel, key=jax.random.key(1), recipe=recipe).images.shape
    (2, 64, 64, 3)
    """
    return deblurring(kernel).restore(prior, {"observed": check_images(images, "images")}, key, options)

"""Structural similarity at one scale and at several.

Colour images are compared channel by channel as gray ones, and the channels' values are averaged, as scikit-image and
``tf.image`` do; the papers treat gray images only.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import check_unit
from gprior_jax.typing import Array

WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of the Gaussian window, pixels (Wang et al. 2004, IEEE TIP 13(4), section III-C)."""

C1, C2 = 0.01**2, 0.03**2
"""(K1 L)^2 and (K2 L)^2 with K1 = 0.01, K2 = 0.03 and the data range L = 1 (ibid.)."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang, Simoncelli, Bovik 2003, section 3.2); their sum is 1.0001."""


def ssim(image: Array, reference: Array, window: int = WINDOW, sigma: float = SIGMA) -> Array:
    """Structural similarity of one image, Wang et al. 2004, equation 13, averaged over windows and channels.

    Only windows that lie within the image count, so the result equals that of scikit-image with
    ``gaussian_weights=True, use_sample_covariance=False``, which crops half a window off each edge.

    Args:
        image: ``[H, W, C]`` in [0, 1].
        reference: likewise.
        window: side of the Gaussian window, pixels, odd (static).
        sigma: its standard deviation, pixels (static).

    Returns:
        A scalar in [-1, 1]; 1 for equal images.

    Raises:
        ValueError: the shapes differ, the window is even, or it does not fit; pixels of another range.

    >>> round(float(ssim(jnp.zeros((16, 16, 3)), jnp.zeros((16, 16, 3)))), 3)
    1.0
    """
    _check(image, reference, window)
    check_number("sigma", sigma, lambda x: x > 0, "a positive number of pixels")
    luminance, structure = _terms(image, reference, window, sigma)
    return jnp.mean(luminance * structure)


def ms_ssim(image: Array, reference: Array, scales: int | None = None) -> Array:
    """Multi-scale structural similarity of one image, Wang et al. 2003, equation 7.

    Contrast and structure are compared at every scale, luminance at the coarsest; between scales 2x2 pixels are
    averaged (a last odd row or column is dropped). Negative factors are taken as 0, as their powers are not real.

    Args:
        image: ``[H, W, C]`` in [0, 1].
        reference: likewise.
        scales: number of scales, finest first; None takes as many of the five as the window of 11 pixels fits (all from
            176 pixels on, ``floor(side / 2^(scales - 1)) >= 11``). Five scales have the published weights, fewer have
            the first ones divided by their sum, so figures of different numbers of scales do not compare (static).

    Returns:
        A scalar in [0, 1]; 1 for equal images.

    Raises:
        ValueError: the shapes differ, the image is smaller than the window, or so many scales do not fit; pixels of
            another range.

    >>> round(float(ms_ssim(jnp.zeros((44, 44, 3)), jnp.zeros((44, 44, 3)))), 3)
    1.0
    """
    _check(image, reference, WINDOW)
    fitting = fitting_scales(min(image.shape[:2]))
    scales = fitting if scales is None else scales
    if not 1 <= scales <= fitting:
        raise ArgumentError(
            f"scales {scales}: an image of {image.shape[0]}x{image.shape[1]} pixels has 1 to {fitting}."
        )
    weights = np.array(WEIGHTS[:scales])
    weights = weights if scales == len(WEIGHTS) else weights / weights.sum()
    total = jnp.ones((), image.dtype)
    for scale, weight in enumerate(weights):
        luminance, structure = _terms(image, reference, WINDOW, SIGMA)
        last = scale == scales - 1
        factor = jnp.mean(luminance * structure if last else structure, axis=(1, 2))
        total = total * _power(factor, float(weight))
        if not last:
            image, reference = _half(image), _half(reference)
    return jnp.mean(total)


def fitting_scales(side: int) -> int:
    """How many of the five scales the window fits in an image of that shorter side, pixels.

    >>> [fitting_scales(side) for side in (10, 11, 64, 175, 176, 1024)]
    [0, 1, 3, 4, 5, 5]
    """
    return sum(side >> scale >= WINDOW for scale in range(len(WEIGHTS)))


def _check(image: Array, reference: Array, window: int) -> None:
    check_unit(image)
    check_unit(reference, "the reference")
    if image.shape != reference.shape:
        raise ArgumentError(f"the images have different shapes: {image.shape} and {reference.shape}.")
    if window < 1 or window % 2 == 0:
        raise ArgumentError(f"window {window}: use an odd number.")
    if min(image.shape[:2]) < window:
        raise ArgumentError(
            f"an image of {image.shape[0]}x{image.shape[1]} pixels is smaller than the window, {window}."
        )


@functools.partial(jax.jit, static_argnums=(2, 3))
def _terms(image: Array, reference: Array, window: int, sigma: float) -> tuple[Array, Array]:
    """Luminance l and contrast times structure cs of every window, ``[C, H - window + 1, W - window + 1]``."""
    # Variances do not depend on the zero point, and squares of small numbers lose less in float32. Channels go first:
    # sums along rows of pixels are twice as fast as along triples of channels.
    a, b = (jnp.moveaxis(x - 0.5, -1, 0) for x in (image, reference))
    maps = jnp.stack([a, b, a**2 + b**2, (a - b) ** 2])
    mean_a, mean_b, squares, difference = _blur(maps, window, sigma)
    variances = squares - mean_a**2 - mean_b**2
    # 2 cov(a, b) = var(a) + var(b) - var(a - b), and the variance of the difference is small where images are alike:
    # the covariance would lose its digits there.
    structure = 1 - (difference - (mean_a - mean_b) ** 2) / (variances + C2)
    mean_a, mean_b = mean_a + 0.5, mean_b + 0.5
    return (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1), structure


_SMALL = 128
"""Sides up to which means are products with a matrix: one operation that a library has, where eleven shifted arrays and
their sums take longer to compile than they do for hundreds of pictures."""


def _blur(maps: Array, window: int, sigma: float) -> Array:
    """Gaussian means of ``[..., H, W]`` at the windows within the image, one axis after the other."""
    offsets = np.arange(window) - window // 2
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    for axis in (maps.ndim - 2, maps.ndim - 1):
        size = maps.shape[axis] - window + 1
        if max(maps.shape[-2:]) <= _SMALL:
            matrix = sum(w * np.eye(size, maps.shape[axis], k) for k, w in enumerate(weights))
            maps = _means(maps, jnp.asarray(matrix, maps.dtype), axis)
            continue
        # Shifted sums: exact float32 on every platform, where convolutions may round to fewer bits.
        shifted = [jax.lax.slice_in_dim(maps, k, k + size, axis=axis) for k in range(window)]
        maps = sum((float(w) * part for w, part in zip(weights, shifted, strict=True)), start=jnp.zeros((), maps.dtype))
    return maps


def _means(maps: Array, matrix: Array, axis: int) -> Array:
    """Products of a matrix with one axis; matrix units round their factors to bfloat16 unless told otherwise."""
    found = jnp.tensordot(maps, matrix, axes=(axis, 1), precision=jax.lax.Precision.HIGHEST)
    return jnp.moveaxis(found, -1, axis)


def _half(image: Array) -> Array:
    """Averages of the 2x2 blocks."""
    height, width, features = image.shape[0] // 2, image.shape[1] // 2, image.shape[2]
    return jnp.mean(image[: 2 * height, : 2 * width].reshape(height, 2, width, 2, features), axis=(1, 3))


def _power(base: Array, exponent: float) -> Array:
    """Power of what is positive, else 0, with a finite gradient in both cases; NaN stays."""
    positive = ~(base <= 0)
    return jnp.where(positive, jnp.where(positive, base, 1.0) ** exponent, 0.0)

"""Blur with any small kernel, and the kernels of a lens out of focus and of a camera that moved."""

import math

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, ArrayLike


@flax.struct.dataclass
class Blur:
    """Every pixel became a weighted mean of those around it; edges are reflected without repeating the border.

    Computed by Fourier transforms: with one kernel for each image, a convolution would need as many groups as images,
    for which XLA:CPU has no fast code.

    Attributes:
        kernel: ``[k, k]``, k odd, sum 1; correlated with the image (not flipped).

    Raises:
        ValueError: on a call, if the kernel is not square with an odd side, or reaches too far to reflect.

    >>> Blur(gaussian_kernel(1.5))(jnp.ones((16, 16, 3))).shape
    (16, 16, 3)
    """

    kernel: Array
    linear = True
    pixelwise = False
    known = None

    def __call__(self, image: Array) -> Array:
        """Blurred image ``[H, W, C]`` of one image of that shape."""
        height, width = image.shape[:2]
        reach = _check_shape(jnp.shape(self.kernel), height, width)
        padded = jnp.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
        # Sums that wrap round the far edge fall on the padding, which is cut off.
        sides = _fast_size(height + 2 * reach), _fast_size(width + 2 * reach)
        response = jnp.conj(jnp.fft.rfft2(jnp.asarray(self.kernel, image.dtype), sides))[..., None]
        spectrum = jnp.fft.rfft2(padded, sides, axes=(0, 1))
        return jnp.fft.irfft2(spectrum * response, sides, axes=(0, 1))[:height, :width]


def _check_shape(shape: tuple[int, ...], height: int, width: int) -> int:
    """Pixels that a kernel reaches to each side."""
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] % 2 == 0:
        raise ArgumentError(f"a blur kernel is [k, k] with k odd, got shape {shape}.")
    if shape[0] // 2 >= min(height, width):
        raise ArgumentError(
            f"a kernel of {shape[0]} pixels is too large for an image of {height} x {width}: it may reach "
            f"{min(height, width) - 1} pixels to each side."
        )
    return shape[0] // 2


def _fast_size(size: int) -> int:
    """The next number without prime factors above 5, whose Fourier transforms are fast."""

    def rest(number: int) -> int:
        for prime in (2, 3, 5):
            while number % prime == 0:
                number //= prime
        return number

    return next(number for number in range(size, 2 * size + 1) if rest(number) == 1)


def gaussian_kernel(sigma: ArrayLike, size: int | None = None) -> Array:
    """A normal distribution, sampled at pixel centres.

    Args:
        sigma: standard deviation, pixels, above 0.
        size: odd side of the kernel, pixels; None reaches 3 sigma to each side, rounded up.

    Returns:
        ``[size, size]`` float32, sum 1.

    Raises:
        ValueError: ``sigma`` is not a positive number, ``size`` is even, or there is none and ``sigma`` is traced.

    >>> gaussian_kernel(1.5).shape
    (11, 11)
    """
    check_number("sigma", sigma, lambda x: x > 0, "a positive number of pixels")
    x, _ = _grid(size, sigma, 3.0, 0.0)
    profile = jax.nn.softmax(-0.5 * (x[0] / sigma) ** 2)
    return jnp.outer(profile, profile)


def motion_kernel(length: ArrayLike, angle: ArrayLike, size: int | None = None) -> Array:
    """A straight line through the centre, one pixel wide with soft edges.

    Args:
        length: of the line, pixels, above 0; 1 is (nearly) no blur.
        angle: direction of the line, degrees counter-clockwise from the x axis (to the right).
        size: odd side of the kernel, pixels, which may cut the line; None holds all of it.

    Returns:
        ``[size, size]`` float32, sum 1.

    Raises:
        ValueError: ``length`` is not a positive number or ``angle`` no number, ``size`` is even, or there is none and
            ``length`` is traced.

    >>> [round(float(weight), 2) for weight in motion_kernel(3.0, 90.0, size=5)[:, 2]]
    [0.0, 0.33, 0.33, 0.33, 0.0]
    """
    check_number("length", length, lambda x: x > 0, "a positive number of pixels")
    check_number("angle", angle, lambda x: x == x, "a number of degrees")
    x, y = _grid(size, length, 0.5, 0.5)
    radians = jnp.deg2rad(jnp.asarray(angle, jnp.float32))
    along, across = x * jnp.cos(radians) + y * jnp.sin(radians), y * jnp.cos(radians) - x * jnp.sin(radians)
    # How much of a pixel the line covers, were both turned to the same direction.
    weights = jnp.clip(jnp.asarray(length) / 2 + 0.5 - jnp.abs(along), 0, 1) * jnp.clip(1 - jnp.abs(across), 0, 1)
    return weights / weights.sum()


def _grid(size: int | None, extent: ArrayLike, factor: float, margin: float) -> tuple[Array, Array]:
    """Distances x to the right of the centre and y above it, ``[size, size]``.

    Without a size the kernel reaches ``factor * extent + margin`` to each side, rounded up.
    """
    if size is None and isinstance(extent, Tracer):
        raise ArgumentError("a kernel needs a size where its parameters are traced: give an odd number of pixels.")
    side = 2 * math.ceil(factor * np.asarray(extent).item() + margin) + 1 if size is None else size
    if side < 1 or side % 2 == 0:
        raise ArgumentError(f"a kernel has an odd side, got size {side}.")
    steps = jnp.arange(side, dtype=jnp.float32) - side // 2
    x, y = jnp.meshgrid(steps, -steps)
    return x, y

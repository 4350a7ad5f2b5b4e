"""Convolutions of small maps with large kernels, as matrix products that read the kernel as it lies in memory.

In the middle of a U-Net a map has a few pixels and a kernel of 512 channels 16 MB: the time is that of passing over the
kernel. XLA's convolutions on a CPU bring kernels, and gradients of kernels, into an order of their own first, and a
transposed convolution turns its kernel round: passes that take many times as long as the products. So a convolution is
the pixels under the kernel side by side, ``[P, kh kw I]``, times the kernel as a matrix ``[kh kw I, O]``; a transposed
one is a product for every tap, whose results are put where they belong.
"""

import jax
import jax.numpy as jnp

from gprior_jax.nn.few import bordered
from gprior_jax.nn.weight_gradient import Padding, contract_pixels
from gprior_jax.typing import Array

# Where the formulations change places on a CPU (float32, 4x4 kernels, stride 2): at 16x16 pixels of one image both take
# as long, at 8x8 these take 0.4 of the time, at fewer 0.1 to 0.3 (forward and both gradients).
_MOST_PIXELS = 256
_FEWEST_WEIGHTS = 128 * 128
"""Product of the input's and the output's channels: smaller kernels stay in the caches."""


def is_small(pixels: int, in_features: int, out_features: int, *, platform: str | None = None) -> bool:
    """Whether the formulations of this module are the fast ones.

    Args:
        pixels: of the smaller map, of all images of a batch.
        in_features: number of input channels.
        out_features: number of output channels.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None asks JAX for its default.

    >>> [is_small(pixels, 512, 512, platform="cpu") for pixels in (64, 1024)], is_small(64, 512, 512, platform="gpu")
    ([True, False], False)
    """
    fits = pixels <= _MOST_PIXELS and in_features * out_features >= _FEWEST_WEIGHTS
    return fits and (platform or jax.default_backend()) == "cpu"


def seen(x: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """What every place of a kernel sees: ``[B, H, W, I]`` to ``[B, H', W', kh, kw, I]``.

    Args:
        x: images.
        size: of the kernel, rows and columns.
        stride: in both directions.
        padding: of zeros, before and after, rows and columns.
    """
    x = bordered(x, padding)
    height, width = ((side - taps) // stride + 1 for side, taps in zip(x.shape[1:3], size, strict=True))
    across = [x[:, :, c : c + stride * (width - 1) + 1 : stride] for c in range(size[1])]
    rows = jnp.stack(across, axis=3)
    return jnp.stack([rows[:, r : r + stride * (height - 1) + 1 : stride] for r in range(size[0])], axis=3)


def put_back(products: Array, stride: int, padding: Padding, sides: tuple[int, int]) -> Array:
    """The transpose of :func:`seen`: sums of what every tap gives where it meets the others.

    Args:
        products: ``[kh, kw, B, H', W', I]``.
        stride: in both directions.
        padding: of zeros, as :func:`seen` has it.
        sides: H and W.

    Returns:
        ``[B, H, W, I]``.
    """
    height, width = products.shape[3:5]
    (top, _), (left, _) = padding

    def edges(before: int, count: int, side: int) -> tuple[int, int, int]:
        return before, side - 1 - (before + stride * (count - 1)), stride - 1

    zero = jnp.zeros((), products.dtype)
    placed = [
        jax.lax.pad(
            tap, zero, [(0, 0, 0), edges(r - top, height, sides[0]), edges(c - left, width, sides[1]), (0, 0, 0)]
        )
        for r, row in enumerate(products)
        for c, tap in enumerate(row)
    ]
    return sum(placed[1:], placed[0])


def convolved(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Convolve images ``[B, H, W, I]`` with a kernel ``[kh, kw, I, O]``."""
    found = seen(x, _size(kernel), stride, padding)
    return jnp.dot(found.reshape(*found.shape[:3], -1), kernel.reshape(-1, kernel.shape[-1]))


def images_of(dy: Array, kernel: Array, stride: int, padding: Padding, sides: tuple[int, int]) -> Array:
    """Gradient by the images: ``[B, H', W', O]`` to ``[B, H, W, I]``."""
    products = jnp.dot(dy, kernel.reshape(-1, kernel.shape[-1]).T)
    products = products.reshape(*dy.shape[:3], *kernel.shape[:3])
    return put_back(jnp.moveaxis(products, (3, 4), (0, 1)), stride, padding, sides)


def kernel_of(x: Array, dy: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """Gradient by the kernel, ``[kh, kw, I, O]``."""
    found = seen(x, size, stride, padding)
    return contract_pixels(found.reshape(*found.shape[:3], -1), dy).reshape(*size, x.shape[-1], dy.shape[-1])


def transposed(x: Array, kernel: Array, stride: int, padding: Padding, sides: tuple[int, int]) -> Array:
    """Transposed convolution of images ``[B, h, w, I]`` with a kernel ``[kh, kw, I, O]`` that is not turned round.

    Args:
        x: images.
        kernel: entry (0, 0) meets the first output.
        stride: in both directions.
        padding: torch's, of the convolution that this is the transpose of.
        sides: H and W.

    Returns:
        ``[B, H, W, O]``.
    """
    rows, columns, inputs, outputs = kernel.shape
    matrices = kernel.reshape(-1, inputs, outputs)
    products = jax.lax.dot_general(_for_each(x, len(matrices)), matrices, (((2,), (1,)), ((0,), (0,))))
    return put_back(products.reshape(rows, columns, *x.shape[:3], outputs), stride, padding, sides)


def images_of_transposed(dy: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Gradient of :func:`transposed` by the images: ``[B, H, W, O]`` to ``[B, h, w, I]``."""
    found = seen(dy, _size(kernel), stride, padding)
    matrices = kernel.reshape(-1, *kernel.shape[2:])
    products = jax.lax.dot_general(_taps_first(found), matrices, (((2,), (2,)), ((0,), (0,))))
    # Not ``jnp.sum``: with that the products and their sum become one operation, which takes twice as long.
    return sum(products[1:], products[0]).reshape(*found.shape[:3], kernel.shape[2])


def kernel_of_transposed(x: Array, dy: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """Gradient of :func:`transposed` by the kernel, ``[kh, kw, I, O]``."""
    found = _taps_first(seen(dy, size, stride, padding))
    product = jax.lax.dot_general(_for_each(x, len(found)), found, (((1,), (1,)), ((0,), (0,))))
    return product.reshape(*size, x.shape[-1], dy.shape[-1])


def _size(kernel: Array) -> tuple[int, int]:
    return kernel.shape[0], kernel.shape[1]


def _for_each(x: Array, taps: int) -> Array:
    """All pixels, once for every tap: ``[B, h, w, I]`` to ``[kh kw, P, I]``."""
    pixels = x.reshape(-1, x.shape[-1])
    return jnp.broadcast_to(pixels, (taps, *pixels.shape))


def _taps_first(found: Array) -> Array:
    """``[B, H', W', kh, kw, O]`` to ``[kh kw, P, O]``."""
    return jnp.moveaxis(found.reshape(-1, found.shape[3] * found.shape[4], found.shape[5]), 1, 0)

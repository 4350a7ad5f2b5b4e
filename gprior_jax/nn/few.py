"""Convolutions that give few channels, or whose input has few, for a whole batch.

XLA's convolution on a CPU computes many output channels at once: for three, 7x7 from 64 channels at 256 pixels, it
takes ten times as long as one matrix product of as many multiplications. So every pixel is multiplied with all taps of
the kernel, and the products of neighbours are summed where they meet.
"""

import jax
import jax.numpy as jnp

from gprior_jax.nn.weight_gradient import Padding, contract_pixels
from gprior_jax.typing import Array

MOST = 4
"""Channels that are few: those of pictures, and one of a logit."""


def are_few(features: int, stride: int, *, platform: str | None = None) -> bool:
    """Whether the formulations of this module are the fast ones.

    Args:
        features: number of channels that would be few.
        stride: of the convolution.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None asks JAX for its default.

    >>> are_few(3, 1, platform="cpu"), are_few(64, 1, platform="cpu"), are_few(3, 2, platform="cpu")
    (True, False, False)
    """
    return features <= MOST and stride == 1 and (platform or jax.default_backend()) == "cpu"


def to_few(x: Array, kernel: Array, padding: Padding) -> Array:
    """Convolve to few channels, stride 1.

    Args:
        x: ``[B, H, W, I]``.
        kernel: ``[kh, kw, I, O]``.
        padding: of zeros, before and after, rows and columns.

    Returns:
        ``[B, H', W', O]``.
    """
    x = bordered(x, padding)
    rows, columns, inputs, outputs = kernel.shape
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    products = jnp.dot(x, kernel.transpose(2, 0, 1, 3).reshape(inputs, -1))
    products = products.reshape(*x.shape[:3], rows, columns, outputs)
    first, *others = (products[:, r : r + height, c : c + width, r, c] for r in range(rows) for c in range(columns))
    return sum(others, first)


def images_of_few(dy: Array, kernel: Array, padding: Padding) -> Array:
    """Gradient by the images of a convolution from few channels, stride 1: a convolution to few.

    Args:
        dy: ``[B, H', W', O]``.
        kernel: ``[kh, kw, I, O]``.
        padding: of the convolution.

    Returns:
        ``[B, H, W, I]``.
    """
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    (top, bottom), (left, right) = (
        (size - 1 - before, size - 1 - after) for size, (before, after) in zip(kernel.shape, padding, strict=False)
    )
    return to_few(dy, turned, ((top, bottom), (left, right)))


def kernel_to_few(x: Array, dy: Array, size: tuple[int, int], padding: Padding) -> Array:
    """Gradient by the kernel of a convolution to few channels, stride 1: every pixel times what it met.

    Args:
        x: ``[B, H, W, I]``.
        dy: ``[B, H', W', O]``.
        size: of the kernel, rows and columns.
        padding: of the convolution.

    Returns:
        ``[*size, I, O]``.
    """
    (rows, columns), (height, width) = size, x.shape[1:3]
    (top, _), (left, _) = padding
    # The pixel (i, j) meets, under the kernel's tap (r, c), the result's pixel (i + top - r, j + left - c).
    low, high = rows - 1 - top, columns - 1 - left
    edges = ((low, height - dy.shape[1] + top), (high, width - dy.shape[2] + left))
    wide = bordered(dy, edges)
    # Columns side by side once; every row of the kernel is then one product with a part of the rows.
    met = jnp.concatenate([wide[:, :, c : c + width] for c in reversed(range(columns))], axis=-1)
    products = [contract_pixels(x, met[:, r : r + height]) for r in reversed(range(rows))]
    return jnp.stack(products).reshape(rows, x.shape[-1], columns, dy.shape[-1]).swapaxes(1, 2)


def bordered(x: Array, edges: Padding) -> Array:
    """With rows and columns of zeros around, or without some of its own where a number is negative."""
    none = (0, 0, 0)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [none, *((before, after, 0) for before, after in edges), none])

"""Convolutions and products of pixels whose weight gradients are taken over a whole batch at once.

The functions take one image; ``jax.vmap`` makes one batch of many. Forward they are XLA's own operations; the gradient
of a kernel is the formulation that :mod:`gprior_jax.nn.weight_gradient` chooses.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp

from gprior_jax.nn import plain, small
from gprior_jax.nn.bilinear import Maps, closed
from gprior_jax.nn.few import are_few, images_of_few, kernel_to_few, to_few
from gprior_jax.nn.weight_gradient import (
    Padding,
    contract_pixels,
    gradient_path,
    kernel_by_products,
    kernel_by_winograd,
)
from gprior_jax.typing import Array

_RGB = 4
"""Up to so many channels, a product of pixels is a sum of multiples."""


def convolve(x: Array, kernel: Array, padding: Sequence[Sequence[int]] = ((1, 1), (1, 1)), stride: int = 1) -> Array:
    """Plain cross-correlation of one image ``[H, W, I]`` with an HWIO kernel, zero padded."""
    keywords = {"shape": x.shape, "size": kernel.shape[:2], "stride": stride, "padding": _hashable(padding)}
    return _convolution.forward(x[None], kernel, **keywords)[0]


def pixel_product(x: Array, matrix: Array, *, once: bool = False) -> Array:
    """Every pixel of one image ``[..., I]`` times a matrix ``[I, O]``.

    Args:
        x: pixels.
        matrix: of few or many channels.
        once: whether it is to be a matrix product however few they are. Sums of multiples, which few channels are by
            default, XLA computes anew in whatever uses them: of what several layers read that takes longer.
    """
    product = _matrix_product if once else _product
    return product.forward(x.reshape(-1, x.shape[-1]), matrix).reshape(*x.shape[:-1], matrix.shape[1])


def prepare_taps(kernel: Array) -> Array:
    """Kernel ``[3, 3, I, O]`` as one matrix ``[I, 9 O]``, with which every pixel meets all taps."""
    return jnp.moveaxis(kernel, 2, 0).reshape(kernel.shape[2], -1)


def _hashable(padding: Sequence[Sequence[int]]) -> Padding:
    (top, bottom), (left, right) = padding
    return (top, bottom), (left, right)


def _forward(x: Array, kernel: Array, *, shape: tuple, size: tuple, stride: int, padding: Padding) -> Array:
    if are_few(kernel.shape[-1], stride):
        return to_few(x, kernel, padding)
    if small.is_small(_count(x, size, stride, padding), *kernel.shape[2:]):
        return small.convolved(x, kernel, stride, padding)
    return plain.convolve(x, kernel, stride, padding)


def _count(x: Array, size: tuple, stride: int, padding: Padding) -> int:
    """Pixels of the results of a batch."""
    sides = ((side + sum(p) - taps) // stride + 1 for side, p, taps in zip(x.shape[1:3], padding, size, strict=True))
    return math.prod((len(x), *sides))


def _images(dy: Array, kernel: Array, *, shape: tuple, size: tuple, stride: int, padding: Padding) -> Array:
    if are_few(shape[-1], stride):
        return images_of_few(dy, kernel, padding)
    if small.is_small(dy.size // dy.shape[-1], *kernel.shape[2:]):
        return small.images_of(dy, kernel, stride, padding, shape[:2])
    return plain.images(dy, kernel, stride, padding, shape[:2])


def _kernel(x: Array, dy: Array, *, shape: tuple, size: tuple, stride: int, padding: Padding) -> Array:
    return kernel_gradient(x, dy, size, stride, padding)


def kernel_gradient(x: Array, dy: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """Gradient of a convolution by its kernel, in the formulation that fits.

    Args:
        x: images ``[B, H, W, I]``.
        dy: gradients of the results ``[B, H', W', O]``.
        size: of the kernel, rows and columns.
        stride: in both directions.
        padding: of zeros, before and after, rows and columns.

    Returns:
        ``[*size, I, O]``.
    """
    if are_few(dy.shape[-1], stride):
        return kernel_to_few(x, dy, size, padding)
    if small.is_small(dy.size // dy.shape[-1], x.shape[-1], dy.shape[-1]):
        return small.kernel_of(x, dy, size, stride, padding)
    # Sums of 16-bit numbers are best left to XLA, and those of few channels as well.
    if not (x.dtype.itemsize < 4 or are_few(x.shape[-1], stride)):
        number, height, width, features = dy.shape
        path = gradient_path(x.shape[-1], features, (number, height, width), size=size, stride=stride)
        if path == "winograd":
            return kernel_by_winograd(x, dy, padding)
        if path == "products":
            return kernel_by_products(x, dy, size, stride, padding)
    return plain.kernel(x, dy, size, stride, padding)


def _multiply(x: Array, matrix: Array) -> Array:
    if x.shape[-1] > _RGB:
        return jnp.dot(x, matrix)
    first, *others = (x[:, i, None] * matrix[i] for i in range(x.shape[-1]))
    return sum(others, first)  # Too few channels for a matrix product to gain.


_convolution = closed("convolve", Maps(_forward, _images, _kernel))
_product = closed("pixel_product", Maps(_multiply, lambda dy, matrix: jnp.dot(dy, matrix.T), contract_pixels))
_matrix_product = closed("matrix_product", Maps(jnp.dot, lambda dy, matrix: jnp.dot(dy, matrix.T), contract_pixels))

"""Formulations of the weight gradient of a convolution, for a whole batch.

The gradient is the sum over all pixels of the outer products of what a tap of the kernel saw with the gradient of the
result. XLA convolves for it, with the batch in the place of the channels, which on a CPU can be far from the speed of
the forward pass. The other formulations are matrix products of a few images at once, so that their operands stay in
the caches: one for every phase of the stride, the columns that a row of the kernel sees, ``[kw I]``, with the rows of
gradients that a column of it serves, ``[kh O]``; or those of Winograd's F(3x3, 4x4), 36 in place of 144, for 3x3
kernels of stride 1 (:mod:`gprior_jax.nn.winograd`).
"""

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.nn import winograd
from gprior_jax.typing import Array

GradientPath = Literal["xla", "products", "winograd"]
Padding = tuple[tuple[int, int], tuple[int, int]]

# Where the formulations change places on a CPU (float32, benchmarks/weight_gradients.py).
_MIN_SIDE, _MIN_FEATURES = 32, 32
_MIN_WINOGRAD_PIXELS, _MIN_WINOGRAD_FEATURES = 512, 16

_PART_BYTES = 4 << 20
"""Largest operand of a product; the second-level cache of a core is of this order."""


def gradient_path(
    in_features: int,
    out_features: int,
    results: tuple[int, int, int],
    *,
    size: tuple[int, int] = (3, 3),
    stride: int = 1,
    platform: str | None = None,
) -> GradientPath:
    """The formulation of a convolution's weight gradient: the fastest one that was measured.

    Args:
        in_features: number of input channels.
        out_features: number of output channels.
        results: number, height and width of the results.
        size: of the kernel, rows and columns.
        stride: in both directions.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None asks JAX for its default.

    >>> [gradient_path(c, c, (8, 32, 32), platform="cpu") for c in (8, 16)]
    ['xla', 'winograd']
    >>> gradient_path(32, 64, (8, 32, 32), stride=2, platform="cpu")
    'products'
    """
    if (platform or jax.default_backend()) != "cpu":
        return "xla"
    enough = min(in_features, out_features) >= _MIN_WINOGRAD_FEATURES and math.prod(results) >= _MIN_WINOGRAD_PIXELS
    if (*size, stride) == (3, 3, 1) and enough:
        return "winograd"
    small = min(results[1:]) < _MIN_SIDE or max(in_features, out_features) < _MIN_FEATURES
    return "xla" if small else "products"


def kernel_by_winograd(x: Array, dy: Array, padding: Padding) -> Array:
    """Weight gradient of a 3x3 convolution of stride 1 by F(3x3, 4x4), summed over parts of the batch.

    Args:
        x: images ``[B, H, W, I]``.
        dy: gradients of the results ``[B, H', W', O]``.
        padding: of zeros, before and after, rows and columns.

    Returns:
        ``[3, 3, I, O]``. Errors are below 1e-5 of the largest.
    """
    shape = (3, 3, x.shape[-1], dy.shape[-1])
    edges = ((0, 0), *padding, (0, 0))
    operand = dy.itemsize * max(x.size, dy.size)
    return _in_parts(lambda x, dy: winograd.kernel_gradient(jnp.pad(x, edges), dy), x, dy, operand, shape)


def kernel_by_products(x: Array, dy: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """Weight gradient of a convolution as matrix products, summed over parts of the batch.

    Args:
        x: images ``[B, H, W, I]``.
        dy: gradients of the results ``[B, H', W', O]``.
        size: of the kernel, rows and columns.
        stride: in both directions.
        padding: of zeros, before and after, rows and columns.

    Returns:
        ``[*size, I, O]``.
    """
    shape = (*size, x.shape[-1], dy.shape[-1])
    operand = dy.itemsize * max(size[1] * x[0, :, ::stride].size, size[0] * dy[0].size) * len(x)
    return _in_parts(lambda x, dy: _products(x, dy, size, stride, padding), x, dy, operand, shape)


def _in_parts(
    gradient: Callable[[Array, Array], Array], x: Array, dy: Array, operand: int, shape: tuple[int, ...]
) -> Array:
    """The sum of a gradient over parts of the batch, as few as keep the largest operand, in bytes, in the caches."""
    parts = next(n for n in range(1, len(x) + 1) if len(x) % n == 0 and (operand <= n * _PART_BYTES or n == len(x)))
    if parts == 1:
        return gradient(x, dy)
    batches = x.reshape(parts, -1, *x.shape[1:]), dy.reshape(parts, -1, *dy.shape[1:])

    def add(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
        return total + gradient(*part), None

    return jax.lax.scan(add, jnp.zeros(shape, dy.dtype), batches)[0]


def _products(x: Array, dy: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """One matrix product for every phase of the stride."""
    (rows, columns), (height, width) = size, dy.shape[1:3]
    padded = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    seen = stride * (width - 1) + 1
    window = [jax.lax.slice_in_dim(padded, c, c + seen, stride, axis=2) for c in range(columns)]
    window = jnp.concatenate(window, axis=-1)
    taps: list[Array] = [jnp.zeros(())] * rows
    for phase in range(min(stride, rows)):
        count = len(range(phase, rows, stride))
        # Row q of this phase meets, under the kernel's row phase + stride j, the gradient's row q - j.
        length = height + count - 1
        lines = jax.lax.slice_in_dim(window, phase, phase + stride * (length - 1) + 1, stride, axis=1)
        shifted = [jnp.pad(dy, ((0, 0), (j, count - 1 - j), (0, 0), (0, 0))) for j in range(count)]
        product = contract_pixels(lines, jnp.concatenate(shifted, axis=-1))
        product = product.reshape(columns, x.shape[-1], count, dy.shape[-1])
        for j in range(count):
            taps[phase + stride * j] = product[:, :, j]
    return jnp.stack(taps)


def contract_pixels(x: Array, dy: Array) -> Array:
    """Sum of the outer products of all pixels: ``[..., I]`` and ``[..., O]`` to ``[I, O]``."""
    # In this order of the operands XLA transposes neither.
    x, dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return jax.lax.dot_general(x, dy, (((0,), (0,)), ((), ())))

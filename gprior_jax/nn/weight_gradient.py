"""Formulations of the weight gradient of a convolution, for a whole batch.

The gradient is the sum over all pixels of the outer products of what a tap of the kernel saw with the gradient of the
result. XLA convolves for it, with the batch in the place of the channels, which on a CPU is far from the speed of the
forward pass. The other formulation is one matrix product for every phase of the stride: the columns that a row of the
kernel sees, ``[kw I]``, with the rows of gradients that a column of it serves, ``[kh O]``, of a few images at once, so
that both stay in the caches. Winograd's F(3x3, 4x4), 36 products in place of 144, was tried and gains nothing over that
(its transforms are passes over memory).
"""

from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.typing import Array

GradientPath = Literal["xla", "products"]
Padding = tuple[tuple[int, int], tuple[int, int]]

# Where the formulations change places on a CPU (float32, benchmarks/weight_gradients.py).
_MIN_SIDE, _MIN_FEATURES = 32, 32

_PART_BYTES = 4 << 20
"""Largest operand of a product; the second-level cache of a core is of this order."""


def gradient_path(
    in_features: int, out_features: int, sides: tuple[int, int], *, platform: str | None = None
) -> GradientPath:
    """The formulation of a convolution's weight gradient: the fastest one that was measured.

    Args:
        in_features: number of input channels.
        out_features: number of output channels.
        sides: height and width of the result, pixels.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None asks JAX for its default.

    >>> [gradient_path(c, c, (32, 32), platform="cpu") for c in (16, 32)]
    ['xla', 'products']
    """
    if (platform or jax.default_backend()) != "cpu" or min(sides) < _MIN_SIDE:
        return "xla"
    return "products" if max(in_features, out_features) >= _MIN_FEATURES else "xla"


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
    operand = dy.itemsize * max(size[1] * x[0, :, ::stride].size, size[0] * dy[0].size) * len(x)
    parts = next(n for n in range(1, len(x) + 1) if len(x) % n == 0 and (operand <= n * _PART_BYTES or n == len(x)))
    batches = x.reshape(parts, -1, *x.shape[1:]), dy.reshape(parts, -1, *dy.shape[1:])

    def add(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
        return total + _products(*part, size, stride, padding), None

    start = jnp.zeros((*size, x.shape[-1], dy.shape[-1]), dy.dtype)
    return jax.lax.scan(add, start, batches)[0]


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

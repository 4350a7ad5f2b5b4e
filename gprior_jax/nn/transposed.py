"""Torch's transposed convolution of one image ``[H, W, C]``, in three formulations."""

import jax
import jax.numpy as jnp

from gprior_jax.nn import plain, small
from gprior_jax.nn.batched import convolve, kernel_gradient
from gprior_jax.nn.bilinear import Maps, closed
from gprior_jax.nn.few import bordered
from gprior_jax.typing import Array


def conv_transpose(x: Array, kernel: Array, stride: int, padding: int, output_padding: int = 0) -> Array:
    """Torch's transposed convolution of one image.

    A stride s > 1 is computed as s * s small convolutions, one for each output phase, where the sizes allow it: a
    convolution of the zero-stuffed input spends most of its multiplications on zeros. Its gradients are those of the
    plain convolution that it is the transpose of, one each in place of s * s. Small maps with large kernels are
    products for every tap (:mod:`gprior_jax.nn.small`).

    Args:
        x: ``[H, W, I]``.
        kernel: ``[k, k, I, O]``, not flipped: entry (0, 0) meets the first output.
        stride: stride.
        padding: torch's padding.
        output_padding: torch's output padding.

    Returns:
        ``[H', W', O]``, H' = (H - 1) * stride - 2 * padding + k + output_padding.
    """
    height, width, _ = x.shape
    size = kernel.shape[0]
    if height == width == 1 and padding == 0 and output_padding == 0:
        return jnp.einsum("i,hwio->hwo", x[0, 0], kernel)
    if size >= stride > 1 and size - 2 * padding + output_padding == stride:
        return _enlarging.forward(x[None], kernel, size=kernel.shape[:2], stride=stride, padding=padding)[0]
    low = size - 1 - padding
    out = jax.lax.conv_general_dilated(
        x[None],
        kernel[::-1, ::-1],
        (1, 1),
        [(low, low + output_padding)] * 2,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return out[0]


def _phases(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    """One convolution for each output phase, and these woven."""
    height, width, _ = x.shape
    rows = [_phase(kernel, stride, padding, phase, axis=0) for phase in range(stride)]
    columns = [
        [_apply_phase(x, row, _phase(row[0], stride, padding, phase, axis=1)) for phase in range(stride)]
        for row in rows
    ]
    woven = jnp.stack([jnp.stack(row, axis=2) for row in columns], axis=1)
    return woven.reshape(height * stride, width * stride, -1)


def _phase(kernel: Array, stride: int, padding: int, phase: int, axis: int) -> tuple[Array, tuple[int, int]]:
    """Taps of one output phase along one axis of the kernel, and the padding their convolution needs.

    Output s*i + phase sums w[t] x[j] over s*j = s*i + phase + padding - t, so t = first + s*m, j = i + ahead - m.
    """
    first = (phase + padding) % stride
    ahead = (phase + padding - first) // stride
    taps = jax.lax.rev(jax.lax.slice_in_dim(kernel, first, None, stride, axis=axis), (axis,))
    count = taps.shape[axis]
    return taps, (count - 1 - ahead, ahead)


def _apply_phase(x: Array, row: tuple[Array, tuple[int, int]], column: tuple[Array, tuple[int, int]]) -> Array:
    return convolve(x, column[0], (row[1], column[1]))


def _zeros_around(size: tuple[int, int], stride: int, padding: int) -> small.Padding:
    """Padding of the convolution that this is the transpose of: its results are as many as this one's inputs."""
    rows, columns = size
    return (padding, rows - stride - padding), (padding, columns - stride - padding)


def _forward(x: Array, kernel: Array, *, size: tuple, stride: int, padding: int) -> Array:
    if not small.is_small(x.size // x.shape[-1], *kernel.shape[2:]):
        return jax.vmap(lambda image: _phases(image, kernel, stride, padding))(x)
    sides = (stride * x.shape[1], stride * x.shape[2])
    return small.transposed(x, kernel, stride, _zeros_around(size, stride, padding), sides)


def _images(dy: Array, kernel: Array, *, size: tuple, stride: int, padding: int) -> Array:
    """A plain convolution with a stride."""
    edges = _zeros_around(size, stride, padding)
    if small.is_small(dy.size // dy.shape[-1] // stride**2, *kernel.shape[2:]):
        return small.images_of_transposed(dy, kernel, stride, edges)
    return plain.convolve(dy, kernel.swapaxes(2, 3), stride, edges)


def _kernel(x: Array, dy: Array, *, size: tuple, stride: int, padding: int) -> Array:
    """That of a plain convolution of ``dy`` whose result had the gradient ``x``."""
    edges = _zeros_around(size, stride, padding)
    if small.is_small(x.size // x.shape[-1], x.shape[-1], dy.shape[-1]):
        return small.kernel_of_transposed(x, dy, size, stride, edges)
    return kernel_gradient(bordered(dy, edges), x, size, stride, ((0, 0), (0, 0))).swapaxes(2, 3)


_enlarging = closed("conv_transpose", Maps(_forward, _images, _kernel))

"""XLA's convolution of images with a kernel, and its two gradients as convolutions of the same layout.

What JAX derives from the convolution has kernels whose channels are swapped, and images in the place of channels. On a
CPU, XLA brings those into the layout of its fast convolutions where the program begins, but not inside loops and
branches, where they take several times as long (findings/jax_cpu_loop_convolutions.sh). There every convolution has
images ``[B, H, W, C]`` and kernels ``[h, w, I, O]`` here; the libraries of accelerators know JAX's own forms.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gprior_jax.nn import narrow
from gprior_jax.nn.weight_gradient import Padding
from gprior_jax.typing import Array


def convolve(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    """Cross-correlate images ``[B, H, W, I]`` with a kernel ``[h, w, I, O]``."""
    if stride == 1:
        return _of_single_pixels(x, kernel, padding)
    return _convolution(x, kernel, _bordered(x, kernel, stride, padding), stride=stride)


def _of_single_pixels(x: Array, kernel: Array, padding: Padding) -> Array:
    """With stride 1, in the form that fits the number of channels."""
    x, padding = _cropped(x, padding)
    width = x.shape[2] + sum(padding[1]) - kernel.shape[1] + 1
    together = narrow.neighbours(kernel, width)
    return narrow.convolve(x, kernel, padding, together) if together > 1 else _convolution(x, kernel, padding)


def _cropped(x: Array, padding: Padding) -> tuple[Array, Padding]:
    """What a negative padding leaves of images, and the padding without it.

    XLA:CPU's convolutions of up to 16 channels read memory beside the images where columns are left out on the left and
    zeros follow on the right.
    """
    if min(map(min, padding)) >= 0:
        return x, padding
    (top, bottom), (left, right) = padding
    rows, columns = (slice(max(0, -a), n + min(0, b)) for (a, b), n in zip(padding, x.shape[1:3], strict=True))
    return x[:, rows, columns], ((max(0, top), max(0, bottom)), (max(0, left), max(0, right)))


def _bordered(x: Array, kernel: Array, stride: int, padding: Padding) -> Padding:
    """The padding; where it is none, and results are apart, zeros behind the last pixel that no result sees.

    On a CPU, XLA's form of convolutions without any border takes up to 1.4 times as long (benchmarks/RESULTS.md,
    "Training").
    """
    unseen = ((side - taps) % stride < stride - 1 for side, taps in zip(x.shape[1:3], kernel.shape[:2], strict=True))
    bare = padding == ((0, 0), (0, 0)) and jax.default_backend() == "cpu"
    return ((0, 1), (0, 1)) if bare and all(unseen) else padding


def images(dy: Array, kernel: Array, stride: int, padding: Padding, sides: tuple[int, int]) -> Array:
    """Gradient by the images: ``[B, H', W', O]`` to ``[B, H, W, I]``, H and W as ``sides``."""
    if jax.default_backend() != "cpu":
        like = jax.ShapeDtypeStruct((len(dy), *sides, kernel.shape[2]), dy.dtype)
        return jax.linear_transpose(lambda x: convolve(x, kernel, stride, padding), like)(dy)[0]
    edges = []
    for side, count, taps, (before, _) in zip(sides, dy.shape[1:3], kernel.shape[:2], padding, strict=True):
        first = taps - 1 - before
        edges.append((first, side - first + taps - 2 - stride * (count - 1)))
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    if stride == 1:
        return _of_single_pixels(dy, turned, (edges[0], edges[1]))
    return _convolution(dy, turned, edges, spread=stride)


def kernel(x: Array, dy: Array, size: tuple[int, int], stride: int, padding: Padding) -> Array:
    """Gradient by the kernel: ``[B, H, W, I]`` and ``[B, H', W', O]`` to ``[*size, I, O]``."""
    if jax.default_backend() != "cpu":
        like = jax.ShapeDtypeStruct((*size, x.shape[-1], dy.shape[-1]), x.dtype)
        return jax.linear_transpose(lambda kernel: convolve(x, kernel, stride, padding), like)(dy)[0]
    edges = []
    for side, count, taps, (before, _) in zip(x.shape[1:3], dy.shape[1:3], size, padding, strict=True):
        edges.append((before, stride * (count - 1) + taps - side - before))
    by_channel = _convolution(x.transpose(3, 1, 2, 0), jnp.moveaxis(dy, 0, 2), edges, apart=stride)
    return jnp.moveaxis(by_channel, 0, 2)


def _convolution(
    x: Array, kernel: Array, padding: Sequence[tuple[int, int]], stride: int = 1, spread: int = 1, apart: int = 1
) -> Array:
    """With a stride, with zeros between the pixels, or between the kernel's taps."""
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        padding,
        lhs_dilation=(spread, spread),
        rhs_dilation=(apart, apart),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )

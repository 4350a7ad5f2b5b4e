"""Convolutions of few channels, whose results are taken several neighbours at a time.

On a CPU, XLA hands convolutions to its fast library where one side has more than 16 channels; the general form that the
others get reaches half of that speed. The results of n neighbouring pixels, side by side, are the channels of one
convolution whose kernel is n - 1 columns wider and whose stride is (1, n): they lie in memory as those of single pixels
do. With three columns it takes (n + 2) / 3 as many multiplications and, of 16 channels at 64 pixels, 0.6 of the time
(benchmarks/RESULTS.md, "Training").
"""

import jax
import jax.numpy as jnp

from gprior_jax.nn.weight_gradient import Padding
from gprior_jax.typing import Array

_MOST = 16
"""Channels of both sides up to which XLA:CPU takes its general form (``IsConvolutionOpSupportedByYnn`` in XLA's
``ynn_support.cc``)."""

_FEWEST_COLUMNS = 3
"""Of kernels with fewer, the zeros of the wider one are too large a part."""

_SIDE_BY_SIDE = 32
"""Channels of neighbours together, at most: with more, what the wider kernel multiplies in vain outweighs the gain."""


def neighbours(kernel: jax.ShapeDtypeStruct | Array, width: int, *, platform: str | None = None) -> int:
    """Results that are taken together; 1 where single ones are as fast.

    Args:
        kernel: ``[kh, kw, I, O]``.
        width: columns of the result.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None asks JAX for its default.

    >>> [neighbours(jnp.zeros((3, 3, c, c)), 64, platform="cpu") for c in (8, 16, 32)]
    [4, 2, 1]
    >>> neighbours(jnp.zeros((3, 3, 16, 16)), 64, platform="gpu")
    1
    """
    _, columns, in_features, out_features = kernel.shape
    narrow = max(in_features, out_features) <= _MOST and columns >= _FEWEST_COLUMNS
    # The library has no 16-bit numbers.
    if not narrow or kernel.dtype.itemsize < jnp.float32.dtype.itemsize or (platform or jax.default_backend()) != "cpu":
        return 1
    return next(n for n in (4, 2, 1) if n == 1 or (n * out_features <= _SIDE_BY_SIDE and width % n == 0))


def convolve(x: Array, kernel: Array, padding: Padding, together: int) -> Array:
    """Cross-correlate images with a kernel, stride 1.

    Args:
        x: ``[B, H, W, I]``.
        kernel: ``[kh, kw, I, O]``.
        padding: of zeros, before and after, rows and columns.
        together: neighbouring results of a row, which divide its width.

    Returns:
        ``[B, H', W', O]``.
    """
    moved = [jnp.pad(kernel, ((0, 0), (n, together - 1 - n), (0, 0), (0, 0))) for n in range(together)]
    found = jax.lax.conv_general_dilated(
        x, jnp.concatenate(moved, axis=-1), (1, together), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return found.reshape(*found.shape[:2], together * found.shape[2], kernel.shape[-1])  # Of no images as well.

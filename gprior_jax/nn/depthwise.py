"""Depthwise convolutions, every channel with a kernel of its own, in two formulations, and the choice between them.

Functions take one image ``[H, W, C]`` and a kernel ``[k, k, C]``, and are batched with ``jax.vmap``. The padding is
TensorFlow's "SAME": ``ceil(H / stride)`` rows come out, and of the zeros that this needs the odd one is put below and
right. On a CPU XLA's grouped convolution takes 4 to 26 times as long as products of shifted images with single taps,
which are fused into one loop, and its gradient 5 to 80 times (``benchmarks/lite0.py``).
"""

from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.nn.resample import phases
from gprior_jax.typing import Array

DepthwisePath = Literal["auto", "grouped", "shifted"]


def same_padding(length: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis for ``ceil(length / stride)`` outputs, as TensorFlow's "SAME" has them.

    >>> same_padding(8, 3, 1), same_padding(8, 3, 2), same_padding(7, 3, 2), same_padding(8, 5, 2)
    ((1, 1), (0, 1), (1, 1), (1, 2))
    """
    total = max((-(-length // stride) - 1) * stride + kernel_size - length, 0)
    return total // 2, total - total // 2


def depthwise_path(wish: DepthwisePath, platform: str | None = None) -> DepthwisePath:
    """The formulation that is meant: ``"auto"`` is ``"shifted"`` on a CPU, elsewhere ``"grouped"``.

    >>> depthwise_path("auto", "cpu"), depthwise_path("auto", "gpu")
    ('shifted', 'grouped')
    """
    if wish != "auto":
        return wish
    return "shifted" if (platform or jax.default_backend()) == "cpu" else "grouped"


def depthwise(x: Array, kernel: Array, stride: int = 1, path: DepthwisePath = "auto") -> Array:
    """Cross-correlate every channel of an image with its own kernel.

    Args:
        x: ``[H, W, C]``.
        kernel: ``[k, k, C]``.
        stride: 1 or 2.
        path: ``"grouped"`` is XLA's convolution; ``"shifted"`` a sum of shifted images times single taps.

    Returns:
        ``[ceil(H / stride), ceil(W / stride), C]``.

    >>> depthwise(jnp.ones((4, 4, 1)), jnp.ones((3, 3, 1)), stride=2)[..., 0].tolist()
    [[9.0, 6.0], [6.0, 4.0]]
    """
    padding = tuple(same_padding(length, kernel.shape[0], stride) for length in x.shape[:2])
    if depthwise_path(path) == "shifted":
        return _shifted(x, kernel, stride, padding)
    numbers, groups = ("NHWC", "HWIO", "NHWC"), x.shape[-1]
    filters = kernel[:, :, None]
    out = jax.lax.conv_general_dilated(
        x[None], filters, (stride, stride), padding, dimension_numbers=numbers, feature_group_count=groups
    )
    return out[0]


def _shifted(x: Array, kernel: Array, stride: int, padding: tuple[tuple[int, int], ...]) -> Array:
    """Products with single taps.

    With stride 2 the image is split into its four phases first: slices are then contiguous, and their transposes in
    the backward pass pads, where those of strided slices are scatters.
    """
    rows, columns = (-(-length // stride) for length in x.shape[:2])
    filled = [(before, after + (length + before + after) % stride)
              for length, (before, after) in zip(x.shape, padding, strict=False)]  # fmt: skip
    x = jnp.pad(x, (*filled, (0, 0)))
    split = [phases(half, axis=1) for half in phases(x, axis=0)] if stride == 2 else [[x]]
    total = jnp.zeros((), x.dtype)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            part, top, left = split[i % stride][j % stride], i // stride, j // stride
            total = total + part[top : top + rows, left : left + columns] * kernel[i, j]
    return total

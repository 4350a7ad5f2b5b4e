"""3x3 convolutions by Winograd's F(2x2, 3x3): 4 multiplications per output in place of 9.

Lavin and Gray, arXiv:1509.09308, section 4.1: windows of 4x4 inputs, two apart, and 2x2 outputs. With V = B' d B the
transformed inputs and U = G g G' the kernel, whose sixteen entries are matrices ``[I, O]``, the outputs are A' (U V) A.

The transforms are sums of neighbouring slices, which XLA fuses into the products. That is the fastest form of many
pixels, and a hundred pieces of program: with its gradient 0.7 s of a core to compile. Of fewer pixels two forms with
fewer pieces are as fast, or nearly: all rows of windows at once (0.4 s), and the transform of the rows as one product
with a constant matrix (0.13 s; 8x8 pixels of 128 channels take 0.39 ms in place of 0.33, 4x4 pixels less than before).
So where one image is searched for, the first command on a prior is done sooner (``benchmarks/few_pixels.py``).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.nn.batched import pixel_product
from gprior_jax.nn.bilinear import Maps, closed
from gprior_jax.nn.resample import phases
from gprior_jax.nn.winograd import columns
from gprior_jax.typing import Array

_MATRIX_PIXELS, _ROW_PIXELS = 64, 256
"""Up to so many pixels of all images of a batch the rows are transformed by a matrix, and at once."""

_INPUTS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
_OUTPUTS = ((1, 1, 1, 0), (0, 1, -1, -1))
"""B' and A' (ibid., equation 7)."""


def prepare(kernel: Array) -> Array:
    """Transform an HWIO kernel ``[3, 3, I, O]`` to ``[4, 4, I, O]``."""
    return jnp.stack(columns(_kernel_taps, kernel), axis=1)


def convolve_padded(padded: Array, kernel: Array) -> Array:
    """Convolve one image that has its border already, stride 1.

    Args:
        padded: ``[H + 2, W + 2, I]``.
        kernel: what :func:`prepare` returned.

    Returns:
        ``[H, W, O]``.
    """
    return _convolution.forward(padded[None], kernel, sides=padded.shape[:2])[0]


def _kernel_taps(a: Array, b: Array, c: Array) -> tuple[Array, Array, Array, Array]:
    """G: a kernel at 0, 1, -1 and infinity."""
    ends = 0.5 * (a + c)
    return a, ends + 0.5 * b, ends - 0.5 * b, c


def _forward(padded: Array, kernel: Array, *, sides: tuple[int, int]) -> Array:
    """Of a batch, in the form that fits its size."""
    height, width = (side - 2 for side in sides)
    # An odd side gets one more row, which no output sees.
    padded = jnp.pad(padded, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    pixels, on_cpu = len(padded) * height * width, jax.default_backend() == "cpu"
    if on_cpu and pixels <= _MATRIX_PIXELS:
        form = _by_matrices
    else:
        form = _by_rows if on_cpu and pixels <= _ROW_PIXELS else _by_slices
    return jax.vmap(form, (0, None))(padded, kernel)[:, :height, :width]


def _images(dy: Array, kernel: Array, *, sides: tuple[int, int]) -> Array:
    like = jax.ShapeDtypeStruct((len(dy), *sides, kernel.shape[2]), dy.dtype)
    return jax.linear_transpose(lambda padded: _forward(padded, kernel, sides=sides), like)(dy)[0]


def _kernel(padded: Array, dy: Array, *, sides: tuple[int, int]) -> Array:
    like = jax.ShapeDtypeStruct((4, 4, padded.shape[-1], dy.shape[-1]), dy.dtype)
    return jax.linear_transpose(lambda kernel: _forward(padded, kernel, sides=sides), like)(dy)[0]


_convolution = closed("winograd2", Maps(_forward, _images, _kernel))


def _by_slices(padded: Array, kernel: Array) -> Array:
    """One image with even sides: sixteen products, each of its own windows."""
    rows = []
    for i, row in enumerate(_windows(padded, axis=0)):
        products = [pixel_product(window, kernel[i, j]) for j, window in enumerate(_windows(row, axis=1))]
        rows.append(jnp.stack(_outputs(products), axis=2))
    out = jnp.stack(_outputs(rows), axis=1)
    return out.reshape(padded.shape[0] - 2, padded.shape[1] - 2, -1)


def _by_rows(padded: Array, kernel: Array) -> Array:
    """The same, all rows of windows at once: four batches of four products."""
    rows = jnp.stack(_windows(padded, axis=0))
    products = [_batched(window, kernel[:, j]) for j, window in enumerate(_windows(rows, axis=2))]
    out = jnp.stack(_outputs(products), axis=3).reshape(4, rows.shape[1], padded.shape[1] - 2, -1)
    return jnp.stack(_outputs(list(out)), axis=1).reshape(padded.shape[0] - 2, *out.shape[2:])


def _by_matrices(padded: Array, kernel: Array) -> Array:
    """The same, what is done to rows as products with constant matrices: one batch of sixteen products."""
    height, width = (side - 2 for side in padded.shape[:2])
    rows = _transformed(_all_windows(height), padded)
    rows = rows.reshape(4, height // 2, *padded.shape[1:])
    windows = jnp.stack(_windows(rows, axis=2), axis=1)
    products = _batched(windows.reshape(16, *windows.shape[2:]), kernel.reshape(16, *kernel.shape[2:]))
    products = products.reshape(4, 4, *products.shape[1:])
    out = jnp.stack(_outputs([products[:, j] for j in range(4)]), axis=3)
    return _transformed(_all_outputs(height), out).reshape(height, width, -1)


def _transformed(matrix: np.ndarray, x: Array) -> Array:
    """``[M, N]`` times what has N numbers along its first axes: ``[M, ...]``, the others as one."""
    # As fir_up2 has it: sums that are no product elsewhere.
    return jnp.dot(jnp.asarray(matrix, x.dtype), x.reshape(matrix.shape[1], -1), precision="highest")


def _batched(windows: Array, kernels: Array) -> Array:
    """``[N, h, w, I]`` and ``[N, I, O]`` to ``[N, h, w, O]``."""
    flat = windows.reshape(len(windows), -1, windows.shape[-1])
    return jax.lax.dot_general(flat, kernels, (((2,), (1,)), ((0,), (0,)))).reshape(*windows.shape[:3], -1)


def _windows(padded: Array, axis: int) -> tuple[Array, Array, Array, Array]:
    """B' along an axis: the four combinations of every window of four, two apart."""
    even, odd = phases(padded, axis)
    count = even.shape[axis]
    # Windows overlap by two, so that the second half of one is the first half of the next: contiguous slices,
    # whose transposes (in the backward pass) XLA fuses, where strided slices would scatter.
    first = [jax.lax.slice_in_dim(v, 0, count - 1, axis=axis) for v in (even, odd)]
    second = [jax.lax.slice_in_dim(v, 1, count, axis=axis) for v in (even, odd)]
    return first[0] - second[0], first[1] + second[0], second[0] - first[1], first[1] - second[1]


def _outputs(products: list[Array]) -> tuple[Array, Array]:
    """A': four products to two neighbouring outputs."""
    a, b, c, d = products
    return a + b + c, b - c - d


@functools.cache
def _all_windows(side: int) -> np.ndarray:
    """B' of all windows along an axis, ``[4 (side / 2), side + 2]``."""
    made = np.zeros((4, side // 2, side + 2), np.float32)
    for window in range(side // 2):
        made[:, window, 2 * window : 2 * window + 4] = _INPUTS
    return made.reshape(2 * side, -1)


@functools.cache
def _all_outputs(side: int) -> np.ndarray:
    """A' of all windows along an axis, ``[side, 4 (side / 2)]``."""
    made = np.zeros((side, 4, side // 2), np.float32)
    for window in range(side // 2):
        made[2 * window : 2 * window + 2, :, window] = _OUTPUTS
    return made.reshape(side, -1)

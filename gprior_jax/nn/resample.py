"""Resampling by two with the binomial filters of StyleGAN, for one image ``[H, W, C]``.

StyleGAN2 filters with [1, 3, 3, 1] / 8 along each axis, StyleGAN with [1, 2, 1] / 4 (stylegan2-ada-pytorch
``torch_utils/ops/upfirdn2d.py``; genforce ``stylegan_generator.py``). A depthwise convolution is what XLA is slowest
at on a CPU, so every filter is a sum of shifted arrays; zeros surround the image. Enlarging is written in its even and
odd outputs ("phases"), so that no sum meets the zeros that enlarging inserts.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.nn.linear import Pair, transposes
from gprior_jax.typing import Array

_FEW_NUMBERS = 4096
"""Images of so many (the colours behind a block, up to 32x32 pixels) are enlarged by matrices: as fast, and a third of
the operations to compile."""


def shifted(x: Array, offset: int, length: int, axis: int) -> Array:
    """``x[offset : offset + length]`` along an axis, with zeros outside ``x``."""
    size = x.shape[axis]
    pads = [(0, 0)] * x.ndim
    pads[axis] = (max(0, -offset), max(0, offset + length - size))
    return jax.lax.slice_in_dim(jnp.pad(x, pads), max(0, offset), max(0, offset) + length, axis=axis)


def interleave(even: Array, odd: Array, axis: int) -> Array:
    """Weave two arrays of one shape along an axis: even[0], odd[0], even[1], ..."""
    shape = list(even.shape)
    shape[axis] *= 2
    return jnp.stack([even, odd], axis=axis + 1).reshape(shape)


def fir_up2(x: Array) -> Array:
    """Enlarge by two: zeros between the pixels, then [1, 3, 3, 1] / 4 along each axis (``upsample2d``).

    >>> fir_up2(jnp.ones((2, 2, 1)))[:, 1, 0]  # zeros surround the image
    Array([0.75, 1.  , 1.  , 0.75], dtype=float32)
    """
    if x.size <= _FEW_NUMBERS and jax.default_backend() == "cpu":
        rows, columns = (jnp.asarray(_enlarged(side), x.dtype) for side in x.shape[:2])
        # Told here, a program that is made for a matrix unit does not round the sums, which elsewhere are no product.
        return jnp.einsum("yh,xw,hwc->yxc", rows, columns, x, precision="highest")
    for axis in (0, 1):
        size = x.shape[axis]
        before, after = shifted(x, -1, size, axis), shifted(x, 1, size, axis)
        x = interleave(0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after, axis)
    return x


@functools.cache
def _enlarged(side: int) -> np.ndarray:
    """``[2 side, side]``: zeros between the pixels, then the filter."""
    made = np.zeros((2 * side, side), np.float32)
    for pixel in range(side):
        for place, weight in zip(range(2 * pixel - 1, 2 * pixel + 3), (0.25, 0.75, 0.75, 0.25), strict=True):
            if 0 <= place < 2 * side:
                made[place, pixel] = weight
    return made


def fir_down2(x: Array) -> Array:
    """Reduce by two, even sides: [1, 3, 3, 1] / 8 along each axis at every other pixel (``downsample2d``)."""
    return _down2.there(x[None])[0]


def _down(x: Array) -> Array:
    """Of a batch ``[B, H, W, C]``."""
    for axis in (1, 2):
        half = x.shape[axis] // 2
        even, odd = phases(x, axis)
        x = 0.125 * (shifted(odd, -1, half, axis) + shifted(even, 1, half, axis)) + 0.375 * (even + odd)
    return x


def _down_back(dy: Array) -> Array:
    """The transpose: what enlarges, a quarter of it."""
    return 0.25 * jax.vmap(fir_up2)(dy)


_down2 = transposes("fir_down2", Pair(_down, _down_back))


def phases(x: Array, axis: int) -> tuple[Array, Array]:
    """Every other entry along an axis of even length, from the first and from the second."""
    pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
    even, odd = (jax.lax.index_in_dim(pairs, i, axis + 1, keepdims=False) for i in (0, 1))
    return even, odd


def fir_blur(x: Array, before: int = 2, after: int = 2) -> Array:
    """Filter with [1, 3, 3, 1] / 8 along each axis after at most three zeros: ``[H + before + after - 3, ...]``."""
    return _blurred.there(x[None], before=before, after=after)[0]


def _blur(x: Array, *, before: int, after: int) -> Array:
    """Of a batch ``[B, H, W, C]``."""
    batch, (height, width), features = len(x), (size + before + after - 3 for size in x.shape[1:3]), x.shape[3]
    padded = jnp.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    # Rows, then columns with their channels in one axis: its sums run through memory in order.
    a, b, c, d = (padded[:, tap : tap + height].reshape(batch, height, -1) for tap in range(4))
    rows = 0.125 * (a + d) + 0.375 * (b + c)
    a, b, c, d = (rows[:, :, tap * features : (tap + width) * features] for tap in range(4))
    return (0.125 * (a + d) + 0.375 * (b + c)).reshape(batch, height, width, features)


def _blur_back(dy: Array, *, before: int, after: int) -> Array:
    """The transpose: the filter is the same from behind."""
    return _blur(dy, before=3 - before, after=3 - after)


_blurred = transposes("fir_blur", Pair(_blur, _blur_back))


def sums2(x: Array) -> Array:
    """Sums of 2x2 neighbours, with zeros around the image: ``[H, W, C]`` to ``[H + 1, W + 1, C]``.

    >>> sums2(jnp.ones((2, 2, 1)))[..., 0]
    Array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]], dtype=float32)
    """
    padded = jnp.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-1] + padded[1:]
    return rows[:, :-1] + rows[:, 1:]


def blur3(x: Array) -> Array:
    """Filter with [1, 2, 1] / 4 along each axis, zeros outside (the blur of StyleGAN)."""
    for axis in (0, 1):
        size = x.shape[axis]
        x = 0.25 * (shifted(x, -1, size, axis) + shifted(x, 1, size, axis)) + 0.5 * x
    return x


def transposed_then_fir(products: Array) -> Array:
    """Put a stride-2 transposed 3x3 convolution and [1, 3, 3, 1] / 4 together from products of single taps.

    Args:
        products: ``[H, W, 9 C]``, the image times the kernel's taps (0, 0), (0, 1), ... (2, 2).

    Returns:
        ``[2H, 2W, C]``: the convolution, filtered with a border of one zero (``conv2d_resample`` with ``up=2``).
    """
    return from_taps(_transposed_then_fir_axis, products)


def from_taps(along: Callable[..., Array], products: Array) -> Array:
    """Put products of single taps together, where both axes are put together in one way.

    Args:
        along: ``(first, middle, last, axis)``, what to do along an axis with the products of its three taps.
        products: ``[H, W, 9 C]``, of the taps (0, 0), (0, 1), ... (2, 2).

    Returns:
        ``[H', W', C]``.
    """
    # Rows first, with the taps of all columns side by side: two sums of long contiguous runs, where columns first
    # would be three sums and one (half of the compilation; 0.8 to 1 of the time).
    rows = along(*jnp.split(products, 3, axis=-1), axis=0)
    return along(*jnp.split(rows, 3, axis=-1), axis=1)


def _transposed_then_fir_axis(first: Array, middle: Array, last: Array, axis: int) -> Array:
    """One axis: with x[m] k0, x[m] k1 and x[m] k2 given.

    The transposed convolution T has the even entries E[m] = x[m] k0 + x[m - 1] k2, m = 0 ... H, and the odd ones
    O[m] = x[m] k1. Filtered, they are (O[m - 1] + 3 E[m] + 3 O[m] + E[m + 1]) / 4 and (E[m] + 3 O[m] + 3 E[m + 1] +
    O[m + 1]) / 4.
    """
    size = first.shape[axis]
    here = first + shifted(last, -1, size, axis)
    ahead = shifted(first, 1, size, axis) + last
    before, after = shifted(middle, -1, size, axis), shifted(middle, 1, size, axis)
    even = 0.25 * (before + ahead) + 0.75 * (here + middle)
    odd = 0.25 * (here + after) + 0.75 * (middle + ahead)
    return interleave(even, odd, axis)

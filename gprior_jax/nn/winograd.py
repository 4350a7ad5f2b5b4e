"""3x3 convolutions by Winograd's F(4x4, 3x3): 2.25 multiplications per output in place of 9.

Lavin and Gray, arXiv:1509.09308, section 4.2: tiles of 6x6 inputs and 4x4 outputs, interpolated at 0, 1, -1, 2, -2 and
infinity. With V = B' d B the transformed inputs and K = G g G' the kernel, whose entries are matrices ``[I, O]``, the
outputs are A' (V K) A. Their gradients have the same transforms: of the inputs ``B (A dy A' K') B'``, of the kernel
V' (A dy A'). Written out, all are sums of neighbouring slices, which XLA fuses; what JAX derives from the forward pass
takes twice the time. All rows of tiles are transformed at once, so that there are six batches of six products: 36 of
them take as long, and three times as long to compile. So a kernel is six arrays, one for each column of a tile: parts
of one array would be copied before their products, in every step. Rounding errors are below 1e-5 of the largest output,
ten times those of a direct sum.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gprior_jax.nn.bilinear import Kernel, Maps, closed
from gprior_jax.typing import Array

_TILE = 4
"""Side of the tiles of outputs."""


def prepare(kernel: Array) -> tuple[Array, ...]:
    """Transform an HWIO kernel ``[3, 3, I, O]`` to six columns of six matrices ``[6, I, O]``."""
    return columns(_kernel_taps, kernel)


def columns(taps: Callable[..., Sequence[Array]], kernel: Array) -> tuple[Array, ...]:
    """Transform both axes of an HWIO kernel, of three matrices to several, column by column."""
    # Sums of whole matrices: as a matrix product of rows of three this takes ten times as long.
    rows = jnp.stack(taps(*kernel))
    return tuple(taps(*rows.swapaxes(0, 1)))


def convolve_padded(padded: Array, kernel: tuple[Array, ...]) -> Array:
    """Convolve one image that has its border already, stride 1.

    Args:
        padded: ``[H + 2, W + 2, I]``.
        kernel: what :func:`prepare` returned.

    Returns:
        ``[H, W, O]``.
    """
    return _convolution.forward(padded[None], kernel, sides=padded.shape[:2])[0]


def kernel_gradient(padded: Array, dy: Array) -> Array:
    """Gradient of a convolution of stride 1 by its kernel.

    Args:
        padded: images that have their border already ``[B, H + 2, W + 2, I]``.
        dy: gradients of the results ``[B, H, W, O]``.

    Returns:
        ``[3, 3, I, O]``.
    """
    transformed = _kernel(padded, dy, sides=padded.shape[1:3])
    like = jax.ShapeDtypeStruct((3, 3, *transformed[0].shape[1:]), transformed[0].dtype)
    return jax.linear_transpose(prepare, like)(transformed)[0]


def _kernel_taps(a: Array, b: Array, c: Array) -> tuple[Array, ...]:
    """G: a kernel at 0, 1, -1, 2, -2 and infinity."""
    ends, middle = (a + 4 * c) / 24, b / 12
    return a / 4, -(a + c + b) / 6, -(a + c - b) / 6, ends + middle, ends - middle, c


def _inputs(x: Array, axis: int) -> list[Array]:
    """B': what the six places of a tile see along an axis, whose length is a multiple of four and one tile longer."""
    d = _slices(x, axis)
    even, odd = d[4] - 4 * d[2], d[3] - 4 * d[1]
    even2, odd2 = d[4] - d[2], 2 * (d[3] - d[1])
    first, last = 4 * (d[0] - d[2]) + even2, 4 * (d[1] - d[3]) + (d[5] - d[3])
    return [first, even + odd, even - odd, even2 + odd2, even2 - odd2, last]


def _slices(x: Array, axis: int) -> list[Array]:
    """Numbers 0 to 5 of every tile."""
    # Tiles overlap by two: the last two of one are the first of the next. So these are contiguous slices.
    phases = _phases(x, axis)
    count = phases[0].shape[axis]
    own = [jax.lax.slice_in_dim(phase, 0, count - 1, axis=axis) for phase in phases]
    return own + [jax.lax.slice_in_dim(phase, 1, count, axis=axis) for phase in phases[:2]]


def _phases(x: Array, axis: int) -> list[Array]:
    """Every fourth number along an axis, from 0, 1, 2 and 3."""
    shape = x.shape
    parts = x.reshape(*shape[:axis], shape[axis] // _TILE, _TILE, *shape[axis + 1 :])
    return [jax.lax.index_in_dim(parts, i, axis + 1, keepdims=False) for i in range(_TILE)]


def _spread(t: Sequence[Array], axis: int) -> Array:
    """B, the transpose of :func:`_inputs`: ``[..., n, ...]`` each to ``[..., 4 (n + 1), ...]``."""
    sum1, difference1, sum2, difference2 = t[1] + t[2], t[1] - t[2], t[3] + t[4], t[3] - t[4]
    own = [
        4 * t[0],
        4 * (t[5] - difference1) - 2 * difference2,
        -5 * t[0] - 4 * sum1 - sum2,
        difference1 + 2 * difference2 - 5 * t[5],
    ]
    following = [t[0] + sum1 + sum2, t[5]]

    def placed(value: Array, before: int) -> Array:
        edges = [(0, 0)] * value.ndim
        edges[axis] = (before, 1 - before)
        return jnp.pad(value, edges)

    found = [placed(value, 0) for value in own]
    found[:2] = [a + placed(b, 1) for a, b in zip(found, following, strict=False)]
    return _woven(found, axis)


def _outputs(m: Sequence[Array], axis: int) -> Array:
    """A': six products to four neighbouring outputs, ``[..., n, ...]`` each to ``[..., 4 n, ...]``."""
    sum1, difference1, sum2, difference2 = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    last = difference1 + 8 * difference2 + m[5]
    return _woven([m[0] + sum1 + sum2, difference1 + 2 * difference2, sum1 + 4 * sum2, last], axis)


def _gradients(dy: Array, axis: int) -> list[Array]:
    """A, the transpose of :func:`_outputs`."""
    y = _phases(dy, axis)
    even, odd, even2, odd2 = y[0] + y[2], y[1] + y[3], y[0] + 4 * y[2], 2 * y[1] + 8 * y[3]
    return [y[0], even + odd, even - odd, even2 + odd2, even2 - odd2, y[3]]


def _woven(phases: list[Array], axis: int) -> Array:
    shape = phases[0].shape
    return jnp.stack(phases, axis + 1).reshape(*shape[:axis], _TILE * shape[axis], *shape[axis + 1 :])


def _both(function: Callable[[Array, int], list[Array]], x: Array) -> list[Array]:
    """A transform along both axes of maps ``[B, H, W, C]``: six columns of rows ``[6, B, h, w, C]``."""
    return function(jnp.stack(function(x, 1)), 3)


def _filled(x: Array, sides: Sequence[int]) -> Array:
    """With zeros after it, to so many rows and columns."""
    return jnp.pad(x, ((0, 0), *((0, side - own) for side, own in zip(sides, x.shape[1:3], strict=True)), (0, 0)))


def _whole(sides: Sequence[int], more: int) -> list[int]:
    """Sides of the outputs in whole tiles, of padded inputs of some sides; so many tiles more."""
    return [_TILE * (-(-(side - 2) // _TILE) + more) for side in sides]


def _forward(x: Array, kernel: Kernel, *, sides: tuple[int, ...]) -> Array:
    seen = _both(_inputs, _filled(x, _whole(sides, 1)))
    rows = _outputs([_product(tiles, column, 1) for tiles, column in zip(seen, kernel, strict=True)], 3)
    return _outputs(list(rows), 1)[:, : sides[0] - 2, : sides[1] - 2]


def _images(dy: Array, kernel: Kernel, *, sides: tuple[int, ...]) -> Array:
    given = _both(_gradients, _filled(dy, _whole(sides, 0)))
    rows = _spread([_product(tiles, column, 2) for tiles, column in zip(given, kernel, strict=True)], 3)
    return _spread(list(rows), 1)[:, : sides[0], : sides[1]]


def _kernel(x: Array, dy: Array, *, sides: tuple[int, ...]) -> Kernel:
    seen, given = _both(_inputs, _filled(x, _whole(sides, 1))), _both(_gradients, _filled(dy, _whole(sides, 0)))
    return tuple(_contracted(_flat(before), 1, _flat(after), 1) for before, after in zip(seen, given, strict=True))


def _product(tiles: Array, matrices: Array, axis: int) -> Array:
    """Of every row's tiles ``[6, B, h, w, C]`` with its matrix ``[6, ...]``, over one of that one's axes."""
    return _contracted(_flat(tiles), 2, matrices, axis).reshape(*tiles.shape[:-1], -1)


def _flat(tiles: Array) -> Array:
    return tiles.reshape(len(tiles), -1, tiles.shape[-1])


def _contracted(a: Array, of_a: int, b: Array, of_b: int) -> Array:
    """A batch of matrix products, over an axis of each."""
    return jax.lax.dot_general(a, b, (((of_a,), (of_b,)), ((0,), (0,))))


_convolution = closed("winograd", Maps(_forward, _images, _kernel))

"""3x3 convolutions in several exact formulations, and the choice between them.

All functions take one image ``[H, W, C_in]`` (float, channels last), return ``[H', W', C_out]`` and are
batched with ``jax.vmap``. Kernels are HWIO. Every formulation gives the same numbers up to the order of float32
sums (relative error about 1e-6, of F(4x4, 3x3) 1e-5); they differ in the operations they need:

========================  ===========  =================================================================
convolution               formulation  multiplications per output, against 9 of the direct one
========================  ===========  =================================================================
3x3, stride 1             direct       9
3x3, stride 1             winograd     4: F(2x2, 3x3) of Lavin and Gray, arXiv:1509.09308, section 4.1
                                       (:mod:`gprior_jax.nn.winograd2`)
3x3, stride 1             winograd4    2.25: F(4x4, 3x3), ibid. 4.2 (:mod:`gprior_jax.nn.winograd`)
2x nearest, then 3x3      direct       9 (enlarge, then convolve)
2x nearest, then 3x3      phases       4: one 2x2 kernel for each of the four output phases
2x nearest, then 3x3      winograd     2.25: F(2x2, 3x3) of an enlarged image, where one of the four
                                       transformed inputs of each axis is zero
2x nearest, then 3x3      taps         2.25: the same, with every pixel multiplied by all nine matrices at once
                                       and the differences taken of the products
========================  ===========  =================================================================

A kernel is *prepared* once for its formulation (:func:`prepare_conv3x3`, :func:`prepare_up_conv3x3`), outside the
loop that applies it. :func:`conv_path` chooses by the measurements of ``benchmarks/conv_paths.py``.
"""

from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.nn import winograd, winograd2
from gprior_jax.nn.batched import convolve, pixel_product, prepare_taps
from gprior_jax.nn.resample import from_taps, interleave, shifted, sums2
from gprior_jax.typing import Array

Prepared = Any
"""A kernel as its formulation has it: an array, or several in a tuple where parts of one would be copied."""

ConvPath = Literal["auto", "trained", "direct", "phases", "taps", "winograd", "winograd4"]

# Below these widths the transforms cost more than the multiplications they save, or save too little for what they add
# to the compilation (CPU, float32; conv_paths.py).
_MIN_FEATURES, _MIN_FEATURES_SMALL_MAP, _SMALL_MAP = 256, 128, 16
_MIN_UP_FEATURES = 64

# Numbers of an enlarged result up to which the products of single taps, 2.25 times as many, stay in the caches.
_MOST_TAPS = 1 << 20

# F(4x4, 3x3) reads kernels of 36 matrices: beyond this size passing over them takes longer than what it saves, unless
# the layers are so wide that F(2x2, 3x3) waits for its sixteen as well.
_MOST_WEIGHTS_4, _WIDEST = 256 * 256, 512
_MIN_SIZE_4 = 8

MIN_FEATURES_4 = 128
"""Width from which plain convolutions of larger maps take Winograd's forms where F(4x4, 3x3) is one of them."""


def has_digits(kernel: Array) -> bool:
    """Whether a kernel's type has the digits for F(4x4, 3x3).

    In bfloat16 the sums of its tiles lose most of them: of 512 channels the outputs err by a twentieth, those of
    F(2x2, 3x3) by less than a hundredth, and it is no faster.

    >>> has_digits(jnp.zeros(1)), has_digits(jnp.zeros(1, jnp.bfloat16))
    (True, False)
    """
    return jnp.finfo(kernel.dtype).bits >= 32


# Widths and sizes from which it is the faster of the two in a training step as well, forward and by the images; the
# kernel's gradient is chosen apart (weight_gradient.py). Narrow layers of large maps gain less than they add to the
# compilation.
_MIN_TRAINED_FEATURES, _MIN_TRAINED_SIZE = 64, 8
_MIN_TRAINED_FEATURES_SMALL_MAP, _SMALL_TRAINED_MAP = 32, 32


def conv_path(
    wish: ConvPath,
    in_features: int,
    out_features: int,
    *,
    size: int | None = None,
    up: bool = False,
    platform: str | None = None,
    min_features: int = _MIN_FEATURES,
    large_tiles: bool = False,
) -> ConvPath:
    """The formulation of a 3x3 convolution that is meant: ``"auto"`` is the fastest measured one.

    Args:
        wish: a formulation; ``"auto"`` chooses for weights that are given, ``"trained"`` for those that change, whose
            kernels are transformed in every step.
        in_features: number of input channels.
        out_features: number of output channels.
        size: side of the result, pixels; None where it is not known.
        up: whether the map is enlarged first.
        platform: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None asks JAX for its default.
        min_features: width from which a layer is wide on maps beyond the smallest.
        large_tiles: whether F(4x4, 3x3) may be it.

    Returns:
        On a CPU one of Winograd's for wide layers, or taps for enlarged maps that are small; else the plain one:
        accelerator libraries choose such algorithms themselves.

    >>> conv_path("auto", 512, 512, platform="cpu"), conv_path("auto", 512, 512, up=True, platform="gpu")
    ('winograd', 'phases')
    """
    plain: ConvPath = "phases" if up else "direct"
    if wish not in ("auto", "trained"):
        # A convolution that enlarges nothing has no phases and no taps of its own, and one that does no larger tiles.
        fitting: dict[tuple[str, bool], ConvPath] = {
            ("phases", False): "direct",
            ("taps", False): "winograd",
            ("winograd4", True): "winograd",
        }
        return fitting.get((wish, up), wish)
    if (platform or jax.default_backend()) != "cpu":
        return plain
    if up and size is not None and out_features * size**2 <= _MOST_TAPS:
        return "taps"
    if wish == "trained":
        return "winograd4" if not up and _pays_in_training(in_features, out_features, size) else plain
    if up:
        wide = in_features >= _MIN_UP_FEATURES and out_features >= _MIN_UP_FEATURES // 2
    else:
        small = size is not None and size <= _SMALL_MAP
        wide = min(in_features, out_features) >= (_MIN_FEATURES_SMALL_MAP if small else min_features)
        light = not small and in_features * out_features <= _MOST_WEIGHTS_4
        widest = size is not None and size >= _MIN_SIZE_4 and min(in_features, out_features) >= _WIDEST
        if wide and large_tiles and (light or widest):
            return "winograd4"
    return "winograd" if wide else plain


def _pays_in_training(in_features: int, out_features: int, size: int | None) -> bool:
    """Whether F(4x4, 3x3) is faster than the direct form in a training step."""
    if size is None or size < _MIN_TRAINED_SIZE or in_features * out_features > _MOST_WEIGHTS_4:
        return False
    enough = _MIN_TRAINED_FEATURES_SMALL_MAP if size <= _SMALL_TRAINED_MAP else _MIN_TRAINED_FEATURES
    return min(in_features, out_features) >= enough


def prepare_conv3x3(kernel: Array, path: ConvPath) -> Prepared:
    """Prepare an HWIO kernel ``[3, 3, I, O]`` for :func:`conv3x3`.

    Returns:
        the kernel itself for ``"direct"``; ``[4, 4, I, O]`` for ``"winograd"``, six ``[6, I, O]`` for ``"winograd4"``.
    """
    if path == "direct":
        return kernel
    if path == "winograd4":
        return winograd.prepare(kernel)
    return winograd2.prepare(kernel)


def conv3x3(x: Array, kernel: Prepared, path: ConvPath) -> Array:
    """Convolve one image with a prepared 3x3 kernel, stride 1, zero padding 1.

    Args:
        x: ``[H, W, I]``.
        kernel: what :func:`prepare_conv3x3` returned for the same ``path``.
        path: ``"direct"``, ``"winograd"`` or ``"winograd4"``.

    Returns:
        ``[H, W, O]``.
    """
    return convolve(x, kernel) if path == "direct" else padded_conv3x3(jnp.pad(x, _ONE), kernel, path)


_ONE = ((1, 1), (1, 1), (0, 0))


def padded_conv3x3(padded: Array, kernel: Prepared, path: ConvPath) -> Array:
    """Convolve one image that has its border already with a prepared 3x3 kernel, stride 1.

    Args:
        padded: ``[H + 2, W + 2, I]``.
        kernel: what :func:`prepare_conv3x3` returned for the same ``path``.
        path: ``"direct"``, ``"winograd"`` or ``"winograd4"``.

    Returns:
        ``[H, W, O]``.
    """
    if path == "direct":
        return convolve(padded, kernel, ((0, 0), (0, 0)))
    if path == "winograd4":
        return winograd.convolve_padded(padded, kernel)
    return winograd2.convolve_padded(padded, kernel)


def prepare_up_conv3x3(kernel: Array, path: ConvPath) -> Prepared:
    """Prepare an HWIO kernel ``[3, 3, I, O]`` for :func:`up_conv3x3`.

    Returns:
        ``"direct"``: the kernel; ``"phases"``: ``[2, 2, 2, 2, I, O]`` (row phase, column phase, kernel row, kernel
        column); ``"taps"``: in each axis W0, W0 + W1 + W2 and W2, as one matrix ``[I, 9 O]``; ``"winograd"``: the
        same in four.
    """
    if path == "direct":
        return kernel
    if path == "phases":
        rows = jnp.stack(_phase_taps(kernel))
        return jnp.stack([jnp.stack(_phase_taps(row.swapaxes(0, 1))).swapaxes(1, 2) for row in rows])
    rows = jnp.stack([kernel[0], kernel.sum(0), kernel[2]])
    (nw, n, ne), (w, c, e), (sw, s, se) = ((row[0], row.sum(0), row[2]) for row in rows)
    if path == "taps":
        return prepare_taps(jnp.stack([jnp.stack(row) for row in ((nw, n, ne), (w, c, e), (sw, s, se))]))
    beside = partial(jnp.concatenate, axis=-1)
    return _UpTaps(c, beside([w, e]), beside([n, s]), beside([nw, ne, sw, se]))


def _phase_taps(kernel: Array) -> tuple[Array, Array]:
    """Two-tap kernels (along axis 0) of the even and the odd outputs of an enlarged signal."""
    return jnp.stack([kernel[0], kernel[1] + kernel[2]]), jnp.stack([kernel[0] + kernel[1], kernel[2]])


def up_conv3x3(x: Array, kernel: Prepared, path: ConvPath) -> Array:
    """Enlarge one image by two (nearest neighbour) and convolve it with a prepared 3x3 kernel, zero padding 1.

    Args:
        x: ``[H, W, I]``.
        kernel: what :func:`prepare_up_conv3x3` returned for the same ``path``.
        path: ``"direct"``, ``"phases"``, ``"taps"`` or ``"winograd"``.

    Returns:
        ``[2H, 2W, O]``.
    """
    if path == "direct":
        return convolve(x.repeat(2, axis=0).repeat(2, axis=1), kernel)
    if path == "phases":
        # Outputs 2j and 2j + 1 see the pixels (j - 1, j) and (j, j + 1).
        pads = ((1, 0), (0, 1))
        return _interleave([[convolve(x, kernel[r, c], (pads[r], pads[c])) for c in (0, 1)] for r in (0, 1)])
    return _up_conv_taps(x, kernel) if path == "taps" else _up_conv_winograd(x, kernel)


def _up_conv_taps(x: Array, taps: Array) -> Array:
    """What :func:`_up_conv_winograd` sums: a third of the pieces to compile, and a matrix's weight gradient."""
    return from_taps(_up_axis, pixel_product(x, taps))


def _up_axis(first: Array, centre: Array, last: Array, axis: int) -> Array:
    """One axis, from x[j] W0, x[j] S and x[j] W2: S x[j] + W0 (x[j - 1] - x[j]) and S x[j] + W2 (x[j + 1] - x[j])."""
    size = first.shape[axis]
    even = centre - first + shifted(first, -1, size, axis)
    odd = centre - last + shifted(last, 1, size, axis)
    return interleave(even, odd, axis)


class _UpTaps(NamedTuple):
    """Taps W0, S and W2 of both axes, those of one product side by side: ``[I, O]``, twice ``[I, 2 O]``, ``[I, 4 O]``.

    Put side by side where they are prepared: XLA:CPU would copy them in every step.
    """

    centre: Array
    columns: Array
    rows: Array
    corners: Array


def _up_conv_winograd(x: Array, kernel: _UpTaps) -> Array:
    """Nine products per pixel for its four outputs.

    In one axis, with D[j] = x[j - 1] - x[j] (zero outside) and S = W0 + W1 + W2, the even output W0 x[j-1] + (W1 + W2)
    x[j] is S x[j] + W0 D[j], and the odd one (W0 + W1) x[j] + W2 x[j+1] is S x[j] - W2 D[j + 1]: three products for two
    outputs.
    """
    height, width, _ = x.shape
    padded = jnp.pad(x, ((1, 1), (1, 1), (0, 0)))
    drop = padded[:-1] - padded[1:]  # [H + 1, W + 2]: differences of rows.
    rows = drop[:, 1:-1]
    columns = padded[1:-1, :-1] - padded[1:-1, 1:]
    both = drop[:, :-1] - drop[:, 1:]
    centre = jnp.dot(x, kernel.centre)
    left, right = _parted(columns, kernel.columns, 2)
    top, bottom = _parted(rows, kernel.rows, 2)
    top_left, top_right, bottom_left, bottom_right = _parted(both, kernel.corners, 4)
    # What belongs to the pixel before an output and to the one after it.
    up, down = slice(None, height), slice(1, None)
    west, east = (slice(None), slice(None, width)), (slice(None), slice(1, None))
    even = centre + top[up]
    odd = centre - bottom[down]
    return _interleave(
        [
            [even + left[west] + top_left[up][west], even - right[east] - top_right[up][east]],
            [odd + left[west] - bottom_left[down][west], odd - right[east] + bottom_right[down][east]],
        ]
    )


def _parted(x: Array, matrices: Array, number: int) -> list[Array]:
    """What a product with matrices side by side gives for each."""
    return jnp.split(jnp.dot(x, matrices), number, axis=-1)


def _interleave(phases: list) -> Array:
    """Weave ``phases[row][column]``, each ``[H, W, C]``, into ``[2H, 2W, C]``."""
    height, width, features = phases[0][0].shape
    rows = [jnp.stack(row, axis=2) for row in phases]
    return jnp.stack(rows, axis=1).reshape(2 * height, 2 * width, features)


def prepare_down_conv3x3(kernel: Array) -> Array:
    """Prepare an HWIO kernel ``[3, 3, I, O]`` for :func:`down_conv3x3`: a quarter of it, for sums in place of means."""
    return 0.25 * kernel


def down_conv3x3(x: Array, kernel: Array) -> Array:
    """Convolve one image with a 3x3 kernel (zero padding 1) and average 2x2 blocks.

    The mean of four neighbouring results is one result of the sum of four neighbouring pixels: 2.25 multiplications
    per full-size pixel, where averaging the results takes 9 and a 4x4 kernel of stride 2 takes 4.

    Args:
        x: ``[H, W, I]``, even sides.
        kernel: what :func:`prepare_down_conv3x3` returned.

    Returns:
        ``[H / 2, W / 2, O]``.
    """
    return convolve(sums2(x), kernel, ((0, 0), (0, 0)), stride=2)

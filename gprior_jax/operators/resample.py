"""Reduction by a whole factor, as a matrix along rows and one along columns."""

import functools
from typing import Literal, get_args

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.typing import Array

DownsampleFilter = Literal["area", "bilinear", "bicubic", "lanczos", "pulse"]


@flax.struct.dataclass
class Downsample:
    """The image was reduced by a whole factor.

    Attributes:
        factor: old side by new side (static).
        filter: see :func:`downsample_matrix`; the default is mGANprior's (static).

    Raises:
        ValueError: on a call, if the factor does not fit a side of the image.

    >>> Downsample(4, "area")(jnp.ones((16, 8, 3))).shape
    (4, 2, 3)
    """

    factor: int = flax.struct.field(pytree_node=False)
    filter: DownsampleFilter = flax.struct.field(pytree_node=False, default="bilinear")
    linear = True
    pixelwise = False
    known = None

    def __call__(self, image: Array) -> Array:
        """Small image ``[H / factor, W / factor, C]`` of one image ``[H, W, C]``."""
        rows, columns = (downsample_matrix(size, self.factor, self.filter) for size in image.shape[:2])
        return _on_both_axes(rows, columns, image)

    def back_project(self, observation: Array) -> Array:
        """The image of least norm with ``Downsample(image) == observation``: A+ y with A+ the pseudoinverse.

        Args:
            observation: ``[h, w, C]``.

        Returns:
            ``[h * factor, w * factor, C]``; not clipped.
        """
        rows, columns = (_pseudoinverse(size * self.factor, self.factor, self.filter) for size in observation.shape[:2])
        return _on_both_axes(rows, columns, observation)


def _on_both_axes(rows: np.ndarray, columns: np.ndarray, image: Array) -> Array:
    """``rows @ image @ columns.T`` for every channel."""
    # Full precision: accelerators would round the factors of a product to 10 or 8 bits.
    half = jnp.tensordot(jnp.asarray(rows, image.dtype), image, axes=(1, 0), precision="highest")
    whole = jnp.tensordot(jnp.asarray(columns, image.dtype), half, axes=(1, 1), precision="highest")
    return jnp.swapaxes(whole, 0, 1)


@functools.lru_cache(maxsize=64)
def downsample_matrix(size: int, factor: int, filter: DownsampleFilter) -> np.ndarray:
    """Weights of every old pixel in every new one along one axis; each row sums to 1.

    Args:
        size: old side, pixels.
        factor: old side by new side.
        filter: ``"area"``, ``"bilinear"`` (torch's ``interpolate``, without antialias), ``"bicubic"`` and ``"lanczos"``
            (Pillow's) as :func:`gprior_jax.images.arrays.resize`; ``"pulse"`` as PULSE's ``BicubicDownSample``, 4 *
            factor taps and reflected edges.

    Returns:
        ``[size // factor, size]`` float32; cached and not writeable.

    Raises:
        ValueError: the filter is unknown, or the factor does not divide the side (or reaches too far to reflect).

    >>> downsample_matrix(4, 2, "area")
    array([[0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0.5, 0.5]], dtype=float32)
    """
    return _read_only(_matrix(size, factor, filter))


@functools.lru_cache(maxsize=64)
def _pseudoinverse(size: int, factor: int, filter: DownsampleFilter) -> np.ndarray:
    """``[size, size // factor]`` float32."""
    return _read_only(np.linalg.pinv(_matrix(size, factor, filter)))


def _read_only(matrix: np.ndarray) -> np.ndarray:
    rounded = matrix.astype(np.float32)
    rounded.flags.writeable = False  # Others get the same array from the cache.
    return rounded


def _matrix(size: int, factor: int, filter: DownsampleFilter) -> np.ndarray:
    """:func:`downsample_matrix` in float64."""
    if filter not in get_args(DownsampleFilter):
        raise ArgumentError(f"filter {filter!r}: use area, bilinear, bicubic, lanczos or pulse.")
    if not _fits(size, factor, filter):
        allowed = ", ".join(str(f) for f in range(1, size + 1) if _fits(size, f, filter))
        raise ArgumentError(
            f"factor {factor} does not fit a side of {size} pixels with {filter}: use one of {allowed}."
        )
    if filter == "pulse":
        return _pulse(size, factor)
    # Every pixel alone, resized along one axis; at once, also where the caller is being traced.
    with jax.ensure_compile_time_eval():
        resized = im.resize(jnp.eye(size)[..., None], (size // factor, size), filter)
        return np.asarray(resized[..., 0], np.float64)


def _fits(size: int, factor: int, filter: DownsampleFilter) -> bool:
    # An edge can be reflected by less than a side.
    return factor >= 1 and size % factor == 0 and (filter != "pulse" or max(_pulse_padding(factor)) < size)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.5, which PULSE uses, as Pillow does (torch's a is -0.75)."""
    x, a = np.abs(x), -0.5
    inner = ((a + 2) * x - (a + 3)) * x**2 + 1
    outer = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def _pulse_padding(factor: int) -> tuple[int, int]:
    """Pixels before and after a side: 4 * factor taps less a stride of factor, halved."""
    return 3 * factor // 2, 3 * factor - 3 * factor // 2


def _pulse(size: int, factor: int) -> np.ndarray:
    """PULSE's ``bicubic.py``: taps at half-pixel centres, normalised, over edges that are reflected."""
    taps = _cubic((np.arange(4 * factor) - 2 * factor + 0.5) / factor)
    padded = np.pad(np.eye(size), (_pulse_padding(factor), (0, 0)), mode="reflect")
    starts = range(0, size, factor)
    return np.stack([taps / taps.sum() @ padded[start : start + 4 * factor] for start in starts])

"""Rounding to levels and the losses of JPEG files, with gradients that pass straight through."""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.operators.checks import checked_pytree
from gprior_jax.typing import Array


def _straight_through(image: Array, changed: Array) -> Array:
    """The value of ``changed`` with the gradient of ``image`` (Bengio et al. 2013, arXiv:1308.3432)."""
    return image + jax.lax.stop_gradient(changed - image)


@flax.struct.dataclass
class Quantize:
    """Every value was rounded to the nearest of some levels, equally spaced from -1 to 1.

    Attributes:
        levels: their number, at least 2 (static); 256 are those of 8-bit files.

    Raises:
        ValueError: fewer than two levels.

    >>> Quantize(3)(jnp.array([-0.9, 0.2, 0.6, 4.0]))
    Array([-1.,  0.,  1.,  1.], dtype=float32)
    """

    levels: int = flax.struct.field(pytree_node=False, default=256)
    linear = False
    pixelwise = True
    known = None

    def __post_init__(self):
        if self.levels < 2:
            raise ArgumentError(f"levels must be at least 2, got {self.levels}.")

    def __call__(self, image: Array) -> Array:
        """One rounded image; its gradient is that of no rounding."""
        step = 2.0 / (self.levels - 1)
        # Halves go up, as in image.to_uint8.
        level = jnp.clip(jnp.floor((image + 1.0) / step + 0.5), 0, self.levels - 1)
        return _straight_through(image, level * step - 1.0)


# ITU-T T.81 (1992), tables K.1 and K.2: example quantisation tables for luminance and chrominance.
_LUMINANCE = """
    16 11 10 16  24  40  51  61  12 12 14 19  26  58  60  55  14 13 16 24  40  57  69  56  14 17 22 29  51  87  80  62
    18 22 37 56  68 109 103  77  24 35 55 64  81 104 113  92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103  99
"""
_CHROMINANCE = """
    17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
_TABLES = np.stack(
    [np.array(text.split(), np.float32).reshape(8, 8) for text in (_LUMINANCE, _CHROMINANCE, _CHROMINANCE)]
)

# Y, Cb and Cr (rows) of R, G and B: JFIF 1.02 (ITU-T T.871).
_TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])

# Rows are the cosines of the discrete cosine transform of ITU-T T.81, A.3.3, orthonormal.
_COSINES = np.cos(np.pi / 16 * np.outer(np.arange(8), 2 * np.arange(8) + 1)) * np.sqrt([1 / 8] + [1 / 4] * 7)[:, None]


@checked_pytree
@dataclasses.dataclass(frozen=True)
class Jpeg:
    """The image was stored as a JPEG file: its blocks of 8 x 8 pixels lost what the file rounds off.

    Baseline JPEG without chroma subsampling; the colours in between are not rounded to bytes, nor is the result. Sides
    that are no multiple of 8 are padded by repeating the edge. Rounding and clipping pass gradients straight through;
    without them a file changes nothing, so the gradient is that of the identity (and 0 for the quality).

    Attributes:
        quality: 1 to 100, as in libjpeg; 75 is its default.

    Raises:
        ValueError: ``quality`` is outside of its range; on a call, if the image has neither one channel nor three.

    >>> Jpeg(50.0)(jnp.zeros((12, 12, 3))).shape
    (12, 12, 3)
    """

    quality: float | Array = 75.0
    linear = False
    pixelwise = False
    known = None

    def __post_init__(self):
        check_number("quality", self.quality, lambda x: (x >= 1) & (x <= 100), "a number from 1 to 100")

    def __call__(self, image: Array) -> Array:
        """One image ``[H, W, 1 or 3]`` as read back from the file, in [-1, 1]."""
        height, width, channels = image.shape
        if channels not in (1, 3):
            raise ArgumentError(f"a JPEG file holds images of 1 or 3 channels, got shape {image.shape}.")
        tables = _scaled_tables(self.quality)[:channels].astype(image.dtype)
        padded = jnp.pad(image, ((0, -height % 8), (0, -width % 8), (0, 0)), mode="edge")
        coefficients = _transform(_mix(127.5 * padded - 0.5, _TO_YCBCR), _COSINES)
        steps = coefficients / tables
        rounded = jnp.sign(steps) * jnp.floor(jnp.abs(steps) + 0.5) * tables  # Halves go outwards, as in libjpeg.
        decoded = _mix(_transform(rounded, _COSINES.T), np.linalg.inv(_TO_YCBCR))
        changed = jnp.clip((decoded + 0.5) / 127.5, -1.0, 1.0)[:height, :width]
        return _straight_through(image, changed)


def _scaled_tables(quality: float | Array) -> Array:
    """Steps ``[3, 8, 8]`` of Y, Cb and Cr at a quality: ``jpeg_set_quality`` of libjpeg (jcparam.c)."""
    quality = jnp.asarray(quality)
    percent = jnp.where(quality < 50, jnp.floor(5000 / quality), 200 - 2 * quality)
    return jnp.clip(jnp.floor((_TABLES * percent + 50) / 100), 1, 255)


def _mix(image: Array, matrix: np.ndarray) -> Array:
    """Colours times a matrix; one channel is left alone."""
    if image.shape[-1] == 1:
        return image
    return jnp.tensordot(image, jnp.asarray(matrix, image.dtype), axes=(-1, 1), precision="highest")


def _transform(image: Array, matrix: np.ndarray) -> Array:
    """``matrix @ block @ matrix.T`` for all blocks; pixels ``[H, W, C]`` to ``[H / 8, W / 8, C, 8, 8]`` or back."""
    basis = jnp.asarray(matrix, image.dtype)
    if image.ndim == 3:
        height, width, channels = image.shape
        blocks = image.reshape(height // 8, 8, width // 8, 8, channels)
        return jnp.einsum("ui,vj,aibjc->abcuv", basis, basis, blocks, precision="highest")
    rows, columns, channels = image.shape[:3]
    blocks = jnp.einsum("iu,jv,abcuv->aibjc", basis, basis, image, precision="highest")
    return blocks.reshape(rows * 8, columns * 8, channels)

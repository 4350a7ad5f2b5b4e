"""Colour: CIE Lab, and how near the chroma of a colourised image comes to the truth."""

import jax.numpy as jnp
import numpy as np

from gprior_jax.images.arrays import check_unit
from gprior_jax.typing import Array

# Linear sRGB to XYZ, the primaries of ITU-R BT.709 and white D65 with six digits (Poynton, "Frequently asked questions
# about color", question 18; scikit-image and OpenCV have the same).
_XYZ_OF_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
)

# XYZ of D65 for the 2 degree observer (CIE 15, ASTM E308).
_WHITE = np.array([0.95047, 1.0, 1.08883], np.float32)

MAX_THRESHOLD = 150
"""Largest distance in the plane of a and b that the curve reaches, in steps of 1 (arXiv:1603.08511, section 3.1)."""

# Distances this little above a threshold count as within it: float32 computes them to about 1e-4.
_SLACK = 1e-3


def rgb_to_lab(image: Array) -> Array:
    """CIE 1976 L*a*b* of sRGB colours (IEC 61966-2-1), white D65.

    Args:
        image: ``[..., 3]`` in [0, 1].

    Returns:
        ``[..., 3]``: L in [0, 100], a and b about [-110, 110].

    Raises:
        ValueError: pixels of another range.

    >>> [round(float(v), 1) for v in rgb_to_lab(jnp.array([1.0, 0.0, 0.0]))]
    [53.2, 80.1, 67.2]
    """
    check_unit(image)
    # Both sides of a `where` are computed: the bounds keep the other side, and its gradient, finite.
    curved = ((jnp.maximum(image, 0.04045) + 0.055) / 1.055) ** 2.4
    linear = jnp.where(image > 0.04045, curved, image / 12.92)
    # A sum of three rather than a product of matrices, which some platforms round to fewer bits.
    xyz = jnp.sum(linear[..., None, :] * _XYZ_OF_RGB, axis=-1) / _WHITE
    # CIE 15: the cube root, below (6/29)^3 = 0.008856 a line.
    f = jnp.where(xyz > 0.008856, jnp.cbrt(jnp.maximum(xyz, 0.008856)), 7.787 * xyz + 16 / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def chroma_error(image: Array, reference: Array) -> Array:
    """Distance of every pixel's colour to the truth in the plane of a and b; lightness does not count.

    Args:
        image: ``[H, W, 3]`` in [0, 1].
        reference: likewise.

    Returns:
        ``[H, W]``, CIE Lab units, 0 where the chroma is equal.

    >>> gray, red = jnp.full((1, 1, 3), 0.5), jnp.array([[[1.0, 0.0, 0.0]]])
    >>> round(float(chroma_error(gray, jnp.zeros((1, 1, 3)))[0, 0]), 1)  # Both are gray.
    0.0
    >>> round(float(chroma_error(red, gray)[0, 0]), 1)
    104.6
    """
    return jnp.linalg.norm((rgb_to_lab(image) - rgb_to_lab(reference))[..., 1:], axis=-1)


def colorization_auc(image: Array, reference: Array) -> Array:
    """Area under the curve of pixels of right chroma (Zhang, Isola, Efros 2016, arXiv:1603.08511, section 3.1, AuC).

    The curve is the share of pixels whose :func:`chroma_error` is at most a threshold of 0, 1, ..., 150; its area by
    the trapezoidal rule is divided by 150. (The paper gives percent: 100 times this.)

    Args:
        image: ``[H, W, 3]`` in [0, 1].
        reference: likewise.

    Returns:
        A scalar in [0, 1]; 1 where all chroma is equal.

    >>> float(colorization_auc(jnp.zeros((4, 4, 3)), jnp.zeros((4, 4, 3))))
    1.0
    """
    error = chroma_error(image, reference)
    # A pixel is within all thresholds from `first` on, which is 0 to 150 or beyond.
    first = jnp.ceil(error - _SLACK)
    # Under the trapezoidal rule it fills the steps after `first`, and half of the step that leads up to it.
    area = jnp.clip(MAX_THRESHOLD - first + 0.5, 0.0, MAX_THRESHOLD)
    return jnp.mean(area) / MAX_THRESHOLD

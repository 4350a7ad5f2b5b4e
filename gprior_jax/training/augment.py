"""Adaptive augmentation's transformations (Karras et al. 2020, arXiv:2006.06676, appendix B: "bgc").

Every image of a batch gets random transformations, each with the probability p: moved by whole pixels (mirrored, turned
by quarters, shifted), warped (scaled, rotated, stretched, shifted by parts of a pixel), and its colours changed. They
can be differentiated, since the generator is trained through them; below a probability of about 0.8 the generator does
not learn to make them. What lies outside an image is its reflection.

The published filter around a warp is a wavelet's; here it is [1, 3, 3, 1] at twice the resolution.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.nn.resample import fir_down2, fir_up2
from gprior_jax.typing import Array, ArrayLike, Key

# Table of appendix B: standard deviations and ranges.
_SHIFT = 0.125
_SCALE = 0.2
_BRIGHTNESS = 0.2
_CONTRAST = 0.5
_SATURATION = 1.0


@jax.jit
def augment(images: Array, p: ArrayLike, key: Key) -> Array:
    """Transform every image of a batch.

    Args:
        images: ``[B, S, S, C]`` in [-1, 1]; the result can leave that range. Of gray images (C = 1) the brightness
            and contrast change; alpha (C = 4) is moved and warped with the colours.
        p: probability of every transformation.
        key: image i of the batch takes the i-th key split from it.

    >>> images = jnp.ones((1, 8, 8, 3))
    >>> bool(jnp.allclose(augment(images, 0.0, jax.random.key(0)), images, atol=1e-6))
    True
    """
    return augment_each(images, p, jax.random.split(key, images.shape[0]))


def augment_each(images: Array, p: ArrayLike, keys: Array) -> Array:
    """:func:`augment` with a key for every image, ``[B]``."""
    return jax.vmap(lambda image, key: _augment_one(image, p, key))(images, keys)


def _augment_one(image: Array, p: ArrayLike, key: Key) -> Array:
    blit_key, warp_key, color_key = jax.random.split(key, 3)
    image = _moved(image, *_draw_move(image.shape[0], p, blit_key))
    image = _recolored(image, *_draw_color(p, color_key))
    matrix, applies = _draw_warp(p, warp_key)
    # Filters would soften an image that is not warped.
    return jnp.where(applies, _warped(image, matrix), image)


# The numbers of a kind of transformation are drawn by one call: each takes long to compile.


def _draw(key: Key, uniform: int, normal: int) -> tuple[Array, Array]:
    """Numbers in [0, 1), and standard normal ones."""
    uniform_key, normal_key = jax.random.split(key)
    return jax.random.uniform(uniform_key, (uniform,)), jax.random.normal(normal_key, (normal,))


def _draw_move(size: int, p: ArrayLike, key: Key) -> tuple[Array, Array]:
    """A mirrored, turned and shifted frame: a matrix of integers ``[2, 2]`` and an offset ``[2]`` in pixels."""
    uniform = jax.random.uniform(key, (7,))
    mirrors, turns, shifts = uniform[:3] < p
    mirror = mirrors & (uniform[3] < 0.5)
    quarters = jnp.where(turns, (4.0 * uniform[4]).astype(jnp.int32), 0)
    shift = jnp.where(shifts, _SHIFT * (2.0 * uniform[5:] - 1.0), 0.0)
    flip = jnp.array([[1, 0], [0, 1]]) - jnp.array([[0, 0], [0, 2]]) * mirror
    quarter = jnp.array([[[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]]])[quarters]
    return flip @ quarter, jnp.round(shift * size).astype(jnp.int32)


def _moved(image: Array, matrix: Array, offset: Array) -> Array:
    """Every pixel from another place of the image, exactly."""
    size = image.shape[0]
    # Twice the distance from the centre is a whole number for even and odd sizes alike.
    axis = 2 * jnp.arange(size) - (size - 1)
    frame = jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), -1) - 2 * offset
    row, column = jnp.moveaxis((frame @ matrix.T + (size - 1)) // 2, -1, 0)
    return image[_reflected(row, size), _reflected(column, size)]


def _reflected(index: Array, size: int) -> Array:
    """Indices outside ``[0, size)`` as those of the mirrored image; the border pixels are not repeated."""
    index = jnp.abs(index) % (2 * size - 2)
    return jnp.minimum(index, 2 * size - 2 - index)


def _rotation(angle: Array) -> Array:
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _scaling(rows: ArrayLike, columns: ArrayLike) -> Array:
    return jnp.diag(jnp.array([rows, columns, 1.0]))


def _draw_warp(p: ArrayLike, key: Key) -> tuple[Array, Array]:
    """Where pixels of the result are taken from, in parts of the side from the centre; and whether there is a warp."""
    uniform, normal = _draw(key, 7, 4)
    # Two rotations, before and after stretching: with this chance each, one or both occur with the probability p.
    half = 1.0 - jnp.sqrt(1.0 - jnp.asarray(p))
    scale = 2.0 ** jnp.where(uniform[0] < p, _SCALE * normal[0], 0.0)
    stretch = 2.0 ** jnp.where(uniform[1] < p, _SCALE * normal[1], 0.0)
    shift = jnp.where(uniform[2] < p, _SHIFT * normal[2:4], 0.0)
    before, after = jnp.where(uniform[3:5] < half, math.pi * (2.0 * uniform[5:7] - 1.0), 0.0)
    matrix = _scaling(scale, scale) @ _rotation(before) @ _scaling(stretch, 1.0 / stretch) @ _rotation(after)
    matrix = matrix.at[:2, 2].set(matrix[:2, :2] @ shift)
    return matrix, (matrix != jnp.eye(3)).any()


_MARGIN = 2
"""Pixels around an image that its filters reach."""


def _warped(image: Array, matrix: Array) -> Array:
    """The image resampled at ``matrix @ (row, column, 1)``, filtered at twice the resolution."""
    size, fine = image.shape[0], 2 * image.shape[0]
    border = [(_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)]
    source = fir_up2(jnp.pad(image, border, mode="reflect"))[2 * _MARGIN : -2 * _MARGIN, 2 * _MARGIN : -2 * _MARGIN]
    axis = (jnp.arange(-2 * _MARGIN, fine + 2 * _MARGIN) + 0.5) / fine - 0.5
    frame = jnp.stack([*jnp.meshgrid(axis, axis, indexing="ij"), jnp.ones((axis.size, axis.size))], -1)
    at = (frame @ matrix.T)[..., :2]
    return fir_down2(_bilinear(source, (at + 0.5) * fine - 0.5))[_MARGIN : _MARGIN + size, _MARGIN : _MARGIN + size]


def _bilinear(image: Array, at: Array) -> Array:
    """Pixels at places ``[..., 2]`` between pixels."""
    size = image.shape[0]
    low = jnp.floor(at)
    row, column = jnp.moveaxis(at - low, -1, 0)[..., None]
    top, left = jnp.moveaxis(low.astype(jnp.int32), -1, 0)

    def pixel(down: int, right: int) -> Array:
        return image[_reflected(top + down, size), _reflected(left + right, size)]

    above = (1.0 - column) * pixel(0, 0) + column * pixel(0, 1)
    below = (1.0 - column) * pixel(1, 0) + column * pixel(1, 1)
    return (1.0 - row) * above + row * below


_GRAY = np.full((3, 3), 1.0 / 3.0, np.float32)
"""Projection on the axis of gray."""


def _draw_color(p: ArrayLike, key: Key) -> tuple[Array, Array]:
    """A matrix ``[3, 3]`` and an offset, scalar: brightness, contrast, inverted luma, hue, saturation."""
    uniform, normal = _draw(key, 7, 3)
    brightness = jnp.where(uniform[0] < p, _BRIGHTNESS * normal[0], 0.0)
    contrast = 2.0 ** jnp.where(uniform[1] < p, _CONTRAST * normal[1], 0.0)
    inverted = (uniform[2] < p) & (uniform[3] < 0.5)
    hue = jnp.where(uniform[4] < p, math.pi * (2.0 * uniform[5] - 1.0), 0.0)
    saturation = 2.0 ** jnp.where(uniform[6] < p, _SATURATION * normal[2], 0.0)
    identity, gray = jnp.eye(3), jnp.asarray(_GRAY)
    matrix = contrast * (identity - 2.0 * gray * inverted)
    matrix = (gray + saturation * (identity - gray)) @ _about_gray(hue) @ matrix
    # Brightness comes first: contrast scales it, and inverting turns its sign; hue and saturation leave gray alone.
    return matrix, brightness * contrast * jnp.where(inverted, -1.0, 1.0)


def _about_gray(angle: Array) -> Array:
    """Rotation of colours about the axis of gray (Rodrigues' formula)."""
    cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3.0)
    return jnp.cos(angle) * jnp.eye(3) + jnp.sin(angle) * cross + (1.0 - jnp.cos(angle)) * _GRAY


def _recolored(image: Array, matrix: Array, offset: Array) -> Array:
    if image.shape[-1] == 1:  # As stylegan2-ada-pytorch: the mean of the colours that gray becomes.
        return image * matrix.sum() / 3.0 + offset
    colours = image[..., :3] @ matrix.T + offset
    return jnp.concatenate([colours, image[..., 3:]], axis=-1)

"""Rounding against numpy, JPEG against Pillow."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal
from PIL import Image

from gprior_jax.images.arrays import from_uint8, to_uint8
from gprior_jax.operators import Jpeg, Quantize
from operators.calling import apply, apply_each


def smooth_bytes(height, width, channels=3):
    """Soft colours with some grain: what photographs are made of."""
    y, x = np.mgrid[:height, :width] / 16
    waves = np.stack([np.sin(x + c) + np.cos(1.3 * y - c) for c in range(channels)], -1)
    return np.clip(128 + 50 * waves + 6 * normal(1, height, width, channels), 0, 255).astype(np.uint8)


def through_pillow(image, quality):
    """Bytes as read back from a file; three channels are Y, Cb and Cr, which Pillow stores as they are."""
    stream = io.BytesIO()
    mode = "L" if image.shape[-1] == 1 else "YCbCr"
    Image.fromarray(image.squeeze(), mode).save(stream, "JPEG", quality=int(quality), subsampling=0)
    read = Image.open(stream)
    read.draft(read.mode if read.mode == "L" else "YCbCr", read.size)
    return np.asarray(read).reshape(image.shape)


# R, G and B of Y, Cb and Cr: JFIF 1.02.
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
GRAY = np.array([0.0, 128.0, 128.0])


@pytest.mark.parametrize("quality", [10.0, 50.0, 75.0, 95.0])
@pytest.mark.parametrize("shape", [(64, 64), (45, 37)])
def test_jpeg_as_pillow(quality, shape):
    """Both start from whole Y, Cb, Cr, so that the bytes which libjpeg rounds colours to are no part of it."""
    # Low contrast: no colour is clipped.
    planes = (128 + 0.4 * (smooth_bytes(*shape) - 128.0)).round().astype(np.uint8)
    image = ((planes - GRAY) @ TO_RGB.T / 127.5 - 1).astype(np.float32)
    assert np.abs(image).max() < 1
    found = (np.asarray(apply(Jpeg(quality), image)) + 1) * 127.5 @ np.linalg.inv(TO_RGB).T + GRAY
    difference = np.abs(found - through_pillow(planes, quality))
    # Pillow's result is rounded: 0.25 on average, 0.5 at most, and nothing else differs at quality 10. At small steps
    # its integer transform puts some coefficients near the middle of two steps on the other one.
    assert difference.mean() < 0.45
    assert (difference <= 1).mean() > 0.9
    assert difference.max() < (0.51 if quality == 10 else 8)


@pytest.mark.parametrize("quality", [10.0, 50.0, 75.0, 95.0])
def test_gray_jpeg_as_pillow(quality):
    image = smooth_bytes(45, 37, 1)
    difference = np.abs(to_uint8(apply(Jpeg(quality), from_uint8(image))) - through_pillow(image, quality).astype(int))
    assert difference.mean() < 0.5
    assert (difference <= 2).mean() > 0.98


@pytest.mark.parametrize(("quality", "most"), [(50.0, 1.0), (75.0, 1.2), (95.0, 2.0)])
def test_jpeg_of_colours_as_pillow(quality, most):
    image, stream = smooth_bytes(64, 64), io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=int(quality), subsampling=0)
    wanted = np.asarray(Image.open(stream)).astype(int)
    # Rounding Y, Cb and Cr to bytes before and after turns many coefficients to the next step, the more the smaller the
    # steps are; what the file loses is larger.
    difference = np.abs(to_uint8(apply(Jpeg(quality), from_uint8(image))) - wanted).mean()
    assert difference < most
    assert difference < 0.7 * np.abs(image - wanted).mean()


def test_jpeg_of_the_best_quality_changes_little():
    image = from_uint8(smooth_bytes(64, 64))
    assert np.abs(apply(Jpeg(100.0), image) - image).max() < 6 / 255


def test_jpeg_keeps_flat_gray_and_clips():
    for level in (-1.0, 0.0, 1.0):
        # The step of the mean is 16 levels of 8 * 1 / 8 at quality 50: two levels of the image.
        flat = np.full((16, 16, 3), level, np.float32)
        assert np.abs(apply(Jpeg(50.0), flat) - level).max() <= 2 / 255 + 1e-6
    assert np.abs(apply(Jpeg(20.0), np.sign(normal(2, 16, 16, 3)))).max() <= 1.0 + 1e-6


def test_quality_of_each_image():
    image, qualities = from_uint8(smooth_bytes(16, 16)), [10.0, 49.0, 90.0]
    found = apply_each(Jpeg(jnp.array(qualities)), np.stack([image] * 3))
    errors = [float(np.abs(f - image).mean()) for f in found]
    assert errors == sorted(errors, reverse=True)
    for index, quality in enumerate(qualities):
        np.testing.assert_allclose(found[index], apply(Jpeg(quality), image), atol=1e-5)


def test_jpeg_gradient_of_the_quality_is_zero():
    assert float(jax.jit(jax.grad(lambda q: Jpeg(q)(jnp.asarray(normal(3, 8, 8, 3))).sum()))(75.0)) == 0


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_nearest_level(levels):
    image = np.linspace(-1.2, 1.2, 1001, dtype=np.float32)
    table = np.linspace(-1, 1, levels)
    found = np.asarray(apply(Quantize(levels), image))
    np.testing.assert_allclose(np.abs(found[:, None] - table).min(1), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(found - image), np.abs(image[:, None] - table).min(1), atol=1e-6)


def test_256_levels_are_those_of_files():
    image = normal(4, 16, 16, 3) * 0.5
    np.testing.assert_allclose(apply(Quantize(), image), from_uint8(to_uint8(image)), atol=1e-6)


@pytest.mark.parametrize("operator", [Quantize(4), Jpeg(30)])
def test_gradient_passes_straight_through(operator):
    image, cotangent = 2 * normal(5, 12, 12, 3), normal(6, 12, 12, 3)
    pulled = jax.jit(lambda image, cotangent: jax.vjp(operator, image)[1](cotangent)[0])(image, cotangent)
    np.testing.assert_array_equal(pulled, cotangent)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Quantize(1), "levels must be at least 2, got 1."),
        (lambda: Jpeg(0), "quality must be a number from 1 to 100, got 0."),
        (lambda: Jpeg(float("nan")), "quality must be a number from 1 to 100, got nan."),
        (lambda: Jpeg(np.array([50.0, 101.0])), "quality must be a number from 1 to 100"),
        (lambda: Jpeg()(np.zeros((8, 8, 2))), "a JPEG file holds images of 1 or 3 channels, got shape"),
    ],
)
def test_errors(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

import functools

import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im

SIZES = [
    ((8, 8), (16, 16)),
    ((16, 16), (8, 8)),
    ((16, 12), (4, 3)),
    ((5, 7), (13, 9)),
    ((13, 9), (5, 7)),
    ((6, 6), (4, 9)),
]


def picture(size, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (*size, 3)).astype(np.float32)


@functools.cache
def resized(method):
    """Pictures of all sizes, and what they become."""
    pictures = [picture(old) for old, _ in SIZES]
    # Compiled in one piece.
    resize = jax.jit(lambda pictures: [im.resize(x, new, method) for x, (_, new) in zip(pictures, SIZES, strict=True)])
    return list(zip(pictures, resize(pictures), (new for _, new in SIZES), strict=True))


@pytest.mark.parametrize("method", ["nearest", "area", "bilinear"])
def test_resize_as_torch(method):
    options = {"align_corners": False} if method == "bilinear" else {}
    for x, found, new in resized(method):
        wanted = torch.nn.functional.interpolate(
            torch.from_numpy(x).permute(2, 0, 1)[None], size=new, mode=method, **options
        )
        assert found.shape == (*new, 3)
        np.testing.assert_allclose(found, wanted[0].permute(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("method", "filtered"), [("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)]
)
def test_resize_as_pillow(method, filtered):
    for x, found, new in resized(method):
        # Mode "F" keeps floats: Pillow's 8-bit path rounds.
        channels = [np.asarray(Image.fromarray(x[..., c]).resize(new[::-1], filtered)) for c in range(3)]
        np.testing.assert_allclose(found, np.stack(channels, -1), atol=2e-5)


@pytest.mark.parametrize("method", ["nearest", "area", "bilinear", "bicubic", "lanczos"])
def test_resize_keeps_a_constant_and_has_a_gradient(method):
    @jax.jit
    def found(constant, x):
        gradient = jax.grad(lambda x: im.resize(x, (9, 4), method).sum())(x)
        return im.resize(constant, (9, 4), method), gradient.sum()

    kept, gradient = found(np.full((6, 10, 3), 0.25, np.float32), picture((6, 10)))
    np.testing.assert_allclose(kept, 0.25, atol=1e-6)
    assert float(gradient) == pytest.approx(9 * 4 * 3, rel=1e-5)


@pytest.mark.parametrize("method", ["nearest", "bicubic"])
def test_resize_to_the_same_size_changes_nothing(method):
    x = jnp.asarray(picture((5, 7)))
    np.testing.assert_array_equal(im.resize(x, (5, 7), method), x)


def test_uint8_round_trip_of_every_value():
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(im.to_uint8(im.from_uint8(values)), values)


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 20), elements=st.floats(-1, 1, width=32)))
def test_rounding_to_uint8_is_to_the_nearest(x):
    assert np.abs(im.from_uint8(im.to_uint8(x)) - x).max() <= 1 / 255 + 1e-6


def test_uint8_clips():
    np.testing.assert_array_equal(im.to_uint8(np.array([-1e9, -1.01, 1.01, 1e9])), [0, 0, 255, 255])


def test_unit_range():
    x = jnp.array([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    np.testing.assert_allclose(im.to_unit(x), [0, 0, 0.5, 0.75, 1, 1])
    np.testing.assert_allclose(im.from_unit(im.to_unit(x)), [-1, -1, 0, 0.5, 1, 1])


@pytest.mark.parametrize(
    ("number", "columns", "cells"), [(6, 3, (2, 3)), (5, None, (2, 3)), (1, None, (1, 1)), (3, 8, (1, 8))]
)
@pytest.mark.parametrize("pad", [0, 2])
def test_grid_places_every_image(number, columns, cells, pad):
    images = np.arange(number, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 5, 3), np.uint8)
    sheet = im.grid(images, columns, pad)
    rows, across = cells
    assert sheet.shape == (rows * (4 + pad) - pad, across * (5 + pad) - pad, 3)
    rest = np.ones(sheet.shape[:2], bool)
    for index in range(number):
        top, left = index // across * (4 + pad), index % across * (5 + pad)
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 5], images[index])
        rest[top : top + 4, left : left + 5] = False
    assert (sheet[rest] == 255).all()


def test_grid_of_floats_is_white_between():
    sheet = im.grid(np.zeros((2, 3, 3, 1), np.float32), 2, 1)
    assert sheet.dtype == np.float32
    np.testing.assert_array_equal(sheet[:, 3], 1.0)


noise_level = jax.jit(im.noise_level)


def smooth(side=128):
    """Waves that are long against a pixel."""
    y, x = np.mgrid[:side, :side] / side
    return np.stack([0.6 * np.sin(5 * x + 3 * y), 0.5 * np.cos(4 * x * y), x * y - 0.3], -1).astype(np.float32)


@pytest.mark.parametrize("sigma", [2, 10, 25, 75])
def test_noise_level_of_a_smooth_image(sigma):
    # Of 3 * 126 * 126 residuals, each correlated with 24 around it, the median is known to about one per cent.
    noise = np.random.default_rng(1).normal(size=(128, 128, 3)).astype(np.float32)
    noisy = smooth() + sigma / im.GREY_LEVEL * noise
    assert float(noise_level(jnp.asarray(noisy, jnp.float32))) == pytest.approx(sigma, rel=0.1)


def test_noise_level_does_not_count_edges():
    # A board of 16 x 16 fields of noise: edges are in few of the residuals.
    board = (np.indices((128, 128)) // 8).sum(0)[..., None] % 2 - 0.5
    noise = np.random.default_rng(2).normal(size=(128, 128, 3))
    assert float(noise_level(jnp.asarray(board + 0.1 * noise, jnp.float32))) == pytest.approx(12.75, rel=0.15)


def test_noise_level_of_a_plane_is_zero():
    y, x = np.mgrid[:32, :32] / 32
    plane = np.stack([x, 0.5 * y - 0.25, 0.3 * x - 0.7 * y], -1).astype(np.float32)
    assert float(noise_level(jnp.asarray(plane))) == pytest.approx(0.0, abs=1e-4)
    assert float(noise_level(np.zeros((32, 32, 3), np.float32))) == 0.0


def test_noise_level_of_a_batch():
    noise = np.random.default_rng(3).normal(size=(3, 32, 32, 3)).astype(np.float32)
    images = noise * np.array([0.1, 0.2, 0.4], np.float32)[:, None, None, None]
    found = jax.jit(jax.vmap(im.noise_level))(images)
    assert found.shape == (3,)
    np.testing.assert_allclose(found, [noise_level(image) for image in images], rtol=1e-5)


def test_pixels_that_can_be_pixels_stay_as_they_are():
    noisy = np.array([-1.9, 0.25, 1.7])
    assert im.check_range(noisy).dtype == np.float32
    np.testing.assert_array_equal(im.check_range(noisy), noisy.astype(np.float32))
    np.testing.assert_array_equal(im.check_range(jnp.asarray(noisy, jnp.bfloat16)), jnp.asarray(noisy, jnp.bfloat16))
    # What is not finite is for others to find, with the number of its image.
    np.testing.assert_array_equal(im.check_range(np.array([-0.5, np.nan, np.inf])), np.float32([-0.5, np.nan, np.inf]))
    assert im.check_range(np.zeros((0, 8, 8, 3))).shape == (0, 8, 8, 3)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((2, 2, 3), np.uint8), "pictures of dtype uint8: give floats"),
        (np.zeros((2, 2, 3), int), "pictures of dtype int64"),
        (np.zeros((2, 2, 3), bool), "pictures of dtype bool"),
        (np.array([0.0, 255.0]), r"pictures from 0 to 255: give floats in \[-1, 1\]"),
        (np.array([-8.5, 0.0]), r"pictures from -8\.5 to 0"),
    ],
)
def test_numbers_that_cannot_be_pixels(array, told):
    with pytest.raises(ArgumentError, match=told):
        im.check_range(array, "pictures")


def test_pixels_that_look_as_if_black_were_zero():
    with pytest.warns(
        UserWarning, match="all pixels of the pictures lie between 0.1 and 0.9: black is -1 here"
    ) as told:
        im.check_range(np.array([0.1, 0.9]), "pictures")
    assert len(told) == 1
    im.check_range(np.array([0.6, 0.9]))  # Flat and bright; warnings are errors here.
    im.check_range(np.array([-0.01, 0.9]))
    im.check_range(np.array([0.1, 1.01]))


def test_psnr_of_a_mean_square():
    np.testing.assert_allclose(im.psnr_of([4.0, 0.04, 0.0]), [0.0, 20.0, np.inf], atol=1e-5)
    np.testing.assert_allclose(im.psnr_of([1.0, 0.01], span=1.0), [0.0, 20.0], atol=1e-5)


def test_gray_and_rgba_as_colours_like_pillow():
    pixels = np.random.default_rng(4).integers(0, 256, (6, 5, 4), np.uint8)
    white = Image.new("RGBA", (5, 6), (255, 255, 255, 255))
    wanted = np.asarray(Image.alpha_composite(white, Image.fromarray(pixels)).convert("RGB"))
    found = im.to_uint8(im.as_rgb(im.from_uint8(pixels)))
    assert np.abs(found.astype(int) - wanted).max() <= 1
    np.testing.assert_array_equal(im.as_rgb(pixels[..., :1]), np.repeat(pixels[..., :1], 3, -1))
    np.testing.assert_array_equal(im.as_rgb(pixels[..., :3]), pixels[..., :3])
    with pytest.raises(ValueError, match="images of 2 channels are no pictures"):
        im.as_rgb(pixels[..., :2])

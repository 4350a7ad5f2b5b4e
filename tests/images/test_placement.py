import numpy as np
import pytest
from PIL import Image, ImageOps

from gprior_jax.images.placement import placement, square

SIZES = [(16, 16), (40, 24), (24, 40), (41, 24), (8, 80), (80, 9), (33, 32)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [8, 13, 64])
def test_squares_are_pillows(size, side):
    image = Image.effect_noise(size, 90).convert("RGB")
    lanczos = Image.Resampling.LANCZOS
    wanted = {
        "center": ImageOps.fit(image, (side, side), lanczos),
        "stretch": image.resize((side, side), lanczos),
        "pad": ImageOps.pad(image, (side, side), lanczos, color=(128, 128, 128)),
    }
    for crop, expected in wanted.items():
        np.testing.assert_array_equal(np.asarray(square(image, side, crop)), np.asarray(expected), err_msg=crop)


@pytest.mark.parametrize("crop", ["center", "stretch", "pad"])
@pytest.mark.parametrize("size", SIZES)
def test_placement_says_what_of_the_picture_is_where(size, crop):
    """A slope along each axis, whose values are the pixels' places, ends up where the placement says."""
    side, (width, height) = 64, size
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    place = placement(size, side, crop)
    left, top, right, bottom = place.square
    for slope, axis in ((columns, 0), (rows, 1)):
        found = np.asarray(
            square(Image.fromarray(slope.astype(np.float32)), side, crop, 0.0, Image.Resampling.BILINEAR)
        )
        start, stop = place.picture[axis], place.picture[axis + 2]
        extent = (right - left, bottom - top)[axis]
        wanted = start + (np.arange(extent) + 0.5) * (stop - start) / extent
        middle = found[(top + bottom) // 2, left:right] if axis == 0 else found[top:bottom, (left + right) // 2]
        inside = slice(extent // 4, extent - extent // 4)
        np.testing.assert_allclose(middle[inside], wanted[inside], atol=0.51)


def test_thin_pictures_keep_a_pixel():
    assert square(Image.new("RGB", (1, 10), (9, 9, 9)), 4, "pad").getpixel((2, 2)) == (9, 9, 9)


def test_unknown_crops_are_refused():
    with pytest.raises(ValueError, match=r"crop='fill': use 'center', 'stretch' or 'pad'"):
        placement((8, 8), 8, "fill")

"""Luma against Pillow and its definition."""

import numpy as np
import pytest
from batteries import normal
from PIL import Image

from gprior_jax.images.arrays import from_uint8, to_uint8
from gprior_jax.operators import LUMA_WEIGHTS, Luma

BYTES = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)


def test_luma_as_pillow():
    wanted = np.asarray(Image.fromarray(BYTES).convert("L"))
    found = to_uint8(Luma(channels=1)(from_uint8(BYTES)))[..., 0]
    # Pillow's weights have 16 bits, which can turn a half the other way.
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found == wanted).mean() > 0.95


def test_luma_by_hand():
    image = normal(1, 5, 4, 3)
    wanted = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
    for channels in (1, 3):
        found = Luma(channels)(image)
        assert found.shape == (5, 4, channels)
        np.testing.assert_allclose(found, np.repeat(wanted[..., None], channels, -1), atol=1e-6)


def test_alpha_is_kept():
    image = normal(1, 5, 4, 4)
    found = Luma()(image)
    np.testing.assert_array_equal(found[..., 3], image[..., 3])
    np.testing.assert_allclose(found[..., :3], Luma()(image[..., :3]), atol=1e-6)


def test_white_stays_white():
    assert LUMA_WEIGHTS.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(Luma()(np.ones((2, 2, 3), np.float32)), 1.0, rtol=1e-6)


def test_gray_values_stay_themselves():
    once = Luma()(normal(2, 4, 4, 3))
    np.testing.assert_allclose(Luma()(once), once, atol=1e-6)


def test_errors():
    with pytest.raises(ValueError, match="channels of a gray image must be 1 or 3, got 2"):
        Luma(**{"channels": 2})
    with pytest.raises(ValueError, match=r"luma is taken of images \[H, W, 3\], got shape \(4, 4, 1\)"):
        Luma()(np.zeros((4, 4, 1), np.float32))

"""Turned squares over their photographs: what they cover, and results that are pasted into them."""

import numpy as np
import pytest
from PIL import Image

from gprior_jax.images.covering import FEATHER, as_covered, covered, feather, inside
from gprior_jax.images.frames import Frame
from gprior_jax.images.pasting import Original, paste, seam
from gprior_jax.images.placement import placed, square
from images.test_frames import slopes

SIDE = 32
FRAMES = [
    Frame(60.0, 50.0, 20.0, 0.0),
    Frame(60.0, 50.0, 16.0, 12.0),
    Frame(60.0, 50.0, 4.0, -3.0),  # Smaller than the square: reduced to be pasted.
    Frame(10.0, 95.0, 18.0, 18.0),  # Beyond two edges.
    Frame(60.0, 50.0, -30.0, 1.0),  # On its head.
    Frame(60.0, 50.0, 200.0, 90.0),  # All of it.
]
SIZE = (120, 100)


def within(frame, size=SIZE):
    """Where the middles of pixels lie in a frame."""
    rows, columns = np.mgrid[: size[1], : size[0]] + 0.5
    u, v = frame.within(columns, rows)
    return (np.minimum(u, v) > 0) & (np.maximum(u, v) < 1)


@pytest.mark.parametrize("frame", FRAMES)
def test_what_was_cut_out_fits_where_it_was(frame):
    pixels = slopes(*SIZE)
    result = np.asarray(square(Image.fromarray(pixels), SIDE, frame))
    place = placed(SIZE, SIDE, frame)
    done = paste(Original(pixels), result, place).samples
    outside = ~within(frame)
    np.testing.assert_array_equal(done[outside], pixels[outside])
    assert (done[~outside] != 0).all()
    if frame.side < min(SIZE):
        assert np.abs(done.astype(int) - pixels).max() <= 8
        assert np.abs(done.astype(int) - pixels).mean() < 1


@pytest.mark.parametrize("frame", FRAMES)
def test_a_feather_falls_to_the_borders(frame):
    place = placed(SIZE, SIDE, frame)
    share = np.zeros(SIZE[::-1])
    share[covered(place)] = feather(SIZE, place)
    assert ((share > 0) == within(frame)).all()
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    u, v = frame.within(columns, rows)
    depth = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v))
    assert (share[depth >= max(FEATHER, 1 / frame.side) + 1e-6] == 1).all()
    assert (share[(depth > 0) & (depth < FEATHER / 2)] < 0.5001).all()


def test_a_turned_square_lies_where_its_pixels_were():
    frame, plane = Frame(60.1, 50.3, 24.3, 17.9), np.zeros((SIDE, SIDE), np.float32)
    plane[4:8, 20:28] = 1.0
    place = placed(SIZE, SIDE, frame)
    found = np.zeros(SIZE[::-1])
    found[covered(place)] = as_covered(plane, place, Image.Resampling.NEAREST)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    u, v = frame.within(columns, rows)
    wanted = (u * SIDE >= 20) & (u * SIDE < 28) & (v * SIDE >= 4) & (v * SIDE < 8)
    assert wanted.sum() > 50
    np.testing.assert_array_equal(found == 1, wanted)


def test_shares_end_at_the_border():
    frame = FRAMES[1]
    place = placed(SIZE, SIDE, frame)
    pixels = np.full((*SIZE[::-1], 3), 100, np.uint8)
    whole = np.ones_like(feather(SIZE, place))
    done = paste(Original(pixels), np.full((SIDE, SIDE, 3), 200, np.uint8), place, whole).samples
    np.testing.assert_array_equal(done[..., 0] == 200, within(frame))
    np.testing.assert_array_equal(inside(whole, place) == 1, within(frame)[covered(place)])


def test_seams():
    frame = Frame(60.0, 50.0, 32.0, 24.0)  # The band is five pixels wide.
    place, pixels = placed(SIZE, SIDE, frame), np.full((*SIZE[::-1], 3), 100, np.uint8)
    pixels[:, ::2] += 4
    original, result = Original(pixels), np.full((SIDE, SIDE, 3), 200, np.uint8)
    whole = np.ones_like(feather(SIZE, place))
    hard = seam(original, paste(original, result, place, whole), place, whole)
    soft = seam(original, paste(original, result, place), place)
    assert hard is not None
    assert soft is not None
    for found in (hard, soft):
        assert found.step == pytest.approx(98, abs=1)
        assert 1 < found.before < 3
    assert hard.jump == pytest.approx(98, abs=2)
    # 100 levels over five pixels, seen by pairs along and across of an edge that runs slanting.
    assert soft.before + 5 < soft.jump < 20
    # What fits leaves no seam, and less of a step where less is changed.
    fitting = seam(original, original, place)
    assert fitting is not None
    assert fitting.step == 0
    assert fitting.jump == fitting.before
    # Of 16 bits the same grey levels.
    deep = Original(pixels.astype(np.uint16) * 257, white=65535.0)
    found = seam(deep, paste(deep, result, place), place)
    assert found is not None
    np.testing.assert_allclose(found, soft, atol=0.5)


def test_a_gray_photograph_with_colours_in_a_hole():
    pixels, share = np.full((40, 40, 1), 50, np.uint8), np.zeros((40, 40), np.float32)
    share[10:20, 10:20] = 1
    original, place = Original(pixels), placed((40, 40), SIDE, "stretch")
    done = paste(original, np.broadcast_to(np.array([50, 80, 110], np.uint8), (SIDE, SIDE, 3)), place, share)
    found = seam(original, done, place, share)
    assert found is not None
    np.testing.assert_allclose(found, (30, 30, 0), atol=1e-4)


def test_no_seam_where_everything_is_covered():
    for crop in (FRAMES[-1], "stretch"):
        place, original = placed(SIZE, SIDE, crop), Original(slopes(*SIZE))
        done = paste(original, np.zeros((SIDE, SIDE, 3), np.uint8), place)
        assert seam(original, done, place) is None

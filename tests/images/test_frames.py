"""Turned squares: where the published alignment and a template put them, and what they show."""

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import ArgumentError
from gprior_jax.images.frames import FFHQ, Frame, Template, cut
from gprior_jax.images.placement import square

LANCZOS = Image.Resampling.LANCZOS
RNG = np.random.default_rng(0)


def slopes(width, height):
    """A picture that any sensible filter keeps."""
    rows, columns = np.mgrid[:height, :width] / max(width, height)
    planes = (60 + 120 * columns, 200 - 90 * rows, 80 + 60 * rows + 60 * columns)
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def published(points):
    """Corners as appendix C of the paper states them: c, s, x and y of the crop rectangle."""
    left, right, mouth = points
    across, down = right - left, (left + right) / 2 - mouth  # x' and y'.
    centre = (left + right) / 2 - 0.1 * down
    side = max(4.0 * np.linalg.norm(across), 3.6 * np.linalg.norm(down))
    x = across - np.array([down[1], -down[0]])  # Less y', turned by a right angle.
    x = x / np.linalg.norm(x)
    y = np.array([-x[1], x[0]])
    return np.stack([centre + side / 2 * (i * x + j * y) for i, j in ((-1, -1), (-1, 1), (1, 1), (1, -1))])


@pytest.mark.parametrize("seed", range(8))
def test_ffhq_as_published(seed):
    rng = np.random.default_rng(seed)
    points = np.array([(30.0, 40.0), (70.0, 42.0), (51.0, 90.0)]) + rng.uniform(-12, 12, (3, 2))
    np.testing.assert_allclose(FFHQ.frame(points).corners(), published(points), atol=1e-9)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, -135])
def test_frames_turn_with_the_face(degrees):
    points = np.array([(30.0, 40.0), (70.0, 40.0), (50.0, 80.0)])
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    template = Template(((0.35, 0.45), (0.65, 0.45)), (0.5, 0.75))
    for alignment in (FFHQ, template):
        straight, turned = alignment.frame(points), alignment.frame(points @ turn + (100.0, -20.0))
        assert straight.degrees == pytest.approx(0, abs=1e-9)
        np.testing.assert_allclose(turned.corners(), straight.corners() @ turn + (100.0, -20.0), atol=1e-9)
        assert np.cos(np.radians(turned.degrees - degrees)) == pytest.approx(1)
        assert turned.side == pytest.approx(straight.side)


def test_a_template_is_met_in_the_least_squares():
    template = Template(((0.37, 0.5), (0.63, 0.5)), (0.5, 0.78))
    points = np.array([(31.0, 44.0), (76.0, 35.0), (60.0, 95.0)])
    wanted = np.array([*template.eyes, template.mouth])
    # p = (a -b; b a) t + (c, d), solved for the four numbers by numpy.
    rows = [[x, -y, 1, 0] for x, y in wanted] + [[y, x, 0, 1] for x, y in wanted]
    (a, b, c, d), *_ = np.linalg.lstsq(np.array(rows), np.concatenate([points[:, 0], points[:, 1]]), rcond=None)
    frame = template.frame(points)
    ends = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) @ np.array([[a, b], [-b, a]]) + (c, d)
    np.testing.assert_allclose(frame.corners(), ends, atol=1e-9)
    u, v = frame.within(*ends.T)
    np.testing.assert_allclose([u, v], [(0, 0, 1, 1), (0, 1, 1, 0)], atol=1e-9)


@pytest.mark.parametrize("alignment", [FFHQ, Template(((0.3, 0.4), (0.7, 0.4)), (0.5, 0.8))])
@pytest.mark.parametrize("points", [np.zeros((3, 2)), np.full((3, 2), np.nan)])
def test_no_face(alignment, points):
    with pytest.raises(ArgumentError, match="lie on each other"), np.errstate(invalid="ignore"):
        alignment.frame(points)


@pytest.mark.parametrize("side", [16, 32, 64])
def test_a_straight_frame_is_a_crop(side):
    pixels = slopes(100, 80)
    found = np.asarray(cut(Image.fromarray(pixels), Frame(50.0, 40.0, side / 2, 0.0), 16, LANCZOS)).astype(int)
    box = (50 - side // 2, 40 - side // 2, 50 + side // 2, 40 + side // 2)
    wanted = np.asarray(Image.fromarray(pixels).resize((16, 16), LANCZOS, box=box)).astype(int)
    assert np.abs(found - wanted).max() <= 2


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns(turns):
    pixels = RNG.integers(0, 256, (40, 40, 3), np.uint8)
    pixels = np.asarray(Image.fromarray(pixels).resize((40, 40), LANCZOS, reducing_gap=None))
    right, down = [(10.0, 0.0), (0.0, 10.0), (-10.0, 0.0), (0.0, -10.0)][turns]
    found = np.asarray(cut(Image.fromarray(pixels), Frame(20.0, 20.0, right, down), 20, LANCZOS)).astype(int)
    straight = np.asarray(cut(Image.fromarray(pixels), Frame(20.0, 20.0, 10.0, 0.0), 20, LANCZOS)).astype(int)
    assert np.abs(found - np.rot90(straight, turns)).max() <= 2


def test_large_photographs_are_reduced_without_aliasing():
    stripes = np.tile(np.array([0, 255], np.uint8), (600, 300))
    found = np.asarray(cut(Image.fromarray(stripes), Frame(300.0, 300.0, 150.0, 60.0), 16, LANCZOS))
    assert np.abs(found.astype(int) - 127).max() <= 6


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_beyond_the_edges_it_is_mirrored(mode):
    pixels = Image.fromarray(slopes(60, 60)).convert(mode)
    flat = cut(Image.new(mode, (60, 60), "#808080"), Frame(5.0, 5.0, 30.0, 10.0), 32, LANCZOS)
    assert np.ptp(np.asarray(flat.convert("L"))) == 0
    found = cut(pixels, Frame(0.0, 30.0, 20.0, 0.0), 40, LANCZOS)
    assert found.mode == mode
    values = np.asarray(found.convert("L")).astype(int)
    # Near the edge both sides are alike; at the outer end the mirrored one is blurred to the median.
    assert np.abs(values[:, 18] - values[:, 21]).max() <= 3
    assert np.ptp(values[:, 0]) < np.ptp(values[:, 39])


def test_planes_have_a_ground_beyond_the_edges():
    plane = Image.fromarray(np.zeros((20, 20), np.float32))
    found = np.asarray(square(plane, 16, Frame(0.0, 10.0, 8.0, 0.0), 1.0, Image.Resampling.BOX))
    np.testing.assert_array_equal(found[:, 9:], 0)
    np.testing.assert_array_equal(found[:, :7], 1)
    # All of it beyond: as far as it goes.
    far = np.asarray(square(plane, 16, Frame(-50.0, 10.0, 8.0, 0.0), 1.0, Image.Resampling.BOX))
    np.testing.assert_array_equal(far, 1)


@pytest.mark.parametrize("size", [(3, 3), (1, 40), (40, 1)])
def test_pictures_that_are_smaller_than_their_frame(size):
    found = cut(Image.fromarray(slopes(*size)), Frame(size[0] / 2, size[1] / 2, 20.0, 5.0), 16, LANCZOS)
    assert found.size == (16, 16)

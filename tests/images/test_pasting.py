"""Results pasted into photographs: what stays to the bit, and what is in the square."""

import warnings

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import GPriorWarning, ImageFileError
from gprior_jax.images.files import load_unscaled
from gprior_jax.images.pasting import FEATHER, Original, covered, enlarged, feather, paste, read_original
from gprior_jax.images.placement import placement, square
from gprior_jax.images.png import encode_samples
from images import profiles
from images.deep import random_samples, write_png

SIDE = 32
RNG = np.random.default_rng(0)
RESULT = RNG.integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def smooth(width, height):
    """A picture that any sensible filter keeps."""
    rows, columns = np.mgrid[:height, :width] / max(width, height)
    planes = (60 + 120 * columns, 200 - 90 * rows, 80 + 60 * rows + 60 * columns)
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def outside(size, place):
    """Where the photograph is not covered by its square."""
    mask = np.ones(size[::-1], bool)
    mask[covered(place)] = False
    return mask


@pytest.mark.parametrize("crop", ["center", "stretch", "pad"])
@pytest.mark.parametrize("size", [(48, 32), (32, 48), (75, 50), (200, 133), (133, 200), (20, 33), (32, 32), (51, 50)])
def test_what_was_cut_out_fits_where_it_was(size, crop):
    pixels = smooth(*size)
    cut = np.asarray(square(Image.fromarray(pixels), SIDE, crop))
    done = paste(Original(pixels), cut, placement(size, SIDE, crop)).samples
    assert done.shape == pixels.shape
    assert np.abs(done.astype(int) - pixels).max() <= 4
    assert np.abs(done.astype(int) - pixels).mean() < 0.6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(48, 32), (32, 48), (90, 64), (65, 90), (51, 32)])
def test_outside_of_the_square_every_bit_stays(size, dtype):
    samples = random_samples((*size[::-1], 3)).astype(dtype)
    place = placement(size, SIDE, "center")
    original = Original(samples.copy(), white=float(np.iinfo(dtype).max))
    done = paste(original, RESULT, place).samples
    beyond = outside(size, place)
    np.testing.assert_array_equal(done[beyond], samples[beyond])
    np.testing.assert_array_equal(original.samples, samples)  # Nothing is done to what was given.
    whole = feather(size, place) == 1
    assert whole.any()
    if min(size) == SIDE and size[0] % 2 == 0:  # Not resized: in the middle it is the result.
        scale = np.iinfo(dtype).max // 255
        np.testing.assert_array_equal(done[covered(place)][whole], RESULT[whole].astype(int) * scale)


def test_it_fades_where_the_photograph_goes_on_and_nowhere_else():
    place = placement((96, 64), SIDE, "center")
    share = feather((96, 64), place)
    assert share.shape == (64, 64)
    band = round(FEATHER * 64)
    assert (share[:, band:-band] == 1).all()
    assert (share[0] == share[32]).all()  # Above and below the square ends with the photograph.
    edge = share[0, : band + 1]
    assert 0 < edge[0] < 0.2
    assert (np.diff(edge) > 0).all()
    np.testing.assert_array_equal(share, share[:, ::-1])
    for size, crop in (((64, 64), "center"), ((96, 64), "stretch"), ((96, 64), "pad")):
        assert (feather(size, placement(size, SIDE, crop)) == 1).all()
    # Between black and white the seam is a slope.
    done = paste(Original(np.zeros((64, 96, 3), np.uint8)), np.full((SIDE, SIDE, 3), 255, np.uint8), place).samples
    line = done[30, :, 0].astype(int)
    assert (np.diff(line[:48]) >= 0).all()
    assert np.diff(line[:48]).max() < 255 * 0.45
    assert (line[:16] == 0).all()
    assert (line[22:74] == 255).all()


def test_a_share_says_what_of_the_square_is_taken():
    pixels, place = RNG.integers(0, 256, (32, 48, 3), np.uint8), placement((48, 32), SIDE, "center")
    share = np.zeros((32, 32), np.float32)
    share[4:9, 6:11], share[20, 20] = 1, 0.25
    done = paste(Original(pixels), RESULT, place, share).samples
    inside = done[:, 8:40]
    np.testing.assert_array_equal(inside[share == 1], RESULT[share == 1])
    np.testing.assert_array_equal(inside[share == 0], pixels[:, 8:40][share == 0])
    np.testing.assert_allclose(inside[20, 20], 0.75 * pixels[20, 28] + 0.25 * RESULT[20, 20], atol=0.51)


def test_the_photograph_shows_through_a_transparent_result():
    pixels, place = RNG.integers(0, 256, (32, 32, 3), np.uint8), placement((32, 32), SIDE, "center")
    alpha = np.zeros((SIDE, SIDE, 1), np.uint8)
    alpha[:8], alpha[8:12] = 255, 51
    done = paste(Original(pixels), np.concatenate([RESULT, alpha], axis=-1), place).samples
    np.testing.assert_array_equal(done[:8], RESULT[:8])
    np.testing.assert_allclose(done[8:12], 0.8 * pixels[8:12] + 0.2 * RESULT[8:12], atol=0.51)
    np.testing.assert_array_equal(done[12:], pixels[12:])


def test_a_finish_sees_the_photograph():
    pixels, place = RNG.integers(0, 256, (300, 48, 3), np.uint8), placement((48, 300), SIDE, "stretch")
    seen = []

    def finish(filling, photograph):
        seen.append((filling, photograph))
        return -photograph

    done = paste(Original(pixels), RESULT, place, finish=finish).samples
    np.testing.assert_array_equal(done, 255 - pixels)
    np.testing.assert_allclose(np.concatenate([b for _, b in seen]), pixels / 127.5 - 1, atol=1e-6)
    assert np.abs(np.concatenate([a for a, _ in seen])).max() <= 1


def written(done, path):
    path.write_bytes(encode_samples(done.stacked(), done.profile))
    return path


def as_read(path):
    return (load_unscaled(path) + 1) * 127.5


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1"])
def test_photographs_of_eight_bits(tmp_path, mode):
    image = Image.fromarray(RNG.integers(0, 256, (32, 48, 3), np.uint8))
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(RNG.integers(0, 256, (32, 48), np.uint8)))
    image = image.quantize(16) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "a.png")
    original, place = read_original(tmp_path / "a.png"), placement((48, 32), SIDE, "center")
    done = paste(original, RESULT, place)
    beyond = outside((48, 32), place)
    with Image.open(written(done, tmp_path / "b.png")) as found:
        assert found.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
        colours = np.asarray(found.convert("RGB"))
        np.testing.assert_array_equal(colours[beyond], np.asarray(image.convert("RGB"))[beyond])
        assert (colours[:, 14:34] == RESULT[:, 6:26]).all()
        if mode in ("LA", "RGBA"):
            np.testing.assert_array_equal(np.asarray(found.getchannel("A")), np.asarray(image.getchannel("A")))
    gray = paste(original, RESULT[..., :1], place)  # Of a prior of one channel.
    assert gray.samples.shape[-1] == (1 if mode in ("L", "LA", "1") else 3)
    np.testing.assert_array_equal(gray.samples[:, 14:34, -1], RESULT[:, 6:26, 0])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("most", [65535, 4095])
def test_photographs_of_sixteen_bits(tmp_path, channels, most):
    samples = random_samples((32, 48, channels), most)
    write_png(tmp_path / "a.png", samples)
    original, place = read_original(tmp_path / "a.png"), placement((48, 32), SIDE, "center")
    done = paste(original, RESULT, place)
    colours, alpha = (samples[..., :-1], samples[..., -1]) if channels in (2, 4) else (samples, None)
    again = read_original(written(done, tmp_path / "b.png"))
    assert again.samples.dtype == np.uint16
    beyond = outside((48, 32), place)
    np.testing.assert_array_equal(again.samples[beyond], np.broadcast_to(colours, again.samples.shape)[beyond])
    inside = RESULT[:, 6:26].astype(float) * most / 255
    np.testing.assert_allclose(again.samples[:, 14:34], inside, atol=0.51)
    if alpha is None:
        assert again.alpha is None
    else:
        np.testing.assert_array_equal(again.alpha, alpha)


def test_a_photograph_keeps_its_colour_profile(tmp_path):
    profile = profiles.rgb_profile(profiles.DISPLAY_P3)
    pixels = smooth(48, 32)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile)
    srgb = as_read(tmp_path / "a.png").round().astype(np.uint8)
    place = placement((48, 32), SIDE, "center")
    result = srgb[:, 8:40].copy()
    result[8:24, 8:24] = (200, 90, 60)
    done = paste(read_original(tmp_path / "a.png"), result, place)
    path = written(done, tmp_path / "b.png")
    with Image.open(path) as found:
        assert found.info["icc_profile"] == profile
        beyond = outside((48, 32), place)
        np.testing.assert_array_equal(np.asarray(found)[beyond], pixels[beyond])
    # Read by its profile it is the result, and seamless beside it.
    np.testing.assert_allclose(as_read(path)[8:24, 16:32], np.broadcast_to((200, 90, 60), (16, 16, 3)), atol=2)
    rest = np.ones((32, 48), bool)
    rest[7:25, 15:33] = False
    assert np.abs(as_read(path) - srgb)[rest].max() <= 4


@pytest.mark.parametrize("profile", ["gray", "broken"])
def test_profiles_that_do_not_stay(tmp_path, profile):
    content = {"gray": profiles.gray_profile(profiles.gamma_curve(1.8)), "broken": b"broken" * 40}[profile]
    pixels = np.ascontiguousarray(smooth(48, 32)[..., 0])
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=content)
    original = read_original(tmp_path / "a.png")  # Without a word: it was said when it was read before.
    assert original.profile is None
    wanted = 255 * profiles.encoded((pixels / 255) ** (461 / 256)) if profile == "gray" else pixels
    np.testing.assert_allclose(original.samples[..., 0], wanted, atol=1.5)


def test_what_png_cannot_hold_is_taken_as_it_is_read(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "float.tif", RNG.random((32, 48), np.float32))
    tifffile.imwrite(tmp_path / "signed.tif", RNG.integers(-900, 900, (32, 48)).astype(np.int16))
    tifffile.imwrite(tmp_path / "negative.tif", random_samples((32, 48)), photometric="miniswhite")
    tifffile.imwrite(tmp_path / "wide.tif", RNG.integers(0, 2**32, (32, 48)).astype(np.uint32))
    Image.fromarray(RNG.integers(0, 256, (32, 48, 4), np.uint8), "CMYK").save(tmp_path / "inks.tif")
    for name in ("float", "signed", "wide", "inks", "negative"):
        original = read_original(tmp_path / f"{name}.tif")
        assert original.samples.dtype == np.uint8
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GPriorWarning)
            read = as_read(tmp_path / f"{name}.tif")
        np.testing.assert_allclose(np.broadcast_to(original.samples, read.shape), read, atol=1e-3)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ImageFileError, match=r"text\.png is no image"):
        read_original(tmp_path / "text.png")


def test_photographs_are_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = smooth(48, 32)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_original(tmp_path / "a.png").samples, np.rot90(pixels, -1))


def test_enlarged_photographs():
    pixels = smooth(30, 20)
    alpha = np.full((20, 30), 77, np.uint8)
    found = enlarged(Original(pixels, alpha), 3.2)
    assert found.size == (96, 64)
    assert (found.alpha == 77).all()
    np.testing.assert_allclose(found.samples[32, 48].astype(int), pixels[10, 15], atol=3)
    assert enlarged(found, 1.0) is found
    assert enlarged(found, 0.25) is found

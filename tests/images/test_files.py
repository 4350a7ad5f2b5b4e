import errno
import io as stdio
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gprior_jax.errors import GPriorWarning, ImageFileError
from gprior_jax.images.files import load_image, load_unscaled, resized, save_image
from gprior_jax.images.opening import open_picture
from gprior_jax.images.png import encode_samples
from images.pictures import Size, one_sentence, write
from images.profiles import DISPLAY_P3, rgb_profile


def opened(path, attribute):
    with Image.open(path) as image:
        return getattr(image, attribute)


def mean_color(path, size=16):
    """Mean of the picture as it is read, in uint8 steps."""
    return (load_image(path, size).mean((0, 1)) + 1) * 127.5


BAD = {
    "text renamed .png": (lambda p: p.write_text("hello, not an image " * 50), "no image", "convert it to PNG or JPEG"),
    "empty file": (lambda p: p.write_bytes(b""), "no image", "convert it to PNG or JPEG"),
    "too small": (lambda p: write(p, size=(1, 1)), "is 1x1 pixels: too small", "at least 8x8"),
    "too thin": (lambda p: write(p, size=(20_000, 10)), "is 20000x10 pixels: too long and thin", "crop it"),
    "too thin upright": (lambda p: write(p, size=(10, 2_000)), "is 10x2000 pixels: too long and thin", "crop it"),
    "a folder": (lambda p: p.mkdir(), "cannot be read", "directory"),
    "missing": (lambda p: None, "does not exist"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_named(tmp_path, case):
    make, *told = BAD[case]
    path = tmp_path / "bad file.png"
    make(path)
    with pytest.raises(ImageFileError) as caught:
        load_image(path, 16)
    one_sentence(caught, path, *told)


def noise(path, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "tif"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_files(tmp_path, kind, part):
    path = noise(tmp_path / f"cut.{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ImageFileError) as caught:
        load_image(path, 16)
    one_sentence(caught, path)
    assert "copy or export it again" in str(caught.value) or "convert it" in str(caught.value)


def test_damaged_png(tmp_path):
    path = noise(tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ImageFileError) as caught:
        load_image(path, 16)
    one_sentence(caught, path, "is damaged", "copy or export it again")


def content_of(kind):
    """A small file: of 8 bits, or of 16 a sample, or with a colour profile."""
    buffer = stdio.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    if kind == "deep":
        return encode_samples(pixels.astype(np.uint16) * np.uint16(257))
    if kind == "ppm":
        return b"P6 16 16 4095\n" + (pixels.astype(">u2") * 16).tobytes()
    profile = {"icc_profile": rgb_profile(DISPLAY_P3)} if kind == "profile" else {}
    names = {"jpg": "jpeg", "tif": "tiff", "profile": "png", "floats": "tiff"}
    image = Image.fromarray(pixels if profile else pixels[..., 0])
    (image.convert("F") if kind == "floats" else image).save(buffer, names.get(kind, kind), **profile)
    return buffer.getvalue()


KINDS = {
    kind: content_of(kind) for kind in ("png", "jpg", "gif", "bmp", "tif", "webp", "deep", "ppm", "profile", "floats")
}


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_any_byte_may_be_wrong(tmp_path_factory, data):
    """Whatever is done to a file, it is read or it is named: no other exception leaves."""
    kind = data.draw(st.sampled_from(list(KINDS)))
    content = bytearray(KINDS[kind])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"fuzzed.{kind}"
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GPriorWarning)  # What is guessed, or a profile that is broken.
            image = load_image(path, 8)
    except ImageFileError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert image.shape == (8, 8, 3)
        assert np.isfinite(image).all()


def test_unreadable_file(tmp_path):
    path = write(tmp_path / "a.png")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads files of any mode")
    with pytest.raises(ImageFileError) as caught:
        load_image(path, 16)
    one_sentence(caught, path, "cannot be read", "Permission denied")


def test_unreadable_file_whoever_runs_this(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(ImageFileError) as caught:
        load_image(tmp_path / "a.png", 16)
    one_sentence(caught, tmp_path / "a.png", "cannot be read: Permission denied")


def test_pillows_warnings_are_not_shown_and_those_of_others_are(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)  # Pillow warns from here on; warnings are errors in tests.
    path = write(tmp_path / "a.png")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: load_image(path, 16), range(64)))
    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", UserWarning, stacklevel=1)
    with pytest.raises(Image.DecompressionBombWarning):
        Image.open(path)


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("gprior_jax.images.opening.MAX_PIXELS", 100)
    with pytest.raises(ImageFileError) as caught:
        load_image(write(tmp_path / "a.png"), 16)
    one_sentence(caught, tmp_path / "a.png", "is 20x16 pixels: too large", "reduce it")


def test_sixteen_bit_png(tmp_path):
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(32, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png", 32)
    np.testing.assert_allclose(image, np.broadcast_to(ramp[..., None] / 32767.5 - 1, image.shape), atol=0.5 / 127)


def test_tiff_with_samples_that_are_no_numbers(tmp_path):
    samples = np.full((32, 32), 0.5, np.float32)
    samples[3, 4] = np.nan
    Image.fromarray(samples).save(tmp_path / "a.tif")
    with pytest.raises(ImageFileError, match="NaN"):
        load_image(tmp_path / "a.tif", 32)


def test_palette_png(tmp_path):
    Image.new("RGB", (16, 16), (200, 30, 60)).quantize(4).save(tmp_path / "a.png")
    assert opened(tmp_path / "a.png", "mode") == "P"
    np.testing.assert_allclose(mean_color(tmp_path / "a.png"), (200, 30, 60), atol=1)


def test_transparent_palette_png_lies_over_white(tmp_path):
    image = Image.new("P", (16, 16), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(1, (0, 0, 8, 16))
    image.save(tmp_path / "a.png", transparency=0)
    found = load_image(tmp_path / "a.png", 16)
    np.testing.assert_allclose((found[8, 1] + 1) * 127.5, (200, 0, 0), atol=1)
    np.testing.assert_allclose(found[8, -2], 1.0, atol=0.01)


@pytest.mark.parametrize(
    ("mode", "color", "wanted"),
    [
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (100, 0, 200, 255), (100, 0, 200)),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("LA", (50, 0), (255, 255, 255)),
        ("L", 90, (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_modes(tmp_path, mode, color, wanted):
    write(tmp_path / "a.png", mode, color=color)
    np.testing.assert_allclose(mean_color(tmp_path / "a.png"), wanted, atol=1)


def test_cmyk_jpeg(tmp_path):
    write(tmp_path / "a.jpg", "CMYK", color=(255, 0, 0, 0), quality=95)
    assert opened(tmp_path / "a.jpg", "mode") == "CMYK"
    np.testing.assert_allclose(mean_color(tmp_path / "a.jpg"), (0, 255, 255), atol=4)


@pytest.mark.parametrize(("orientation", "dark"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom"), (2, "right")])
def test_exif_orientation(tmp_path, orientation, dark):
    pixels = np.full((32, 32, 3), 255, np.uint8)
    pixels[:, :16] = 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    found = load_image(tmp_path / "a.png", 32)
    halves = {"left": found[:, :14], "right": found[:, 18:], "top": found[:14], "bottom": found[18:]}
    assert halves[dark].max() < -0.9
    assert min(halves, key=lambda side: halves[side].mean()) == dark


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (16, 16), color) for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert opened(tmp_path / "a.gif", "n_frames") == 3
    np.testing.assert_allclose(mean_color(tmp_path / "a.gif"), (255, 0, 0), atol=1)


@pytest.mark.parametrize("crop", ["center", "stretch", "pad"])
def test_how_a_picture_becomes_square(tmp_path, crop):
    pixels = np.full((16, 48, 3), 255, np.uint8)
    pixels[:, 16:32] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = load_image(tmp_path / "a.png", 48, crop)
    assert found.shape == (48, 48, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[24, 24], (1, -1, -1), atol=0.01)
    white_left = {"center": (1, -1, -1), "stretch": (1, 1, 1), "pad": (1, 1, 1)}[crop]
    np.testing.assert_allclose(found[24, 2], white_left, atol=0.1)
    corner = {"center": (1, -1, -1), "stretch": (1, 1, 1), "pad": (0, 0, 0)}[crop]
    np.testing.assert_allclose(found[1, 1], corner, atol=0.1)


def test_unknown_crop(tmp_path):
    with pytest.raises(ValueError, match=r"crop='fill': use 'center', 'stretch' or 'pad'"):
        load_image(write(tmp_path / "a.png"), 16, "fill")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_save_and_load_is_exact(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, channels), dtype=np.uint8)
    for name, image in (("bytes", pixels), ("floats", pixels / np.float32(127.5) - 1)):
        save_image(tmp_path / f"{name}.png", image)
        with Image.open(tmp_path / f"{name}.png") as opened:
            assert opened.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
            np.testing.assert_array_equal(np.asarray(opened).reshape(pixels.shape), pixels)
        found = load_image(tmp_path / f"{name}.png", Size((16, 16, channels)))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, pixels / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA", "P"])
def test_of_four_channels_the_last_is_alpha(tmp_path, mode):
    pixels = np.random.default_rng(5).integers(0, 256, (16, 16, 4), dtype=np.uint8)
    picture = Image.fromarray(pixels).convert(mode)
    picture.save(tmp_path / "a.png")
    wanted = np.asarray(picture.convert("RGBA"))
    for found in (load_image(tmp_path / "a.png", Size((16, 16, 4))), load_unscaled(tmp_path / "a.png", 4)):
        np.testing.assert_allclose((found + 1) * 127.5, wanted, atol=1e-3)
    padded = load_image(tmp_path / "a.png", Size((8, 8, 4)), "pad")
    assert padded.shape == (8, 8, 4)


def test_what_is_no_image_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="the image of dtype int64: give floats in"):
        save_image(tmp_path / "a.png", np.arange(192).reshape(8, 8, 3))
    with pytest.raises(ValueError, match="the image from 0 to 255: give floats in"):
        save_image(tmp_path / "a.png", np.linspace(0, 255, 192).reshape(8, 8, 3))
    with pytest.warns(UserWarning, match="black is -1 here"):
        save_image(tmp_path / "b.png", np.linspace(0, 1, 192).reshape(8, 8, 3))
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def test_of_one_channel_a_picture_is_its_luma(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    save_image(tmp_path / "a.png", pixels)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    for found in (load_image(tmp_path / "a.png", Size((16, 16, 1))), load_unscaled(tmp_path / "a.png", 1)):
        assert found.shape == (16, 16, 1)
        np.testing.assert_allclose((found[..., 0] + 1) * 127.5, luma, atol=0.51)


def test_pictures_are_made_for_a_prior(tmp_path):
    save_image(tmp_path / "a.png", np.random.default_rng(2).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    for crop in ("center", "stretch", "pad"):
        for_prior, for_size = (load_image(tmp_path / "a.png", size, crop) for size in (Size((8, 8, 3)), 8))
        np.testing.assert_array_equal(for_prior, for_size)
    with pytest.raises(ValueError, match="images of 2 channels cannot be read from picture files"):
        load_image(tmp_path / "a.png", Size((8, 8, 2)))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_at_another_side(channels):
    image = np.full((8, 8, channels), 90, np.uint8)
    assert resized(image, None) is image
    assert resized(image, 8) is image
    np.testing.assert_array_equal(resized(image, 12), np.full((12, 12, channels), 90))


def test_load_unscaled(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = load_unscaled(tmp_path / "a.png")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pixels / 127.5 - 1, atol=1e-6)
    assert load_unscaled(write(tmp_path / "b.png", "LA", (8, 10), (50, 0))).shape == (10, 8, 3)
    with pytest.raises(ImageFileError, match="too small"):
        load_unscaled(write(tmp_path / "c.png", size=(7, 8)))


@pytest.mark.parametrize("kind", [2, 5], ids=["words", "a fraction"])
@pytest.mark.parametrize("form", ["tif", "floats"])
def test_a_tiff_whose_place_of_pixels_is_no_number_is_damaged(tmp_path, form, kind):
    content = bytearray(KINDS[form])
    entries = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[entries : entries + 2], "little")
    for place in range(entries + 2, entries + 2 + 12 * count, 12):
        if int.from_bytes(content[place : place + 2], "little") == 273:  # StripOffsets
            content[place + 2] = kind
    (tmp_path / "broken.tif").write_bytes(content)
    with pytest.raises(ImageFileError, match=r"broken\.tif is damaged"):
        load_image(tmp_path / "broken.tif", 8)


def test_a_fault_of_ours_is_not_called_a_damaged_picture(tmp_path):
    (tmp_path / "fine.png").write_bytes(KINDS["png"])

    def convert(image):
        raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        open_picture(tmp_path / "fine.png", convert)

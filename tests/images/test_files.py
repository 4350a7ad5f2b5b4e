import errno
import io as stdio
import os

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images.files import (
    list_images,
    load_image,
    load_kernel,
    load_mask,
    load_masked,
    load_unscaled,
    save_image,
)
from gprior_jax.operators import Blur


def one_sentence(error, path, *told):
    """Whether the error is one line that names the file and says what it is and what to do."""
    text = str(error.value)
    assert text.startswith(str(path)), text
    assert "\n" not in text
    assert text.endswith(".")
    for words in told:
        assert words in text, text


def write(path, mode="RGB", size=(20, 16), color=None, **options):
    Image.new(mode, size, color if color is not None else 0).save(path, **options)
    return path


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


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_byte_may_be_wrong(tmp_path_factory, data):
    """Whatever is done to a file, it is read or it is named: no other exception leaves."""
    kind = data.draw(st.sampled_from(["png", "jpg", "gif", "bmp", "tif", "webp"]))
    buffer = stdio.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(kind, kind))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"fuzzed.{kind}"
    path.write_bytes(content)
    try:
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


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("gprior_jax.images.files.MAX_PIXELS", 100)
    with pytest.raises(ImageFileError) as caught:
        load_image(write(tmp_path / "a.png"), 16)
    one_sentence(caught, tmp_path / "a.png", "is 20x16 pixels: too large", "reduce it")


def test_sixteen_bit_png(tmp_path):
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)[None].repeat(32, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png", 32)
    np.testing.assert_allclose(image, np.broadcast_to(ramp[..., None] / 32767.5 - 1, image.shape), atol=0.5 / 127)


@pytest.mark.parametrize("samples", ["integers", "floats", "nan"])
def test_tiff_of_32_bits(tmp_path, samples):
    ramp = np.linspace(0, 65535, 32)[None].repeat(32, 0)
    if samples == "nan":
        ramp[3, 4] = np.nan
    Image.fromarray(ramp.astype(np.int32 if samples == "integers" else np.float32)).save(tmp_path / "a.tif")
    if samples == "nan":
        with pytest.raises(ImageFileError, match="NaN"):
            load_image(tmp_path / "a.tif", 32)
        return
    image = load_image(tmp_path / "a.tif", 32)
    np.testing.assert_allclose(image[..., 0], ramp / 32767.5 - 1, atol=1 / 127)


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


def test_save_and_load_is_exact(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    save_image(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    np.testing.assert_allclose(load_image(tmp_path / "a.png", 16), pixels / 127.5 - 1, atol=1e-6)


def test_list_images(tmp_path):
    for name in ("b.png", "a.JPG", "c.txt", ".hidden.png", "d [1].webp"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "e.png").touch()
    found = [path.name for path in list_images([tmp_path])]
    assert found == ["a.JPG", "b.png", "d [1].webp"]
    # A file that is named itself may have any ending; naming it twice lists it once.
    again = list_images([tmp_path / "c.txt", str(tmp_path / "*.png"), tmp_path / "b.png", tmp_path / "d [1].webp"])
    assert [path.name for path in again if not path.name.startswith(".")] == ["b.png", "c.txt", "d [1].webp"]


def test_glob_relative_to_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for name in ("x1.png", "x2.png", "y.png"):
        (tmp_path / "in" / name).touch()
    monkeypatch.chdir(tmp_path)
    assert [path.name for path in list_images(["in/x*.png"])] == ["x1.png", "x2.png"]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("empty", "holds no images (.bmp, .gif"),
        ("none*.png", "no file matches"),
        ("gone.png", "does not exist: give image"),
    ],
)
def test_inputs_that_match_nothing(tmp_path, entry, told):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GPriorError) as caught:
        list_images([tmp_path / entry])
    assert told in str(caught.value)
    assert str(tmp_path / entry) in str(caught.value)
    assert "\n" not in str(caught.value)


def mask_of(path, holes, size=(16, 16), mode="L"):
    """White with black holes, ``(left, top, right, bottom)``."""
    image = Image.new("L", size, 255)
    for box in holes:
        image.paste(0, box)
    image.convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_masks_of_any_mode(tmp_path, mode):
    found = load_mask(mask_of(tmp_path / "a.png", [(2, 3, 9, 5)], mode=mode), 16)
    wanted = np.ones((16, 16, 1), np.float32)
    wanted[3:5, 2:9] = 0
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)
    inverted = load_mask(tmp_path / "a.png", 16, invert=True)
    np.testing.assert_array_equal(inverted, 1 - wanted)


@pytest.mark.parametrize("white", [1, 7, 255])
def test_a_mask_has_two_values_of_which_one_is_black(tmp_path, white):
    Image.fromarray(np.uint8(np.eye(16) * white)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_mask(tmp_path / "a.png", 16)[..., 0], np.eye(16))


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("crop", ["center", "stretch", "pad"])
def test_how_a_mask_becomes_square(tmp_path, crop, invert):
    # Of three squares side by side, the right one is missing.
    path = mask_of(tmp_path / "mask.png", [(32, 0, 48, 16)], (48, 16))
    if invert:
        Image.eval(Image.open(path), lambda value: 255 - value).save(path)
    picture = write(tmp_path / "a.png", size=(48, 16))
    known = load_mask(path, 24, crop, like=picture, invert=invert)[..., 0]
    wanted = np.zeros((24, 24), np.float32)
    rows, columns = {
        "center": (slice(None), slice(None)),
        "stretch": (slice(None), slice(16)),
        "pad": (slice(8, 16), slice(16)),
    }[crop]
    wanted[rows, columns] = 1
    np.testing.assert_array_equal(known, wanted)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("factor", [2, 3, 40])
def test_a_reduced_pixel_is_known_if_all_that_it_covers_is(tmp_path, factor, invert):
    side = 8 * factor
    pixels = np.full((side, side), 255, np.uint8)
    pixels[factor, 2 * factor] = 0  # A corner of the pixel (1, 2).
    pixels[6 * factor - 1, 5 * factor - 1] = 0  # Another corner, of (5, 4).
    Image.fromarray(255 - pixels if invert else pixels).save(tmp_path / "mask.png")
    known = load_mask(tmp_path / "mask.png", 8, invert=invert)
    assert np.argwhere(known[..., 0] == 0).tolist() == [[1, 2], [5, 4]]
    assert set(np.unique(known)) == {0.0, 1.0}


def test_a_mask_has_the_size_of_its_picture_or_of_the_prior(tmp_path):
    picture = write(tmp_path / "a.png", size=(20, 24))
    for size in ((20, 24), (16, 16)):
        path = mask_of(tmp_path / "mask.png", [(0, 0, 4, 4)], size)
        assert load_mask(path, 16, like=picture).shape == (16, 16, 1)
    # At the prior's size it is taken as it is, though the picture is cropped.
    assert load_mask(path, 16, like=picture)[..., 0].sum() == 16 * 16 - 16
    with pytest.raises(ImageFileError) as caught:
        load_mask(mask_of(tmp_path / "mask.png", [], (24, 20)), 16, like=picture)
    one_sentence(caught, path, "a mask of 24x20 pixels", "make it 16x16 or 20x24, as its picture")


def test_masks_are_turned_as_their_pictures(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.new("L", (24, 16), 255)
    turned.paste(0, (0, 0, 8, 16))
    turned.save(tmp_path / "mask.png", exif=exif)
    Image.new("RGB", (24, 16)).save(tmp_path / "a.png", exif=exif)
    known = load_mask(tmp_path / "mask.png", 16, "stretch", like=tmp_path / "a.png")[..., 0]
    assert (known[0] == 0).all()
    assert (known[-1] == 1).all()


BAD_MASKS = {
    "gray": (lambda p: Image.linear_gradient("L").save(p), "has gray values", "PNG, not JPEG"),
    "black": (lambda p: write(p, "L", (16, 16)), "hides every pixel at 16x16", "known (white)"),
    "text": (lambda p: p.write_text("no mask"), "no image", "convert it"),
    "too small": (lambda p: write(p, "1", (4, 4)), "is 4x4 pixels: too small"),
    "missing": (lambda p: None, "does not exist"),
}


@pytest.mark.parametrize("case", BAD_MASKS)
def test_bad_masks_are_named(tmp_path, case):
    make, *told = BAD_MASKS[case]
    make(tmp_path / "a.png")
    with pytest.raises(ImageFileError) as caught:
        load_mask(tmp_path / "a.png", 16)
    one_sentence(caught, tmp_path / "a.png", *told)


def test_masks_that_leave_nothing(tmp_path):
    with pytest.raises(ImageFileError, match=r"hides every pixel at 16x16: leave larger areas known \(black\)"):
        load_mask(write(tmp_path / "white.png", "L", (16, 16), 255), 16, invert=True)
    # Known pixels, but none of the smaller image.
    Image.fromarray(np.uint8(np.indices((32, 32)).sum(0) % 2 * 255)).save(tmp_path / "fine.png")
    with pytest.raises(ImageFileError, match="hides every pixel at 16x16"):
        load_mask(tmp_path / "fine.png", 16)


def test_load_unscaled(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = load_unscaled(tmp_path / "a.png")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pixels / 127.5 - 1, atol=1e-6)
    assert load_unscaled(write(tmp_path / "b.png", "LA", (8, 10), (50, 0))).shape == (10, 8, 3)
    with pytest.raises(ImageFileError, match="too small"):
        load_unscaled(write(tmp_path / "c.png", size=(7, 8)))


def test_load_kernel(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 5), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    kernel = load_kernel(tmp_path / "a.png")
    assert kernel.dtype == np.float32
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    point = np.zeros((9, 9, 1), np.float32)
    point[4, 4] = 1.0
    blurred = np.asarray(Blur(jnp.asarray(kernel))(jnp.asarray(point)))[2:7, 2:7, 0]
    np.testing.assert_allclose(blurred, pixels / pixels.sum(), atol=1e-6)  # A point becomes the picture of the kernel.
    np.testing.assert_array_equal(load_kernel(write(tmp_path / "b.png", "RGB", (1, 1), (9, 9, 9))), [[1.0]])


@pytest.mark.parametrize(("size", "color"), [((4, 4), 255), ((5, 3), 255), ((3, 3), 0)])
def test_kernels_that_are_none(tmp_path, size, color):
    path = write(tmp_path / "a.png", "L", size, color)
    with pytest.raises(ImageFileError) as caught:
        load_kernel(path)
    one_sentence(caught, path, "is no blur kernel", "a square image with an odd side")


@pytest.mark.parametrize("crop", ["center", "stretch", "pad"])
def test_holes_do_not_leak_into_known_pixels(tmp_path, crop):
    # Gray with a white scribble under the hole: reduced, every known pixel is gray still.
    pixels, mask = np.full((80, 64, 3), 128, np.uint8), np.full((80, 64), 255, np.uint8)
    pixels[20:50, 20:40], mask[20:50, 20:40] = 255, 0
    for name, content in (("picture", pixels), ("mask", mask)):
        Image.fromarray(content).save(tmp_path / f"{name}.png")
    image, known = load_masked(tmp_path / "picture.png", tmp_path / "mask.png", 16, crop)
    assert image.shape == (16, 16, 3)
    assert 0 < known.mean() < 1
    inside = np.broadcast_to(known > 0, image.shape)
    assert np.abs(image[inside] - image[np.unravel_index(inside.argmax(), inside.shape)]).max() < 2 / 127
    plain = load_image(tmp_path / "picture.png", 16, crop)
    assert np.abs(plain[inside] - 1 / 255).max() > 5 / 127


def test_masked_pictures_that_are_not_resized_are_as_they_were(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    mask = np.where(np.random.default_rng(1).random((16, 16)) < 0.5, 255, 0).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    image, known = load_masked(tmp_path / "picture.png", tmp_path / "mask.png", 16, invert=True)
    inside = np.broadcast_to(known > 0, image.shape)
    np.testing.assert_array_equal(image[inside], load_image(tmp_path / "picture.png", 16)[inside])
    np.testing.assert_array_equal(known[..., 0], mask == 0)

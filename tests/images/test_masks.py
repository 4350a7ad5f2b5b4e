import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageDraw

from gprior_jax.errors import GPriorWarning, ImageFileError
from gprior_jax.images.files import load_image
from gprior_jax.images.masks import Gray, load_kernel, load_mask, load_masked, load_region
from gprior_jax.operators import Blur
from images.pictures import Size, one_sentence, write


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


STROKE = np.zeros((16, 16), np.uint8)
STROKE[3:5, 2:9] = 255


def layer(path, colour, alpha):
    """A PNG as paint programs export a layer: gray of one value or of many, and alpha."""
    planes = [np.broadcast_to(np.uint8(part), (16, 16)) for part in (colour, alpha)]
    Image.merge("LA", [Image.fromarray(plane) for plane in planes]).save(path)
    return path


@pytest.mark.parametrize("under", [0, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_black_strokes_on_a_transparent_layer(tmp_path, mode, under):
    """Whatever colour the file has where it is transparent."""
    path = layer(tmp_path / "a.png", np.where(STROKE > 0, 0, under), STROKE)
    Image.open(path).convert(mode).save(path)
    np.testing.assert_array_equal(load_mask(path, 16)[..., 0], STROKE == 0)
    np.testing.assert_array_equal(load_mask(path, 16, invert=True)[..., 0], STROKE > 0)


@pytest.mark.parametrize("under", [0, 255])
def test_a_white_layer_with_erased_holes(tmp_path, under):
    path = layer(tmp_path / "a.png", np.where(STROKE > 0, under, 255), 255 - STROKE)
    with pytest.warns(GPriorWarning, match="a.png: all of the mask that can be seen is white; transparent counts as b"):
        found = load_mask(path, 16)
    np.testing.assert_array_equal(found[..., 0], STROKE == 0)
    path = layer(tmp_path / "b.png", np.where(STROKE > 0, 255, under), STROKE)  # White strokes, for --invert-mask.
    with pytest.warns(GPriorWarning, match="transparent counts as black"):
        np.testing.assert_array_equal(load_mask(path, 16, invert=True)[..., 0], STROKE == 0)


@pytest.mark.parametrize("white", [1, 255])
def test_transparency_of_a_mask_of_black_and_white_is_white(tmp_path, white):
    far = np.full((16, 16), 255, np.uint8)
    far[10:] = 0
    path = layer(tmp_path / "a.png", np.where(STROKE > 0, 0, white) * (far > 0), far)
    np.testing.assert_array_equal(load_mask(path, 16)[..., 0], STROKE == 0)


@pytest.mark.parametrize("alpha", [0, 255])
def test_alpha_that_tells_nothing(tmp_path, alpha):
    path = layer(tmp_path / "a.png", 255 - STROKE, alpha)
    np.testing.assert_array_equal(load_mask(path, 16)[..., 0], STROKE == 0)


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


def brushed(path, **options):
    """A disc as brushes paint it, with soft edges."""
    whole = Image.new("L", (640, 512), 255)
    ImageDraw.Draw(whole).ellipse((200, 120, 440, 360), fill=0)
    whole.resize((160, 128), Image.Resampling.LANCZOS).save(path, **options)
    return path


@pytest.mark.parametrize(("name", "options"), [("a.png", {}), ("a.jpg", {"quality": 50}), ("a.webp", {"quality": 40})])
@pytest.mark.parametrize("invert", [False, True])
def test_soft_edges_and_lossy_files_are_normal(tmp_path, name, options, invert):
    known = load_mask(brushed(tmp_path / name, **options), 128, invert=invert)[..., 0]  # No warning.
    rows, columns = np.mgrid[:128, :128] + 0.5
    distance = np.hypot(rows - 60, columns + 16 - 80) - 30  # From the disc's edge; 16 columns are cut off.
    wanted = (distance > 0) != invert
    away = np.abs(distance) > 1.5
    np.testing.assert_array_equal(known[away], wanted[away])


def ramp(path):
    """Gray values 0 to 255 from left to right."""
    Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(256, 0)).save(path)
    return path


def test_soft_masks_are_cut_at_a_half_and_that_is_told(tmp_path):
    path = ramp(tmp_path / "a.png")
    with pytest.warns(
        GPriorWarning, match=r"a\.png: 57 % of the mask is gray, and counts as white from half of white up"
    ):
        known = load_mask(path, 256)
    np.testing.assert_array_equal(known[0, :, 0], np.arange(256) >= 128)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 1.0])
def test_thresholds(tmp_path, threshold):
    gray = Gray(threshold)
    known = load_mask(ramp(tmp_path / "a.png"), 256, gray=gray)
    np.testing.assert_array_equal(known[0, :, 0], np.arange(256) >= 255 * threshold)
    inverted = load_mask(tmp_path / "a.png", 256, gray=gray, invert=True)
    np.testing.assert_array_equal(inverted, 1 - known)


def test_gray_values_as_weights(tmp_path):
    path, gray = ramp(tmp_path / "a.png"), Gray(weights=True)
    np.testing.assert_allclose(load_mask(path, 256, gray=gray)[0, :, 0], np.arange(256) / 255, atol=1e-6)
    inverted = load_mask(path, 256, gray=gray, invert=True)
    np.testing.assert_allclose(inverted[0, :, 0], 1 - np.arange(256) / 255, atol=1e-6)
    # Reduced it is the mean, but 0 where a pixel covers one that is missing altogether.
    reduced = load_mask(path, 64, gray=gray)[0, :, 0]
    np.testing.assert_allclose(reduced, np.where(np.arange(64) == 0, 0, (4 * np.arange(64) + 1.5) / 255), atol=1e-6)


def test_what_is_hidden_does_not_leak_into_pixels_of_a_soft_mask(tmp_path):
    mask, pixels = np.full((64, 64), 100, np.uint8), np.full((64, 64, 3), 60, np.uint8)
    mask[:20], pixels[:20] = 0, 255
    mask[40:] = 255
    for name, content in (("mask", mask), ("picture", pixels)):
        Image.fromarray(content).save(tmp_path / f"{name}.png")
    image, known = load_masked(tmp_path / "picture.png", tmp_path / "mask.png", 16, gray=Gray(weights=True))
    assert (known[:5] == 0).all()
    np.testing.assert_allclose(known[5:10], 100 / 255, atol=1e-6)
    np.testing.assert_allclose(image[5:], 60 / 127.5 - 1, atol=2 / 127.5)


@pytest.mark.parametrize("white", [1, 4095, 65535])
def test_masks_of_sixteen_bits(tmp_path, white):
    wanted = np.eye(16)
    Image.fromarray((wanted * white).astype(np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_mask(tmp_path / "a.png", 16)[..., 0], wanted)


def test_masks_that_leave_nothing(tmp_path):
    with pytest.raises(ImageFileError, match=r"hides every pixel at 16x16: leave larger areas known \(black\)"):
        load_mask(write(tmp_path / "white.png", "L", (16, 16), 255), 16, invert=True)
    # Known pixels, but none of the smaller image.
    Image.fromarray(np.uint8(np.indices((32, 32)).sum(0) % 2 * 255)).save(tmp_path / "fine.png")
    with pytest.raises(ImageFileError, match="hides every pixel at 16x16"):
        load_mask(tmp_path / "fine.png", 16)


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


def test_a_kernel_is_dark_where_it_is_transparent(tmp_path):
    """A white stroke on an empty layer, which has white everywhere."""
    alpha = np.zeros((5, 5), np.uint8)
    alpha[2, 1:4] = 255
    Image.merge("LA", [Image.new("L", (5, 5), 255), Image.fromarray(alpha)]).save(tmp_path / "a.png")
    np.testing.assert_allclose(load_kernel(tmp_path / "a.png"), alpha / np.float32(765), atol=1e-7)


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


@pytest.mark.parametrize("side", [16, 32])
def test_masked_pictures_for_a_prior_of_one_channel(tmp_path, side):
    pixels = np.random.default_rng(2).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    mask_of(tmp_path / "mask.png", [(4, 6, 10, 12)], (side, side))
    image, known = load_masked(tmp_path / "picture.png", tmp_path / "mask.png", Size((16, 16, 1)))
    assert image.shape == known.shape == (16, 16, 1)
    np.testing.assert_allclose(image[known == 0], 1 / 255, atol=1e-6)  # Mid-gray.
    far = np.s_[10:, 10:]  # Where the filter does not reach the hole.
    whole = load_image(tmp_path / "picture.png", Size((16, 16, 1)))
    np.testing.assert_allclose(image[far], whole[far], atol=1.1 / 127.5)


@pytest.mark.parametrize("invert", [False, True])
def test_regions_are_white_unless_inverted(tmp_path, invert):
    shown = np.zeros((8, 8), np.uint8)
    shown[:3, 2:] = 255
    Image.fromarray(shown).save(tmp_path / "m.png")
    np.testing.assert_array_equal(load_region(tmp_path / "m.png", 8, invert=invert), (shown > 0) != invert)


def test_a_pixel_is_inside_if_half_of_it_is(tmp_path):
    shown = np.zeros((8, 8), np.uint8)
    shown[:4, :4] = 255
    shown[0, 4:6], shown[2:4, 4] = 255, 255  # Halves of two pixels.
    shown[2, 6] = 255  # A quarter.
    Image.fromarray(shown).save(tmp_path / "m.png")
    np.testing.assert_array_equal(load_region(tmp_path / "m.png", 4)[:2], [[1, 1, 1, 0], [1, 1, 1, 0]])


@pytest.mark.parametrize(("value", "invert"), [(0, False), (255, False), (0, True), (255, True)])
def test_masks_without_a_region(tmp_path, value, invert):
    Image.new("L", (8, 8), value).save(tmp_path / "m.png")
    with pytest.raises(ImageFileError, match=f"no region at 8x8: it is {'white' if value else 'black'} everywhere"):
        load_region(tmp_path / "m.png", 8, invert=invert)


def test_regions_have_the_size_of_their_picture(tmp_path):
    Image.new("L", (24, 16)).save(tmp_path / "picture.png")
    Image.new("L", (9, 8)).save(tmp_path / "m.png")
    with pytest.raises(ImageFileError, match="a mask of 9x8 pixels: make it 8x8 or 24x16"):
        load_region(tmp_path / "m.png", 8, like=tmp_path / "picture.png")

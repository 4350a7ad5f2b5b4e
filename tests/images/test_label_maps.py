"""Label maps as programs write them, and the regions of their classes."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import GPriorWarning, ImageFileError
from gprior_jax.images.frames import Frame
from gprior_jax.images.label_maps import load_class_regions, load_label_map
from gprior_jax.images.masks import load_region

CLASSES = np.repeat(np.repeat(np.array([[0, 1, 2], [3, 13, 18]], np.uint8), 8, 0), 8, 1)
"""Six classes in squares of 8 pixels: 16 rows, 24 columns."""


def short_png(path, values, bits):
    """A gray PNG of 2 or 4 bits a sample, which Pillow reads but does not write."""
    rows = np.unpackbits(values[..., None], axis=-1)[..., -bits:].reshape(len(values), -1)
    lines = b"".join(b"\0" + np.packbits(row).tobytes() for row in rows)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def palette(values, colours):
    image = Image.fromarray(values)
    image.putpalette(np.asarray(colours, np.uint8).tobytes())
    assert image.mode == "P"
    return image


def as_files(values):
    """The same numbers in all ways that hold them."""
    colours = np.random.default_rng(0).integers(0, 256, (256, 3))
    colours[1] = colours[0]  # Two classes may look alike.
    yield "gray.png", Image.fromarray(values)
    yield "palette.png", palette(values, colours)
    yield "colours.png", Image.fromarray(np.repeat(values[..., None], 3, -1))
    yield "alpha.png", Image.merge("LA", (Image.fromarray(values), Image.new("L", values.shape[::-1], 7)))
    yield "deep.png", Image.fromarray(values.astype(np.uint16))
    yield "deep.tif", Image.fromarray(values.astype(np.int32))
    yield "gray.bmp", Image.fromarray(values)


@pytest.mark.parametrize("index", range(7))
def test_numbers_as_they_are_stored(tmp_path, index):
    name, image = list(as_files(CLASSES))[index]
    image.save(tmp_path / name)
    np.testing.assert_array_equal(load_label_map(tmp_path / name), CLASSES)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_short_samples(tmp_path, bits):
    """Pillow stretches gray values of two and of four bits to 255."""
    values = np.random.default_rng(bits).integers(0, 2**bits, (9, 11)).astype(np.uint8)
    short_png(tmp_path / "a.png", values, bits)
    np.testing.assert_array_equal(load_label_map(tmp_path / "a.png"), values)


def test_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(CLASSES).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(load_label_map(tmp_path / "a.png"), np.rot90(CLASSES, -1))


@pytest.mark.parametrize(
    ("name", "image", "told"),
    [
        ("a.jpg", Image.fromarray(CLASSES), "is a JPEG, which changes numbers of classes at every edge: give a PNG"),
        ("a.png", Image.new("RGB", (9, 9), (1, 2, 3)), "holds RGB pixels, no numbers of classes: give a PNG in gray"),
        ("a.tif", Image.new("F", (9, 9)), "holds F pixels, no numbers of classes"),
        ("a.tif", Image.new("I", (9, 9), -1), "holds I pixels, no numbers of classes"),
        ("a.png", Image.linear_gradient("L"), "holds 256 different values, as pictures do and label maps do not"),
    ],
)
def test_what_is_none(tmp_path, name, image, told):
    image.save(tmp_path / name)
    with pytest.raises(ImageFileError, match=told):
        load_label_map(tmp_path / name)


def test_classes_are_the_regions_of_masks(tmp_path):
    """As a mask of every class would give them: in the square of the photograph, reduced."""
    Image.fromarray(CLASSES).save(tmp_path / "a.png")
    Image.new("RGB", (24, 16)).save(tmp_path / "photograph.png")
    for crop in ("center", "stretch", "pad", Frame(12.0, 8.0, 6.0, 2.0)):
        found = load_class_regions(tmp_path / "a.png", 8, crop, tmp_path / "photograph.png")
        for number in np.unique(CLASSES).tolist():
            Image.fromarray(np.where(number == CLASSES, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
            try:
                wanted = load_region(tmp_path / "mask.png", 8, crop)
            except ImageFileError:  # Beside the square.
                assert f"class_{number}" not in found
            else:
                np.testing.assert_array_equal(found[f"class_{number}"], wanted)
    assert list(load_class_regions(tmp_path / "a.png", 8, "stretch")) == [f"class_{n}" for n in (0, 1, 2, 3, 13, 18)]


@pytest.mark.parametrize("crop", ["center", "stretch", "pad", Frame(24.0, 16.0, 12.0, 4.0)])
def test_half_the_side_of_its_picture(tmp_path, crop):
    """As CelebAMask-HQ has them."""
    Image.fromarray(CLASSES).save(tmp_path / "half.png")
    Image.fromarray(CLASSES.repeat(2, 0).repeat(2, 1)).save(tmp_path / "whole.png")
    Image.new("RGB", (48, 32)).save(tmp_path / "photograph.png")
    half, whole = (
        load_class_regions(tmp_path / f"{n}.png", 8, crop, tmp_path / "photograph.png") for n in ("half", "whole")
    )
    assert half.keys() == whole.keys()
    for name, region in half.items():
        np.testing.assert_array_equal(region, whole[name])


def test_names(tmp_path):
    Image.fromarray(CLASSES).save(tmp_path / "a.png")
    names = {0: "", 1: "eyes", 2: "eyes", 3: "hair", 99: "hat"}
    found = load_class_regions(tmp_path / "a.png", 16, "stretch", names=names)
    assert list(found) == ["eyes", "hair", "class_13", "class_18"]
    assert found["eyes"].sum() == found["hair"].sum() + found["class_13"].sum()


def test_what_is_too_small_is_told(tmp_path):
    values = CLASSES.copy()
    values[0, 0] = 7
    Image.fromarray(values).save(tmp_path / "a.png")
    with pytest.warns(GPriorWarning, match=r"a\.png: at 8x8 nothing is seen of class_7\."):
        assert "class_7" not in load_class_regions(tmp_path / "a.png", 8, "stretch")


def test_what_shows_no_region(tmp_path):
    Image.new("L", (24, 16), 3).save(tmp_path / "a.png")
    with pytest.raises(ImageFileError, match="shows no region at 8x8: it needs two classes or more"):
        load_class_regions(tmp_path / "a.png", 8)
    Image.new("RGB", (32, 16)).save(tmp_path / "photograph.png")
    with pytest.raises(ImageFileError, match=r"is a label map of 24x16 pixels: make it 8x8 or 32x16, as its picture"):
        load_class_regions(tmp_path / "a.png", 8, like=tmp_path / "photograph.png")

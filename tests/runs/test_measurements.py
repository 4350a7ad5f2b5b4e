"""How files of a restoration are read, one item at a time."""

from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import Found
from gprior_jax.images.placement import square
from gprior_jax.operators import box_mask
from gprior_jax.runs.items import find_items, name_items
from gprior_jax.runs.measurements import DrawnMasks, Masked, Small, Whole, tells_consistency
from runs.records import SIDE, picture, pictures, tiny_prior

PRIOR, GRAY = tiny_prior(), tiny_prior(1)
KEY = jax.random.key(5)


@pytest.fixture
def items(tmp_path):
    pictures(tmp_path / "in", "abc")
    return find_items([tmp_path / "in"])


def hidden(path, box, size=(SIDE, SIDE)):
    """A mask file, black in a box."""
    image = Image.new("L", size, 255)
    image.paste(0, box)
    image.save(path)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_whole_pictures_and_their_luma(items):
    image = load_image(items[1].source, SIDE)
    np.testing.assert_array_equal(Whole(PRIOR).observed(items[1])["observed"], image)
    gray = Whole(PRIOR, gray=True).observed(items[1])["observed"]
    np.testing.assert_allclose(gray, np.repeat((image @ [0.299, 0.587, 0.114])[..., None], 3, axis=-1), atol=1e-6)
    assert Whole(GRAY).observed(items[1])["observed"].shape == (SIDE, SIDE, 1)
    assert Whole(PRIOR).beside(items[1]) == {}


def test_small_pictures_are_taken_as_they_are(tmp_path):
    item, other = find_items([picture(tmp_path / "a.png", 0, 4), picture(tmp_path / "b.png", 1, 1)])
    found = Small(PRIOR).observed(item)
    np.testing.assert_array_equal(found["observed"], from_uint8(pixels(item.source)))
    assert Small(PRIOR).doubt(item, found) == ""
    assert Small(GRAY).observed(item)["observed"].shape == (4, 4, 1)
    assert Small(PRIOR).observed(other)["observed"].shape == (1, 1, 3)
    assert Small(PRIOR).beside(item) == {}


class Sixty:
    """A prior of 60 pixels."""

    resolution = 60
    image_shape = (60, 60, 3)


@pytest.mark.parametrize(
    ("size", "crop", "side"),
    [
        ((15, 15), "center", 15),
        ((16, 16), "center", 15),
        ((25, 25), "center", 20),  # As near to 30: the smaller, which makes no pixels up.
        ((26, 26), "center", 30),
        ((59, 59), "center", 30),
        ((3, 3), "center", 3),
        ((7, 9), "center", 6),
        ((20, 80), "center", 20),
        ((20, 50), "pad", 30),
        ((50, 20), "stretch", 30),
    ],
)
def test_small_pictures_are_resized_where_they_have_no_whole_factor(tmp_path, size, crop, side):
    Image.effect_noise(size, 50).convert("RGB").save(tmp_path / "a.png")
    (item,) = find_items([tmp_path / "a.png"])
    reader = Small(Sixty(), crop=crop)
    found = reader.observed(item)
    assert reader.group(item) == side
    assert found["observed"].shape == (side, side, 3)
    doubt = reader.doubt(item, found)
    if size == (side, side):
        assert doubt == ""
        return
    told = (
        f"a.png is {size[0]}x{size[1]} pixels: it is resized to {side}x{side} first, to be enlarged {60 // side} times"
    )
    assert doubt == f"{told} to the prior's 60x60."
    with Image.open(item.source) as image:
        wanted = square(image, side, crop)
    np.testing.assert_array_equal(found["observed"], from_uint8(np.asarray(wanted)))


def test_crops_of_small_pictures(tmp_path):
    striped = np.zeros((20, 40, 3), np.uint8)
    striped[:, :10] = 255  # Cut off by "center", a quarter of the width in "stretch", above and below gray in "pad".
    Image.fromarray(striped).save(tmp_path / "a.png")
    (item,) = find_items([tmp_path / "a.png"])
    center, stretch, pad = (Small(Sixty(), 3, crop).observed(item)["observed"] for crop in ("center", "stretch", "pad"))
    assert (center == -1).all()
    assert stretch[:, 0].min() == 1
    assert stretch[:, 9:].max() < -0.98
    np.testing.assert_allclose(pad[0], 128 / 127.5 - 1, atol=1e-6)
    assert pad[10, 0].min() == 1


def test_what_is_not_small(tmp_path):
    text = tmp_path / "a.png"
    text.write_text("no picture")
    items = find_items([text, picture(tmp_path / "b.png", 0, 60), picture(tmp_path / "c.png", 1, 90)])
    reader = Small(Sixty())
    assert [reader.group(item) for item in items] == [0, 0, 0]
    for item, told in zip(
        items, ("is no image", "60x60 pixels, not smaller than", "90x90 pixels, not smaller"), strict=True
    ):
        with pytest.raises(ImageFileError, match=rf"{item.source.name}.* {told}"):
            reader.observed(item)
    # What is advised there holds: a factor reduces it first.
    assert Small(Sixty(), 4).observed(items[2])["observed"].shape == (15, 15, 3)


@pytest.mark.parametrize("factor", [-2, 0, 1, 7, 61])
def test_factors_that_do_not_fit(factor):
    told = rf"factor {factor}: it does not divide the prior's 60 pixels, use 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60\."
    with pytest.raises(ArgumentError, match=told):
        Small(Sixty(), factor)


def test_masks_of_files(items, tmp_path):
    first, _, last = (item.source for item in items)
    masks = {first: hidden(tmp_path / "first.png", (0, 0, 3, 2)), last: hidden(tmp_path / "last.png", (4, 4, 8, 8))}
    reader = Masked(PRIOR, masks)
    found = reader.observed(items[2])
    wanted = np.ones((SIDE, SIDE, 1), np.float32)
    wanted[4:, 4:] = 0
    np.testing.assert_array_equal(found["known"], wanted)
    inside = np.broadcast_to(wanted > 0, (SIDE, SIDE, 3))
    np.testing.assert_array_equal(found["observed"][inside], load_image(items[2].source, SIDE)[inside])
    np.testing.assert_array_equal(reader.beside(items[2])["known"], wanted)
    inverted = Masked(PRIOR, masks, invert=True)
    np.testing.assert_array_equal(inverted.beside(items[2])["known"], 1 - wanted)
    np.testing.assert_array_equal(inverted.observed(items[2])["known"], 1 - wanted)
    for read in (reader.observed, reader.beside):
        with pytest.raises(ImageFileError, match=r"b\.png has no mask of its name"):
            read(items[1])


def test_masks_are_cropped_as_their_pictures(tmp_path):
    picture(tmp_path / "a.png", 0, 16)
    with Image.open(tmp_path / "a.png") as image:
        image.resize((32, 16)).save(tmp_path / "a.png")
    (item,) = find_items([tmp_path / "a.png"])
    masks = {item.source: hidden(tmp_path / "mask.png", (0, 0, 16, 16), (32, 16))}
    for crop, columns in (("center", 4), ("stretch", 4)):
        for read in (Masked(PRIOR, masks, crop).observed, Masked(PRIOR, masks, crop).beside):
            known = read(item)["known"][..., 0]
            assert (known[:, :columns] == 0).all()
            assert (known[:, columns:] == 1).all()
    padded = Masked(PRIOR, masks, "pad").observed(item)["known"][..., 0]
    assert padded.sum() == 4 * 4  # Above and below nothing is known.


@pytest.mark.parametrize("kind", [{"box": 4}, {"missing": 0.5}, {"strokes": 1}])
def test_drawn_masks_belong_to_their_items(items, kind):
    masks = [DrawnMasks(PRIOR, KEY, **kind).beside(item)["known"] for item in items]
    assert all(mask.shape == (SIDE, SIDE, 1) and mask.dtype == np.float32 for mask in masks)
    assert all(set(np.unique(mask)) == {0.0, 1.0} for mask in masks)
    if "box" in kind:
        np.testing.assert_array_equal(masks, [box_mask(SIDE, 4)] * 3)
    else:
        assert (masks[0] != masks[1]).any()
        assert (DrawnMasks(PRIOR, jax.random.key(6), **kind).beside(items[0])["known"] != masks[0]).any()
    again = DrawnMasks(PRIOR, KEY, **kind).observed(items[2]._replace(name="other"))
    np.testing.assert_array_equal(again["known"], masks[2])
    np.testing.assert_array_equal(again["observed"], load_image(items[2].source, SIDE))


def test_a_drawn_mask_leaves_something_known():
    (item,) = name_items([Found(Path("a.png"), "a.png")])
    with pytest.raises(ImageFileError, match=r"a\.png: the mask hides every pixel of 8x8: let less be missing"):
        DrawnMasks(PRIOR, KEY, box=SIDE).beside(item)


def test_how_much_is_missing_is_told(items, tmp_path):
    masks = {
        items[0].source: hidden(tmp_path / "hole.png", (2, 2, 6, 4)),
        items[1].source: hidden(tmp_path / "none.png", (0, 0, 0, 0)),
        items[2].source: hidden(tmp_path / "most.png", (0, 0, 8, 5)),
    }
    reader = Masked(PRIOR, masks)
    arrays = [reader.observed(item) for item in items]
    assert [float(own["missing"]) for own in arrays] == [0.125, 0.0, 0.625]
    assert [float(reader.beside(item)["missing"]) for item in items] == [0.125, 0.0, 0.625]
    assert [reader.note(item, own) for item, own in zip(items, arrays, strict=True)] == [
        "a.png: 12.5 % of it is missing.",
        "b.png: 0 % of it is missing.",
        "c.png: 62.5 % of it is missing.",
    ]
    assert [reader.doubt(item, own) for item, own in zip(items, arrays, strict=True)] == [
        "",
        "b.png: its mask hides no pixel, there is nothing to fill.",
        "c.png: more than half of it is missing, most of the result will be made up.",
    ]
    drawn = DrawnMasks(PRIOR, KEY, box=6)
    found = drawn.observed(items[0])
    assert drawn.note(items[0], found) == "a.png: 56.2 % of it is missing."
    assert drawn.doubt(items[0], found).startswith("a.png: more than half of it is missing")


def test_a_mask_the_other_way_round_is_doubted(items, tmp_path):
    masks = dict.fromkeys((item.source for item in items), hidden(tmp_path / "mask.png", (3, 2, 6, 6)))
    right, wrong = Masked(PRIOR, masks), Masked(PRIOR, masks, invert=True, turn="turn it")
    assert right.doubt(items[0], right.observed(items[0])) == ""
    told = wrong.doubt(items[0], wrong.observed(items[0]))
    assert told.startswith("a.png: more than half of it is missing")
    assert told.endswith(f"what is known lies together inside: {tmp_path / 'mask.png'} looks inverted; turn it.")


def test_what_a_padded_picture_has_around_it_is_not_missing(tmp_path):
    Image.new("RGB", (16, 32)).save(tmp_path / "a.png")
    (item,) = find_items([tmp_path / "a.png"])
    masks = {item.source: hidden(tmp_path / "mask.png", (0, 0, 16, 8), (16, 32))}
    found = Masked(PRIOR, masks, "pad").observed(item)
    assert found["missing"] == 0.25
    assert found["known"].mean() == 0.375


def test_consistency_is_left_out_where_it_tells_nothing():
    assert tells_consistency(0.1, np.inf)
    assert tells_consistency(0.8, 30.0)
    assert not tells_consistency(0.8, np.inf)
    assert not tells_consistency(0.99, 30.0)

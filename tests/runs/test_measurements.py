"""How files of a restoration are read, one item at a time."""

from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import Found
from gprior_jax.operators import box_mask
from gprior_jax.runs.items import find_items, name_items
from gprior_jax.runs.measurements import DrawnMasks, Masked, Small, Whole, small_side
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


def test_whole_pictures_and_their_luma(items):
    image = load_image(items[1].source, SIDE)
    np.testing.assert_array_equal(Whole(PRIOR).observed(items[1])["observed"], image)
    gray = Whole(PRIOR, gray=True).observed(items[1])["observed"]
    np.testing.assert_allclose(gray, np.repeat((image @ [0.299, 0.587, 0.114])[..., None], 3, axis=-1), atol=1e-6)
    assert Whole(GRAY).observed(items[1])["observed"].shape == (SIDE, SIDE, 1)
    assert Whole(PRIOR).beside(items[1]) == {}


def test_small_pictures_are_taken_as_they_are(tmp_path):
    item, other = find_items([picture(tmp_path / "a.png", 0, 9), picture(tmp_path / "b.png", 1, 8)])
    found = Small(PRIOR, 9).observed(item)["observed"]
    np.testing.assert_array_equal(found, load_image(item.source, 9))
    assert Small(GRAY, 9).observed(item)["observed"].shape == (9, 9, 1)
    with pytest.raises(ImageFileError, match=r"b\.png is 8x8 pixels where 9x9 are enlarged to 8x8: resize it"):
        Small(PRIOR, 9).observed(other)
    assert Small(PRIOR, 9).beside(item) == {}


class Sixty:
    """A prior of 60 pixels."""

    resolution = 60


def test_the_side_of_small_pictures_is_the_factors_or_the_first_ones(tmp_path):
    assert small_side(Sixty(), 3, []) == 20
    text = tmp_path / "a.png"
    text.write_text("no picture")
    files = [text, picture(tmp_path / "b.png", 0, 16), picture(tmp_path / "c.png", 1, 15)]
    items = find_items([*files, picture(tmp_path / "d.png", 2, 30)])
    assert small_side(Sixty(), None, items) == 15
    with pytest.raises(ArgumentError, match=r"a\.png is no image"):
        small_side(Sixty(), None, items[:2])
    with pytest.raises(ArgumentError, match=r"b\.png: an image of 16x16 pixels has no whole factor"):
        small_side(Sixty(), None, items[1:2])


@pytest.mark.parametrize("factor", [-2, 0, 1, 7, 10, 60])
def test_factors_that_do_not_fit(factor):
    with pytest.raises(ArgumentError, match=rf"factor {factor} does not divide .* 60 pixels .*: use 2, 3, 4, 5, 6\."):
        small_side(Sixty(), factor, [])


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

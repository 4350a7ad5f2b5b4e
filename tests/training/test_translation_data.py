"""Pictures before and after: pairs in folders, side by side and of gray, sets without pairs, and what is none."""

import dataclasses
import zipfile

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images.arrays import to_uint8
from gprior_jax.training.data import is_held_out
from gprior_jax.training.scan import leave_out_broken
from gprior_jax.training.translation_config import translation_config
from gprior_jax.training.translation_data import (
    batch_at,
    held_out_pictures,
    keep_whole_pairs,
    open_sets,
    stream_sets,
)

PAIRS = translation_config(resolution=32, jitter=1.25, depth=5, critic_layers=1, batch_size=3)
SIDES = dataclasses.replace(PAIRS, pairs="side_by_side", jitter=1.0)
GRAY = dataclasses.replace(PAIRS, pairs="gray", in_channels=1)
APART = translation_config("cyclegan", resolution=32, jitter=1.0, critic_layers=1)


def picture(path, seed, size=(40, 40)):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def folders(tmp_path):
    """Eight pairs: those of B are those of A, negative, with another ending."""
    for name in "ab":
        (tmp_path / name).mkdir()
    for number in range(8):
        pixels = picture(tmp_path / "a" / f"{number}.png", number)
        Image.fromarray(255 - pixels).save(tmp_path / "b" / f"{number}.bmp")
    return tmp_path / "a", tmp_path / "b"


def test_pairs_are_cut_and_mirrored_alike(folders):
    sets = open_sets(PAIRS, *folders)
    assert sets.before.names == [name for name in (f"{n}.png" for n in range(8)) if not is_held_out(name)]
    for position in (0, 6, 30):
        before, after = batch_at(PAIRS, sets, position)
        assert before.shape == (3, 32, 32, 3)
        np.testing.assert_allclose(before, -after, atol=0.01)  # A grey level: resizing rounds.
    again, _ = batch_at(PAIRS, sets, 30)
    np.testing.assert_array_equal(again, before)
    assert np.abs(batch_at(PAIRS, sets, 33)[0] - before).max() > 0.1


def test_streams_are_batches_in_order(folders):
    sets = open_sets(PAIRS, *folders)
    found = list(stream_sets(PAIRS, sets, 3, 12))
    assert len(found) == 3
    for position, (before, after) in zip((3, 6, 9), found, strict=True):
        wanted = batch_at(PAIRS, sets, position)
        np.testing.assert_array_equal(before, wanted[0])
        np.testing.assert_array_equal(after, wanted[1])


def test_partners_are_missing(folders):
    a, b = folders
    (b / "3.bmp").unlink()
    with pytest.raises(GPriorError, match=r"1 of 8 pictures of .*/a have no partner of their name in .*/b \(3.png\)"):
        open_sets(PAIRS, a, b)
    (a / "3.png").unlink()
    picture(b / "more.png", 9)
    with pytest.raises(GPriorError, match=r"1 of 8 pictures of .*/b have no partner of their name in .*/a \(more"):
        open_sets(PAIRS, a, b)
    (b / "more.png").unlink()
    assert len(open_sets(PAIRS, a, b, "all").before) == 7
    picture(a / "2.jpg", 3)
    with pytest.raises(GPriorError, match="several pictures of one name"):
        open_sets(PAIRS, a, b)


def test_halves_of_one_file(tmp_path):
    for number in range(4):
        picture(tmp_path / f"{number}.png", number, (32, 64))
    sets = open_sets(SIDES, tmp_path, None)
    whole = np.asarray(Image.open(tmp_path / "1.png"))
    np.testing.assert_array_equal(sets.before.image(1, 32), whole[:, :32])
    np.testing.assert_array_equal(sets.after.image(1, 32), whole[:, 32:])
    picture(tmp_path / "4.png", 5, (32, 63))
    sets, told = open_sets(SIDES, tmp_path, None), []
    leave_out_broken(sets.before, tell=told.append)
    assert "1 of 5 images are broken and left out: 4.png" in told[0]
    assert "63x32 pixels, which are no two pictures of one size side by side" in told[0]


def test_gray_and_its_colours(tmp_path):
    pixels = picture(tmp_path / "x.png", 0)
    sets = open_sets(GRAY, tmp_path, None)
    assert sets.before.image(0, 40).shape == (40, 40, 1)
    np.testing.assert_array_equal(sets.after.image(0, 40), pixels)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(sets.before.image(0, 40)[..., 0] - luma).max() <= 1
    before, after = batch_at(GRAY, sets, 0)
    assert before.shape == (3, 32, 32, 1)
    assert after.shape == (3, 32, 32, 3)


def test_sets_without_pairs_have_orders_of_their_own(tmp_path):
    for name, count in (("a", 5), ("b", 9)):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for number in range(count):
                picture(tmp_path / "x.png", number, (32, 32))
                archive.write(tmp_path / "x.png", f"{number}.png")
    sets = open_sets(APART, tmp_path / "a.zip", tmp_path / "b.zip")
    assert not sets.paired
    config = dataclasses.replace(APART, mirror=False)
    order = {"a": [], "b": []}
    for position in range(45):
        for name, images, batch in zip("ab", sets[:2], batch_at(config, sets, position), strict=True):
            shown = to_uint8(batch[0])
            order[name].append(next(i for i in range(len(images)) if np.array_equal(images.image(i, 32), shown)))
    for name, images in zip("ab", sets[:2], strict=True):
        counts = np.bincount(order[name])
        assert len(counts) == len(images)
        assert counts.max() - counts.min() <= 1  # Every epoch has each of its own set once.


def test_a_broken_half_of_a_pair_takes_the_other_with_it(folders):
    a, b = folders
    sets = open_sets(PAIRS, a, b, "all")
    names = list(sets.before.names), list(sets.after.names)
    sets.after.keep([i for i in range(8) if i != 5])
    keep_whole_pairs(sets, names)
    assert sets.before.names == [f"{n}.png" for n in range(8) if n != 5]
    assert sets.after.names == [f"{n}.bmp" for n in range(8) if n != 5]


def test_held_out_pairs_belong_together(folders):
    before, after = held_out_pictures(PAIRS, open_sets(PAIRS, *folders, "all"), 4)
    assert before.shape == (4, 32, 32, 3)
    np.testing.assert_allclose(before, -after, atol=0.01)  # A grey level: resizing rounds.


def test_targets_that_are_missing_or_too_many(folders):
    with pytest.raises(ArgumentError, match="needs the pictures after it, too: give target"):
        open_sets(PAIRS, folders[0], None)
    with pytest.raises(ArgumentError, match="has no other: leave target out"):
        open_sets(GRAY, *folders)

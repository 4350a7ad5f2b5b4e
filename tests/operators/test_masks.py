"""Masks: where pixels are missing, and how many."""

import jax
import numpy as np
import pytest
from batteries import normal

from gprior_jax.errors import ArgumentError
from gprior_jax.operators import Mask, as_masks, box_mask, random_mask, stroke_mask
from gprior_jax.operators.masks import looks_inverted, missing_share


def test_missing_pixels_are_gray_and_the_others_left_alone():
    image, known = normal(1, 8, 8, 3), random_mask(jax.random.key(0), 8, 0.5)
    np.testing.assert_array_equal(Mask(known)(image), np.where(known > 0, image, 0.0))


@pytest.mark.parametrize(("size", "box", "rows"), [(8, 4, (2, 6)), (9, 3, (3, 6)), (8, 3, (2, 5)), (8, 8, (0, 8))])
def test_box_in_the_centre(size, box, rows):
    known = np.asarray(box_mask(size, box))
    wanted = np.ones((size, size, 1), np.float32)
    wanted[slice(*rows), slice(*rows)] = 0
    np.testing.assert_array_equal(known, wanted)
    assert known.dtype == np.float32


def test_box_anywhere():
    missing = np.argwhere(np.asarray(box_mask(8, (1, 5, 2, 3)))[..., 0] == 0)
    assert missing.min(0).tolist() == [1, 5]
    assert missing.max(0).tolist() == [2, 7]
    assert len(missing) == 6


@pytest.mark.parametrize("box", [0, 9, (-1, 0, 2, 2), (0, 7, 2, 2), (0, 0, 0, 3)])
def test_a_box_must_fit(box):
    with pytest.raises(ValueError, match="does not fit an image of 8 x 8 pixels: give a side from 1 to 8"):
        box_mask(8, box)


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.8])
def test_rate_of_missing_pixels(missing):
    known = np.asarray(random_mask(jax.random.key(1), 128, missing))
    assert known.shape == (128, 128, 1)
    assert set(np.unique(known)) <= {0.0, 1.0}
    # 16384 draws: four standard deviations are at most 4 * 0.5 / 128.
    assert 1 - known.mean() == pytest.approx(missing, abs=4 * 0.5 / 128)


@pytest.mark.parametrize("missing", [-0.1, 1.0, float("nan")])
def test_rate_must_be_one(missing):
    with pytest.raises(ValueError, match=r"missing must be a rate in \[0, 1\), got"):
        random_mask(jax.random.key(0), 8, missing)


def test_random_masks_trace_and_batch():
    keys, rates = jax.random.split(jax.random.key(2), 3), np.array([0.1, 0.5, 0.9], np.float32)
    found = jax.jit(jax.vmap(lambda key, missing: random_mask(key, 16, missing)))(keys, rates)
    for index, missing in enumerate(rates):
        np.testing.assert_array_equal(found[index], random_mask(keys[index], 16, missing))


def test_strokes_batch_and_differ():
    keys = jax.random.split(jax.random.key(3), 8)
    masks = np.asarray(jax.vmap(lambda key: stroke_mask(key, 64))(keys))
    assert masks.shape == (8, 64, 64, 1)
    assert set(np.unique(masks)) == {0.0, 1.0}
    np.testing.assert_array_equal(masks[2], stroke_mask(keys[2], 64))
    missing = 1 - masks.mean(axis=(1, 2, 3))
    assert ((missing > 0.01) & (missing < 0.9)).all()
    assert len(np.unique(masks.reshape(8, -1), axis=0)) == 8


def test_strokes_are_connected_and_as_wide_as_the_brush():
    from scipy import ndimage

    for seed in range(4):
        missing = np.asarray(stroke_mask(jax.random.key(seed), 128, strokes=1, width=(0.1, 0.1)))[..., 0] == 0
        assert ndimage.label(missing, np.ones((3, 3)))[1] == 1
        # A brush of 12.8 pixels holds a square of 7, and round corners let discs of its radius paint all of it.
        disc = np.hypot(*np.mgrid[-5:6, -5:6]) <= 5
        opened = ndimage.binary_opening(np.pad(missing, 12, mode="edge"), disc)[12:-12, 12:-12]
        assert (opened & missing).sum() > 0.95 * missing.sum()


def test_strokes_are_the_same_in_another_size():
    small, large = (1 - np.asarray(stroke_mask(jax.random.key(5), size)).mean() for size in (64, 128))
    assert small == pytest.approx(large, abs=0.01)


def test_more_strokes_cover_more():
    one, many = (np.mean([stroke_mask(jax.random.key(i), 128, n).mean() for i in range(4)]) for n in (1, 3))
    assert many < one - 0.1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"strokes": 0}, "use at least 1 stroke and 4 corners, got 0 and 12"),
        ({"corners": 3}, "use at least 1 stroke and 4 corners, got 3 and 3"),
        ({"width": (0.2, 0.1)}, "width must be two positive numbers in rising order"),
        ({"width": (0.0, float("nan"))}, "width must be two positive numbers in rising order"),
    ],
)
def test_stroke_settings_are_checked(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        stroke_mask(jax.random.key(0), 16, **settings)


def test_masks_of_images_are_one_for_all_or_one_for_each():
    each = np.arange(24).reshape(2, 3, 4, 1) % 3 > 0
    for given in (each, each.astype(np.uint8), each.astype(float)):
        found = as_masks(given, (2, 3, 4))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, each)
    np.testing.assert_array_equal(as_masks(each[0], (5, 3, 4)), np.stack([each[0]] * 5))
    hidden = np.stack([each[0], np.zeros((3, 4, 1))])
    np.testing.assert_array_equal(as_masks(hidden, (2, 3, 4), some_known=False), hidden)


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        (np.ones((3, 4)), r"masks of shape \(3, 4\) for images of 3x4: give \[2, 3, 4, 1\]\."),
        (np.ones((3, 3, 4, 1)), r"masks of shape \(3, 3, 4, 1\) for images of 3x4: give \[2, 3, 4, 1\]\."),
        (np.stack([np.ones((3, 4, 1)), np.full((3, 4, 1), 0.5)]), "mask 1 has values between: use 1 for known pixels"),
        (np.full((3, 4, 1), np.nan), "mask 0 has values between"),
        (np.stack([np.ones((3, 4, 1)), np.zeros((3, 4, 1))]), "mask 1 hides every pixel: leave at least one known."),
    ],
)
def test_masks_of_images_are_checked(masks, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        as_masks(masks, (2, 3, 4))


def blob(box, inside, size=32):
    """A mask whose box has one value and the rest the other."""
    known = np.full((size, size, 1), 1.0 - inside, np.float32)
    known[box] = inside
    return known


INVERTED = {
    "a hole": (blob(np.s_[8:20, 10:22], 0), False),
    "a hole, inverted": (blob(np.s_[8:20, 10:22], 1), True),
    "at one side, inverted": (blob(np.s_[0:12, 10:22], 1), True),
    "half of the picture": (blob(np.s_[:, 18:], 1), False),  # Known to the border on three sides.
    "more than half in the middle": (blob(np.s_[2:30, 2:30], 1), False),  # Most is known.
    "nothing known": (blob(np.s_[:], 0), False),
    "all known": (blob(np.s_[:], 1), False),
    "known here and there": (np.asarray(random_mask(jax.random.key(0), 32, 0.8)), False),
    "most missing at random": (np.asarray(random_mask(jax.random.key(1), 32, 0.6)), False),
    "strokes": (np.asarray(stroke_mask(jax.random.key(3), 64, 2)), False),
    "strokes, inverted": (1 - np.asarray(stroke_mask(jax.random.key(3), 64, 2)), True),
    "soft": (blob(np.s_[8:20, 10:22], 1) * np.float32(0.8), True),
}


@pytest.mark.parametrize("case", INVERTED)
def test_masks_that_look_inverted(case):
    known, wanted = INVERTED[case]
    assert looks_inverted(known) == wanted


def test_the_missing_share():
    assert missing_share(blob(np.s_[:8], 0)) == 0.25
    assert missing_share(np.full((4, 4, 1), 0.3, np.float32)) == pytest.approx(0.7)


def test_between_0_and_1_a_pixel_was_observed():
    known = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4, 1)
    image = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(Mask(known)(image), image * (known > 0))

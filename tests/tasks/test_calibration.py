"""Intervals: what they cover, on pictures that they were not calibrated on, and what is refused."""

import math

import jax
import numpy as np
import pytest

from gprior_jax.errors import ArgumentError, Status
from gprior_jax.inversion.result import Result
from gprior_jax.tasks import Interval, Restoration, bounds_of, calibrate, coverage, inpainting, intervals
from gprior_jax.tasks.calibration import FLOOR, Evidence, calibration_of, evidence, spread

SIDE, COUNT = 8, 4
TOO_SURE = 3.0
"""How much larger errors are than samples differ."""


def restored(samples, losses=None):
    """A restoration with samples, by hand."""
    losses = np.zeros(samples.shape[:2]) if losses is None else losses
    status = np.full(losses.shape, Status.MAX_STEPS)
    result = Result(samples, {}, losses, {}, np.zeros(losses.shape, int), status, {})
    mean, deviation = samples.mean(axis=1), samples.std(axis=1).mean(axis=-1)
    return Restoration(samples[:, 0], samples, mean, deviation, samples[:, 0], np.zeros(len(samples)), result)


def pictures(count, seed):
    """Samples about a wrong mean, images with errors of different sizes, and what is true."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-0.5, 0.5, (count, SIDE, SIDE, 3)).astype(np.float32)
    size = rng.lognormal(-3, 0.5, (count, 1, 1, 1)) * rng.uniform(0.2, 2.0, (count, SIDE, SIDE, 1))
    mean = truth + TOO_SURE * size * rng.normal(size=truth.shape)
    samples = mean[:, None] + size[:, None] * rng.normal(size=(count, COUNT, SIDE, SIDE, 3))
    return restored(samples.astype(np.float32)), truth


def test_left_out_pictures_are_covered_as_often_as_was_asked_for():
    found = {}
    for level in (0.5, 0.9):
        parts = []
        for seed in range(3):
            measured = calibrate(*pictures(100, seed), level=level)
            others, truth = pictures(100, 1000 + seed)
            parts.append(coverage(intervals(others, measured), truth).mean())
            assert measured.images == 100
            assert level <= measured.coverage <= level + 0.02
        found[level] = np.mean(parts)
    # The rule aims (1 - level) / 100 to level / 100 above the level; 300 images differ by about 0.1: 0.006.
    for level, part in found.items():
        assert level - 0.015 <= part <= level + 0.025
    naive, truth = pictures(100, 5)
    mean, deviation = naive.samples.mean(axis=1), naive.samples.std(axis=1)
    assert (np.abs(truth - mean) <= 1.645 * deviation).mean() < 0.6  # Samples alone are too sure.


def test_the_rule_is_that_of_conformal_risk_control():
    """Against the definition: the smallest score at which n / (n + 1) of the risk and 1 / (n + 1) are at most alpha."""
    rng = np.random.default_rng(0)
    own = [np.sort(rng.exponential(size=rng.integers(5, 30))) for _ in range(25)]
    measured = calibration_of([Evidence(one, 0.1) for one in own], 0.8)
    n, every = len(own), np.sort(np.concatenate(own))
    risks = [np.mean([(one > scale).mean() for one in own]) for scale in every]
    bounded = [n / (n + 1) * risk + 1 / (n + 1) <= 0.2 + 1e-9 for risk in risks]
    allowed = every[np.flatnonzero(bounded)]
    assert measured.scale == allowed[0]
    assert measured.coverage == pytest.approx(1 - risks[list(every).index(allowed[0])])
    assert measured.width == pytest.approx(0.1 * measured.scale)


def test_ends_keep_to_what_is_certain():
    found, truth = pictures(12, 0)
    known = np.zeros((12, SIDE, SIDE, 1), np.float32)
    known[:, :3] = 1
    bounds = bounds_of(inpainting(), {"observed": truth, "known": known})
    measured = calibrate(found, truth, bounds=bounds)
    ends = intervals(found, measured, bounds)
    np.testing.assert_array_equal(ends.low[:, :3], truth[:, :3])
    np.testing.assert_array_equal(ends.high[:, :3], truth[:, :3])
    assert (ends.low[:, 3:] < ends.high[:, 3:]).all()
    assert (ends.low >= -1).all()
    assert (ends.high <= 1).all()
    # Known pixels count nowhere: neither in the scale nor in what is covered.
    alone = calibrate(restored(found.samples[:, :, 3:]), truth[:, 3:])
    assert alone.scale == pytest.approx(measured.scale)
    inside = (ends.low <= truth) & (truth <= ends.high)
    np.testing.assert_allclose(coverage(ends, truth, bounds), inside[:, 3:].mean(axis=(1, 2, 3)), atol=1e-6)
    nothing = Interval(np.zeros_like(truth), np.zeros_like(truth))
    assert np.isnan(coverage(ends, truth, nothing)).all()


def test_samples_without_a_finite_loss_do_not_count():
    samples = np.zeros((3, 2, 2, 3), np.float32) + np.float32([0.2, 0.6, np.nan])[:, None, None, None]
    mean, deviation = spread(samples, np.array([True, True, False]))
    np.testing.assert_allclose(mean, 0.4, atol=1e-6)
    np.testing.assert_allclose(deviation, 0.2, atol=1e-6)
    np.testing.assert_allclose(spread(samples[:2], np.array([False, False])).mean, 0.4, atol=1e-6)


def test_samples_that_agree_still_have_an_interval():
    agreed = restored(np.zeros((9, 2, 2, 2, 3), np.float32))
    measured = calibrate(agreed, np.full((9, 2, 2, 3), 0.1, np.float32))
    assert measured.scale == pytest.approx(0.1 / FLOOR, rel=1e-5)
    np.testing.assert_allclose(intervals(agreed, measured).high, 0.1, rtol=1e-5)


def test_of_large_images_order_statistics_are_kept():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(2, 256, 256, 3)).astype(np.float32)
    found = evidence(samples, np.ones(2, bool), np.zeros((256, 256, 3), np.float32), np.ones((1, 1, 1), bool))
    every = np.sort((np.abs(samples.mean(axis=0)) / (samples.std(axis=0) + FLOOR)).ravel())
    assert len(found.scores) == 1 << 16
    np.testing.assert_allclose(np.quantile(found.scores, [0.1, 0.9]), np.quantile(every, [0.1, 0.9]), rtol=1e-3)
    assert found.spread == pytest.approx(samples.std(axis=0).mean() + FLOOR, rel=1e-5)


@pytest.mark.parametrize(
    ("count", "level", "expected"),
    [
        (8, 0.9, r"8 images to calibrate on: level 0\.9 needs at least 9"),
        (18, 0.95, r"level 0\.95 needs at least 19"),
        (9, 1.0, r"level must be a part, above 0 and below 1, got 1\.0"),
        (9, math.nan, "level must be a part"),
    ],
)
def test_what_is_refused(count, level, expected):
    with pytest.raises(ArgumentError, match=expected):
        calibration_of([Evidence(np.ones(3), 0.1)] * count, level)


def test_one_sample_is_refused_and_pictures_without_holes_tell_nothing():
    with pytest.raises(ArgumentError, match="one sample has no deviation"):
        calibrate(restored(np.zeros((9, 1, 2, 2, 3), np.float32)), np.zeros((9, 2, 2, 3)))
    empty = Evidence(np.zeros(0), math.nan)
    assert calibration_of([Evidence(np.ones(3), 0.1)] * 9 + [empty]).images == 9
    with pytest.raises(ArgumentError, match="8 images"):
        calibration_of([Evidence(np.ones(3), 0.1)] * 8 + [empty])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_pixels_that_are_not_finite_are_refused(bad):
    samples = np.zeros((2, 2, 2, 3), np.float32)
    samples[1, 0, 0, 0] = bad
    with pytest.raises(ArgumentError, match="hold NaN or infinite pixels: leave this image out"):
        evidence(samples, np.ones(2, bool), np.zeros((2, 2, 3), np.float32), np.ones((1, 1, 1), bool))


def test_width_is_that_of_uncut_intervals():
    """The samples of every image agree, and err by 0.5: on both sides it is 0.5 of a range of 2."""
    agreed = restored(np.full((9, 2, 2, 2, 3), 0.75, np.float32))
    measured = calibrate(agreed, np.full((9, 2, 2, 3), 0.25, np.float32))
    assert measured.width == pytest.approx(0.5, rel=1e-5)
    found = intervals(agreed, measured)
    assert (found.high - found.low).mean() / 2 == pytest.approx(0.375, rel=1e-5)  # Above 1 there are no pixels.


def test_intervals_can_be_compiled_and_batched():
    found, _ = pictures(2, 0)
    both = jax.jit(jax.vmap(spread))(found.samples, np.ones((2, COUNT), bool))
    np.testing.assert_allclose(both.mean, found.mean, atol=1e-6)

import numpy as np
import pytest

from gprior_jax.runs.ticks import axis_of, linear_ticks, log_ticks


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 7.5), (1.0, 1.0001), (1e-9, 3e-9), (-1e12, 5e12), (1e6, 1e6 + 3), (0.1, 0.13)]
)
def test_linear_ticks_are_few_inside_and_told_apart(low, high):
    ticks = linear_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-9 * abs(low) <= tick.value <= high + 1e-9 * abs(high) for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)
    for tick in ticks:
        assert float(tick.text) == pytest.approx(tick.value, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("last", [0, 1, 2, 7, 99, 100, 3000])
def test_ticks_of_steps_are_whole(last):
    ticks = linear_ticks(0, last, whole=True)
    assert ticks[0].text == "0"
    assert all(tick.text.isdecimal() and int(tick.text) == tick.value <= last for tick in ticks)


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.31), (0.01, 0.02), (1e-12, 1e12), (0.5, 40), (3.0, 3000.0)])
def test_ticks_of_logarithms(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 9
    assert all(low * (1 - 1e-9) <= tick.value <= high * (1 + 1e-9) for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("values", "is_log"),
    [([1.0, 0.1], True), ([1.0, 0.0, np.nan], True), ([1.0, -0.1], False), ([0.0, 0.0], False), ([2.0], True)],
)
def test_an_axis_holds_what_it_can_show(values, is_log):
    axis = axis_of(np.array(values))
    assert axis is not None
    assert axis.is_log == is_log
    shares = [axis.share(value) for value in values]
    for value, share in zip(values, shares, strict=True):
        if np.isnan(value) or (is_log and value <= 0):
            assert np.isnan(share)
        else:
            assert -1e-9 <= share <= 1 + 1e-9


def test_no_axis_without_numbers():
    assert axis_of(np.array([])) is None
    assert axis_of(np.array([np.nan, np.inf])) is None

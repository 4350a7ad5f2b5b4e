"""Progress as plain numbers: when it is told, and what."""

import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.inversion import progress
from gprior_jax.inversion.problem import Evaluation
from gprior_jax.inversion.progress import Reporter


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


def evaluation(*losses: float, name: str = "pixel_mse") -> Evaluation:
    """Of two steps in one call, the first of which nobody asks for."""
    rows = jnp.asarray([[99.0] * len(losses), losses])
    return Evaluation(rows, {name: rows})


def test_reports_come_about_twice_a_second_and_at_the_end(clock):
    heard: list[dict] = []
    reporter = Reporter(heard.append, 20, {"batch": 0})
    for step in range(1, 21):
        reporter(step, evaluation(1.0))
        clock.now += 0.2
    # The first, then every third step, and the last.
    assert [numbers["step"] for numbers in heard] == [1, 4, 7, 10, 13, 16, 19, 20]


def test_numbers_are_plain_and_averaged_over_the_images_that_have_some(clock):
    heard: list[dict] = []
    reporter = Reporter(heard.append, 10, {"batch": 3, "images": 7})
    reporter(1, evaluation(0.04, 0.4, np.nan))
    clock.now += 3.0
    reporter(4, evaluation(0.04, 0.04, np.nan))
    first, second = heard
    assert all(type(value) in (int, float) for numbers in heard for value in numbers.values())
    assert (first["batch"], first["images"], first["step"], first["num_steps"]) == (3, 7, 1, 10)
    assert first["loss"] == pytest.approx(0.22)
    assert first["psnr"] == pytest.approx(15.0, abs=1e-4)  # The mean of 20 and 10 dB: pixels span two.
    assert second["psnr"] == pytest.approx(20.0, abs=1e-4)
    # Time is counted from the first call, which compiles: three steps took three seconds, six are left.
    assert "seconds_left" not in first
    assert second["seconds_left"] == pytest.approx(6.0)
    clock.now += 6.0
    reporter(10, evaluation(0.04))
    assert heard[-1]["seconds_left"] == 0


def test_without_a_mean_square_of_pixels_there_is_no_psnr(clock):
    heard: list[dict] = []
    Reporter(heard.append, 1, {})(1, evaluation(0.5, name="pixel_l1"))
    assert heard == [{"step": 1, "num_steps": 1, "loss": 0.5}]


def test_nobody_listening_waits_for_nothing():
    asked = []

    class Loss:
        def __getattr__(self, name):
            asked.append(name)
            raise AttributeError(name)

    Reporter(None, 5, {})(5, Evaluation(Loss(), {}))
    assert asked == []

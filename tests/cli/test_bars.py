import re
import sys

import pytest

from gprior_jax.cli.bars import Bar
from gprior_jax.cli.telling import CountBar, StepBar


class Clock:
    """Tells what it is set to."""

    seconds = 0.0

    def __call__(self):
        return self.seconds


def log_of(capsys, total, seconds_each, steps=None):
    """Lines of a log of so many steps."""
    clock = Clock()
    bar = Bar("images 1 to 2 of 2", "step", clock=clock)
    for done in range(1, (steps or total) + 1):
        bar.update(done, total, loss="0.5")
        clock.seconds += seconds_each
    bar.close()
    told = capsys.readouterr()
    assert told.out == ""
    assert "\r" not in told.err
    assert told.err.endswith("\n")
    return told.err.splitlines()


def test_a_log_has_a_line_every_tenth(capsys):
    lines = log_of(capsys, 100, 1.0)
    assert [re.search(r"step (\d+)/100", line)[1] for line in lines] == [
        "11", "21", "31", "41", "51", "61", "71", "81", "91", "100"
    ]  # fmt: skip
    assert lines[0] == "images 1 to 2 of 2: step 11/100, loss 0.5, 89 s left"
    assert lines[-1] == "images 1 to 2 of 2: step 100/100, loss 0.5"


def test_fast_work_has_few_lines_and_slow_work_one_every_half_minute(capsys):
    assert len(log_of(capsys, 1000, 0.001)) == 1
    assert len(log_of(capsys, 1000, 10.0)) >= 100
    minutes = log_of(capsys, 1000, 10.0)
    assert minutes[0] == "images 1 to 2 of 2: step 4/1000, loss 0.5, 2 h 46 min left"


def test_work_that_ends_early_says_where(capsys):
    assert log_of(capsys, 100, 1.0, steps=35)[-1] == "images 1 to 2 of 2: step 35/100, loss 0.5, 67 s left"


def test_bytes_and_unknown_ends(capsys):
    clock = Clock()
    bar = Bar("a.pth", "B", binary=True, clock=clock)
    bar.update(2**20, 4 * 2**20)
    clock.seconds += 31
    bar.update(2 * 2**20, 4 * 2**20)
    bar.close()
    assert capsys.readouterr().err == "a.pth: 2.00M/4.00MB, 62 s left\n"
    bar = Bar("a.pth", "B", binary=True, clock=clock)
    bar.update(0, None)
    bar.update(3000, None)
    bar.close()
    assert capsys.readouterr().err == "a.pth: 2.93kB\n"


class Terminal:
    """Keeps what is written to it, as a terminal would show it."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


def test_what_precedes_an_inversion_has_lines_of_its_own(capsys):
    bar = StepBar("images 1 to 2 of 2")
    for stage, facts in (("classes drawn", {}), ("classes tried", {"loss": 0.5}), ("", {"loss": 0.25, "psnr": 6.0})):
        bar({"step": 3, "num_steps": 3, "batch": 0, "batches": 1} | facts | ({"stage": stage} if stage else {}))
    bar({})
    assert capsys.readouterr().err.splitlines() == [
        "images 1 to 2 of 2, classes drawn: step 3/3",
        "images 1 to 2 of 2, classes tried: step 3/3, loss 0.5",
        "images 1 to 2 of 2: step 3/3, loss 0.25, psnr 6.00 dB",
    ]


@pytest.mark.parametrize("make", [StepBar, CountBar])
def test_the_first_rate_on_a_terminal_is_none(monkeypatch, make):
    """What was done before the first numbers took no measured time: once 13189 steps a second were told."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = make("work")
    numbers = {"batch": 0, "batches": 1, "num_steps": 100, "step": 60, "loss": 0.1}
    bar(numbers) if make is StepBar else bar(60, 100)
    if make is StepBar:
        bar({})
    assert "60%" in terminal.text
    rates = re.findall(r"([\d.?]+) ?(?:step|image)/s", terminal.text)
    assert rates
    assert set(rates) == {"?"}

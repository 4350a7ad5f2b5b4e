"""``gprior calibrate`` and ``--intervals``: from pictures that are known to intervals of others."""

import json

import numpy as np
import pytest

from cli.restoring import SIDE, picture, pixels, rows, run, strict, told
from gprior_jax.cli.main import main

SAMPLES = ["--perceptual", "none", "--samples", "2"]


@pytest.fixture(scope="module")
def measured(model, tmp_path_factory):
    """Folder of a gray run on nine pictures that are known, and of its calibration."""
    folder = tmp_path_factory.mktemp("calibrated")
    (folder / "in").mkdir()
    for seed in range(9):
        picture(folder / "in" / f"{seed}.png", seed)
    assert run("colorize", folder / "in", model, folder / "out", "--simulate", *SAMPLES) == 0
    assert main(["calibrate", str(folder / "out"), "--out", str(folder / "c.json")]) == 0
    return folder


def test_intervals_of_other_pictures(measured, inputs, model, tmp_path, capsys):
    out, words = tmp_path / "out", [*SAMPLES, "--intervals", measured / "c.json", "--seed", 3]
    assert run("colorize", inputs, model, out, *words) == 0
    assert "images done" in capsys.readouterr().out
    calibration = json.loads((measured / "c.json").read_text())
    assert calibration["images"] == 9
    assert calibration["coverage"] == 1.0  # Of nine images none may be missed.
    for name in "abc":
        low, high, mean = (pixels(out / kind / f"{name}.png").astype(int) for kind in ("low", "high", "mean"))
        assert low.shape == (SIDE, SIDE, 3)
        assert (low <= mean).all()
        assert (mean <= high).all()
        assert pixels(out / "width" / f"{name}.png").shape == (SIDE, SIDE, 3)
        assert 0 < rows(out)[name]["width"] <= 1
    assert json.loads((out / "run.json").read_text())["settings"]["intervals"]["level"] == 0.9
    # Without intervals it is another run.
    assert "intervals" in told(capsys, 2, run("colorize", inputs, model, out, *SAMPLES, "--seed", 3))


def test_what_is_told(measured, capsys, tmp_path):
    words = ["calibrate", str(measured / "out"), "--level", "0.8", "--out", str(tmp_path / "c.json")]
    assert main(words) == 0
    line = capsys.readouterr().out
    assert line.startswith("colorize, 9 images: mean +- ")
    assert "of their values, at most " in line
    assert "c.json" in line
    assert "exists already: name another file" in told(capsys, 2, main(words))
    assert main([*words[:-1], str(tmp_path / "d.json"), "--json"]) == 0
    content = strict(capsys.readouterr().out)
    assert content["task"] == "colorize"
    assert content["level"] == 0.8
    assert np.isfinite(content["scale"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--level", "1"], "--level 1.0: use a part, above 0 and below 1"),
        (["--level", "0.95"], "9 images to calibrate on: level 0.95 needs at least 19"),
    ],
)
def test_levels_that_cannot_be_had(measured, tmp_path, capsys, words, expected):
    out = tmp_path / "c.json"
    assert expected in told(capsys, 2, main(["calibrate", str(measured / "out"), "--out", str(out), *words]))
    assert not out.exists()


@pytest.mark.parametrize(
    ("task", "flags", "expected"),
    [
        ("denoise", [*SAMPLES, "--sigma", "25"], "task (colorize there, denoise now)"),
        ("colorize", SAMPLES[:2], "c.json is a calibration with another samples (2 there, 1 now): calibrate with"),
    ],
)
def test_another_run_is_refused(measured, inputs, model, tmp_path, capsys, task, flags, expected):
    out = tmp_path / "out"
    code = run(task, inputs, model, out, *flags, "--intervals", measured / "c.json")
    assert expected in told(capsys, 2, code)
    assert not out.exists()


def test_a_calibration_that_is_missing(inputs, model, tmp_path, capsys):
    code = run("colorize", inputs, model, tmp_path / "out", *SAMPLES, "--intervals", tmp_path / "c.json")
    assert "c.json is missing: calibrate again" in told(capsys, code, code)
    assert code == 2

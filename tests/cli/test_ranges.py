"""``--range`` and colour profiles at the command line: what is read, and that a guess is told once."""

import json

import numpy as np
import pytest
from PIL import Image

from cli.restoring import pixels
from gprior_jax.cli.main import main

SIDE = 8
ROWS = np.linspace(0, 1, SIDE)[:, None].repeat(SIDE, 1)
"""A picture of the tiny prior's size, in [0, 1]."""


def denoise(source, little, out, *flags):
    words = ["denoise", str(source), "--model", str(little), "--out", str(out), "--sigma", "5", "--codes", "1"]
    words += ["--layer", "0", "--steps", "1", "--batch-size", "1", "--devices", "1", "--perceptual", "none"]
    return main([*words, *flags])


def warned(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("gprior: ")]


def test_twelve_bits_in_sixteen(little, tmp_path, capsys):
    Image.fromarray((ROWS * 4095).astype(np.uint16)).save(tmp_path / "a.png")
    measured = []
    for name, flags in (("guessed", []), ("given", ["--range", "12"]), ("sixteen", ["--range", "16"])):
        assert denoise(tmp_path / "a.png", little, tmp_path / name, *flags) == 0
        measured.append(pixels(tmp_path / name / "measured" / "a.png"))
        told = warned(capsys)
        assert len(told) == (name == "guessed")
        if told:
            assert "a.png: its 16-bit samples lie between 0 and 4095, and are taken as 0 (black) to 4095" in told[0]
    np.testing.assert_array_equal(measured[0], measured[1])
    np.testing.assert_allclose(measured[0][..., 0], ROWS * 255, atol=0.6)
    assert measured[2].max() == 16
    settings = json.loads((tmp_path / "given" / "run.json").read_text())["settings"]
    assert settings["range"] == [0, 4095]


def test_a_range_below_zero_takes_an_equals_sign(little, tmp_path, capsys):
    Image.fromarray(ROWS.astype(np.float32)).save(tmp_path / "a.tif")
    assert denoise(tmp_path / "a.tif", little, tmp_path / "out", "--range=-1:1") == 0
    assert warned(capsys) == []
    np.testing.assert_allclose(pixels(tmp_path / "out" / "measured" / "a.png")[..., 0], ROWS * 127.5 + 127.5, atol=0.6)


def test_a_profile_that_cannot_be_used_is_told_and_the_picture_restored(little, tmp_path, capsys):
    Image.fromarray((ROWS * 255).astype(np.uint8)).save(tmp_path / "a.png", icc_profile=b"no profile" * 20)
    assert denoise(tmp_path / "a.png", little, tmp_path / "out") == 0
    (told,) = warned(capsys)
    assert "a.png: its colour profile cannot be used" in told


def test_ranges_of_evaluate(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for folder in ("results", "references"):
        (tmp_path / folder).mkdir()
        for name in "ab":
            samples = (rng.random((16, 16)) * 4000).astype(np.uint16)
            Image.fromarray(samples).save(tmp_path / folder / f"{name}.png")
    psnr = {}
    for bits in ("12", "16"):
        words = ["evaluate", str(tmp_path / "results"), str(tmp_path / "references"), "--range", bits, "--json"]
        assert main([*words, "--out", str(tmp_path / bits)]) == 0
        printed = capsys.readouterr()
        assert "gprior: " not in printed.err
        psnr[bits] = json.loads(printed.out)["mean"]["psnr"]
    assert psnr["16"] - psnr["12"] == pytest.approx(20 * np.log10(16), abs=0.5)

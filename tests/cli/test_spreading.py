"""``--devices``: numbers, and grids of images and codes."""

import json

import numpy as np
import pytest

from cli.restoring import stored
from gprior_jax.cli.main import main


def run(pictures, little, out, devices, *flags):
    words = ["invert", str(pictures), "--model", str(little), "--out", str(out), "--codes", "4", "--layer", "2"]
    return main([*words, "--steps", "3", "--batch-size", "2", "--devices", devices, *flags])


@pytest.mark.parametrize("flags", [(), ("--save-every", "1000")], ids=["batches", "a stream"])
def test_codes_over_devices(pictures, little, tmp_path, flags):
    outs = [tmp_path / devices for devices in ("1", "2x4")]
    for out in outs:
        assert run(pictures, little, out, out.name, *flags) == 0
    one, split = (stored(out) for out in outs)
    assert one.keys() == split.keys()
    for name, record in one.items():
        np.testing.assert_allclose(split[name]["image"], record["image"], atol=1e-3)
    told = [json.loads((out / "run.json").read_text()) for out in outs]
    assert [each["device"]["devices"] for each in told] == [1, "2x4"]
    # The same settings: another number of devices goes on with a run.
    assert run(pictures, little, outs[0], "2x4", *flags) == 0


@pytest.mark.parametrize(
    ("devices", "sentence"),
    [
        ("two", "--devices two: give a number of devices, or those of images and of codes, 2x4."),
        ("2x", "--devices 2x: give a number"),
        ("0", "--devices 0: use at least 1."),
        ("2x0", "--devices 2x0: use at least 1."),
        ("1x3", "4 codes cannot be split evenly over the 3 devices of the axis codes: take 3 or 6 codes"),
    ],
)
def test_bad_ones(pictures, little, tmp_path, capsys, devices, sentence):
    assert run(pictures, little, tmp_path / "out", devices) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*.npz"))

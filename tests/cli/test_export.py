"""``gprior export``."""

import json

import jax
import numpy as np
import pytest

from cli.restoring import told
from gprior_jax.cli.main import main
from gprior_jax.inversion.exporting import load_inversion

pytest.importorskip("flatbuffers", reason="the extra export is not installed")


def test_a_program_is_written(little, tmp_path, capsys):
    out = tmp_path / "deep" / "program"
    flags = ["--codes", "2", "--steps", "2", "--perceptual", "none", "--batch-size", "2", "--json"]
    assert main(["export", "--model", str(little), "--out", str(out), *flags]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about == {"program": str(out), "images": [2, 8, 8, 3], "steps": 2, "bytes": out.stat().st_size}
    found = load_inversion(out.read_bytes())(jax.random.key(0), np.zeros((2, 8, 8, 3)))
    assert found["images"].shape == (2, 8, 8, 3)
    assert np.isfinite(found["loss"]).all()


def test_a_flag_of_another_method_is_refused(little, tmp_path, capsys):
    words = ["export", "--model", str(little), "--out", str(tmp_path / "x"), "--method", "z", "--codes", "2"]
    assert "--codes is not for --method z" in told(capsys, 2, main(words))
    assert not (tmp_path / "x").exists()

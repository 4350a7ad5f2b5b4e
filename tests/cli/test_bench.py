"""``gprior bench inversion`` where it cannot run."""

import pytest

from cli.restoring import told
from gprior_jax.cli.main import main


def test_programs_that_are_not_there(tmp_path, capsys):
    pytest.importorskip("torch", reason="the converters and the loop to compare with need PyTorch")
    line = told(capsys, 2, main(["bench", "inversion", "--benchmarks", str(tmp_path)]))
    assert "holds no torch_loop.py: run in a checkout or give --benchmarks DIR" in line
    assert "--codes 0: use at least 1" in told(capsys, 2, main(["bench", "inversion", "--codes", "0"]))

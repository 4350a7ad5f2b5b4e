"""``gprior convert`` of files that are none."""

import pickle

import pytest

from gprior_jax.cli.main import main


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_convert_executes_nothing(tmp_path, capsys):
    pytest.importorskip("torch", reason="the converters and the loop to compare with need PyTorch")
    file, trap = tmp_path / "net.pth", tmp_path / "trap"
    file.write_bytes(pickle.dumps({"layer0.weight": Bomb(trap)}))
    assert main(["convert", str(file), "--to", str(tmp_path / "model")]) == 2
    assert str(file) in capsys.readouterr().err
    assert not trap.exists()
    assert not (tmp_path / "model").exists()


def test_convert_of_a_file_that_is_not_there(tmp_path, capsys):
    pytest.importorskip("torch", reason="the converters and the loop to compare with need PyTorch")
    assert main(["convert", str(tmp_path / "none.pth"), "--to", str(tmp_path / "model")]) == 2
    assert "none.pth" in capsys.readouterr().err

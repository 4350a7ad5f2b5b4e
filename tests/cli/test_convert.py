"""``gprior convert`` of files that are none."""

import pickle
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gprior_jax.cli.convert import tell
from gprior_jax.cli.main import main
from gprior_jax.generators.pggan import PGGAN


class Made(NamedTuple):
    """What converters tell of a conversion."""

    module: Any
    folder: Path
    title: str = "PGGAN generator"
    num_tensors: int = 3
    taken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


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


def test_the_next_command_is_one_for_the_shell(capsys):
    """Folders may have spaces."""
    tell(Path("g.pth"), Made(PGGAN(channels=(4, 4), z_dim=5), Path("my models/a$b")))
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("next: "))
    assert shlex.split(line)[1:] == ["gprior", "generate", "--model", "my models/a$b", "--out", "samples"]

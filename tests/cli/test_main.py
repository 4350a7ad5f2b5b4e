import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from gprior_jax import zoo
from gprior_jax.cli.main import COMMANDS, find_command, main


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)
    assert main([]) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_every_flag(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*name.split(), "--help"])
    assert stop.value.code == 0
    told = capsys.readouterr().out
    assert "--json" in told
    assert "default" in told


@pytest.mark.parametrize(
    ("words", "told"), [(["inverse"], "no command 'inverse'"), (["train"], "gprior train generator")]
)
def test_unknown_commands(words, told, capsys):
    assert main(words) == 2
    assert told in capsys.readouterr().err


def test_find_command_takes_two_words_before_one():
    assert find_command(["bench", "inversion", "--rounds", "1"]) == ("bench inversion", ["--rounds", "1"])


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gprior ")


def test_module_runs_as_a_program():
    command = [sys.executable, "-m", "gprior_jax.cli.main", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("gprior ")


def test_generate_writes_grid_and_arrays(model, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["generate", "--model", str(model), "--out", str(out), "--num", "5", "--batch-size", "2"]) == 0
    with np.load(out / "samples.npz") as arrays:
        assert arrays["images"].shape == (5, 16, 16, 3)
        assert arrays["z"].shape == (5, 8)
        first = arrays["images"]
    assert main(["generate", "--model", str(model), "--out", str(out), "--num", "3", "--json"]) == 0
    assert str(out / "grid.png") in capsys.readouterr().out
    with np.load(out / "samples.npz") as arrays:
        np.testing.assert_allclose(arrays["images"], first[:3], atol=1e-5)


def test_models_lists_what_is_bundled(capsys):
    assert main(["models", "--json"]) == 0
    bundled = json.loads(capsys.readouterr().out)["bundled"]
    assert [entry["name"] for entry in bundled] == ["builtin", "builtin:portraits", "builtin:cells"]
    for entry in bundled:
        assert zoo.load(entry["folder"]).resolution == entry["resolution"]


def test_report_of_a_folder_that_is_none(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "run.json" in capsys.readouterr().err


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_convert_executes_nothing(tmp_path, capsys):
    file, trap = tmp_path / "net.pth", tmp_path / "trap"
    file.write_bytes(pickle.dumps({"layer0.weight": Bomb(trap)}))
    assert main(["convert", str(file), "--to", str(tmp_path / "model")]) == 2
    assert str(file) in capsys.readouterr().err
    assert not trap.exists()
    assert not (tmp_path / "model").exists()


def test_convert_of_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["convert", str(tmp_path / "none.pth"), "--to", str(tmp_path / "model")]) == 2
    assert "none.pth" in capsys.readouterr().err


def test_train_generator(tmp_path, capsys):
    import zipfile

    from gprior_jax.images.files import encode_png

    data, out = tmp_path / "data.zip", tmp_path / "run"
    with zipfile.ZipFile(data, "w") as file:
        for i in range(40):
            file.writestr(f"{i:03}.png", encode_png(np.random.default_rng(i).integers(0, 255, (8, 8, 3), np.uint8)))
    words = ["train", "generator", "--data", str(data), "--out", str(out), "--resolution", "8", "--z-dim", "8"]
    words += ["--base-channels", "32", "--max-channels", "4", "--batch-size", "4", "--images-per-level", "8"]
    words += ["--log-images", "4", "--snapshot-images", "8"]
    assert main(words) == 0
    assert "100%" in capsys.readouterr().out
    assert zoo.load(out / "model").resolution == 8
    assert main(["train", "generator", "--data", str(tmp_path / "no.zip"), "--out", str(out)]) == 2
    assert "does not exist" in capsys.readouterr().err

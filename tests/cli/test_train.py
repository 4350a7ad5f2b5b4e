"""``gprior train`` for a step: :mod:`training.test_loop` holds what a run does."""

import json
import zipfile

import numpy as np
import pytest

from cli.restoring import told
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.images.files import encode_png


@pytest.fixture
def data(tmp_path):
    """Forty random pictures of 8 px in a zip file."""
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as file:
        for i in range(40):
            file.writestr(f"{i:03}.png", encode_png(np.random.default_rng(i).integers(0, 255, (8, 8, 3), np.uint8)))
    return path


def train(data, out, *flags):
    words = ["train", "generator", "--data", str(data), "--out", str(out), "--resolution", "8", "--z-dim", "8"]
    words += ["--base-channels", "32", "--max-channels", "4", "--batch-size", "4", "--images-per-level", "4"]
    return main([*words, "--log-images", "4", "--snapshot-images", "4", *flags])


def test_a_generator(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert train(data, out, "--licence", "CC0") == 0
    assert "100%" in capsys.readouterr().out
    assert zoo.load(out / "model").resolution == 8
    assert zoo.read_config(out / "model")["provenance"]["licence"] == "CC0"
    # The same command, of a run that has come to its end, does nothing.
    assert train(data, out, "--licence", "CC0", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"model": str(out / "model"), "resolution": 8}


@pytest.mark.parametrize("kind", ["generator", "stylegan2"])
def test_data_that_is_not_there(kind, tmp_path, capsys):
    code = main(["train", kind, "--data", str(tmp_path / "no.zip"), "--out", str(tmp_path / "run")])
    assert f"--data {tmp_path / 'no.zip'} does not exist" in told(capsys, 2, code)
    assert not (tmp_path / "run").exists()


def test_numbers_out_of_range(data, tmp_path, capsys):
    assert "--log-images 0: use at least 1" in told(capsys, 2, train(data, tmp_path / "run", "--log-images", "0"))

"""``gprior train translation``: a run that ``gprior translate`` uses, and settings and pictures that do not fit."""

import json

import numpy as np
import pytest
from PIL import Image

from cli.restoring import told
from gprior_jax import zoo
from gprior_jax.cli.main import main

SMALL = ("--resolution", "32", "--depth", "5", "--width", "2", "--critic-width", "2", "--critic-layers", "1")
SHORT = ("--batch-size", "2", "--images", "4", "--snapshot-images", "2", "--log-images", "2")


def pictures(folder, number, size=(32, 32)):
    folder.mkdir()
    for index in range(number):
        pixels = np.random.default_rng(index).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def photographs(tmp_path):
    return pictures(tmp_path / "photographs", 6)


def run(*words):
    return main(["train", "translation", *map(str, words)])


@pytest.mark.slow
def test_colours_are_learned_from_one_folder_and_used(photographs, tmp_path, capsys):
    given = ("--data", photographs, "--pairs", "gray", "--out", tmp_path / "run", *SMALL, *SHORT, "--licence", "CC0")
    assert run(*given) == 0
    lines = capsys.readouterr().out
    assert "4 images (100%)" in lines
    assert "held out" in lines
    assert (tmp_path / "run" / "newest.png").is_file()
    facts = zoo.read_config(tmp_path / "run" / "model")["provenance"]
    assert (facts["licence"], facts["images_seen"], facts["data"]) == ("CC0", 4, ["photographs"])
    translator = zoo.load_translator(tmp_path / "run" / "model")
    assert (translator.channels, translator.trained_size) == ((1, 3), 32)
    assert run(*given, "--json") == 0  # It is done.
    assert json.loads(capsys.readouterr().out)["directions"] == ["AtoB"]
    words = ["translate", str(photographs), "--model", str(tmp_path / "run" / "model"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert np.asarray(Image.open(tmp_path / "out" / "3.png")).shape == (32, 32, 3)


def refused(capsys, out, *words):
    """The sentence of a run that cannot be, of which nothing is left."""
    line = told(capsys, 2, run("--out", out, *SMALL, *SHORT, *words))
    assert not (out / "model").exists()
    assert not (out / "config.json").exists()
    return line


def test_what_does_not_fit_is_told_in_a_sentence(photographs, tmp_path, capsys):
    def line(*words):
        return refused(capsys, tmp_path / "run", "--data", photographs, *words)

    assert "photographs needs the pictures after it, too: give target (--target)" in line()
    fewer = pictures(tmp_path / "fewer", 5)
    assert "1 of 6 pictures of" in (unpaired := line("--target", fewer))
    assert "fewer (5.png): add the partners, or take these away" in unpaired
    assert f"--target {tmp_path / 'nothing'} does not exist" in line("--target", tmp_path / "nothing")
    assert "multiples of 32 from 32 on, use 64" in line("--pairs", "gray", "--resolution", "40")
    assert "CycleGAN learns from two folders" in line("--pairs", "side_by_side", "--method", "cyclegan")
    assert "gray and colour have 1 and 3" in line("--pairs", "gray", "--channels", "3", "3")
    assert "has no other: leave target out" in line("--pairs", "gray", "--target", fewer)
    assert "images 0: the run needs at least one batch" in line("--pairs", "gray", "--images", "0")

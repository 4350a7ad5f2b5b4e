"""``gprior train`` for a step: :mod:`training.test_loop` holds what a run does."""

import json
import zipfile

import numpy as np
import pytest

from cli.restoring import told
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.cli.train_encoder import TrainEncoder
from gprior_jax.images.files import encode_png
from gprior_jax.training import encoder_run


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


def train_first(data, out, arch, *flags):
    words = ["train", "generator", "--arch", arch, "--data", str(data), "--out", str(out), "--resolution", "8"]
    words += ["--z-dim", "8", "--batch-size", "4", "--images", "8", "--log-images", "4", "--snapshot-images", "8"]
    return main([*words, *flags])


@pytest.mark.slow
def test_a_dcgan_and_arithmetic_on_it(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert train_first(data, out, "dcgan", "--width", "2", "--generator-steps", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"newest samples, after every 8 images: {out / 'newest.png'}"
    assert "diversity" in lines[1]
    assert train_first(data, out, "dcgan", "--width", "4", "--generator-steps", "2") == 2
    told_of = capsys.readouterr()
    assert told_of.out == ""
    assert "with another width (2 there, 4 now)" in told_of.err
    assert json.loads((out / "config.json").read_text())["generator_steps"] == 2
    model = str(out / "model")
    words = ["arithmetic", "--model", model, "--positive", "seed:1", "draw:0,2", "--negative", "seed:3"]
    assert main([*words, "--out", str(tmp_path / "sum.png")]) == 0
    assert (tmp_path / "sum.png").exists()
    assert (
        main(["invert", str(picture(tmp_path)), "--model", model, "--out", str(tmp_path / "inv"), "--steps", "2"]) == 0
    )


def picture(folder):
    path = folder / "a.png"
    path.write_bytes(encode_png(np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)))
    return path


@pytest.mark.slow
def test_the_first_gan(data, tmp_path):
    flags = ("--generator-features", "6", "5", "--discriminator-features", "4", "--optimizer", "sgd")
    assert train_first(data, tmp_path / "run", "mlp", *flags, "--image-channels", "1") == 0
    prior = zoo.load(tmp_path / "run" / "model")
    assert prior.image_shape == (8, 8, 1)
    assert prior.latent.kind == "uniform"


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (["--width", "8"], "--width is no setting of --arch pggan, only of dcgan: leave it out"),
        (["--arch", "dcgan", "--fade-fraction", "0.1"], "--fade-fraction is no setting of --arch dcgan, only of pggan"),
        (["--arch", "dcgan", "--dropout", "0.1"], "--dropout is no setting of --arch dcgan, only of mlp"),
        (["--loss", "minimax"], "loss 'minimax': use nonsaturating or wgan_gp"),
        (["--arch", "mlp", "--loss", "wgan_gp"], "loss 'wgan_gp': use nonsaturating or minimax"),
    ],
)
def test_settings_of_another_architecture(data, tmp_path, capsys, flags, wanted):
    code = main(["train", "generator", "--data", str(data), "--out", str(tmp_path / "run"), *flags])
    assert wanted in told(capsys, 2, code)
    assert not (tmp_path / "run").exists()


def test_an_encoder_of_several_codes_has_their_number_and_layer(tmp_path):
    made = TrainEncoder(data=tmp_path, out=tmp_path / "run", num_codes=20, layer=4).config()
    assert (made.num_codes, made.layer) == (20, 4)
    plain = TrainEncoder(data=tmp_path, out=tmp_path / "run").config()
    assert (plain.num_codes, plain.layer) == (0, None)


@pytest.mark.parametrize(("flags", "trained"), [(["--codes", "4"], "multi_encoder"), ([], "encoder")])
def test_what_is_told_of_the_other_encoder_stays(data, tmp_path, monkeypatch, flags, trained):
    """The folder holds both; the one that is trained tells of itself, in every snapshot."""
    given = {}
    monkeypatch.setattr(encoder_run, "train_encoder", lambda *_, **session: given.update(session))
    assert (
        main(["train", "encoder", "--model", "builtin", "--data", str(data), "--out", str(tmp_path / "run"), *flags])
        == 0
    )
    before = zoo.read_config(zoo.bundled_folder("builtin"))["provenance"]
    other = ({"encoder", "multi_encoder"} - {trained}).pop()
    assert given["provenance"][other] == before[other]

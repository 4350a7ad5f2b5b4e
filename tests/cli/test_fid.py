"""``gprior fid`` of tiny priors, judged by the discriminator of one of them."""

import json
import zipfile

import jax
import numpy as np
import pytest
from perceptual.networks import random_lpips

from cli import priors
from cli.restoring import told
from gprior_jax import metrics, zoo
from gprior_jax.cli.main import main
from gprior_jax.images.files import encode_png, save_image
from gprior_jax.training.data import ImageZip

NUMBER = 60


def pixels(i: int) -> np.ndarray:
    return np.random.default_rng(i).integers(0, 255, (8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of 8 px of two classes in a zip file; four are held out."""
    path = tmp_path_factory.mktemp("fid") / "data.zip"
    with zipfile.ZipFile(path, "w") as file:
        for i in range(NUMBER):
            file.writestr(f"{i:02}.png", encode_png(pixels(i)))
        labels = [[f"{i:02}.png", 2 * (i % 3 == 0)] for i in range(NUMBER)]
        file.writestr("dataset.json", json.dumps({"labels": labels}))
    return path


def fid(model, data, judge, *words):
    given = ["fid", "--model", model, "--data", data, "--perceptual", judge, "--batch-size", "4", *words]
    return main([str(word) for word in given])


def read(data, split, number=None):
    """Images of a split in [0, 1], and their classes; of many those that are meant to be taken."""
    images = ImageZip(data, split)
    chosen = np.sort(np.random.default_rng(0).permutation(len(images))[:number])
    return np.stack([images.image(int(i), 8) for i in chosen]) / 255, images.labels()[0][chosen]


def test_held_out_and_trained_on_images(little, data, tmp_path, capsys):
    out = tmp_path / "fid.json"
    assert fid(little, data, little, "--samples", 6, "--seed", 1, "--json", "--out", out) == 0
    printed = capsys.readouterr()
    content = json.loads(printed.out)
    assert "drawn images" in printed.err
    assert json.loads(out.read_text()).items() >= content.items()
    judge = zoo.load_perceptual(little)
    (held_out, _), (train, _) = read(data, "held_out"), read(data, "train", 4)
    real = [metrics.network_features(judge, x) for x in (held_out, train)]
    drawn = metrics.drawn_features(priors.plain(), judge, jax.random.key(1), num_samples=6, batch_size=4)
    found = content["distances"]
    assert len(held_out) == 4
    for name, features in zip(("held_out", "train"), real, strict=True):
        wanted = metrics.set_distance(drawn, features)
        assert found[name]["images"] == 4
        assert found[name]["fid"] == pytest.approx(wanted.fid, rel=1e-3)
        assert found[name]["kid"] == pytest.approx(wanted.kid, rel=1e-3)
    assert found["real"]["fid"] == pytest.approx(metrics.set_distance(*real).fid, rel=1e-3)
    assert (content["model"], content["samples"], content["seed"]) == (str(little), 6, 1)


def test_classes_truncation_and_a_split(conditional, little, data, capsys):
    words = ("--samples", 6, "--truncation", 0.5, "--split", "train")
    assert fid(conditional, data, little, *words) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("6 drawn images against 56 images trained on: FID ")
    images, labels = read(data, "train")
    assert set(labels.tolist()) == {0, 2}
    judge = zoo.load_perceptual(little)
    wanted = metrics.prior_distance(
        *(priors.conditional(), judge, metrics.network_features(judge, images), jax.random.key(0)),
        num_samples=6,
        truncation=0.5,
        reference_labels=labels,
        batch_size=4,
    )
    assert float(line.split("FID ")[1].split(",")[0]) == pytest.approx(wanted.fid, abs=2e-3)


def test_a_folder(little, tmp_path, capsys):
    for i in range(3):
        save_image(tmp_path / f"{i}.png", pixels(i))
    assert fid(little, tmp_path, little, "--samples", 6) == 0
    assert capsys.readouterr().out.startswith("6 drawn images against 3 images: FID ")
    (tmp_path / "sub").mkdir()
    (tmp_path / "notes.txt").touch()
    save_image(tmp_path / "sub" / "3.png", pixels(3))
    assert fid(little, tmp_path, little, "--samples", 6) == 0
    printed = capsys.readouterr()
    assert f"gprior: {tmp_path}: left out 1 .txt" in printed.err
    assert "1 folder (searched only when recursive)." in printed.err
    assert printed.out.startswith("6 drawn images against 3 images: FID ")
    assert fid(little, tmp_path, little, "--samples", 6, "--recursive") == 0
    assert capsys.readouterr().out.startswith("6 drawn images against 4 images: FID ")


def test_a_split_of_a_folder_without_what_is_broken(little, data, tmp_path, capsys):
    """As of the zip file with the same names; a broken image is left out and named."""
    with zipfile.ZipFile(data) as archive:
        archive.extractall(tmp_path / "images")
    (tmp_path / "images" / "broken.png").write_bytes(b"none")
    assert fid(little, data, little, "--samples", 6, "--split", "train") == 0
    wanted = capsys.readouterr().out
    assert fid(little, tmp_path / "images", little, "--samples", 6, "--split", "train") == 0
    told = capsys.readouterr()
    assert told.out == wanted
    assert "1 of 57 images are broken and left out: broken.png" in told.err


@pytest.mark.parametrize(
    ("name", "words", "sentence"),
    [
        ("little", ["--samples", "1"], "--samples 1: sets of two images are the smallest that compare"),
        ("little", ["--samples", "0"], "--samples 0: use at least 1"),
        ("little", ["--truncation", "0.5"], "has no styles to truncate"),
        (
            "little",
            ["--data", "nowhere.zip"],
            "--data nowhere.zip does not exist: give a zip file or a folder of images.",
        ),
        ("little", ["--data", "FOLDER", "--split", "held_out"], "holds 1 image, none kept out of training"),
        ("conditional", ["--data", "FOLDER", "--split", "all"], "does not name the class of every image"),
        ("little", ["--perceptual", "LPIPS"], "holds LPIPS, which compares pairs"),
    ],
)
def test_wrong_use(request, data, little, tmp_path, capsys, name, words, sentence):
    module = random_lpips("alexnet")
    if "LPIPS" in words:
        zoo.save_network(module.module, module.weights, tmp_path / "LPIPS")
    save_image(tmp_path / "a.png", pixels(0))
    given = [{"FOLDER": tmp_path, "LPIPS": tmp_path / "LPIPS"}.get(word, word) for word in words]
    code = fid(request.getfixturevalue(name), data, little, "--samples", "4", "--out", tmp_path / "out.json", *given)
    assert sentence in told(capsys, 2, code)
    assert not (tmp_path / "out.json").exists()

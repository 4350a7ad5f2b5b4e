"""Every command on priors that few have in mind: one of gray images with classes (a DCGAN), and a BigGAN.

What a command finds is held to the library elsewhere; here, that nothing in it is for three channels, styles of one
kind or no classes only.
"""

import json

import numpy as np
import pytest
from batteries import random_params

from cli import priors
from cli.codes import drawn, run
from cli.restoring import picture, pixels, told
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.dcgan import example_layers as judging_layers
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images import arrays as im
from gprior_jax.images.files import load_image
from gprior_jax.runs.record import read_record

LABEL = 1


def prior_of(kind):
    if kind == "biggan":
        module, critic = BigGAN((8, 8), 6, 3, 4, attention=(1,)), priors.critic()
    else:
        module, judge = DCGAN(example_layers(4, 1, 8), 8, 3), DCGANDiscriminator(judging_layers(4, 8), 8, 1)
        critic = Critic(random_params(judge, 1), judge)
    return prepare(Prior(random_params(module, 0), module, critic=critic, name=kind))


class Tried:
    """A prior's folder, two pictures, and what two inversions of them found: with two codes, and with one."""

    def __init__(self, kind, folder):
        self.prior, self.model = prior_of(kind), folder / "model"
        zoo.save(self.prior, self.model)
        self.pictures = folder / "pictures"
        self.pictures.mkdir()
        for seed, name in enumerate("ab"):
            picture(self.pictures / f"{name}.png", seed)
        self.codes, self.code = folder / "codes", folder / "code"
        assert self("invert", self.codes, self.pictures, "--codes", 2, "--layer", 1, *OPTIONS) == 0
        assert self("invert", self.code, self.pictures, "--method", "z", *OPTIONS) == 0
        self.channels = self.prior.image_shape[-1]

    def __call__(self, command, out, *words):
        return run(command, self.model, out, *words, "--batch-size", 2)


OPTIONS = ["--label", LABEL, "--steps", 2, "--devices", 1]


@pytest.fixture(scope="module", params=["gray", "biggan"])
def tried(request, tmp_path_factory):
    return Tried(request.param, tmp_path_factory.mktemp(request.param))


def test_draw(tried, tmp_path):
    assert tried("generate", tmp_path, "--num", 2, "--label", "each") == 0
    with np.load(tmp_path / "samples.npz") as found:
        wanted = drawn(tried.prior, found["z"], found["label"], size=2)
        np.testing.assert_allclose(found["images"], wanted, atol=1e-4)
    assert wanted.shape == (6, 8, 8, tried.channels)
    sheet = pixels(tmp_path / "grid.png")
    assert sheet.shape == ((24, 16, 3) if tried.channels == 3 else (24, 16))


def test_invert_and_report(tried, capsys):
    for out in (tried.codes, tried.code):
        for name in "ab":
            record = read_record(out / f"{name}.npz")
            observed = load_image(tried.pictures / f"{name}.png", tried.prior)
            assert record.image.shape == observed.shape == (8, 8, tried.channels)
            np.testing.assert_allclose(record.target, (observed + 1) * 127.5, atol=0.51)
            mse = np.mean((np.clip(record.image, -1, 1) - observed) ** 2)
            assert record.metrics["psnr"] == pytest.approx(10 * np.log10(4 / mse), abs=0.05)
        before = (out / "report.html").read_bytes()
        assert main(["report", str(out)]) == 0
        assert (out / "report.html").read_bytes() == before
        assert before.count(b"<img") == 6


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("upscale", ["--factor", 2]),
        ("inpaint", ["--box", 2]),
        ("denoise", ["--sigma", 25]),
    ],
)
def test_restore(tried, tmp_path, task, words):
    out = tmp_path / task
    own = ["--simulate", "--codes", 2, "--layer", 1, *OPTIONS]
    assert tried(task, out, tried.pictures / "a.png", *words, *own) == 0
    record = read_record(out / "a.npz")
    assert record.image.shape == (8, 8, tried.channels)
    np.testing.assert_array_equal(record.pictures["truth"].reshape(8, 8, -1), read_record(tried.codes / "a.npz").target)


def test_colorize(tried, tmp_path, capsys):
    code = tried("colorize", tmp_path / "out", tried.pictures / "a.png", "--codes", 2, "--layer", 1, *OPTIONS)
    if tried.channels == 3:
        assert code == 0
        assert pixels(tmp_path / "out" / "a.png").shape == (8, 8, 3)
    else:
        assert "gray draws gray images, without colours to find: use a prior of colour" in told(capsys, 2, code)
        assert not (tmp_path / "out").exists()


def test_codes_that_are_moved_added_and_mixed(tried, tmp_path, capsys):
    assert tried("morph", tmp_path / "m.png", tried.code, "--frames", 3) == 0
    ends = [im.to_uint8(read_record(tried.code / f"{name}.npz").image) for name in "ab"]
    strip = pixels(tmp_path / "m.png").reshape(8, -1, tried.channels).astype(int)
    np.testing.assert_allclose(np.stack([strip[:, :8], strip[:, -8:]]), ends, atol=1)
    same = ["--positive", tried.code / "a.npz", tried.code / "b.npz", "--negative", tried.code / "b.npz"]
    assert tried("arithmetic", tmp_path / "sum.png", *same) == 0
    np.testing.assert_allclose(pixels(tmp_path / "sum.png").reshape(ends[0].shape).astype(int), ends[0], atol=1)
    code = tried("mix", tmp_path / "mix.png", "--rows", "seed:1@0", "--columns", "seed:2@2", "--layers", "1-")
    if tried.prior.num_styles:
        assert code == 0
        assert pixels(tmp_path / "mix.png").shape == (16, 16, 3)
    else:
        assert "gray has no styles to mix: name a style-based --model" in told(capsys, 2, code)
        assert not (tmp_path / "mix.png").exists()


def test_directions_are_found_and_followed(tried, tmp_path):
    words = ["--model", tried.model, "--out", tmp_path / "d", "--method", "local", "--code", f"seed:3@{LABEL}"]
    assert main(["train", "directions", *map(str, words), "--num", "1"]) == 0
    along = next((tmp_path / "d").glob("*.npz"))
    moved = ["--along", along, "--strengths", -1, 0, 1, "--mode", "relative"]
    for out, source in (("results", tried.code), ("drawn", f"seed:3@{LABEL}")):
        assert tried("edit", tmp_path / out, source, *moved) == 0
    whole = pixels(tmp_path / "results" / "sheet.png").reshape(16, 24, tried.channels)
    kept = [im.to_uint8(read_record(tried.code / f"{name}.npz").image) for name in "ab"]
    np.testing.assert_allclose(whole[:, 8:16].reshape(2, 8, 8, -1).astype(int), kept, atol=1)
    assert np.abs(whole[:, :8].astype(int) - whole[:, 16:]).max() > 3


def test_codes_are_explained(tried, tmp_path, capsys):
    words = ["explain", tried.codes / "a.npz", "--model", tried.model, "--out", tmp_path / "e", "--batch-size", 2]
    assert main([*map(str, words), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["name"] == "a"
    assert len(row["codes"]) == 2
    assert (tmp_path / "e" / "a" / "sheet.png").exists()


def test_measure(tried, tmp_path, capsys):
    judge = ["--perceptual", tried.model]
    evaluate = ["evaluate", tried.code, tried.pictures, "--out", tmp_path / "e", "--json", *judge]
    assert main([*map(str, evaluate)]) == 0
    content = json.loads(capsys.readouterr().out)
    wanted = [read_record(tried.code / f"{name}.npz").metrics["psnr"] for name in "ab"]
    assert [row["psnr"] for row in content["images"]] == pytest.approx(wanted, abs=0.1)  # Of a gray one, of luma.
    assert np.isfinite(content["sets"]["fid"])
    for name in "xyz":
        (tmp_path / "data" / name).mkdir(parents=True)
        picture(tmp_path / "data" / name / f"{name}.png", ord(name))
    words = ["fid", "--model", tried.model, "--data", tmp_path / "data", "--split", "all", "--samples", 4, *judge]
    assert main([*map(str, words), "--batch-size", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["distances"]["all"]["fid"] > 0
    ppl = ["ppl", "--model", tried.model, "--samples", 2, "--batch-size", 2, "--label", LABEL, "--variants", "zend"]
    assert main([*map(str, ppl), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path_length"]["zend"] > 0

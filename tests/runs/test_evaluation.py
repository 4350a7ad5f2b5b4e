"""Figures of pairs of pictures and of two sets, and how they are told."""

import csv
import io
import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest
from batteries import random_params
from PIL import Image

from gprior_jax import metrics
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.images import arrays as im
from gprior_jax.images.files import load_image
from gprior_jax.images.frames import Frame
from gprior_jax.objectives import Perceptual
from gprior_jax.perceptual import network
from gprior_jax.runs import evaluation
from gprior_jax.runs.evaluation import Row, Sets
from gprior_jax.runs.pairs import Pair
from runs.records import picture

KEY = jax.random.key(1)
CRITIC = PGGANDiscriminator((8, 8), dense_features=8, group_size=1)
NETWORK = network.discriminator(Critic(random_params(CRITIC, 1), CRITIC)).prepare()
ROWS = [
    Row(Pair(Path("ours/a.png"), Path("theirs/a.jpg")), 16, {"psnr": 10.0, "ssim": math.nan}),
    Row(Pair(Path("ours/b.png"), Path("theirs/b.png")), 16, {"psnr": math.inf, "ssim": 0.25}),
    Row(Pair(Path("ours/c.png"), Path("theirs/c.png")), 8, {"psnr": 20.0, "ssim": math.nan}),
]


def test_means_are_of_what_is_finite():
    found = evaluation.summary(ROWS)
    assert found["mean"] == {"psnr": 15.0, "ssim": 0.25}
    assert found["counted"] == {"psnr": 2, "ssim": 1}
    first = {"name": "a", "result": "ours/a.png", "reference": "theirs/a.jpg", "size": 16, "psnr": 10.0}
    assert found["images"][0].items() >= first.items()
    assert evaluation.summary([]) == {"images": [], "mean": {}, "counted": {}}


def test_figures_are_valid_json_and_csv():
    text = json.dumps(evaluation.plain(evaluation.summary(ROWS)), allow_nan=False)
    assert [row["psnr"] for row in json.loads(text)["images"]] == [10.0, "inf", 20.0]
    assert [row["ssim"] for row in json.loads(text)["images"]] == [None, 0.25, None]
    assert evaluation.plain([-math.inf, {"a": [math.nan]}, "x", 1]) == ["-inf", {"a": [None]}, "x", 1]
    rows = list(csv.reader(io.StringIO(evaluation.as_csv(ROWS))))
    assert rows == [
        ["name", "size", "psnr", "ssim"],
        ["a", "16", "10", "nan"],
        ["b", "16", "inf", "0.25"],
        ["c", "8", "20", "nan"],
    ]
    assert evaluation.as_csv([]) == "name,size\n"


def test_the_side_of_a_picture_is_its_shorter_one(tmp_path):
    Image.new("RGB", (20, 12)).save(tmp_path / "a.png")
    assert evaluation.side_of(tmp_path / "a.png") == 12
    (tmp_path / "b.png").write_text("no picture")
    for name in ("b.png", "nothing.png"):
        assert evaluation.side_of(tmp_path / name) == 1


@pytest.fixture(scope="module")
def pair():
    return np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)


def test_figures_of_one_pair(pair):
    found, features = evaluation.measure(("psnr", "l1", "auc"), NETWORK, None, *pair)
    a, b = (im.to_unit(image) for image in pair)
    assert found.keys() == {"psnr", "l1", "auc", "perceptual"}
    for name in ("psnr", "l1", "auc"):
        assert float(found[name]) == pytest.approx(float(jax.jit(evaluation.METRICS[name])(a, b)), abs=1e-4)
    assert float(found["perceptual"]) == pytest.approx(float(Perceptual(NETWORK).between(*pair)), rel=1e-4)
    wanted = metrics.network_features(NETWORK, np.stack([a, b]))
    np.testing.assert_allclose(features, wanted, atol=1e-4)


def test_sets_are_compared_by_what_describes_an_image_as_a_whole(pair):
    last = NETWORK.layers[-1:]
    found, features = evaluation.measure(("l1",), NETWORK.replace(layers=NETWORK.layers[:1], whole=last), None, *pair)
    wanted = metrics.network_features(NETWORK.replace(layers=last), im.to_unit(pair))
    np.testing.assert_allclose(features, wanted, atol=1e-4)
    first = Perceptual(NETWORK.replace(layers=NETWORK.layers[:1])).between(*pair)
    assert float(found["perceptual"]) == pytest.approx(float(first), rel=1e-4)


def test_what_is_too_small_for_a_figure_is_nan(pair):
    found, features = evaluation.measure(("psnr", "ssim", "ms_ssim"), None, None, *pair[:, :8, :8])
    assert np.isfinite(found["psnr"])
    assert np.isnan(found["ssim"])
    assert np.isnan(found["ms_ssim"])
    assert features == ()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three results and their references, of 16 pixels."""
    folder = tmp_path_factory.mktemp("sets")
    names = [(f"ours_{i}.png", f"theirs_{i}.png") for i in range(3)]
    return [
        Pair(picture(folder / ours, i, 16), picture(folder / theirs, 10 + i, 16))
        for i, (ours, theirs) in enumerate(names)
    ]


def compared(files, side=16, features=lambda pair: (), equal=False):
    """Figures of two sets, from what describes their pairs."""
    sets = Sets(KEY, len(files))
    described = []
    for place, pair in enumerate(files):
        images = [load_image(path, side) for path in (pair.result, pair.result if equal else pair.reference)]
        described.append(sets.describe(place, images, features(pair)))
    rows = [Row(pair, side, {}) for pair in files]
    return sets.figures(rows, described[0].keys(), lambda name: np.stack([each[name] for each in described]))


def test_figures_of_two_sets(files):
    paths = [path for pair in files for path in pair[:2]]
    rows = {path: np.random.default_rng(i).random(4) for i, path in enumerate(paths)}
    found = compared(files, features=lambda pair: tuple(rows[path] for path in pair[:2]))
    assert found.keys() == {"swd", "diversity", "fid", "kid"}
    ours, theirs = (np.stack([rows[path] for path in own]) for own in (paths[::2], paths[1::2]))
    assert found["fid"] == pytest.approx(metrics.frechet_distance(ours, theirs), rel=1e-6)
    assert found["kid"] == pytest.approx(metrics.kernel_distance(ours, theirs), rel=1e-6)
    assert found["swd"]["16"] > 0
    for name in ("result", "reference"):
        images = [im.to_unit(load_image(getattr(pair, name), 16)) for pair in files]
        wanted = np.mean([jax.jit(metrics.ms_ssim)(images[i], images[j]) for i in range(3) for j in range(i)])
        assert found["diversity"][name] == pytest.approx(float(wanted), abs=1e-5)
    equal = compared(files, equal=True)
    assert equal.keys() == {"swd", "diversity"}
    assert equal["swd"] == {"16": 0.0}


def test_sets_that_cannot_be_compared(files):
    assert compared(files[:1]) == {}
    assert compared(files, side=8) == {}
    mixed = [Row(files[0], 16, {}), Row(files[1], 8, {})]
    assert Sets(KEY, 2).figures(mixed, (), lambda name: np.zeros(0)) == {
        "remark": "the images are of several sizes, so the sets as such are not compared: give a size."
    }


def test_references_are_read_as_they_were_cut(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 16, 3), np.uint8)).save(tmp_path / "a.png")
    pair = Pair(tmp_path / "a.png", tmp_path / "a.png", Frame(8.0, 10.0, 5.0, 2.0))
    for name, crop in (("result", "center"), ("reference", pair.crop)):
        np.testing.assert_array_equal(evaluation.load(pair, name, 8, "auto"), load_image(tmp_path / "a.png", 8, crop))


def test_rows_have_the_same_figures():
    rows = evaluation.evened([ROWS[0], ROWS[1]._replace(values={"psnr": 1.0, "pasted_psnr": 2.0})])
    assert [list(row.values) for row in rows] == [["psnr", "ssim", "pasted_psnr"]] * 2
    assert math.isnan(rows[0].values["pasted_psnr"])
    assert math.isnan(rows[1].values["ssim"])
    assert evaluation.evened([]) == []

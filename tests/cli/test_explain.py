"""``gprior explain`` on inversions by tiny priors."""

import csv
import json

import numpy as np
import pytest
from batteries import random_params
from PIL import Image

from cli import priors
from cli.restoring import pixels, told
from gprior_jax import editing, zoo
from gprior_jax.cli.main import main
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images import arrays as im
from gprior_jax.latents import MultiCode
from gprior_jax.runs.record import read_record
from gprior_jax.runs.sources import read_points

N, LAYER = 3, 2
CODES = ["--codes", str(N), "--layer", str(LAYER)]


def invert(source, model, out, *words):
    own = ["--steps", "3", "--batch-size", "1", "--devices", "1", "--perceptual", "none", *words]
    assert main(["invert", str(source), "--model", str(model), "--out", str(out), *own]) == 0
    return out


def explain(model, out, *words):
    return main(["explain", *map(str, words), "--model", str(model), "--out", str(out), "--batch-size", "2"])


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs") / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 24, 3), np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def found(photograph, little, tmp_path_factory):
    """An inversion with codes that moved."""
    return invert(photograph, little, tmp_path_factory.mktemp("found") / "out", *CODES, "--free-codes")


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """Of the photograph's size, and of the prior's."""
    folder = tmp_path_factory.mktemp("masks")
    shown = np.zeros((16, 24), np.uint8)
    shown[:8] = 255
    Image.fromarray(shown).save(folder / "above.png")
    Image.fromarray(255 * np.eye(8, dtype=np.uint8)).save(folder / "across.png")
    return folder


def without(prior, point, code, threshold=0.2):
    """Pictures ``[2, 8, 8, 3]``: with large weights of a code left out, and with all of it."""
    rows = editing.stack([point, point])
    alpha = rows["alpha"]
    alpha[0, code][alpha[0, code] > threshold] = 0.0
    alpha[1, code] = 0.0
    return editing.render(prior, rows, MultiCode(N, LAYER))


def psnr(image, target):
    return -10 * np.log10(np.mean(np.square(np.clip(image, -1, 1) - target)) / 4)


@pytest.fixture
def classes(tmp_path):
    """Flags of a label map of the photograph's size, and of a name for one of its two classes."""
    (tmp_path / "maps").mkdir()
    shown = np.zeros((16, 24), np.uint8)
    shown[8:] = 5
    image = Image.fromarray(shown)
    image.putpalette([7] * 768)
    image.save(tmp_path / "maps" / "a.png")
    (tmp_path / "names.csv").write_text("5,below\n")
    return ["--label-maps", tmp_path / "maps", "--region-names", tmp_path / "names.csv"]


def test_what_each_code_does(found, little, masks, classes, tmp_path, capsys):
    out, prior = tmp_path / "explained", priors.plain()
    assert explain(little, out, found, "--masks", masks, *classes, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == json.loads((out / "explain.json").read_text()) | {"out": str(out)}
    (row,) = facts["results"]
    assert (row["name"], row["layer"], row["by"], row["compared_with"]) == ("a", LAYER, "alpha", "target")
    (point,) = read_points(prior, str(found))
    record = read_record(found / "a.npz")
    target = im.from_uint8(record.target)
    assert row["psnr"] == pytest.approx(record.metrics["psnr"], abs=0.01)
    with np.load(out / "a" / "explained.npz") as arrays:
        maps = arrays["influence"]
        np.testing.assert_array_equal(arrays["region_above"], np.arange(8)[:, None] < np.full(8, 4))
        np.testing.assert_array_equal(arrays["region_class_0"], arrays["region_above"])
        np.testing.assert_array_equal(arrays["region_below"], ~arrays["region_above"])
    for code in row["codes"]:
        lacking, gone = without(prior, point, code["code"])
        apart = np.abs(np.clip(lacking, -1, 1) - np.clip(record.image, -1, 1)).mean(-1)
        np.testing.assert_allclose(maps[code["code"]], apart, atol=1e-4)
        assert code["importance"] == pytest.approx(apart.mean(), rel=1e-3, abs=1e-6)
        assert code["left_out_channels"] == (point.variables["alpha"][code["code"]] > 0.2).sum()
        assert code["psnr_without"] == pytest.approx(psnr(gone, target), abs=0.01)
        drawn = im.to_uint8(synthesize(prior, point.variables["codes"][code["code"]]))
        own = pixels(out / "a" / "own" / f"{code['code']:02d}.png")
        np.testing.assert_allclose(own.astype(int), drawn, atol=1)
    importances = [code["importance"] for code in row["codes"]]
    assert importances == sorted(importances, reverse=True)
    assert sum(code["share_of_channels"] for code in row["codes"]) == pytest.approx(1.0)
    assert list(row["regions"]) == ["above", "across", "class_0", "below"]
    assert row["regions"]["across"]["share"] == 1 / 8
    assert pixels(out / "a" / "sheet.png").shape == (10 * (1 + N) - 2, 10 * 4 - 2, 3)


def test_it_is_said_by_what_a_code_matters_most(found, little, tmp_path, capsys):
    """By its map, and by what is lost without it, which may be another."""
    assert explain(little, tmp_path / "out", found) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "codes at layer" in line]
    (row,) = json.loads((tmp_path / "out" / "explain.json").read_text())["results"]
    by_map = max(row["codes"], key=lambda code: code["importance"])["code"]
    by_loss = min(row["codes"], key=lambda code: code["psnr_without"])["code"]
    assert f"by its map code {by_map} matters most (psnr" in line
    assert ("and by what is lost too" in line) == (by_map == by_loss)
    assert (f"by what is lost it is code {by_loss}" in line) == (by_map != by_loss)


def test_a_mask_and_a_class_of_one_name(found, little, masks, classes, tmp_path, capsys):
    (tmp_path / "names.csv").write_text("0,above\n")
    line = told(capsys, 2, explain(little, tmp_path / "out", found, "--masks", masks, *classes))
    assert "above is a mask and a class of a: give one of them another name" in line


def test_ablation_by_importance(found, little, tmp_path):
    out, prior = tmp_path / "explained", priors.plain()
    assert explain(little, out, found / "a.npz") == 0
    with open(out / "codes.csv", newline="") as file:
        order = [int(row["code"]) for row in csv.DictReader(file)]
    with open(out / "ablation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["left_out"]) for row in rows] == [0, 1, 2]
    (point,) = read_points(prior, str(found))
    target = im.from_uint8(read_record(found / "a.npz").target)
    for ordered, name in ((order, "psnr most_important_first"), (order[::-1], "psnr least_important_first")):
        left = editing.stack([point] * N)
        for k in range(N):
            left["alpha"][k, ordered[:k]] = 0.0
        wanted = [psnr(image, target) for image in editing.render(prior, left, MultiCode(N, LAYER))]
        np.testing.assert_allclose([float(row[name]) for row in rows], wanted, atol=0.01)


def test_drawn_codes_are_told_and_looked_at_otherwise(photograph, little, tmp_path, capsys):
    found = invert(photograph, little, tmp_path / "found", *CODES)
    (path,) = found.glob("*.npz")
    with np.load(path) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    (point,) = read_points(priors.plain(), str(found))
    alpha = 20.0 * np.asarray(point.variables["alpha"])
    image = editing.render(priors.plain(), editing.stack([point]) | {"alpha": alpha[None]}, MultiCode(N, LAYER))[0]
    np.savez(path, **stored | {"variable_alpha": alpha, "image": image})
    for words, by in (((), "image"), (("--by", "alpha"), "alpha")):
        capsys.readouterr()
        assert explain(little, tmp_path / by, found, *words, "--json") == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out)["results"][0]["by"] == by
        assert "drawn codes whose weights are" in captured.err
    capsys.readouterr()
    assert explain(little, tmp_path / "quiet", found, "--by", "image") == 0
    assert not capsys.readouterr().err


def test_results_of_several_layers_side_by_side(found, photograph, little, tmp_path, capsys):
    later = invert(photograph, little, tmp_path / "later", "--codes", "2", "--layer", "3", "--free-codes")
    capsys.readouterr()
    assert explain(little, tmp_path / "explained", later, found, "--alpha-threshold", 0) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"a_2: {N} codes at layer {LAYER}, psnr ")
    assert second.startswith("a: 2 codes at layer 3, psnr ")
    assert last == f"2 results explained: {tmp_path / 'explained'}"
    assert (tmp_path / "explained" / "a_2" / "maps" / "02.png").is_file()


@pytest.mark.parametrize(("name", "label"), [("styled", None), ("conditional", 2)])
def test_styles_and_classes_of_each_code_s_own_picture(photograph, name, label, request, tmp_path, capsys):
    model, prior = request.getfixturevalue(name), getattr(priors, name)()
    words = [] if label is None else ["--label", str(label)]
    found = invert(photograph, model, tmp_path / "found", *CODES, "--free-codes", "--method", "mganprior", *words)
    assert explain(model, tmp_path / "explained", found, "--alpha-threshold", 0, "--json") == 0
    capsys.readouterr()
    (point,) = read_points(prior, str(found))
    drawn = im.to_uint8(synthesize(prior, point.variables["codes"][1], label=label))
    own = pixels(tmp_path / "explained" / "a" / "own" / "01.png")
    np.testing.assert_allclose(own.astype(int), drawn, atol=1)


def test_restorations_are_compared_with_the_result(photograph, little, tmp_path, capsys):
    out = tmp_path / "found"
    words = ["--method", "mganprior", *CODES, "--steps", "2", "--batch-size", "1", "--devices", "1"]
    assert main(["colorize", str(photograph), "--model", str(little), "--out", str(out), *words]) == 0
    capsys.readouterr()
    assert explain(little, tmp_path / "explained", out, "--by", "image", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert (row["compared_with"], row["psnr"]) == ("result", None)


def test_results_of_one_code_and_plain_codes(photograph, little, styled, tmp_path, capsys):
    out = tmp_path / "explained"
    one = invert(photograph, little, tmp_path / "one", "--codes", "1", "--layer", "0")
    assert "a.npz holds the variables of Z: what each code does" in told(capsys, 2, explain(little, out, one))
    single = invert(photograph, little, tmp_path / "single", "--codes", "1", "--layer", "2")
    capsys.readouterr()
    assert "holds a single code with channel weights" in told(capsys, 2, explain(little, out, single))
    plus = invert(photograph, styled, tmp_path / "plus", "--method", "w_plus")
    capsys.readouterr()
    assert "holds the variables of WPlus" in told(capsys, 2, explain(styled, out, plus))
    assert "seed:1 is one code" in told(capsys, 2, explain(little, out, "seed:1"))
    assert not out.exists()


def test_results_of_another_prior(found, little, styled, tmp_path, capsys):
    assert f"does not fit {priors.styled()}" in told(capsys, 2, explain(styled, tmp_path / "a", found))
    module = priors.plain().module
    zoo.save(Prior(random_params(module, 5), module, name="other"), tmp_path / "other")
    sentence = told(capsys, 2, explain(tmp_path / "other", tmp_path / "a", found))
    assert "was made by another prior than" in sentence
    assert sentence.endswith(f"draws something else of its codes: name the prior it was made with, {little}.")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "nothing to explain"),
        (["--alpha-threshold", -1], "--alpha-threshold -1.0: use a channel weight, 0 or more"),
        (["--alpha-threshold", 99], "has no channel weight above 99, the largest is"),
        (["--by", "image", "--alpha-threshold", 0.5], "--alpha-threshold 0.5 is for --by alpha"),
        (["--invert-mask"], "--invert-mask is for --masks"),
        (["--threshold", 0.3], "--threshold is for --masks"),
        (["--region-names", "names.csv"], "--region-names names.csv is for --label-maps: leave it out"),
        (["--label-maps", "nothing"], "the label map nothing does not exist"),
        (["--masks", "nothing"], "nothing does not exist"),
    ],
)
def test_bad_flags_are_told(found, little, tmp_path, capsys, words, sentence):
    sources = [found] if words else []
    assert sentence in told(capsys, 2, explain(little, tmp_path / "explained", *sources, *words))
    assert not (tmp_path / "explained").exists()

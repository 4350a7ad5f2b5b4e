"""``gprior evaluate``: figures against oracles, files that are written, and what it says to bad input."""

import csv
import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.images.files import load_image, save_image
from gprior_jax.objectives import Perceptual
from gprior_jax.runs import evaluation


@pytest.fixture
def folders(tmp_path):
    """Results a, b, c of 16 px and references of the same stems, one of them larger and JPEG."""
    results, references = tmp_path / "results", tmp_path / "references"
    for folder in (results, references):
        folder.mkdir()
    for i, name in enumerate("abc"):
        rng = np.random.default_rng(i)
        pixels = rng.integers(40, 200, (16, 16, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(references / f"{name}.png")
        noisy = pixels + rng.integers(-30, 30, pixels.shape)
        Image.fromarray(noisy.astype(np.uint8)).save(results / f"{name}.png")
    with Image.open(references / "c.png") as image:
        image.resize((40, 32)).save(references / "c.jpg")
    (references / "c.png").unlink()
    return results, references


def evaluate(folders, *flags):
    return main(["evaluate", *map(str, folders), *flags])


def read(folder):
    return json.loads((folder / "evaluation.json").read_text())


def test_figures_as_scikit_image_and_files(folders, capsys):
    results, _ = folders
    (results / "measured").mkdir()
    save_image(results / "measured" / "d.png", np.zeros((16, 16, 3), np.uint8))
    assert evaluate(folders) == 0
    content = read(results)
    assert [row["name"] for row in content["images"]] == ["a", "b", "c"]
    for row in content["images"]:
        ours = load_image(results / f"{row['name']}.png", 16) * 0.5 + 0.5
        theirs = load_image(row["reference"], 16) * 0.5 + 0.5
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
        assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(theirs, ours, data_range=1), abs=1e-4)
        assert row["ssim"] == pytest.approx(structural_similarity(ours, theirs, data_range=1, **options), abs=1e-4)
        assert row["l1"] == pytest.approx(np.abs(ours - theirs).mean(), abs=1e-5)
        assert 0 < row["auc"] < 1
        assert row["size"] == 16
    assert content["mean"]["psnr"] == pytest.approx(np.mean([row["psnr"] for row in content["images"]]))
    assert list(content["sets"]["swd"]) == ["16"]
    assert set(content["sets"]["diversity"]) == {"result", "reference"}
    with open(results / "evaluation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert float(rows[0]["psnr"]) == pytest.approx(content["images"][0]["psnr"], rel=1e-6)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["image", "psnr", "ssim", "ms_ssim", "l1", "auc"]
    assert [line.split()[0] for line in lines[1:5]] == ["a", "b", "c", "mean"]
    assert len({len(line) for line in lines[:5]}) == 1
    assert "at 16 px" in lines[5]


def test_a_network_adds_its_distance_and_fid(folders, model, capsys):
    results, _ = folders
    assert evaluate(folders, "--perceptual", str(model), "--metrics", "psnr", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content == read(results)
    term = Perceptual(zoo.load_perceptual(model))
    row = content["images"][0]
    ours, theirs = (load_image(folder / "a.png", 16) for folder in folders)
    assert row["perceptual"] == pytest.approx(float(term.between(ours, theirs)), rel=1e-4)
    assert set(row) == {"name", "result", "reference", "size", "psnr", "perceptual"}
    assert content["sets"]["fid"] > 0
    assert math.isfinite(content["sets"]["kid"])


def test_equal_images_are_infinite_and_valid_json(folders, tmp_path, capsys):
    results, references = folders
    (results / "a.png").write_bytes((references / "a.png").read_bytes())
    out = tmp_path / "out"
    assert evaluate(folders, "--out", str(out), "--metrics", "psnr", "ssim") == 0
    assert not (results / "evaluation.json").exists()
    assert "Infinity" not in (out / "evaluation.json").read_text()
    content = read(out)
    assert content["images"][0]["psnr"] == "inf"
    assert content["mean"]["psnr"] == pytest.approx(np.mean([row["psnr"] for row in content["images"][1:]]))
    assert content["counted"] == {"psnr": 2, "ssim": 3}
    assert "a,16,inf," in (out / "evaluation.csv").read_text()
    told = capsys.readouterr().out
    assert told.splitlines()[1].split()[:2] == ["a", "inf"]
    assert "psnr: mean of the 2 finite of 3" in told


def test_a_set_against_itself_is_all_equal(folders, tmp_path):
    assert evaluate((folders[0], folders[0]), "--metrics", "psnr", "--out", str(tmp_path / "out")) == 0
    content = read(tmp_path / "out")
    assert content["mean"]["psnr"] == "inf"
    assert content["sets"]["swd"]["16"] == 0


def test_missing_and_damaged_images_are_named_and_the_others_done(folders, capsys):
    results, references = folders
    (references / "a.png").unlink()
    (results / "b.png").write_bytes(b"no picture")
    assert evaluate(folders, "--metrics", "psnr") == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "a.png is left out" in errors[0]
    assert "b.png is no image" in errors[1]
    content = read(results)
    assert [row["name"] for row in content["images"]] == ["c"]
    assert len(content["failed"]) == 2
    assert content["sets"] == {}


def test_nothing_can_be_read(folders, capsys):
    for name in "abc":
        (folders[0] / f"{name}.png").write_bytes(b"no picture")
    assert evaluate(folders) == 1
    assert "no image could be compared" in capsys.readouterr().out
    assert read(folders[0])["mean"] == {}


def test_no_square_can_be_found(folders, capsys):
    """Results of a run whose records are gone, which tell what was cut out of photographs."""
    rows = [{"name": name, "source": f"{name}.png"} for name in "abc"]
    settings = {"crop": {"align": "ffhq", "detector": None}}
    (folders[0] / "run.json").write_text(json.dumps({"settings": settings, "images": rows}))
    assert evaluate(folders) == 1
    assert "no image could be compared" in capsys.readouterr().out
    assert len(read(folders[0])["failed"]) == 3


def test_nothing_in_common(folders, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    save_image(other / "z.png", np.zeros((16, 16, 3), np.uint8))
    assert evaluate((folders[0], other)) == 2
    told = capsys.readouterr().err
    assert "no image of the same name" in told
    assert len(told.splitlines()) == 1
    assert not (folders[0] / "evaluation.json").exists()
    assert evaluate((folders[0], tmp_path / "nowhere")) == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_two_files_of_any_name(folders, capsys):
    results, references = folders
    assert evaluate((results / "a.png", references / "b.png"), "--metrics", "l1", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["images"][0]["l1"] > 0.05
    assert not (results / "evaluation.json").exists()


def test_size_and_several_sizes(folders, capsys):
    results, _ = folders
    save_image(results / "a.png", np.full((8, 8, 3), 100, np.uint8))
    assert evaluate(folders, "--metrics", "psnr", "ssim") == 0
    assert "several sizes" in capsys.readouterr().err
    content = read(results)
    assert content["images"][0]["size"] == 8
    assert content["images"][0]["ssim"] is None
    assert content["counted"]["ssim"] == 2
    assert not {"swd", "diversity"} & content["sets"].keys()
    assert evaluate(folders, "--metrics", "psnr", "--size", "33") == 0
    assert set(read(results)["sets"]["swd"]) == {"33", "17"}
    assert evaluate(folders, "--size", "0") == 2
    assert "--size 0" in capsys.readouterr().err


def test_wrong_metric_and_folder(folders, capsys):
    assert evaluate(folders, "--metrics", "lpips") == 2
    assert evaluate(folders, "--perceptual", "nowhere") == 2
    assert evaluate(folders, "--metrics", "l1", "--out", str(folders[0] / "a.png")) == 2
    assert "is a file" in capsys.readouterr().err


class StoppedError(Exception):
    pass


def measured(monkeypatch, stop_at=None):
    """Pictures that are measured from now on, by their mean; an interruption comes instead of one of them."""
    real, seen = evaluation.measure, []

    def measure(*given):
        if len(seen) == stop_at:
            raise StoppedError
        seen.append(float(given[-1].mean()))
        return real(*given)

    monkeypatch.setattr(evaluation, "measure", measure)
    return seen


def figures(folder):
    """All that does not tell time."""
    return {name: value for name, value in read(folder).items() if name not in ("seconds", "waited")}


def test_an_interrupted_one_goes_on_and_ends_the_same(folders, model, tmp_path, monkeypatch):
    """What was measured is not again, whatever of it was damaged since is, and nothing is left behind."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    flags = ("--metrics", "psnr", "--perceptual", str(model), "--out")
    assert evaluate(folders, *flags, str(whole)) == 0
    with monkeypatch.context() as patched:
        measured(patched, stop_at=2)
        with pytest.raises(StoppedError):
            evaluate(folders, *flags, str(out))
    kept = sorted((out / ".evaluation").glob("*.npz"))
    assert len(kept) == 2
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    seen = measured(monkeypatch)
    assert evaluate(folders, *flags, str(out)) == 0
    assert len(seen) == 2
    assert figures(out) == figures(whole)
    assert {"input", "output"} == read(out)["waited"].keys()
    assert {path.name for path in out.iterdir()} == {"evaluation.csv", "evaluation.json"}


def test_what_was_measured_of_other_pictures_or_in_another_way_does_not_count(folders, tmp_path, monkeypatch):
    _, references = folders
    interrupted = tmp_path / "interrupted"
    with monkeypatch.context() as patched:
        measured(patched, stop_at=2)
        with pytest.raises(StoppedError):
            evaluate(folders, "--metrics", "psnr", "--out", str(interrupted))
    for words, again in {("l1",): 3, ("psnr", "--seed", "1"): 3, ("psnr", "--size", "15"): 3, ("psnr",): 1}.items():
        out = shutil.copytree(interrupted, tmp_path / "-".join(words))
        with monkeypatch.context() as patched:
            seen = measured(patched)
            assert evaluate(folders, "--out", str(out), "--metrics", *words) == 0
        assert len(seen) == again, words
    shutil.copy(references / "b.png", references / "a.png")
    seen = measured(monkeypatch)
    assert evaluate(folders, "--out", str(interrupted), "--metrics", "psnr") == 0
    assert len(seen) == 2  # The first, whose reference is another one now, and the last.

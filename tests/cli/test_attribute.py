"""``gprior attribute`` and ``gprior ppl`` on tiny priors."""

import json
import zipfile

import jax
import numpy as np
import pytest

from cli.restoring import told
from gprior_jax import geometry, zoo
from gprior_jax.cli.main import main
from gprior_jax.metrics.attribution import auc, from_json, standing
from gprior_jax.perceptual import network


def attribute(model, out, *words):
    steps = () if "--steps" in words else ("--steps", "2")
    # One shape of batches for all projections: one compilation.
    fixed = ("--batch-size", "2", "--devices", "1")
    return main(["attribute", *map(str, words), *steps, *fixed, "--model", str(model), "--out", str(out)])


@pytest.fixture(scope="module")
def measured(styled, inputs, tmp_path_factory):
    """A folder with a reference of two images of each kind, and what was said of three pictures."""
    out = tmp_path_factory.mktemp("attributed") / "out"
    assert attribute(styled, out, inputs, "--real", inputs, "--number", 2) == 0
    return out


@pytest.mark.slow
def test_everything_is_written(measured, styled):
    names = sorted(path.name for path in measured.iterdir())
    assert names == ["a.png", "attribution.json", "b.png", "c.png", "histogram.svg", "reference.json", "report.html"]
    content = json.loads((measured / "attribution.json").read_text())
    assert [row["image"] for row in content["images"]] == ["a", "b", "c"]
    reference, settings = from_json(json.loads((measured / "reference.json").read_text()), "there")
    assert [len(each) for each in reference] == [2, 2]
    assert content["reference"]["auc"] == pytest.approx(auc(reference))
    assert settings["recipe"]["solver"]["num_steps"] == 2
    for row in content["images"]:
        wanted = standing(row["distance"], reference)
        assert row["real_within"] == wanted.real_within
        assert row["probability"] == pytest.approx(wanted.probability, abs=1e-3)
    assert "<svg" in (measured / "report.html").read_text()


@pytest.mark.slow
def test_a_reference_serves_again(measured, styled, inputs, tmp_path, capsys):
    """Of the run before, and as part of the model folder; an image alone has the distance that it has among others."""
    before = json.loads((measured / "attribution.json").read_text())["images"]
    one = inputs / "a.png"
    assert attribute(styled, tmp_path / "x", one, "--reference", measured / "reference.json", "--json") == 0
    found = json.loads(capsys.readouterr().out)["images"]
    assert found[0]["distance"] == pytest.approx(before[0]["distance"], rel=1e-3)
    assert attribute(styled, tmp_path / "y", one, "--steps", 3, "--reference", measured / "reference.json") == 2
    assert "was measured with another recipe: measure one with --real" in capsys.readouterr().err


def test_wrong_use(styled, little, inputs, tmp_path, capsys):
    for words, sentence in {
        (inputs,): "there is no reference",
        (): "nothing to attribute",
        (inputs, "--perceptual", "none"): "--perceptual none: the distance needs a network",
        (inputs, "--label", 1): "has no classes, leave it out",
        (inputs, "--number", 0): "--number 0: use at least 1",
        (inputs, "--reference", styled / "config.json"): "is no reference of 'gprior attribute'",
        (inputs, "--reference", tmp_path / "none.json"): "there is no reference",
    }.items():
        assert sentence in told(capsys, 2, attribute(styled, tmp_path / "out", *words))
    assert "has no styles" in told(capsys, 2, attribute(little, tmp_path / "out", inputs))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_held_out_images_of_a_zip(styled, inputs, tmp_path, capsys):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(60):
            archive.write(inputs / f"{'abc'[i % 3]}.png", f"{i}.png")
    assert attribute(styled, tmp_path / "out", "--real", path, "--number", 2, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["images"] == []
    assert content["reference"]["number"] == [2, 2]


@pytest.mark.slow
def test_a_picture_that_cannot_be_read(measured, styled, inputs, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"hello")
    words = (tmp_path / "broken.png", inputs / "a.png", "--reference", measured / "reference.json")
    assert attribute(styled, tmp_path / "out", *words) == 1
    assert "broken.png" in capsys.readouterr().err
    assert (tmp_path / "out" / "a.png").exists()


@pytest.mark.slow
def test_path_lengths(styled, little, tmp_path, capsys):
    out = tmp_path / "ppl.json"
    words = ["--samples", "3", "--batch-size", "3", "--epsilon", "1e-2", "--out", str(out), "--json"]
    assert main(["ppl", "--model", str(styled), "--variants", "zend", "wfull", *words]) == 0
    found = json.loads(capsys.readouterr().out)["path_length"]
    assert json.loads(out.read_text())["path_length"] == found
    prior = zoo.load(styled)
    options = {"num_samples": 3, "batch_size": 3, "epsilon": 1e-2}
    wanted = geometry.perceptual_path_length(
        prior, network.default(prior), jax.random.key(0), space="w", sampling="full", **options
    )
    assert found["wfull"] == pytest.approx(wanted.mean, rel=1e-5)
    assert np.isfinite(found["zend"])
    assert "has no styles" in told(capsys, 2, main(["ppl", "--model", str(little), "--variants", "wend", *words]))
    without = main(["ppl", "--model", str(little), "--perceptual", "none"])
    assert "paths are measured by a network" in told(capsys, 2, without)

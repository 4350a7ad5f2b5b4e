"""``gprior attribute`` on a tiny prior."""

import json
import shutil
import zipfile

import numpy as np
import pytest

from cli import priors
from cli.restoring import told
from gprior_jax.cli.main import main
from gprior_jax.metrics.attribution import attribute as attributed
from gprior_jax.metrics.attribution import auc, from_json
from gprior_jax.runs import attribution, read_points, read_record


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


def times(out):
    """When every projection was written."""
    return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in out.rglob("*.npz")}


@pytest.fixture
def idle(monkeypatch):
    """Whoever starts to project fails."""

    def start(*_, **__):
        raise AssertionError("a projection was started")

    monkeypatch.setattr("gprior_jax.runs.attribution.Inverter", start)


@pytest.mark.slow
def test_everything_is_written(measured, styled):
    own = {"run.json", "history.csv", "report.html"}
    wanted = own | {"attribution.json", "reference.json", "histogram.svg", "reference"}
    assert {path.name for path in measured.iterdir()} == wanted | {f"{n}.{e}" for n in "abc" for e in ("png", "npz")}
    for kind, names in {"generated": ("generated_0", "generated_1"), "real": "ab"}.items():
        there = {path.name for path in (measured / "reference" / kind).iterdir()}
        assert there == own | {f"{n}.{e}" for n in names for e in ("png", "npz")}
    content = json.loads((measured / "attribution.json").read_text())
    assert [row["image"] for row in content["images"]] == ["a", "b", "c"]
    reference, settings = from_json(json.loads((measured / "reference.json").read_text()), "there")
    assert [len(each) for each in reference] == [2, 2]
    assert content["reference"]["auc"] == pytest.approx(auc(reference))
    assert content["failed"] == {}
    assert settings == content["settings"]
    assert settings["recipe"]["solver"]["num_steps"] == 2
    for row in content["images"]:
        wanted = attributed(row["distance"], reference)
        assert row["real_within"] == wanted.real_within
        assert row["probability"] == pytest.approx(wanted.probability, abs=1e-3)
        assert read_record(measured / f"{row['image']}.npz").metrics["distance"] == row["distance"]
    run = json.loads((measured / "run.json").read_text())
    assert run["model"] == str(styled)
    assert [row["distance"] for row in run["images"]] == [row["distance"] for row in content["images"]]
    assert {"distance", "recipe", "prior", "key", "crop"} <= run["settings"].keys()
    # The projections are sources of codes, as inversions are.
    assert [point.variables["w"].shape for point in read_points(priors.styled(), str(measured))] == [(5,)] * 3
    page = (measured / "report.html").read_text()
    assert "<svg" in page
    assert f"Area under the ROC curve of the reference: {auc(reference):.3f}." in page


@pytest.mark.slow
def test_a_second_run_projects_nothing_again(measured, styled, inputs, idle):
    """Neither the images nor those of the reference."""
    before, content = times(measured), (measured / "attribution.json").read_bytes()
    assert len(before) == 3 + 2 + 2
    assert attribute(styled, measured, inputs, "--real", inputs, "--number", 2) == 0
    assert times(measured) == before
    assert (measured / "attribution.json").read_bytes() == content


@pytest.mark.slow
def test_naming_one_picture_leaves_the_records_of_the_others(measured, styled, inputs, tmp_path, idle, capsys):
    out = shutil.copytree(measured, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.glob("*.json")}
    words = (inputs / "b.png", "--reference", measured / "reference.json", "--json")
    assert attribute(styled, out, *words) == 0
    assert [row["image"] for row in json.loads(capsys.readouterr().out)["images"]] == ["b"]
    assert times(out).keys() == times(measured).keys()
    assert (out / "attribution.json").read_bytes() == before["attribution.json"]
    assert json.loads((out / "run.json").read_text())["images"] == json.loads(before["run.json"])["images"]
    assert all(f"<h2>{name}</h2>" in (out / "report.html").read_text() for name in "abc")


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_ends_the_same(measured, styled, inputs, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(measured, broken)
    lost = {"c.npz", "reference/generated/generated_1.npz", "reference/real/a.npz"}
    for name in lost:
        (broken / name).unlink()
    for name in ("attribution.json", "reference.json", "run.json"):
        (broken / name).unlink()
    before = times(broken)
    assert attribute(styled, broken, inputs, "--real", inputs, "--number", 2) == 0
    after = times(broken)
    assert {name for name in after if after[name] != before.get(name)} == lost
    for name in ("attribution.json", "reference.json"):
        assert (broken / name).read_bytes() == (measured / name).read_bytes()


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused(measured, styled, inputs, idle, capsys):
    words = (inputs, "--reference", measured / "reference.json", "--crop", "pad")
    error = told(capsys, 2, attribute(styled, measured, *words))
    assert "holds a run with another crop (center there, pad now): give another folder for the results" in error


@pytest.mark.slow
def test_a_reference_serves_again(measured, styled, inputs, tmp_path, capsys):
    """Of the run before, and as part of the model folder; an image alone has the distance that it has among others."""
    before = json.loads((measured / "attribution.json").read_text())["images"]
    one, reference = inputs / "a.png", measured / "reference.json"
    assert attribute(styled, tmp_path / "x", one, "--reference", reference, "--json") == 0
    found = json.loads(capsys.readouterr().out)["images"]
    assert found[0]["distance"] == pytest.approx(before[0]["distance"], rel=1e-3)
    error = told(capsys, 2, attribute(styled, tmp_path / "y", one, "--steps", 3, "--reference", reference))
    assert f"{reference} was measured with another recipe.parametrization.num_steps (2 there, 3 now)" in error
    assert "measure one with --real" in error
    assert not (tmp_path / "y").exists()
    model = tmp_path / "model"
    shutil.copytree(styled, model)
    shutil.copy(reference, model / "attribution.json")
    assert attribute(model, tmp_path / "z", one) == 0
    assert "a: distance" in capsys.readouterr().out


def test_the_bundled_reference_is_that_of_the_default_settings(inputs, tmp_path, monkeypatch):
    """What comes with ``builtin:portraits`` serves as it is; nothing is projected for it."""

    class ReachedError(Exception):
        pass

    def reached(job, items, out, **_):
        assert out == tmp_path / "out"
        raise ReachedError

    monkeypatch.setattr("gprior_jax.cli.attribute.runs.run", reached)
    with pytest.raises(ReachedError):
        main(["attribute", str(inputs / "a.png"), "--out", str(tmp_path / "out")])


def test_wrong_use(styled, little, inputs, tmp_path, capsys):
    for words, sentence in {
        (inputs,): "there is no reference",
        (): "nothing to attribute",
        (inputs, "--perceptual", "none"): "--perceptual none: the distance needs a network",
        (inputs, "--label", 1): "has no classes, leave it out",
        (inputs, "--number", 0): "--number 0: use at least 1",
        (inputs, "--reference", styled / "config.json"): "config.json is no reference of an attribution",
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
    assert {path.name for path in (tmp_path / "out" / "reference" / "real").glob("*.npz")} == {
        "real_0.npz",
        "real_1.npz",
    }


@pytest.mark.slow
def test_a_picture_that_cannot_be_read(measured, styled, inputs, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"hello")
    words = (tmp_path / "broken.png", inputs / "a.png", "--reference", measured / "reference.json")
    assert attribute(styled, tmp_path / "out", *words, "--json") == 1
    printed = capsys.readouterr()
    assert "broken.png" in printed.err
    content = json.loads(printed.out)
    assert list(content["failed"]) == [str(tmp_path / "broken.png")]
    assert [row["image"] for row in content["images"]] == ["a"]
    assert np.isfinite(content["images"][0]["distance"])
    assert (tmp_path / "out" / "a.png").exists()


@pytest.mark.slow
def test_a_reference_is_not_measured_with_what_cannot_be_read(measured, styled, inputs, tmp_path, capsys):
    real = tmp_path / "real"
    shutil.copytree(inputs, real)
    (real / "b.png").write_bytes(b"hello")
    assert attribute(styled, tmp_path / "out", inputs, "--real", real, "--number", 2) != 0
    assert f"{real / 'b.png'} is no image" in capsys.readouterr().err
    assert not (tmp_path / "out" / "reference.json").exists()


@pytest.mark.slow
def test_a_projection_that_is_not_finite_is_named(measured, styled, inputs, tmp_path, capsys, monkeypatch):
    real = attribution.feature_distances
    monkeypatch.setattr(attribution, "feature_distances", lambda *a: np.asarray(real(*a)) * np.array([np.nan, 1.0]))
    words = (inputs / "a.png", inputs / "b.png", "--reference", measured / "reference.json")
    assert attribute(styled, tmp_path / "out", *words) == 1
    assert "a.png" in capsys.readouterr().err
    content = json.loads((tmp_path / "out" / "attribution.json").read_text())
    assert [row["image"] for row in content["images"]] == ["b"]
    assert "not finite" in "".join(content["failed"].values())


@pytest.mark.slow
def test_shards_say_together_what_one_run_says(measured, styled, inputs, tmp_path, capsys):
    out, reference = tmp_path / "out", measured / "reference.json"
    for shard in ("0/2", "1/2"):
        assert attribute(styled, out, inputs, "--reference", reference, "--shard", shard) == 0
    found, wanted = (json.loads((folder / "attribution.json").read_text()) for folder in (out, measured))
    assert [row["image"] for row in found["images"]] == ["a", "b", "c"]
    np.testing.assert_allclose(
        [row["distance"] for row in found["images"]], [row["distance"] for row in wanted["images"]], rtol=1e-4
    )

"""The experiments on a tiny prior: what every part writes, and the command."""

import dataclasses
import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import own_images, random_prior

from benchmarks.experiments import figures, mganprior, tables
from benchmarks.experiments.__main__ import main
from gprior_jax import recipes, zoo
from gprior_jax.errors import GPriorError
from gprior_jax.images.files import encode_png
from gprior_jax.training.data import is_held_out

# Few layers, so that there is little to compile.
PRIOR = random_prior("dcgan", "dcgan")

SETTINGS = {
    "inversion": [("one code",), ("one code, best of 5 starts",), ("20 codes",)],
    "codes": [(1,), (20,)],
    "layers": [(layer,) for layer in range(1, PRIOR.num_layers)],
    "colorize": [("codes",), ("codes, mean of 2",), ("gray",)],
    "upscale": [(4, "codes"), (4, "codes, mean of 2"), (4, "bicubic")],
    "inpaint": [
        (mask, method)
        for mask in ("box", "random")
        for method in ("codes", "codes, mean of 2", "mean colour", "deep image prior")
    ],
    "denoise": [("codes",), ("codes, mean of 2",), ("median filter",), ("deep image prior",), ("noisy",)],
    "domains": [
        (prior, images, layer)
        for prior in ("own", "foreign")
        for layer in range(2, PRIOR.num_layers, 2)
        for images in ("own", "foreign")
    ],
}
FIGURES = {"colorize": ["psnr", "ssim", "distance", "auc"], "domains": ["psnr", "ssim"]}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(mganprior, "CODES", (1, 20))
    monkeypatch.setattr(mganprior, "FACTORS", (4,))
    # A program for several devices takes longer to compile.
    for job in ("inversion", "restoration"):
        monkeypatch.setattr(f"gprior_jax.runs.{job}.spread", lambda *_: 1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    images = np.asarray(jnp.tanh(own_images(PRIOR, 4)))
    return mganprior.Lab(
        PRIOR,
        images[:2],
        ["cat", "dog"],
        tmp_path_factory.mktemp("lab"),
        steps=2,
        samples=2,
        foreign=images[2:],
        other=random_prior("dcgan", seed=3),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", mganprior.PARTS)
def test_rows_of_every_part(lab, name):
    run, columns = mganprior.PARTS[name]
    rows = run(lab)
    for row in rows:
        assert list(row) == list(rows[0])
        assert list(row)[: len(columns) + 1] == [*columns, "image"]
        assert set(row) == {*columns, "image", *FIGURES.get(name, ["psnr", "ssim", "distance"])}
    assert list(dict.fromkeys(tuple(row[c] for c in columns) for row in rows)) == SETTINGS[name]
    assert len(rows) == 2 * len(SETTINGS[name])
    assert all(np.isfinite(value) for row in rows for value in row.values() if isinstance(value, float))
    tables.write_csv(lab.out / f"{name}.csv", rows)
    # Every inversion has a folder, as gprior invert writes it.
    assert all((folder / "report.html").exists() for folder in (lab.out / "runs").iterdir())
    # Figures and tables come from the CSV files alone.
    written = {path.name for path in figures.draw(lab.out)}
    assert "tables.md" in written
    assert f"## {name}\n" in (lab.out / "tables.md").read_text()
    assert (f"figure_{name}.png" in written) == (name in ("codes", "layers", "domains"))


def test_an_interrupted_experiment_goes_on_image_by_image(lab):
    recipe = recipes.mganprior(20, num_steps=2)
    folder = lab.out / "runs" / "again"
    first = lab.invert("again", recipe)
    before = {i: (folder / f"image_{i}.npz").stat().st_mtime_ns for i in range(2)}
    (folder / "image_1.npz").unlink()
    np.testing.assert_array_equal(lab.invert("again", recipe), first)
    after = {i: (folder / f"image_{i}.npz").stat().st_mtime_ns for i in range(2)}
    assert {i for i in range(2) if after[i] != before[i]} == {1}
    # Another image in the place of one is another input.
    other = np.stack([lab.images[0], lab.foreign[1]])
    found = lab.invert("again", recipe, other)
    assert (folder / "image_0.npz").stat().st_mtime_ns == after[0]
    np.testing.assert_array_equal(found[0], first[0])
    assert np.abs(found[1] - first[1]).max() > 1e-3


def test_missing_prior_of_the_other_domain_leaves_out_its_rows(lab, monkeypatch):
    seen = []

    def invert(self, title, recipe, images=None, prior=None):
        seen.append(title)
        return images

    monkeypatch.setattr(mganprior.Lab, "invert", invert)
    rows = mganprior.domains(dataclasses.replace(lab, foreign=None, other=None))
    assert {(row["prior"], row["images"]) for row in rows} == {("own", "own")}
    assert seen == ["own prior, own images, layer 2"]


def test_compare_is_of_rounded_images():
    images = np.asarray(jnp.tanh(own_images(PRIOR, 2)))
    exact = np.round((images + 1) * 127.5) / 127.5 - 1
    found = mganprior.compare(PRIOR, images.astype(np.float32), exact.astype(np.float32))
    assert {name: value.shape for name, value in found.items()} == dict.fromkeys(("psnr", "ssim", "distance"), (2,))
    assert (found["psnr"] > 100).all()
    np.testing.assert_allclose(found["ssim"], 1.0, atol=1e-6)
    np.testing.assert_allclose(found["distance"], 0.0, atol=1e-4)


def example_rows(columns):
    values = {"codes": (1, 2, 5), "layer": (2, 4)}
    settings = [{column: (values.get(column, ("a", "b"))[i]) for column in columns} for i in range(2)]
    return [s | {"image": name, "psnr": 20.0 + i} for s in settings for i, name in enumerate(("cat", "dog"))]


def test_draw_from_csv_files_alone(tmp_path):
    for name, (_, columns) in mganprior.PARTS.items():
        tables.write_csv(tmp_path / f"{name}.csv", example_rows(columns))
    written = figures.draw(tmp_path)
    assert {path.name for path in written} == {
        *("figure_codes.png", "figure_layers.png", "figure_domains.png", "tables.md"),
    }
    for path in written[:-1]:
        assert path.read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "tables.md").read_text()
    assert text.count("## ") == len(mganprior.PARTS)
    assert "## codes\n\n| codes | psnr |\n|---|---|\n| 1 | 20.5 |\n| 2 | 20.5 |\n" in text


def test_draw_without_csv_files(tmp_path):
    with pytest.raises(GPriorError, match="holds no CSV file of an experiment"):
        figures.draw(tmp_path)


# The command.


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    zoo.save(PRIOR, folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A zip file of which three images are held out."""
    path = tmp_path_factory.mktemp("data") / "data.zip"
    names = [f"{i:03}.png" for i in range(200)]
    kept = [*[n for n in names if is_held_out(n)][:3], *[n for n in names if not is_held_out(n)][:3]]
    with zipfile.ZipFile(path, "w") as file:
        for i, name in enumerate(kept):
            file.writestr(name, encode_png(np.random.default_rng(i).integers(0, 255, (16, 16, 3), np.uint8)))
    return path


@pytest.fixture
def calls(monkeypatch):
    """Parts that cost nothing; the labs that they were called with, by name."""
    called = {}

    def fake(name, columns):
        def run(lab):
            called[name] = lab
            return example_rows(columns)

        return run

    for name, (_, columns) in mganprior.PARTS.items():
        monkeypatch.setitem(mganprior.PARTS, name, (fake(name, columns), columns))
    return called


def experiment(model, data, out, *flags):
    words = ["--model", str(model), "--data", str(data), "--out", str(out)]
    return main([*words, "--images", "2", "--steps", "2", "--samples", "2", *flags])


@pytest.mark.slow
def test_command(model, data, tmp_path, capsys):
    out = tmp_path / "out"
    assert experiment(model, data, out, "--only", "denoise", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in content["denoise"]] == [method for (method,) in SETTINGS["denoise"]]
    assert {path.name for path in out.iterdir()} == {"denoise.csv", "denoise.png", "tables.md", "run.json", "runs"}
    assert json.loads((out / "run.json").read_text())["denoise"]["data"] == "data.zip"
    assert len({row["image"] for row in tables.read_csv(out / "denoise.csv")}) == 2


def test_what_is_there_is_not_computed_again(model, data, tmp_path, capsys, calls):
    out = tmp_path / "out"
    assert experiment(model, data, out, "--only", "codes", "layers") == 0
    assert set(calls) == {"codes", "layers"}
    assert calls["codes"].images.shape == (2, 16, 16, 3)
    assert all(is_held_out(f"{name}.png") for name in calls["codes"].names)
    assert str(out / "tables.md") in capsys.readouterr().out
    calls.clear()
    (out / "layers.csv").unlink()
    (out / "tables.md").unlink()
    assert experiment(model, data, out, "--only", "codes", "layers") == 0
    assert set(calls) == {"layers"}
    assert (out / "tables.md").exists()


def test_a_model_by_another_name_is_the_same_and_other_weights_are_not(model, data, tmp_path, capsys, calls):
    out = tmp_path / "out"
    assert experiment(model, data, out, "--only", "codes") == 0
    calls.clear()
    assert experiment(f"{model}/", data, out, "--only", "codes") == 0
    assert not calls
    prior = zoo.load(model)
    params = jax.tree.map(lambda leaf: leaf + 0.01, prior.params)
    zoo.save(dataclasses.replace(prior, params=params), tmp_path / "other")
    capsys.readouterr()
    assert experiment(tmp_path / "other", data, out, "--only", "codes") == 2
    assert "codes.csv was made with another weights" in capsys.readouterr().err
    # Settings of an earlier version have names alone.
    run = json.loads((out / "run.json").read_text())
    for name in ("weights", "other_weights"):
        del run["codes"][name]
    (out / "run.json").write_text(json.dumps(run))
    assert experiment(model, data, out, "--only", "codes") == 0
    assert experiment(tmp_path / "other", data, out, "--only", "codes") == 2


def test_other_settings_are_refused(model, data, tmp_path, capsys, calls):
    out = tmp_path / "out"
    assert experiment(model, data, out, "--only", "codes") == 0
    assert experiment(model, data, out, "--only", "codes", "--seed", "1") == 2
    assert "codes.csv was made with another seed (0 there, 1 now): remove it or give" in capsys.readouterr().err
    # Another experiment may have its own.
    assert experiment(model, data, out, "--only", "layers", "--seed", "1") == 0
    run = json.loads((out / "run.json").read_text())
    assert (run["codes"]["seed"], run["layers"]["seed"]) == (0, 1)


def test_draw_only(model, data, tmp_path, capsys, calls):
    out = tmp_path / "out"
    assert experiment(model, data, out, "--draw-only") == 2
    assert "holds no CSV file of an experiment" in capsys.readouterr().err
    tables.write_csv(out / "codes.csv", example_rows(["codes"]))
    assert experiment("nowhere", "nowhere", out, "--draw-only") == 0
    assert not calls
    assert {path.name for path in out.iterdir()} == {"codes.csv", "figure_codes.png", "tables.md"}


def test_figures_that_json_cannot_say(model, data, tmp_path, capsys, calls):
    (tmp_path / "codes.csv").write_text("codes,image,psnr\n1,cat,inf\n2,cat,20\n")
    assert experiment(model, data, tmp_path, "--draw-only", "--json") == 0
    text = capsys.readouterr().out
    assert json.loads(text) == {"codes": [{"codes": 1.0, "psnr": None}, {"codes": 2.0, "psnr": 20.0}]}
    assert "NaN" not in text


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--only", "color"], "--only color: use inversion, codes, layers, colorize"),
        (["--images", "4"], "holds out 3 images: use --images 3 or fewer"),
        (["--images", "0"], "--images 0: use at least 1"),
        (["--foreign", "nowhere.zip"], "nowhere.zip is not a readable zip file"),
        (["--data", "nowhere.zip"], "nowhere.zip is not a readable zip file"),
        (["--model", "nowhere"], "nowhere"),
        (["--other-model", "nowhere"], "nowhere"),
    ],
)
def test_wrong_use(model, data, tmp_path, capsys, calls, flags, told):
    assert experiment(model, data, tmp_path / "out", *flags) == 2
    assert told in capsys.readouterr().err
    assert not calls


def test_a_prior_without_a_discriminator(data, tmp_path, capsys, calls):
    zoo.save(random_prior("dcgan"), tmp_path / "bare")
    assert experiment(tmp_path / "bare", data, tmp_path / "out") == 2
    assert "has no discriminator, whose features measure distance" in capsys.readouterr().err

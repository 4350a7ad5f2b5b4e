"""``gprior invert`` on a tiny prior: what it writes, how it goes on, and what it says to bad input."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from cli.restoring import assert_same, stored
from gprior_jax.cli.main import main
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import suffixes
from gprior_jax.runs.record import read_record
from gprior_jax.storage.atomic import write_bytes


@pytest.fixture(scope="module")
def model(little):
    """The prior of these tests."""
    return little


ONCE = ["--batch-size", "2", "--devices", "1"]
"""One shape of batches for most runs: one compilation."""


def invert(pictures, model, out, *flags):
    words = ["invert", str(pictures), "--model", str(model), "--out", str(out), "--codes", "2", "--layer", "2"]
    steps = [] if "--steps" in flags else ["--steps", "3"]
    return main([*words, *steps, *([] if {"--batch-size", "--devices"} & {*flags} else ONCE), *flags])


def test_classes_of_a_conditional_prior(conditional, tmp_path, capsys):
    for number, name in enumerate("ab"):
        (tmp_path / str(number)).mkdir()
        Image.fromarray(np.full((8, 8, 3), 90 * number, np.uint8)).save(tmp_path / str(number) / f"{name}.png")
    (tmp_path / "l.csv").write_text("a.png,2\nb.png,1\n")
    flags = ["--method", "z", "--steps", "2", "--batch-size", "2", "--model", str(conditional)]

    def invert(out, *more):
        return main(
            ["invert", str(tmp_path / "0" / "a.png"), str(tmp_path / "1" / "b.png"), "--out", str(out), *flags, *more]
        )

    assert invert(tmp_path / "none") == 2
    assert (
        "classes has classes: give --label 0 to 2 (see its card), or --labels with one for" in capsys.readouterr().err
    )
    assert invert(tmp_path / "both", "--label", "1", "--labels", "folders") == 2
    assert "leave one of them out" in capsys.readouterr().err
    for labels, wanted in (("folders", [0, 1]), (str(tmp_path / "l.csv"), [2, 1])):
        out = tmp_path / f"out{wanted[0]}"
        assert invert(out, "--labels", labels) == 0
        assert [int(read_record(out / f"{name}.npz").variables["label"].argmax()) for name in "ab"] == wanted
    assert main(["invert", str(tmp_path / "0"), "--out", str(tmp_path / "x"), "--labels", "folders"]) == 2
    assert "--labels folders: builtin has no classes, leave it out" in capsys.readouterr().err


def test_writes_the_folder_that_the_design_names(pictures, model, tmp_path, capsys):
    out = tmp_path / "out"
    assert invert(pictures, model, out) == 0
    assert {path.name for path in out.iterdir()} == {
        *(f"{name}.{ending}" for name in "abc" for ending in ("png", "npz")),
        *("run.json", "history.csv", "report.html"),
    }
    run = json.loads((out / "run.json").read_text())
    assert [row["name"] for row in run["images"]] == ["a", "b", "c"]
    assert run["settings"]["recipe"]["parametrization"]["num_codes"] == 2
    assert run["versions"]["jax"]
    # What does not decide results is beside the settings: another name of the same weights is the same run.
    assert (run["model"], run["method"], run["batch_size"]) == (str(model), "mganprior", 2)
    assert not {"model", "method", "batch_size"} & run["settings"].keys()
    history = (out / "history.csv").read_text().splitlines()
    assert set(history[0].split(",")) == {"image", "step", "loss", "pixel_mse"}
    assert len(history) == 1 + 3 * 3
    record = read_record(out / "a.npz")
    assert record.variables["codes"].shape == (2, 8)
    assert record.image.shape == (8, 8, 3)
    assert load_image(out / "a.png", 8).shape == (8, 8, 3)
    assert "3 images done" in capsys.readouterr().out


def test_second_run_does_nothing_and_tells(pictures, model, tmp_path, capsys):
    out = tmp_path / "out"
    invert(pictures, model, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    assert invert(pictures, model, out) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")} == before


def test_goes_on_where_files_are_missing_damaged_or_changed(pictures, model, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for out in (whole, broken):
        invert(pictures, model, out)
    (broken / "a.png").unlink()
    (broken / "b.npz").write_bytes((broken / "b.npz").read_bytes()[:100])
    assert invert(pictures, model, broken) == 0
    assert_same(stored(whole), stored(broken))
    kept = (broken / "c.npz").stat().st_mtime_ns
    Image.new("RGB", (20, 20), "red").save(pictures / "a.png")
    assert invert(pictures, model, broken) == 0
    assert (broken / "c.npz").stat().st_mtime_ns == kept
    assert (read_record(broken / "a.npz").target == [255, 0, 0]).all()


def test_the_same_model_in_another_folder_is_the_same_run(pictures, model, tmp_path, capsys):
    out = tmp_path / "out"
    invert(pictures, model, out)
    copy = shutil.copytree(model, tmp_path / "copy")
    assert invert(pictures, copy, out) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err


@pytest.mark.parametrize("way", ["slash", "dot", "relative", "link"])
def test_a_model_has_many_names(pictures, model, tmp_path, capsys, monkeypatch, way):
    out = tmp_path / "out"
    invert(pictures, model, out)
    (tmp_path / "link").symlink_to(model)
    monkeypatch.chdir(model.parent)
    names = {"slash": f"{model}/", "dot": f"./{model.name}", "relative": model.name, "link": tmp_path / "link"}
    assert invert(pictures, names[way], out) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--remat"], ["--codes-per-call", "1"], ["--batch-size", "3"], ["--devices", "2"]])
def test_what_saves_memory_and_time_is_the_same_run(pictures, model, tmp_path, capsys, flags):
    out = tmp_path / "out"
    invert(pictures, model, out)
    assert invert(pictures, model, out, *flags) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err


def test_after_running_out_of_memory_other_settings_may_be_tried(pictures, model, tmp_path, capsys, monkeypatch):
    class ExhaustedError(Exception):
        pass

    def exhausted(*_, **__):
        raise ExhaustedError("RESOURCE_EXHAUSTED: Out of memory")

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("gprior_jax.runs.inversion.Inverter.invert", exhausted)
        with pytest.raises(ExhaustedError):
            invert(pictures, model, out, "--steps", "4")
    assert sorted(path.name for path in out.iterdir()) == ["run.json"]
    assert invert(pictures, model, out) == 0
    assert json.loads((out / "run.json").read_text())["settings"]["recipe"]["solver"]["num_steps"] == 3
    assert invert(pictures, model, out, "--steps", "4") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    differing = "recipe.solver.num_steps (3 there, 4 now)"
    assert told == f"gprior: {out} holds a run with another {differing}: give another folder for the results."


def test_another_size_changes_the_pictures_alone(pictures, model, tmp_path, capsys):
    out = tmp_path / "out"
    invert(pictures, model, out)
    before = {path.name: path.read_bytes() for path in out.glob("*.npz")}
    assert invert(pictures, model, out, "--size", "40") == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err
    for name in "abc":
        with Image.open(out / f"{name}.png") as written:
            assert written.size == (40, 40)
    assert {path.name: path.read_bytes() for path in out.glob("*.npz")} == before


def test_a_result_stays_with_its_file(pictures, model, tmp_path, capsys):
    """Add a picture, add another of the same stem, name one alone: the others keep their results and their records."""
    out = tmp_path / "out"
    (pictures / "a.png").rename(tmp_path / "later.png")
    invert(pictures, model, out)
    before = {path.name: path.read_bytes() for path in out.glob("*.npz")}
    assert sorted(before) == ["b.npz", "c.npz"]
    shutil.copy(tmp_path / "later.png", pictures / "a.png")
    assert invert(pictures, model, out) == 0
    assert "2 of 3 images are done already" in capsys.readouterr().err
    shutil.copy(tmp_path / "later.png", pictures / "b.jpg")
    assert invert(pictures, model, out) == 0
    assert "3 of 4 images are done already" in capsys.readouterr().err
    for alone in (pictures / "c.png", pictures / "b.jpg", f"{pictures}/[bc].*"):
        assert invert(alone, model, out, "--json") == 0
        content = json.loads(capsys.readouterr().out)
        assert len(content["images"]) == (3 if "[" in str(alone) else 1)
        rows = json.loads((out / "run.json").read_text())["images"]
        assert {row["name"]: row["source"].rpartition("/")[2] for row in rows} == {
            "a": "a.png",
            "b": "b.png",
            "b_jpg": "b.jpg",
            "c": "c.png",
        }
    history = (out / "history.csv").read_text().splitlines()[1:]
    assert sorted({line.partition(",")[0] for line in history}) == ["a", "b", "b_jpg", "c"]
    assert all(f"<h2>{name}</h2>" in (out / "report.html").read_text() for name in ("a", "b", "b_jpg", "c"))
    assert {name: (out / name).read_bytes() for name in before} == before


def test_what_is_left_out_is_told(pictures, model, tmp_path, capsys):
    (pictures / "sub").mkdir()
    (pictures / "a.png").rename(pictures / "sub" / "d.png")
    with Image.open(pictures / "b.png") as image:
        image.save(pictures / "b.jfif", "JPEG")
        image.save(pictures / ("c.avif" if ".avif" in suffixes() else "c.webp"))
    for name in ("e.heic", "film.mp4", "notes.txt", ".hidden.png"):
        (pictures / name).write_text("no picture")
    out = tmp_path / "out"
    assert invert(pictures, model, out) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    remedy = "(no pictures, or none that Pillow reads: convert those to PNG or JPEG)"
    assert told == [
        f"gprior: {pictures}: left out 1 .heic, 1 .mp4, 1 .txt {remedy}, 1 folder (searched only when recursive)."
    ]
    assert {path.stem for path in out.glob("*.npz")} == {"b", "b_png", "c", "c_png"}
    assert invert(pictures, model, out, "--recursive") == 0
    printed = capsys.readouterr().err
    assert "4 of 5 images are done already" in printed
    assert "folder" not in printed
    assert (out / "sub_d.png").exists()
    # An output folder among the inputs is not searched.
    inside = pictures / "out"
    for _ in range(2):
        assert invert(pictures, model, inside, "--recursive") == 0
        assert len(json.loads((inside / "run.json").read_text())["images"]) == 5


NAMES = {
    "long": "x" * 242 + ".png",
    "no text": os.fsdecode(b"caf\xe9.png"),
    "two lines": "two\nlines.png",
    "markup": "<b>&'.png",
}


def test_whatever_a_picture_is_called(pictures, model, tmp_path, capsys):
    for name in NAMES.values():
        shutil.copy(pictures / "a.png", pictures / name)
    (pictures / "loop.png").symlink_to("loop.png")
    (pictures / "broken.png").symlink_to("nowhere.png")
    out = tmp_path / "out"
    for _ in range(2):
        assert invert(pictures, model, out, "--json") == 1
        printed = capsys.readouterr()
        content = json.loads(printed.out)
        assert len(content["images"]) == 7
        assert "Traceback" not in printed.err
        told = [line for line in printed.err.splitlines() if ".png is a link" in line]
        assert told == [
            f"gprior: {pictures / 'broken.png'} is a link to nothing: name the picture.",
            f"gprior: {pictures / 'loop.png'} is a link that leads to itself: name the picture.",
        ]
    run = json.loads((out / "run.json").read_text("utf-8"))
    names = [row["name"] for row in run["images"]]
    assert {"a", "b", "c", "caf%E9", "two%0Alines", "<b>&'"} <= {*names}
    assert "caf\\xe9.png" in " ".join(row["source"] for row in run["images"])
    assert all((out / f"{name}.png").exists() for name in names)
    (long,) = (name for name in names if name.startswith("xxx"))
    assert len(long) == 200
    report = (out / "report.html").read_bytes().decode("utf-8")
    assert "<h2>caf%E9</h2>" in report
    assert "<h2>&lt;b&gt;&amp;&#x27;</h2>" in report
    with open(out / "history.csv", encoding="utf-8", newline="") as file:
        assert {row["image"] for row in csv.DictReader(file)} == {*names}
    assert main(["report", str(out)]) == 0


def test_other_settings_in_the_same_folder_are_refused(pictures, model, tmp_path, capsys):
    out = tmp_path / "out"
    invert(pictures, model, out)
    assert invert(pictures, model, out, "--seed", "1") == 2
    assert "key ([0, 0] there, [0, 1] now): give another folder" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_in_the_middle_of_twelve_images(model, tmp_path):
    pictures = tmp_path / "twelve"
    pictures.mkdir()
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 255, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(pictures / f"{i:02}.png")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    flags = ["--batch-size", "2", "--steps", "150"]
    assert invert(pictures, model, whole, *flags) == 0
    # Unless told otherwise, a batch is spread over the cores.
    assert json.loads((whole / "run.json").read_text())["device"]["devices"] == 2
    command = [sys.executable, "-m", "gprior_jax.cli.main", "invert", str(pictures), "--model", str(model)]
    command += ["--out", str(killed), "--codes", "2", "--layer", "2", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(list(killed.glob("*.npz"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in killed.glob("*.npz")}
    assert 0 < len(done) < 12
    assert invert(pictures, model, killed, *flags) == 0
    assert {name: (killed / name).stat().st_mtime_ns for name in done} == done
    assert_same(stored(whole), stored(killed))


def test_bad_pictures_are_named_and_the_others_done(pictures, model, tmp_path, capsys):
    (pictures / "text.png").write_text("no picture")
    Image.new("RGB", (1, 1)).save(pictures / "dot.png")
    Image.new("1", (20000, 10)).save(pictures / "line.png")
    whole = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(whole).save(pictures / "cut.jpg")
    (pictures / "cut.jpg").write_bytes((pictures / "cut.jpg").read_bytes()[:600])
    out = tmp_path / "out"
    assert invert(pictures, model, out) == 1
    told = capsys.readouterr().err
    for name, remedy in (("text", "convert it"), ("dot", "too small"), ("line", "crop it"), ("cut", "export it again")):
        lines = [line for line in told.splitlines() if f"{name}." in line]
        assert len(lines) == 1
        assert remedy in lines[0]
    assert {path.stem for path in out.glob("*.npz")} == {"a", "b", "c"}
    assert len(json.loads((out / "run.json").read_text())["failed"]) == 4
    assert "text.png" in (out / "report.html").read_text()


def test_pictures_of_any_mode(pictures, model, tmp_path):
    deep = np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)
    Image.fromarray(deep).save(pictures / "deep.png")
    Image.new("P", (20, 20)).save(pictures / "palette.png")
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(pictures / "clear.png")
    out = tmp_path / "out"
    assert invert(pictures, model, out) == 0
    assert (read_record(out / "clear.npz").target == 255).all()
    deep = read_record(out / "deep.npz").target
    assert deep.min() < 16
    assert deep.max() > 239


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--layer", "7"], "layers 1 to 4"),
        (["--layer", "0"], "layers 1 to 4"),
        (["--codes", "0"], "--codes 0: use at least 1"),
        (["--steps", "0"], "--steps 0: use at least 1"),
        (["--tolerance", "2"], "tolerance 2.0"),
        (["--codes-per-call", "3"], "must divide"),
        (["--devices", "99"], "devices 99"),
        (["--perceptual", "nowhere"], "'nowhere' is neither a model folder nor a bundled prior"),
    ],
)
def test_flags_out_of_range(pictures, model, tmp_path, capsys, flags, told):
    out = tmp_path / "out"
    assert invert(pictures, model, out, *flags) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_unknown_flag_is_an_error(pictures, model, tmp_path, capsys):
    assert invert(pictures, model, tmp_path / "out", "--iterations", "5") == 2
    assert "--iterations" in capsys.readouterr().err


def test_inputs_that_are_not_there(model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert invert(tmp_path / "empty", model, tmp_path / "out") == 2
    assert "holds no images" in capsys.readouterr().err
    assert invert(tmp_path / "nothing.png", model, tmp_path / "out") == 2
    assert "nothing.png does not exist" in capsys.readouterr().err
    assert main(["invert", "--out", str(tmp_path / "out"), "--model", str(model)]) == 2
    assert "nothing to invert" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_model_that_is_not_there_or_damaged(pictures, model, tmp_path, capsys):
    assert invert(pictures, "no_such_prior", tmp_path / "out") == 2
    assert "gprior convert" in capsys.readouterr().err
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    shutil.rmtree(copy / "params")
    assert invert(pictures, copy, tmp_path / "out") == 2
    assert str(copy) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_full_disk_leaves_nothing_half_written(pictures, model, tmp_path, capsys, monkeypatch):
    out, real = tmp_path / "out", write_bytes

    def write(path, content):
        if str(path).endswith("b.npz"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, content)

    monkeypatch.setattr("gprior_jax.storage.atomic.write_bytes", write)
    assert invert(pictures, model, out) == 1
    error = capsys.readouterr().err
    assert "b.npz" in error
    assert "No space left on device" in error
    monkeypatch.undo()
    assert not (out / "b.npz").exists()
    assert invert(pictures, model, out) == 0
    assert {path.stem for path in out.glob("*.npz")} == {"a", "b", "c"}


def test_json_on_standard_output_alone(pictures, model, tmp_path, capsys):
    assert invert(pictures, model, tmp_path / "out", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in content["images"]] == ["a", "b", "c"]
    assert content["failed"] == {}


def test_size_sets_the_side_of_the_png(pictures, model, tmp_path):
    assert invert(pictures / "a.png", model, tmp_path / "out", "--size", "40") == 0
    with Image.open(tmp_path / "out" / "a.png") as written:
        assert written.size == (40, 40)


def test_one_code_without_weights_and_bfloat16(pictures, model, tmp_path):
    words = ["invert", str(pictures / "a.png"), "--model", str(model), "--out", str(tmp_path / "out")]
    assert main([*words, "--codes", "1", "--layer", "0", "--steps", "3", "--dtype", "bfloat16"]) == 0
    assert set(read_record(tmp_path / "out" / "a.npz").variables) == {"z"}

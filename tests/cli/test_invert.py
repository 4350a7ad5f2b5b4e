"""``gprior invert`` on a tiny prior: what it writes, how it goes on, and what it says to bad input."""

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
    assert set(history[0].split(",")) == {"image", "step", "loss", "pixel_mse", "perceptual"}
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
    with pytest.raises(SystemExit) as stop:
        invert(pictures, model, tmp_path / "out", "--iterations", "5")
    assert stop.value.code == 2
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

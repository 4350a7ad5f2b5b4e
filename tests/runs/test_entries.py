"""What is told of all images of an output folder, whichever run has done them."""

import json

import numpy as np
import pytest

from gprior_jax.errors import CheckpointError
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import entry_of, read_records
from gprior_jax.runs.folder import OutputFolder
from runs.records import record


def test_all_that_a_folder_holds_is_listed(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    other = item._replace(id=1, name="dog", source=tmp_path / "dog.jpg", digest="a dog")
    for each in (other, item):
        folder.write(each, record(each.name))
    failed = {"bad.png": "it is damaged"}
    # Of a run that had but one of them to do.
    ending = end(folder, [other], {"dog": entry_of(record("dog"), "")}, failed, {"seconds": 1.0})
    stored, read = read_records(tmp_path / "out")
    assert stored == ending.run
    assert stored["failed"] == failed
    assert stored["settings"] == {"seed": 0}
    assert stored["seconds"] == 1.0
    assert [entry.row for entry in ending.entries] == stored["images"]
    row = {"name": "cat", "source": "somewhere/cat.jpg", "status": "CONVERGED", "step": 2}
    assert stored["images"][0] == row | {"psnr": 12.5, "loss": 0.5, "pixel_mse": 0.25}
    assert [row["name"] for row in stored["images"]] == ["cat", "dog"]
    assert [r.image.shape for r in read] == [record().image.shape] * 2
    rows = (tmp_path / "out" / "history.csv").read_text().splitlines()
    steps = ["0,1,0.9", "1,0.7,0.6", "2,0.5,0.25"]
    assert rows == ["image,step,loss,pixel_mse", *(f"{name},{step}" for name in ("cat", "dog") for step in steps)]
    assert "2 images. Means: psnr 12.5" in ending.report.read_text()


def test_infinite_figures_are_valid_json(tmp_path):
    entry = entry_of(record()._replace(metrics={"psnr": np.inf}, terms={"loss": np.nan}), "")
    assert entry.metrics == {"psnr": np.inf}
    end(OutputFolder(tmp_path / "out", {}), [], {"cat": entry}, {}, {})
    text = (tmp_path / "out" / "run.json").read_text()
    (row,) = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))["images"]
    assert row["psnr"] is row["loss"] is None


def test_entries_hold_no_pictures():
    entry = entry_of(record(), "<p>cat</p>")
    assert entry.metrics == record().metrics
    assert entry.history.keys() == record().history.keys()
    assert entry.block == "<p>cat</p>"
    assert all(isinstance(value, str | int | float) for value in entry.row.values())


def test_files_of_an_input_that_has_failed_since_are_not_read(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    other = item._replace(id=1, name="dog", digest="a dog")
    folder.write(item, record())
    folder.write(other, record("dog"))
    assert [r.name for r in read_records(tmp_path / "out")[1]] == ["cat", "dog"]  # Not ended yet.
    end(folder, [item], {}, {"somewhere/cat.jpg": "it is gone"}, {})
    assert [r.name for r in read_records(tmp_path / "out")[1]] == ["dog"]
    assert [line[:3] for line in (tmp_path / "out" / "history.csv").read_text().splitlines()[1:]] == ["dog"] * 3
    assert (tmp_path / "out" / "cat.npz").exists()


def test_records_of_other_settings_and_other_files_are_not_read(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    folder.write(item, record())
    OutputFolder(tmp_path / "other", {"seed": 1}).write(item._replace(name="dog"), record("dog"))
    (tmp_path / "other" / "dog.npz").rename(tmp_path / "out" / "dog.npz")
    np.savez(tmp_path / "out" / "mine.npz", z=np.zeros(3))
    (tmp_path / "out" / "text.npz").write_text("no arrays")
    assert [r.name for r in read_records(tmp_path / "out")[1]] == ["cat"]
    end(folder, [], {}, {}, {})
    assert [row["name"] for row in read_records(tmp_path / "out")[0]["images"]] == ["cat"]


def test_a_damaged_record_that_is_listed_is_told(tmp_path, item):
    folder, told = OutputFolder(tmp_path / "out", {"seed": 0}), []
    for name in ("cat", "dog"):
        folder.write(item._replace(name=name), record(name))
    end(folder, [], {}, {}, {})
    path = tmp_path / "out" / "cat.npz"
    content = bytearray(path.read_bytes())
    content[content.index(b"image.npy") + 200] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cat\.npz is no result of this program, or damaged"):
        list(read_records(tmp_path / "out")[1])
    ending = end(folder, [], {}, {}, {}, tell=told.append)
    assert [entry.row["name"] for entry in ending.entries] == ["dog"]
    assert [sentence.partition(" is ")[0] for sentence in told] == [str(path)]


def test_failures_of_other_runs_stay_until_their_file_is_done_or_gone(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    bad, gone = tmp_path / "bad.png", tmp_path / "gone.png"
    bad.touch()
    failed = {str(item.source): "it was damaged", str(bad): "it is damaged", str(gone): "it was there"}
    elsewhere = {"another/folder/x.png": "named from another working folder"}
    end(folder, [], {}, failed | elsewhere, {})
    folder.write(item, record())
    kept = {str(bad): "it is damaged"} | elsewhere
    assert end(folder, [item], {"cat": entry_of(record(), "")}, {}, {}).run["failed"] == kept
    assert end(folder, [], {}, {str(bad): "it is empty"}, {}).run["failed"] == kept | {str(bad): "it is empty"}


def test_pictures_are_shown_of_the_first_names(tmp_path, item, monkeypatch):
    monkeypatch.setattr("gprior_jax.runs.ending.MAX_IMAGES", 2)
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    for name in "abc":
        folder.write(item._replace(name=name), record(name))
    known = {"c": entry_of(record("c"), "<p>shown</p>"), "a": entry_of(record("a"), "")}
    ending = end(folder, [], known, {}, {})
    assert [bool(entry.block) for entry in ending.entries] == [True, True, False]


def test_what_is_no_output_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"run\.json is missing: "):
        read_records(tmp_path)
    for text in ("", "{", "[]"):
        (tmp_path / "run.json").write_text(text)
        told = r"run\.json .*: run the command that made the folder again, which writes it anew\.$"
        with pytest.raises(CheckpointError, match=told):
            read_records(tmp_path)

import json

import numpy as np
import pytest

from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.images.files import load_image
from gprior_jax.runs.folder import OutputFolder, entry_of, read_records
from gprior_jax.runs.record import read_record
from runs.records import record


def test_record_comes_back_as_it_was(tmp_path, item):
    OutputFolder(tmp_path / "out", {"seed": 0}).write(item, record())
    found = read_record(tmp_path / "out" / "cat.npz")
    for name, value in record()._asdict().items():
        np.testing.assert_equal(getattr(found, name), value)


def test_pictures_are_written_as_files_too(tmp_path, item):
    out = tmp_path / "out"
    folder = OutputFolder(out, {})
    folder.write(item, record(), size=16)
    written = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    assert written == {"run.json", "cat.npz", "cat.png", "mean/cat.png", "samples/cat_1.png", "samples/cat_2.png"}
    np.testing.assert_allclose(load_image(out / "mean" / "cat.png", 8), 7 / 127.5 - 1, atol=1e-6)
    assert read_record(out / "cat.npz").image.shape == (8, 8, 3)
    folder.write(item, record(), size=8)
    expected = np.clip(np.floor((record().image + 1) * 127.5 + 0.5), 0, 255) / 127.5 - 1
    np.testing.assert_allclose(load_image(out / "cat.png", 8), expected, atol=1e-6)


def test_done_only_with_the_same_settings_source_and_files(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    assert not folder.is_done(item)
    folder.write(item, record())
    assert folder.is_done(item)
    assert OutputFolder(tmp_path / "out", {"seed": 0}).is_done(item)
    (tmp_path / "out" / "run.json").unlink()
    assert not OutputFolder(tmp_path / "out", {"seed": 1}).is_done(item)
    item.source.write_bytes(b"other pixels")
    assert not folder.is_done(item)
    item.source.unlink()
    assert not folder.is_done(item)


def test_other_settings_are_named_and_only_they(tmp_path):
    OutputFolder(tmp_path / "out", {"seed": 0, "crop": "center", "recipe": {"steps": 3, "name": "a"}})
    told = (
        r"out holds a run with another seed \(0 there, 3 now\), recipe\.steps \(3 there, 4 now\): give another folder "
        r"for the results\."
    )
    with pytest.raises(GPriorError, match=told):
        OutputFolder(tmp_path / "out", {"seed": 3, "crop": "center", "recipe": {"steps": 4, "name": "a"}})


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(GPriorError, match="out is a file: name a folder for the results"):
        OutputFolder(tmp_path / "out", {})


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    leftovers = [tmp_path / "out" / name for name in (".cat.npz.partial", "mean/.cat.png.partial")]
    (tmp_path / "out" / "mean").mkdir(parents=True)
    for leftover in leftovers:
        leftover.write_text("half")
    OutputFolder(tmp_path / "out", {})
    assert not any(leftover.exists() for leftover in leftovers)


def test_finish_lists_failures_and_history(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    entries = []
    for each in (item, item._replace(id=1, name="dog")):
        folder.write(each, record(each.name))
        entries.append(entry_of(record(each.name), ""))
    failed = {"bad.png": "it is damaged"}
    run = folder.finish(entries, failed, {"seconds": 1.0})
    stored, read = read_records(tmp_path / "out")
    assert stored == run
    assert run["failed"] == failed
    assert run["settings"] == {"seed": 0}
    assert run["seconds"] == 1.0
    row = {"name": "cat", "source": "somewhere/cat.jpg", "status": "CONVERGED", "step": 2}
    assert run["images"][0] == row | {"psnr": 12.5, "loss": 0.5, "pixel_mse": 0.25}
    assert [r.image.shape for r in read] == [record().image.shape] * 2
    rows = (tmp_path / "out" / "history.csv").read_text().splitlines()
    steps = ["0,1,0.9", "1,0.7,0.6", "2,0.5,0.25"]
    assert rows == ["image,step,loss,pixel_mse", *(f"{name},{step}" for name in ("cat", "dog") for step in steps)]


def test_infinite_figures_are_valid_json(tmp_path):
    entry = entry_of(record()._replace(metrics={"psnr": np.inf}, terms={"loss": np.nan}), "")
    assert entry.metrics == {"psnr": np.inf}
    OutputFolder(tmp_path / "out", {}).finish([entry], {}, {})
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
    other = item._replace(id=1, name="dog")
    folder.write(item, record())
    folder.write(other, record("dog"))
    assert [r.name for r in read_records(tmp_path / "out")[1]] == ["cat", "dog"]  # Not ended yet.
    folder.finish([], {str(item.source): "it is gone"}, {})
    assert list(read_records(tmp_path / "out")[1]) == []
    assert (tmp_path / "out" / "history.csv").read_text() == "image,step,loss\n"
    assert (tmp_path / "out" / "dog.npz").exists()


def test_what_is_no_output_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"run\.json is missing"):
        read_records(tmp_path)


def test_companions_decide_what_is_done(tmp_path, item):
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"black")
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    masked = item._replace(companions=(mask,))
    folder.write(masked, record())
    assert folder.is_done(masked)
    assert not folder.is_done(item)
    mask.write_bytes(b"white")
    assert not folder.is_done(masked)


def test_an_image_at_another_place_is_not_done(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    folder.write(item, record())
    assert not folder.is_done(item._replace(id=1))  # Its key is folded from its id.


def test_digests_are_those_of_when_the_files_were_read(tmp_path, item):
    folder, before = OutputFolder(tmp_path / "out", {"seed": 0}), item.digests()
    item.source.write_bytes(b"edited while it was inverted")
    folder.write(item, record(), sha256=before)
    assert not folder.is_done(item)


@pytest.mark.parametrize("inside", [".", "measured", "samples"])
def test_results_are_not_written_over_inputs(tmp_path, item, inside):
    out = tmp_path / "out"
    (out / inside).mkdir(parents=True)
    for trespasser in (
        item._replace(source=out / inside / "a.png"),
        item._replace(companions=(out / inside / "a.png",)),
    ):
        with pytest.raises(GPriorError, match="lies where results will be written: give another folder than"):
            OutputFolder(out, {}, [item, trespasser])
    assert not (out / "run.json").exists()
    # What is no file lies nowhere.
    drawn = item._replace(source=out / "generated_0", digest="number 0")
    OutputFolder(out, {}, [item, drawn, item._replace(source=out / "raw" / "a.png")])

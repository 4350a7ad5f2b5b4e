import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from gprior_jax.errors import GPriorError
from gprior_jax.images.files import load_image
from gprior_jax.runs.ending import end
from gprior_jax.runs.folder import FORMAT, OutputFolder
from gprior_jax.runs.items import find_items
from gprior_jax.runs.record import read_record
from gprior_jax.storage.atomic import read_json, temporary_name
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
    item.source.write_bytes(b"other pixels")
    assert not folder.is_done(item)
    item.source.unlink()
    assert not folder.is_done(item)


def test_other_settings_are_named_and_only_they(tmp_path, item):
    own = {"seed": 0, "crop": "center", "recipe": {"steps": 3, "name": "a"}}
    OutputFolder(tmp_path / "out", own).write(item, record())
    seed, steps = r"seed \(0 there, 3 now\)", r"recipe\.steps \(3 there, 4 now\)"
    told = rf"out holds a run with another ({seed}, {steps}|{steps}, {seed}): give another folder for the results\.$"
    other = {"seed": 3, "crop": "center", "recipe": {"steps": 4, "name": "a"}}
    for lost in (None, "removed", "damaged", "empty"):  # The record itself says what it was made with.
        run = tmp_path / "out" / "run.json"
        if lost == "removed":
            run.unlink()
        elif lost is not None:
            run.write_text({"damaged": "{", "empty": ""}[lost])
        before = run.read_bytes() if run.exists() else None
        with pytest.raises(GPriorError, match=told):
            OutputFolder(tmp_path / "out", other)
        assert (run.read_bytes() if run.exists() else None) == before
    assert OutputFolder(tmp_path / "out", own).is_done(item)
    assert read_json(tmp_path / "out" / "run.json")["settings"] == own


@pytest.mark.parametrize("left", ["run.json", "pictures", "failures", "a damaged run.json"])
def test_a_folder_with_nothing_done_takes_other_settings(tmp_path, item, left):
    out = tmp_path / "out"
    folder = OutputFolder(out, {"seed": 0})
    if left == "pictures":
        folder.write(item, record())
        (out / "cat.npz").unlink()
    elif left == "failures":
        end(folder, [item], {}, {str(item.source): "it is damaged"}, {})
    elif left == "a damaged run.json":
        (out / "run.json").write_text("{")
    OutputFolder(out, {"seed": 1})
    assert read_json(out / "run.json") == {"format": FORMAT, "settings": {"seed": 1}}


def test_a_folder_that_is_worked_in_takes_no_other_settings(tmp_path):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    with folder.at_work():
        with pytest.raises(GPriorError, match=r"another seed \(0 there, 1 now\)"):
            OutputFolder(tmp_path / "out", {"seed": 1})
        OutputFolder(tmp_path / "out", {"seed": 0})
    other = OutputFolder(tmp_path / "out", {"seed": 1})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]  # No lock is left.
    # Both were opened before either was at work: the folder belongs to the last that opened it.
    with pytest.raises(GPriorError, match=r"another seed \(1 there, 0 now\)"):
        folder.at_work()
    with other.at_work():
        pass
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(GPriorError, match="out is a file: name a folder for the results"):
        OutputFolder(tmp_path / "out", {})
    for target in ("loop", "nowhere"):
        (tmp_path / "loop").unlink(missing_ok=True)
        (tmp_path / "loop").symlink_to(target)
        with pytest.raises(GPriorError, match="loop is a link to nothing: name a folder for the results"):
            OutputFolder(tmp_path / "loop", {})


def test_leftovers_of_killed_runs_are_removed_and_those_of_living_ones_are_not(tmp_path):
    out = tmp_path / "out"
    (out / "mean").mkdir(parents=True)
    (out / ".locks").mkdir()
    dead = subprocess.run(
        [sys.executable, "-c", "from gprior_jax.storage.atomic import temporary_name as name; print(name())"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()
    leftovers = [out / dead, out / "mean" / dead, out / ".cat.npz.partial", out / ".locks" / dead]
    living = [out / temporary_name(), out / "mean" / temporary_name()]
    for path in (*leftovers, *living):
        path.write_text("half")
    with OutputFolder(out, {}).at_work():
        assert not any(path.exists() for path in leftovers)
        assert all(path.exists() for path in living)


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


def files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")


def run(out, *inputs, recursive=False):
    """Names and ids that inputs have in a folder; what is not done yet is done."""
    folder = OutputFolder(out, {})
    found = []
    for item in folder.named(find_items(inputs, recursive)):
        taken, lock = folder.take(item)
        if lock is not None:
            folder.write(taken, record(taken.name)._replace(source=str(taken.source)))
            lock.release()
        found.append((taken.below, taken.name, "new" if lock else "done"))
    return found


def test_a_name_stays_with_its_file(tmp_path):
    out, folder = tmp_path / "out", tmp_path / "in"
    files(folder, "b.png", "c.png")
    assert run(out, folder) == [("b.png", "b", "new"), ("c.png", "c", "new")]
    files(folder, "a.png", "b.jpg")
    assert run(out, folder) == [
        ("a.png", "a", "new"),
        ("b.jpg", "b_jpg", "new"),
        ("b.png", "b", "done"),
        ("c.png", "c", "done"),
    ]
    (folder / "b.png").unlink()
    assert run(out, folder) == [("a.png", "a", "done"), ("b.jpg", "b_jpg", "done"), ("c.png", "c", "done")]
    assert run(out, folder / "b.jpg") == [("b.jpg", "b_jpg", "done")]
    (folder / "c.png").write_text("other content")
    assert run(out, folder / "*.png") == [("a.png", "a", "done"), ("c.png", "c", "new")]
    assert sorted(path.name for path in out.glob("*.npz")) == ["a.npz", "b.npz", "b_jpg.npz", "c.npz"]


def test_files_of_one_name_in_two_folders(tmp_path):
    out = tmp_path / "out"
    files(tmp_path, "x/cat.png", "y/cat.png", "w/cat.png")
    assert run(out, tmp_path / "y" / "cat.png") == [("cat.png", "cat", "new")]
    assert run(out, tmp_path / "x" / "cat.png") == [("cat.png", "cat_x", "new")]
    found = run(out, *(tmp_path / name for name in "wxy"))
    assert found == [("cat.png", "cat_w", "new"), ("cat.png", "cat_x", "done"), ("cat.png", "cat", "done")]


def test_a_file_that_was_found_below_a_folder_is_known_when_it_is_named_itself(tmp_path):
    out, folder = tmp_path / "out", tmp_path / "in"
    files(folder, "d.png", "sub/d.png")
    assert run(out, folder, recursive=True) == [("d.png", "d", "new"), ("sub/d.png", "sub_d", "new")]
    assert run(out, folder / "sub" / "d.png") == [("d.png", "sub_d", "done")]
    assert run(out, folder / "sub") == [("d.png", "sub_d", "done")]
    (folder / "sub" / "d.png").write_text("other content")
    assert run(out, folder / "sub") == [("d.png", "sub_d", "new")]  # In its place.
    assert run(out, folder, recursive=True) == [("d.png", "d", "done"), ("sub/d.png", "sub_d", "done")]


def test_a_folder_that_has_moved_is_known_by_its_content(tmp_path):
    out, folder = tmp_path / "out", tmp_path / "in"
    files(folder, "b.png", "c.png")
    run(out, folder)
    folder.rename(tmp_path / "moved")
    assert run(out, tmp_path / "moved") == [("b.png", "b", "done"), ("c.png", "c", "done")]
    # What has changed meanwhile may be another picture of that name: the old result stays.
    (tmp_path / "moved" / "c.png").write_text("other content")
    assert run(out, tmp_path / "moved") == [("b.png", "b", "done"), ("c.png", "c_moved", "new")]


def test_a_copy_elsewhere_is_done_as_it_is(tmp_path):
    out = tmp_path / "out"
    for folder in "xy":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cat.png").write_text("the same content")
    assert run(out, tmp_path / "x") == [("cat.png", "cat", "new")]
    assert run(out, tmp_path / "y") == [("cat.png", "cat", "done")]
    found = run(out, tmp_path / "x", tmp_path / "y")
    assert found == [("cat.png", "cat", "done"), ("cat.png", "cat_y", "new")]


def test_names_that_a_file_system_takes_for_one(tmp_path):
    files(tmp_path / "in", "A.png", "a.png")
    if len(os.listdir(tmp_path / "in")) < 2:
        pytest.skip("this file system takes them for one")
    names = [name for _, name, _ in run(tmp_path / "out", tmp_path / "in")]
    assert names == ["A", "a_in"]
    assert run(tmp_path / "out", tmp_path / "in" / "a.png") == [("a.png", "a_in", "done")]


def test_both_forms_of_one_name_in_one_folder(tmp_path):
    forms = [unicodedata.normalize(form, "Zoé.png") for form in ("NFD", "NFC")]
    files(tmp_path / "in", *forms)
    if len(os.listdir(tmp_path / "in")) < 2:
        pytest.skip("this file system takes them for one")
    first = run(tmp_path / "out", tmp_path / "in")
    assert [name for _, name, _ in first] == [unicodedata.normalize("NFC", name) for name in ("Zoé", "Zoé_in")]
    assert run(tmp_path / "out", tmp_path / "in") == [(below, name, "done") for below, name, _ in first]


def test_an_image_in_the_hands_of_another_is_not_taken(tmp_path, item):
    one, two = OutputFolder(tmp_path / "out", {}), OutputFolder(tmp_path / "out", {})
    _, lock = one.take(item)
    assert two.take(item) is None
    one.write(item, record())
    assert two.take(item) is None
    lock.release()
    assert two.take(item) == (item, None)
    lock.release()  # Once more does nothing.
    assert not (tmp_path / "out" / ".locks").exists()


def test_a_name_that_was_given_away_meanwhile(tmp_path):
    """Two processes with a file of the same name each, and neither knows of the other."""
    files(tmp_path, "x/cat.png", "y/cat.png")
    one, two = OutputFolder(tmp_path / "out", {}), OutputFolder(tmp_path / "out", {})
    (x,), (y,) = (one.named(find_items([tmp_path / "x"])), two.named(find_items([tmp_path / "y"])))
    assert x.name == y.name == "cat"
    taken, lock = one.take(x)
    assert two.take(y) is None
    one.write(taken, record())
    lock.release()
    other, lock = two.take(y)
    assert other == y._replace(name="cat_y")
    two.write(other, record("cat_y"))
    lock.release()
    assert one.take(x) == (x, None)
    assert two.take(other) == (other, None)


def test_pictures_that_are_missing_or_of_another_side_are_written_again(tmp_path, item):
    out = tmp_path / "out"
    folder = OutputFolder(out, {})
    folder.write(item, record())
    before = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}
    times = {name: (out / name).stat().st_mtime_ns for name in before}
    folder.mend(item, record())
    assert {name: (out / name).stat().st_mtime_ns for name in before} == times
    for name in ("cat.png", "mean/cat.png", "samples/cat_2.png"):
        (out / name).unlink()
    (out / "cat.png").write_bytes(before["cat.png"][:10])
    folder.mend(item, record())
    assert {name: (out / name).read_bytes() for name in before} == before
    assert (out / "samples/cat_1.png").stat().st_mtime_ns == times["samples/cat_1.png"]
    folder.mend(item, record(), size=16)
    assert load_image(out / "cat.png", 16).shape == (16, 16, 3)
    assert {name: (out / name).read_bytes() for name in before} != before
    folder.mend(item, record())
    assert {name: (out / name).read_bytes() for name in before} == before

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprior_jax.errors import CheckpointError, GPriorError, Status
from gprior_jax.runs.folder import (
    Item,
    OutputFolder,
    Record,
    check_apart,
    digests,
    name_items,
    read_record,
    read_records,
)


def record(name="cat"):
    rng = np.random.default_rng(0)
    return Record(
        name=name,
        source=f"somewhere/{name}.jpg",
        target=rng.integers(0, 255, (8, 8, 3), np.uint8),
        image=rng.normal(size=(8, 8, 3)).astype(np.float32),
        variables={"z": np.arange(4, dtype=np.float32)},
        terms={"loss": 0.5, "pixel_mse": 0.25},
        metrics={"psnr": 12.5},
        step=2,
        status=Status.CONVERGED,
        history={"loss": np.array([1.0, 0.7, 0.5], np.float32), "pixel_mse": np.array([0.9, 0.6, 0.25], np.float32)},
        pictures={"mean": np.full((8, 8, 3), 7, np.uint8)},
        samples=rng.integers(0, 255, (2, 8, 8, 3), np.uint8),
        sample_losses=np.array([0.5, 0.75], np.float32),
    )


@pytest.fixture
def item(tmp_path):
    source = tmp_path / "cat.jpg"
    source.write_bytes(b"pixels")
    return Item(0, source, "cat")


def test_record_comes_back_as_it_was(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    folder.write(item, record())
    found = read_record(tmp_path / "out" / "cat.npz")
    for name, value in record()._asdict().items():
        np.testing.assert_equal(getattr(found, name), value)


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


def test_other_settings_are_named(tmp_path):
    OutputFolder(tmp_path / "out", {"seed": 0, "crop": "center"})
    with pytest.raises(GPriorError, match=r"seed \(0 there, 3 now\)"):
        OutputFolder(tmp_path / "out", {"seed": 3, "crop": "center"})


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(GPriorError, match="--out"):
        OutputFolder(tmp_path / "out", {})


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".cat.npz.partial").write_text("half")
    OutputFolder(tmp_path / "out", {})
    assert not (tmp_path / "out" / ".cat.npz.partial").exists()


def test_finish_lists_failures_and_history(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {})
    folder.write(item, record())
    bad = Item(1, tmp_path / "bad.png", "bad")
    records = folder.finish([item, bad], {str(bad.source): "it is damaged"}, {"seconds": 1.0})
    assert [r.name for r in records] == ["cat"]
    run, read = read_records(tmp_path / "out")
    assert run["failed"] == {str(bad.source): "it is damaged"}
    assert run["images"][0]["status"] == "CONVERGED"
    assert [r.image.shape for r in read] == [record().image.shape]
    assert records[0].metrics == record().metrics
    assert records[0].image.size == 0
    rows = (tmp_path / "out" / "history.csv").read_text().splitlines()
    assert rows == ["image,step,loss,pixel_mse", "cat,0,1,0.9", "cat,1,0.7,0.6", "cat,2,0.5,0.25"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"text"])
def test_damaged_records(tmp_path, content):
    path = tmp_path / "cat.npz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cat\.npz"):
        read_record(path)


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=3), max_size=12))
def test_names_are_distinct_on_any_file_system(stems):
    items = name_items([Path(f"{i}") / f"{stem}.png" for i, stem in enumerate(stems)])
    names = [item.name.lower() for item in items]
    assert len(set(names)) == len(names)
    assert not set(names) & {"run", "history", "report"}
    assert [item.id for item in items] == list(range(len(stems)))


def test_files_of_an_input_that_has_failed_since_are_not_in_the_report(tmp_path, item):
    folder = OutputFolder(tmp_path / "out", {"seed": 0})
    other = item._replace(id=1, name="dog")
    folder.write(item, record())
    folder.write(other, record("dog"))
    assert [r.name for r in read_records(tmp_path / "out")[1]] == ["cat", "dog"]  # Not ended yet.
    folder.finish([item], {str(item.source): "it is gone"}, {})
    assert list(read_records(tmp_path / "out")[1]) == []
    assert (tmp_path / "out" / "history.csv").read_text() == "image,step,loss\n"
    assert (tmp_path / "out" / "dog.npz").exists()


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
    folder, before = OutputFolder(tmp_path / "out", {"seed": 0}), digests(item)
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
        with pytest.raises(GPriorError, match="lies where results will be written"):
            check_apart(out, [item, trespasser])
    check_apart(out, [item, item._replace(source=out / "raw" / "a.png")])

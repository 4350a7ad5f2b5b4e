"""Output folders put together: what is in the whole, and what is refused."""

import os

import pytest

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.runs import find_items, merge, read_record, run
from gprior_jax.runs.record import read_about, write_record
from gprior_jax.runs.shares import Share
from gprior_jax.storage.atomic import read_json
from runs.records import picture, pictures, results, times
from runs.test_runner import Negatives


@pytest.fixture
def items(tmp_path):
    pictures(tmp_path / "in", "abcdefg")
    picture(tmp_path / "in" / "c.bmp", 9)
    return find_items([tmp_path / "in"])


@pytest.fixture
def parts(items, tmp_path):
    """Folders of three shares."""
    folders = [tmp_path / str(number) for number in range(3)]
    for number, folder in enumerate(folders):
        run(Negatives(), items, folder, batch_size=2, part=Share(number, 3), facts={"model": "tiny"})
    return folders


def test_the_whole_is_that_of_one_run(items, parts, tmp_path):
    to, alone = tmp_path / "to", tmp_path / "alone"
    run(Negatives(), items, alone, batch_size=2)
    ending = merge(parts, to)
    assert results(to) == results(alone)
    found, wanted = (read_json(folder / "run.json") for folder in (to, alone))
    assert {n: found[n] for n in ("images", "settings", "failed")} == {
        n: wanted[n] for n in ("images", "settings", "failed")
    }
    assert (found["model"], ending.report) == ("tiny", to / "report.html")
    assert found["seconds"] == pytest.approx(sum(read_json(part / "run.json")["seconds"] for part in parts), abs=0.02)
    assert (to / "history.csv").read_text() == (alone / "history.csv").read_text()
    assert "8 images." in (to / "report.html").read_text()
    assert not [*to.glob(".*")]


def test_again_when_there_is_more(items, parts, tmp_path):
    to = tmp_path / "to"
    merge(parts[:1], to)
    before = times(to)
    merge(parts, to)
    assert {name: when for name, when in times(to).items() if name in before} == before
    assert len(merge(parts[1:], to).entries) == len(items)
    assert len(merge([parts[0]], parts[0]).entries) == len(Share(0, 3).of(items, items))
    assert len(merge(parts, parts[0]).entries) == len(items)
    run(Negatives(), items, to, batch_size=2)
    assert {name: when for name, when in times(to).items() if name in before} == before


def test_without_links_files_are_copied(parts, tmp_path, monkeypatch):
    merge(parts, tmp_path / "linked")

    def fail(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", fail)
    merge(parts, tmp_path / "copied")
    assert results(tmp_path / "copied") == results(tmp_path / "linked")
    one = next((tmp_path / "copied").glob("*.npz"))
    assert [(tmp_path / folder / one.name).stat().st_nlink for folder in ("copied", "linked")] == [1, 2]


def test_what_failed_in_one_and_was_done_in_another_is_done(tmp_path):
    pictures(tmp_path / "in", "ab")
    items, bad = find_items([tmp_path / "in"]), tmp_path / "in" / "a.png"
    content = bad.read_bytes()
    bad.write_bytes(b"")
    for name in ("x", "to"):
        run(Negatives(), items, tmp_path / name, batch_size=2)
    assert merge([tmp_path / "x"], tmp_path / "to").run["failed"].keys() == {str(bad)}
    bad.write_bytes(content)
    run(Negatives(), items, tmp_path / "y", batch_size=2)
    ending = merge([tmp_path / "x", tmp_path / "y"], tmp_path / "to")
    assert ending.run["failed"] == {}
    assert [entry.row["name"] for entry in ending.entries] == ["a", "b"]


def test_other_settings_are_refused(items, parts, tmp_path):
    run(Negatives(own=1), items, tmp_path / "other", batch_size=2)
    with pytest.raises(ArgumentError, match=r"other holds a run with another own.*merge folders of the same settings"):
        merge([*parts, tmp_path / "other"], tmp_path / "to")
    with pytest.raises(ArgumentError, match=r"other holds a run with another own.*name another folder to merge into"):
        merge(parts, tmp_path / "other")
    assert not (tmp_path / "to").exists()


def test_other_images_of_one_name_are_refused(parts, tmp_path):
    pictures(tmp_path / "in2", "ba")
    run(Negatives(), find_items([tmp_path / "in2"]), tmp_path / "other", batch_size=2)
    with pytest.raises(ArgumentError, match=r"have other images of the same names \(.*\): merge shares of one list"):
        merge([*parts, tmp_path / "other"], tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_a_folder_that_is_none(parts, tmp_path):
    with pytest.raises(CheckpointError, match=r"run\.json is missing"):
        merge([*parts, tmp_path / "in"], tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_pictures_of_all_kinds_come_along(parts, tmp_path):
    name = next(parts[0].glob("*.npz")).stem
    for place in ("mean", "samples", "pasted", "films", "models"):
        (parts[0] / place).mkdir(exist_ok=True)
    more = [f"mean/{name}.png", f"samples/{name}_1.png", f"samples/{name}_2.png", f"pasted/{name}.png"]
    more += [f"films/{name}.webp", f"models/{name}/config.json"]
    (parts[0] / "models" / name).mkdir()
    for file in more:
        (parts[0] / file).write_bytes(file.encode())
    merge(parts, tmp_path / "to")
    assert all((tmp_path / "to" / file).read_bytes() == file.encode() for file in more)


def test_records_of_other_settings_in_a_part_stay_there(parts, tmp_path):
    path = next(parts[0].glob("*.npz"))
    stray = parts[0] / "stray.npz"
    write_record(stray, read_record(path)._replace(name="stray"), read_about(path) | {"fingerprint": "another"})
    merge(parts, tmp_path / "to")
    assert not (tmp_path / "to" / "stray.npz").exists()

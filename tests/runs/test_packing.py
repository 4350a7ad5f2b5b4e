"""Results in tar files."""

import io
import json
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import ArgumentError, CheckpointError, MissingExtraError, OccupiedError
from gprior_jax.images.array_records import read_records
from gprior_jax.images.listing import list_images
from gprior_jax.runs import find_items, pack, run
from gprior_jax.storage.atomic import read_json
from runs.records import picture, pictures
from runs.test_runner import Negatives


@pytest.fixture
def out(tmp_path):
    pictures(tmp_path / "in", "abc")
    picture(tmp_path / "in" / "d.v2.png", 7)
    run(Negatives(), find_items([tmp_path / "in"]), tmp_path / "out", batch_size=2)
    return tmp_path / "out"


def content(path):
    with tarfile.open(path, "r:") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def test_a_kind_that_there_is_not(out, tmp_path):
    with pytest.raises(ArgumentError, match="kind 'zip': use tar or arrayrecord"):
        pack(out, tmp_path / "packed", **{"kind": "zip"})
    assert not (tmp_path / "packed").exists()


def test_every_image_has_its_three_files(out, tmp_path):
    (shard,) = pack(out, tmp_path / "packed")
    files = content(shard)
    names = ["a", "b", "c", "d%2Ev2"]
    assert [*files] == [f"{name}.{ending}" for name in names for ending in ("png", "npz", "json")]
    for name in names:
        own = name.replace("%2E", ".")
        assert files[f"{name}.png"] == (out / f"{own}.png").read_bytes()
        assert files[f"{name}.npz"] == (out / f"{own}.npz").read_bytes()
        assert json.loads(files[f"{name}.json"])["name"] == own
    assert np.asarray(Image.open(io.BytesIO(files["a.png"]))).shape == (8, 8, 3)
    manifest = read_json(tmp_path / "packed" / "pack.json")
    assert manifest["shards"] == [{"file": "results-00000.tar", "images": 4, "bytes": sum(map(len, files.values()))}]
    assert manifest["settings"] == read_json(out / "run.json")["settings"]
    # They can be read as inputs again.
    assert [found.below for found in list_images([shard]).files] == [f"{name}.png" for name in names]


def test_files_are_of_a_size_and_the_same_each_time(out, tmp_path):
    largest = max(sum((out / f"{n}.{e}").stat().st_size for e in ("png", "npz")) for n in "abc") + 1000
    first = {path.name: path.read_bytes() for path in pack(out, tmp_path / "packed", 2 * largest)}
    assert [*first] == ["results-00000.tar", "results-00001.tar"]
    (tmp_path / "in2").mkdir()
    again = {path.name: path.read_bytes() for path in pack(out, tmp_path / "packed", 2 * largest)}
    assert again == first
    assert len(pack(out, tmp_path / "packed", 1)) == 4
    assert len(pack(out, tmp_path / "packed")) == 1
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {"results-00000.tar", "pack.json"}


def test_what_is_in_the_way_stays(out, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    (tmp_path / "file").touch()
    packed = tmp_path / "packed"
    pack(out, packed)
    (packed / "mine.txt").touch()
    for to in (tmp_path / "other", tmp_path / "file", packed):
        with pytest.raises(OccupiedError, match="holds something else than packed results"):
            pack(out, to)
    assert (packed / "mine.txt").exists()
    with pytest.raises(ArgumentError, match="name another one than that of the results"):
        pack(out, out)
    with pytest.raises(ArgumentError, match="max_bytes 0"):
        pack(out, tmp_path / "new", 0)


def test_nothing_is_written_of_results_that_are_missing(out, tmp_path):
    (out / "c.png").unlink()
    with pytest.raises(CheckpointError, match=r"c\.png is missing"):
        pack(out, tmp_path / "packed")
    with pytest.raises(CheckpointError, match=r"run\.json is missing"):
        pack(tmp_path / "in", tmp_path / "packed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_array_records_hold_a_tar_file_of_every_image(out, tmp_path):
    pytest.importorskip("array_record", reason="the extra arrayrecord is not installed")
    (plain,) = pack(out, tmp_path / "plain")
    (shard,) = pack(out, tmp_path / "packed", kind="arrayrecord")
    assert shard.name == "results-00000.arrayrecord"
    found = {}
    for record in read_records(shard):
        (tmp_path / "one.tar").write_bytes(record)
        found |= content(tmp_path / "one.tar")
    assert found == content(plain)
    one, other = (read_json(tmp_path / name / "pack.json") for name in ("plain", "packed"))
    assert other["shards"] == [one["shards"][0] | {"file": shard.name}]
    ours, theirs = (list_images([path]).files for path in (shard, plain))
    assert [each.below for each in ours] == [each.below for each in theirs]
    # One kind replaces the other, and files are of a size.
    assert len(pack(out, tmp_path / "packed", 1)) == 4
    assert len(pack(out, tmp_path / "packed", 1, "arrayrecord")) == 4
    assert {path.suffix for path in (tmp_path / "packed").iterdir()} == {".arrayrecord", ".json"}


def test_array_records_without_their_package(out, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "array_record"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "array_record", None)
    with pytest.raises(MissingExtraError, match=r"array_record is not installed: pip install .*arrayrecord"):
        pack(out, tmp_path / "packed", kind="arrayrecord")
    assert not (tmp_path / "packed").exists()

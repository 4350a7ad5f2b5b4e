"""Pictures in ArrayRecord files: which are found, and what is refused."""

import numpy as np
import pytest

pytest.importorskip("array_record", reason="the extra arrayrecord is not installed")

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images.array_records import read_record, read_records, write_records
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import list_images
from gprior_jax.runs import find_items
from images.test_archives import encoded, pack


@pytest.fixture
def shard(tmp_path):
    """Two pictures, something else, and a tar file of one and of what is none."""
    inner = pack(tmp_path / "inner.tar", {"sub/a.png": encoded(3), "a.json": b"{}", "../b.png": b"x"}).read_bytes()
    path = tmp_path / "photos-000.arrayrecord"
    write_records(path, [encoded(1), b"something", encoded(2), inner])
    return path


def test_records_are_what_was_written(tmp_path):
    records = [bytes([number]) * 1000 * number for number in range(40)]
    write_records(tmp_path / "a.arrayrecord", records)
    assert list(read_records(tmp_path / "a.arrayrecord")) == records
    assert [read_record(tmp_path / "a.arrayrecord", number) for number in (39, 0, 7)] == [
        records[number] for number in (39, 0, 7)
    ]
    write_records(tmp_path / "b.arrayrecord", records)
    assert (tmp_path / "b.arrayrecord").read_bytes() == (tmp_path / "a.arrayrecord").read_bytes()


def test_pictures_are_items_by_number_and_by_name(shard, tmp_path):
    told = []
    items = find_items([shard], tell=told.append)
    assert [item.below for item in items] == ["00000000.png", "00000002.png", "sub/a.png"]
    for item, seed in zip(items, (1, 2, 3), strict=True):
        (tmp_path / "plain.png").write_bytes(encoded(seed))
        np.testing.assert_array_equal(load_image(item.source, 16), load_image(tmp_path / "plain.png", 16))
        assert item.digests() == item._replace(source=tmp_path / "plain.png").digests()
    assert "1 .json" in told[0]
    assert "1 record without a picture" in told[0]
    assert "1 name that lead out of the tar file" in told[0]
    assert [found.below for found in list_images([tmp_path / "photos-*.arrayrecord"]).files] == [i.below for i in items]
    with pytest.raises(ImageFileError, match="does not exist"):
        load_image(shard / "00000001.png", 16)


def test_what_is_no_such_file_or_damaged_is_told(shard, tmp_path):
    whole = shard.read_bytes()
    for content in (whole[: len(whole) // 2], b"hello" * 100, b""):
        bad = tmp_path / "bad.arrayrecord"
        bad.write_bytes(content)
        with pytest.raises(GPriorError, match=r"bad\.arrayrecord is no ArrayRecord file, or damaged"):
            list_images([bad])
    place = whole.index(encoded(2)[:30]) + 40  # Of its pixels: PNG is not compressed again.
    items = find_items([shard])
    shard.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(GPriorError, match="damaged"):
        find_items([shard])
    with pytest.raises(ImageFileError, match="damaged"):
        load_image(items[1].source, 16)


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(GPriorError, match="cannot be written: open"):
        write_records(tmp_path / "nowhere" / "a.arrayrecord", [b"a"])

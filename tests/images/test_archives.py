"""Pictures in tar files: which are found, and what is refused."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images import archives
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import list_images
from gprior_jax.images.opening import size_of
from gprior_jax.runs import find_items


def encoded(seed):
    pixels, file = np.random.default_rng(seed).integers(0, 255, (16, 20, 3), np.uint8), io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pack(path, content, mode="w"):
    """A tar file of names and contents."""
    with tarfile.open(path, mode) as archive:
        for name, value in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(value)
            archive.addfile(member, io.BytesIO(value))
    return path


@pytest.fixture
def shard(tmp_path):
    content = {"b.png": encoded(1), "sub/a.png": encoded(2), "b.json": b"{}", "sub/.hidden.png": b""}
    return pack(tmp_path / "photos-000.tar", content)


def test_members_are_items_by_their_names(shard, tmp_path):
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    for name, seed in (("b.png", 1), ("sub/a.png", 2)):
        (tmp_path / "folder" / name).write_bytes(encoded(seed))
    told = []
    found, plain = find_items([shard], tell=told.append), find_items([tmp_path / "folder"], recursive=True)
    assert [(item.name, item.id, item.below) for item in found] == [(i.name, i.id, i.below) for i in plain]
    assert [item.digests() for item in found] == [item.digests() for item in plain]
    for ours, theirs in zip(found, plain, strict=True):
        np.testing.assert_array_equal(load_image(ours.source, 16), load_image(theirs.source, 16))
    assert size_of(found[0].source) == (20, 16)
    assert len(told) == 1
    assert "left out 1 .json (no pictures" in told[0]


def test_shards_of_a_pattern(shard, tmp_path):
    pack(tmp_path / "photos-001.tar", {"b.png": encoded(3)})
    items = find_items([tmp_path / "photos-*.tar"])
    assert [item.name for item in items] == ["b", "sub_a", "b_photos-001.tar"]
    # In a folder, they are no pictures.
    with pytest.raises(GPriorError, match=r"holds no images; left out: 2 \.tar"):
        list_images([tmp_path])


def test_unsafe_names_links_and_cut_off_members(tmp_path):
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("/etc/a.png", "../b.png", "in/../../c.png", "./d.png"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("e.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    listing = list_images([path])
    assert [found.below for found in listing.files] == ["d.png"]
    assert "3 names that lead out of the tar file" in listing.left_out[0]
    with pytest.raises(ImageFileError, match=r"d\.png is no image"):
        load_image(path / "d.png", 8)
    for missing in ("e.png", "f.png", "../b.png"):
        with pytest.raises(ImageFileError, match="does not exist"):
            load_image(path / missing, 8)


def test_what_is_no_tar_file(shard, tmp_path):
    whole = shard.read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(encoded(1)) // 2 + 512])
    (tmp_path / "none.tar").write_bytes(b"nothing of the kind" * 100)
    pack(tmp_path / "packed.tar", {"a.png": encoded(1)}, "w:gz")
    for name in ("cut", "none", "packed"):
        with pytest.raises(GPriorError, match=f"{name}.tar is no tar file, or damaged"):
            list_images([tmp_path / f"{name}.tar"])
    (tmp_path / "dir.tar").mkdir()
    (tmp_path / "dir.tar" / "a.png").write_bytes(encoded(1))
    assert [found.below for found in list_images([tmp_path / "dir.tar"]).files] == ["a.png"]
    assert load_image(tmp_path / "dir.tar" / "a.png", 8).shape == (8, 8, 3)


def test_what_has_changed_or_gone_is_told_of_each_picture(shard, monkeypatch):
    items = find_items([shard])
    pack(shard, {"b.png": encoded(5)})
    assert items[0].digests() == find_items([shard])[0].digests()
    with pytest.raises(ImageFileError, match=r"sub/a\.png does not exist"):
        items[1].digests()
    monkeypatch.setattr(archives, "MAX_BYTES", 10)
    with pytest.raises(ImageFileError, match="too large for a picture"):
        items[0].digests()
    shard.write_bytes(b"damaged" * 200)
    with pytest.raises(ImageFileError, match="is no tar file, or damaged"):
        items[0].digests()
    shard.unlink()
    with pytest.raises(ImageFileError, match=r"cannot be read|does not exist"):
        load_image(items[0].source, 8)

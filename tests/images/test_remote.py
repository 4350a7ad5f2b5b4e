"""Pictures in the cloud, which is a folder here."""

import io
import os
import re

import fsspec
import numpy as np
import pytest
from etils.epath import backend
from fsspec.implementations.local import LocalFileSystem
from PIL import Image

from gprior_jax.errors import GPriorError, ImageFileError, MissingExtraError
from gprior_jax.images import remote
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import list_images, place_of
from gprior_jax.runs import find_items


class Cloud(LocalFileSystem):
    """``s3://bucket`` is the folder ``root/bucket``."""

    protocol = "s3"
    root = ""
    cachable = False

    @classmethod
    def _strip_protocol(cls, path):
        path = str(path).removeprefix(cls.root).removeprefix("s3://").strip("/")
        return f"{cls.root}/{path}".rstrip("/")

    def glob(self, path, **options):
        return [each.removeprefix(f"{self.root}/") for each in super().glob(path, **options)]


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    monkeypatch.setattr(Cloud, "root", str(tmp_path))
    fsspec.register_implementation("s3", Cloud, clobber=True)
    backend._FileSystemSpecBackend._get_filesystem.cache_clear()
    folder = tmp_path / "bucket"
    for seed, name in enumerate(("a.png", "sub.1/b.png", "c.txt", ".d.png")):
        (folder / name).parent.mkdir(exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 20, 3), np.uint8)).save(file, "PNG")
        (folder / name).write_bytes(file.getvalue())
    yield folder
    fsspec.register_implementation("s3", "s3fs.S3FileSystem", clobber=True)
    backend._FileSystemSpecBackend._get_filesystem.cache_clear()


def below(*inputs, **options):
    return [found.below for found in list_images(inputs, **options).files]


def test_folders_files_and_patterns(bucket):
    assert below("s3://bucket") == ["a.png"]
    assert below("s3://bucket/", recursive=True) == ["a.png", "sub.1/b.png"]
    assert below("s3://bucket/sub.1/b.png", "s3://bucket/c.txt") == ["c.txt", "b.png"]
    assert below("s3://bucket/*/*.png") == ["sub.1/b.png"]


def test_items_are_those_of_a_folder(bucket):
    found, plain = find_items(["s3://bucket"], recursive=True), find_items([bucket], recursive=True)
    assert [(i.name, i.id, i.digests()) for i in found] == [(i.name, i.id, i.digests()) for i in plain]
    np.testing.assert_array_equal(load_image(found[1].source, 16), load_image(plain[1].source, 16))
    assert place_of(found[1].source) == "s3://bucket/sub.1/b.png"


def test_what_is_not_there(bucket, monkeypatch):
    (bucket / "empty").mkdir()
    for name in ("empty/c.txt", "a.tar"):
        (bucket / name).touch()
    refused = {
        "x.png": "does not exist: give image files",
        "empty": "holds no images; left out: 1 .txt",
        "x*": "holds no images.",
        "a.tar": "is in the cloud, and such files are read on disk only: copy it there first.",
    }
    for name, why in refused.items():
        with pytest.raises(GPriorError, match=re.escape(f"s3://bucket/{name} {why}")):
            list_images([f"s3://bucket/{name}"])
    (item,) = find_items(["s3://bucket/a.png"])
    monkeypatch.setattr(remote, "MAX_BYTES", 10)
    with pytest.raises(ImageFileError, match="too large for a picture"):
        item.digests()
    os.unlink(bucket / "a.png")
    with pytest.raises(ImageFileError, match=r"a\.png does not exist"):
        item.digests()
    with pytest.raises(ImageFileError, match=r"a\.png does not exist"):
        load_image(item.source, 8)


def test_without_the_extra_it_is_named(monkeypatch):
    def fail(url):
        raise ImportError("Please install gcsfs to access Google Storage")

    monkeypatch.setattr(remote, "_path", fail)
    with pytest.raises(MissingExtraError, match=r"gs://b/a\.png cannot be read \(Please install gcsfs.*\[cloud\]'"):
        list_images(["gs://b/a.png"])
    with pytest.raises(MissingExtraError, match="cloud"):
        remote.read("gs://b/a.png")


def test_services_that_fail_are_told_in_one_sentence(monkeypatch):
    def fail(url):
        raise PermissionError("Anonymous caller does not have access.\nmore")

    monkeypatch.setattr(remote, "_path", fail)
    with pytest.raises(GPriorError, match=r"gs://b/\*\.png cannot be read: Anonymous caller does not have access\.$"):
        list_images(["gs://b/*.png"])
    with pytest.raises(ImageFileError, match=r"gs://b/a\.png cannot be read: Anonymous caller does not have access\.$"):
        remote.read("gs://b/a.png")

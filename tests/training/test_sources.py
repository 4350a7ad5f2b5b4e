import os
import sys

import numpy as np
import pytest

from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.training import sources
from training.test_data import make_zip, png

IMAGE = png(np.zeros((8, 8, 3), np.uint8))


def folder_of(path, names):
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(IMAGE)
    return path


def test_names(tmp_path):
    names = ["b.PNG", "a/c.jpg", "a/d.webp", "notes.txt", "a/e"]
    wanted = ["a/c.jpg", "a/d.webp", "b.PNG"]
    assert sources.open_source(folder_of(tmp_path / "f", names)).names == wanted
    assert sources.open_source(make_zip(tmp_path / "f.zip", dict.fromkeys(names, IMAGE))).names == wanted


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such names")
def test_a_name_that_is_no_utf_8(tmp_path):
    """It can be read, and its name printed."""
    (tmp_path / "f").mkdir()
    with open(os.fsencode(tmp_path / "f") + b"/\xe9.png", "wb") as file:
        file.write(IMAGE)
    source = sources.open_source(tmp_path / "f")
    assert source.read(source.names[0]) == IMAGE
    assert sources.shown(source.names[0]) == "\\xe9.png"
    assert len(source.fingerprint()) == 16


def test_accents_in_either_form(tmp_path):
    zips = [make_zip(tmp_path / f"{i}.zip", {f"{name}.png": IMAGE}) for i, name in enumerate(("\u00e9", "e\u0301"))]
    assert sources.open_source(zips[0]).names == sources.open_source(zips[1]).names


def test_the_fingerprint_changes_with_a_file(tmp_path):
    folder = folder_of(tmp_path / "f", ["a.png", "b.png"])
    seen = {sources.open_source(folder).fingerprint(), sources.open_source(folder).fingerprint()}
    assert len(seen) == 1
    (folder / "a.png").write_bytes(IMAGE + b"x")
    seen.add(sources.open_source(folder).fingerprint())
    (folder / "b.png").unlink()
    seen.add(sources.open_source(folder).fingerprint())
    assert len(seen) == 3


def test_a_zip_file_is_the_same_wherever_it_lies(tmp_path):
    make_zip(tmp_path / "a.zip", {"a.png": IMAGE})
    before = sources.open_source(tmp_path / "a.zip").fingerprint()
    (tmp_path / "a.zip").rename(tmp_path / "b.zip")
    os.utime(tmp_path / "b.zip", (0, 0))
    assert sources.open_source(tmp_path / "b.zip").fingerprint() == before


def test_what_cannot_be_read(tmp_path, monkeypatch):
    folder = folder_of(tmp_path / "f", ["a.png"])
    source = sources.open_source(folder)
    (folder / "a.png").unlink()
    with pytest.raises(ImageFileError, match=r"a\.png cannot be read"):
        source.read("a.png")
    assert source.fingerprint()
    archive = sources.open_source(make_zip(tmp_path / "a.zip", {"a.png": IMAGE}))
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    with pytest.raises(ImageFileError, match=r"a\.zip: a\.png has .* GiB: no image"):
        archive.read("a.png")
    with pytest.raises(GPriorError, match=r"is not a readable zip file of images: .* Give a zip file or a folder"):
        sources.open_source(tmp_path / "gone.zip")

"""Lists of inputs in text files and on standard input."""

import io
import sys

import pytest

from gprior_jax.errors import GPriorError
from gprior_jax.images.listing import list_images
from gprior_jax.runs import find_items


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1.png", "b/1.png", "b/x [2].png", "c.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    return tmp_path / "in"


def test_paths_are_relative_to_the_list(folder, tmp_path):
    (folder / "list.txt").write_bytes(
        b"\xef\xbb\xbfa/1.png\r\n\n  ./b/1.png \nb/x [2].png\n" + str(folder / "c.png").encode()
    )
    items = find_items([f"@{folder / 'list.txt'}"])
    whole = find_items([folder], recursive=True)
    # As if the folder had been named.
    assert [(i.name, i.id, i.source) for i in items] == [(i.name, i.id, i.source) for i in whole]


def test_folders_patterns_and_what_is_missing(folder):
    (folder / "list.txt").write_text("b\n*.png\nmissing.png\n../elsewhere.png\n")
    found = list_images([f"@{folder / 'list.txt'}"]).files
    assert sorted(each.below for each in found) == ["1.png", "c.png", "elsewhere.png", "missing.png", "x [2].png"]


def test_standard_input(folder, monkeypatch):
    class Input:
        buffer = io.BytesIO(b"a/1.png\nc.png\n")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", Input)
    assert [each.below for each in list_images(["-"]).files] == ["a/1.png", "c.png"]


def test_lists_that_are_none(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(GPriorError, match=r"the list nowhere\.txt cannot be read: No such file"):
        list_images(["@nowhere.txt"])
    (folder / "empty.txt").write_text("\n \n")
    with pytest.raises(GPriorError, match=r"the list @empty\.txt names no images"):
        list_images(["@empty.txt"])
    # A file of this name is meant before a list.
    (folder / "@c.png").touch()
    assert [each.below for each in list_images(["@c.png"]).files] == ["@c.png"]

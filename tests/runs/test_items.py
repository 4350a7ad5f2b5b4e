import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.runs.items import find_items, match_files, name_items


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=3), max_size=12))
def test_names_are_distinct_on_any_file_system(stems):
    items = name_items([Path(f"{i}") / f"{stem}.png" for i, stem in enumerate(stems)])
    names = [item.name.lower() for item in items]
    assert len(set(names)) == len(names)
    assert not set(names) & {"run", "history", "report"}
    assert [item.id for item in items] == list(range(len(stems)))


def test_items_are_the_files_of_a_folder_in_order(tmp_path):
    for name in ("b.png", "a.jpg", "notes.txt", "a.png"):
        (tmp_path / name).touch()
    items = find_items([tmp_path])
    assert [(item.id, item.name, item.source) for item in items] == [
        (0, "a", tmp_path / "a.jpg"),
        (1, "a_2", tmp_path / "a.png"),
        (2, "b", tmp_path / "b.png"),
    ]
    with pytest.raises(GPriorError, match="does not exist"):
        find_items([tmp_path / "c.png"])


def test_digests_are_of_everything_that_a_result_depends_on(tmp_path, item):
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"black")
    pixels, black = (hashlib.sha256(content).hexdigest() for content in (b"pixels", b"black"))
    assert item.digests() == [pixels]
    assert item._replace(companions=(mask,)).digests() == [pixels, black]
    # An input that is no file has its own.
    assert item._replace(source=Path("drawn_3"), companions=(mask,), digest="number 3").digests() == ["number 3", black]


def test_files_that_belong_to_items(tmp_path):
    items = name_items([Path("in/a.jpg"), Path("in/b.png"), Path("other/b.png")])
    for name in ("a.png", "b.tif", "c.png"):
        (tmp_path / name).touch()
    # Both files b are of that stem, whatever their results are called.
    wanted = {0: tmp_path / "a.png", 1: tmp_path / "b.tif", 2: tmp_path / "b.tif"}
    assert match_files(tmp_path, items, "masks") == wanted
    assert match_files(tmp_path / "c.png", items, "masks") == dict.fromkeys(range(3), tmp_path / "c.png")
    assert match_files(tmp_path, name_items([Path("a.jpg"), Path("z.jpg")]), "masks") == {0: tmp_path / "a.png"}


def test_files_that_belong_to_none(tmp_path):
    items = name_items([Path("in/a.jpg")])
    with pytest.raises(ArgumentError, match=r"masks .*nowhere does not exist: give a file or a folder"):
        match_files(tmp_path / "nowhere", items, "masks")
    (tmp_path / "b.png").touch()
    with pytest.raises(ArgumentError, match=r"masks .* holds no file of the name of any input"):
        match_files(tmp_path, items, "masks")
    (tmp_path / "b.jpg").touch()
    with pytest.raises(ArgumentError, match=r"holds b\.jpg and b\.png for one picture: leave one of them"):
        match_files(tmp_path, items, "masks")

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprior_jax.errors import ArgumentError, GPriorError, ImageFileError
from gprior_jax.images.listing import Found
from gprior_jax.runs.items import find_items, match_files, name_items
from gprior_jax.runs.names import id_of, same_name


def files(*paths):
    return [Found(Path(path), Path(path).name) for path in paths]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=3), max_size=12))
def test_names_are_distinct_on_any_file_system(stems):
    items = name_items([Found(Path(f"{i}") / f"{stem}.png", f"{stem}.png") for i, stem in enumerate(stems)])
    names = [same_name(item.name) for item in items]
    assert len(set(names)) == len(names)
    assert not set(names) & {"run", "history", "report"}
    assert [item.id for item in items] == [id_of(f"{stem}.png") for stem in stems]


def test_items_are_the_files_of_a_folder_in_order(tmp_path):
    for name in ("b.png", "a.jpg", "notes.txt", "a.png", "run.png"):
        (tmp_path / name).touch()
    told = []
    items = find_items([tmp_path], tell=told.append)
    assert [(item.name, item.source, item.below) for item in items] == [
        ("a", tmp_path / "a.jpg", "a.jpg"),
        ("a_png", tmp_path / "a.png", "a.png"),
        ("b", tmp_path / "b.png", "b.png"),
        ("run_png", tmp_path / "run.png", "run.png"),
    ]
    assert len(told) == 1
    with pytest.raises(GPriorError, match="does not exist"):
        find_items([tmp_path / "c.png"])


@pytest.mark.parametrize("way", ["folder", "file", "pattern", "relative", "link", "links and all"])
def test_an_id_does_not_depend_on_what_else_is_named_or_how(tmp_path, monkeypatch, way):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.png").touch()
    (alone,) = find_items([folder])
    for name in ("a.png", "c.png", "b.tif"):
        (folder / name).touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").symlink_to(folder)
    named = {
        "folder": [folder],
        "file": [folder / "b.png"],
        "pattern": [folder / "*.png"],
        "relative": ["./in/../in/"],
        "link": ["elsewhere/b.png"],
        "links and all": ["elsewhere", "in/b.png", folder],
    }[way]
    (found,) = (item for item in find_items(named) if item.source.name == "b.png")
    assert found.id == alone.id == id_of("b.png")
    assert found.below == "b.png"


def test_the_root_of_a_pattern_is_what_of_it_is_a_folder(tmp_path):
    for name in ("in/b.png", "in [1]/c.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert [item.below for item in find_items([tmp_path / "i*" / "*.png"])] == ["in/b.png", "in [1]/c.png"]
    assert [item.below for item in find_items([tmp_path / "in [1]" / "*"])] == ["c.png"]


def test_files_in_folders_below_the_input(tmp_path):
    for name in ("d.png", "sub/d.png", "sub/deep/d.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    items = find_items([tmp_path / "in"], recursive=True)
    assert [(item.below, item.name) for item in items] == [
        ("d.png", "d"),
        ("sub/d.png", "sub_d"),
        ("sub/deep/d.png", "sub_deep_d"),
    ]
    assert [item.id for item in items] == [id_of(item.below) for item in items]
    (item,) = find_items([tmp_path / "in"], recursive=True, without=tmp_path / "in" / "sub")
    assert item == items[0]


def test_two_files_of_one_name_have_one_id_and_two_names(tmp_path):
    for folder in "xy":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cat.png").touch()
    items = find_items([tmp_path / "x", tmp_path / "y"])
    assert [item.name for item in items] == ["cat", "cat_y"]
    assert items[0].id == items[1].id == find_items([tmp_path / "y"])[0].id


def test_digests_are_of_everything_that_a_result_depends_on(tmp_path, item):
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"black")
    pixels, black = (hashlib.sha256(content).hexdigest() for content in (b"pixels", b"black"))
    assert item.digests() == [pixels]
    assert item._replace(companions=(mask,)).digests() == [pixels, black]
    # An input that is no file has its own.
    assert item._replace(source=Path("drawn_3"), companions=(mask,), digest="number 3").digests() == ["number 3", black]
    mask.unlink()
    with pytest.raises(ImageFileError, match=r"mask\.png does not exist\.$"):
        item._replace(companions=(mask,)).digests()


def test_files_that_belong_to_items(tmp_path):
    items = name_items(files("in/a.jpg", "in/b.png", "other/b.png"))
    for name in ("a.png", "b.tif", "c.png"):
        (tmp_path / name).touch()
    # Both files b are of that stem, whatever their results are called.
    a, b, other = (item.source for item in items)
    assert match_files(tmp_path, items, "masks") == {
        a: tmp_path / "a.png",
        b: tmp_path / "b.tif",
        other: tmp_path / "b.tif",
    }
    assert match_files(tmp_path / "c.png", items, "masks") == dict.fromkeys((a, b, other), tmp_path / "c.png")
    few = name_items(files("a.jpg", "z.jpg"))
    assert match_files(tmp_path, few, "masks") == {Path("a.jpg"): tmp_path / "a.png"}


def test_masks_of_pictures_in_folders(tmp_path):
    for name in ("in/d.png", "in/sub/d.png", "in/sub/e.png", "masks/d.png", "masks/sub/d.png", "masks/e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    items = find_items([tmp_path / "in"], recursive=True)
    found = match_files(tmp_path / "masks", items, "masks", recursive=True)
    assert {item.below: found[item.source].relative_to(tmp_path / "masks").as_posix() for item in items} == {
        "d.png": "d.png",
        "sub/d.png": "sub/d.png",
        "sub/e.png": "e.png",  # There is none at its place.
    }
    # The mask of another picture is none.
    assert tmp_path / "in/sub/d.png" not in match_files(tmp_path / "masks", items, "masks")


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_masks_match_in_either_form_of_an_accent(tmp_path, forms):
    picture, mask = (unicodedata.normalize(form, "Zoé.png") for form in forms)
    (tmp_path / mask).touch()
    items = name_items(files(f"in/{picture}"))
    (found,) = match_files(tmp_path, items, "masks").values()
    assert os.path.samefile(found, tmp_path / mask)


def test_files_that_belong_to_none(tmp_path):
    items = name_items(files("in/a.jpg"))
    with pytest.raises(ArgumentError, match=r"masks .*nowhere does not exist: give a file or a folder"):
        match_files(tmp_path / "nowhere", items, "masks")
    (tmp_path / "b.png").touch()
    with pytest.raises(ArgumentError, match=r"masks .* holds no file of the name of any input"):
        match_files(tmp_path, items, "masks")
    (tmp_path / "b.jpg").touch()
    with pytest.raises(ArgumentError, match=r"holds b\.jpg and b\.png for one picture: leave one of them"):
        match_files(tmp_path, items, "masks")

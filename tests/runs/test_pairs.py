"""Which pictures are compared with which."""

import json
import os
import unicodedata

import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.pairs import Pair, match


def test_pictures_are_paired_by_their_stems(tmp_path):
    for name in (
        "ours/a.png",
        "ours/b.png",
        "ours/c.png",
        "theirs/a.jpg",
        "theirs/a.png",
        "theirs/b.jpg",
        "theirs/b.bmp",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ours, theirs, failed = tmp_path / "ours", tmp_path / "theirs", {}
    # Of several the one with the same suffix, else the first by name.
    assert match(ours, theirs, failed) == [
        Pair(ours / "a.png", theirs / "a.png"),
        Pair(ours / "b.png", theirs / "b.bmp"),
    ]
    assert failed == {str(ours / "c.png"): f"{ours / 'c.png'} is left out: {theirs} has no image named c."}
    assert match(ours / "a.png", theirs / "b.jpg", {}) == [Pair(ours / "a.png", theirs / "b.jpg")]
    assert match(ours / "b.png", theirs, {}) == [Pair(ours / "b.png", theirs / "b.bmp")]
    with pytest.raises(ArgumentError, match="have no image of the same name: files are paired by their stem"):
        match(ours / "c.png", theirs, {})


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def paired(tmp_path, recursive=False):
    """Pairs by their names below their folders, failures, and what was told."""
    failed, told = {}, []
    found = match(tmp_path / "ours", tmp_path / "theirs", failed, recursive, told.append)
    below = {
        pair.result.relative_to(tmp_path / "ours").as_posix(): pair.reference.relative_to(
            tmp_path / "theirs"
        ).as_posix()
        for pair in found
    }
    return below, list(failed.values()), told


def test_folders_in_folders(tmp_path):
    touch(
        tmp_path, "ours/d.png", "ours/sub/d.png", "ours/sub/e.png", "theirs/d.jpg", "theirs/sub/d.jpg", "theirs/e.jpg"
    )
    below, failed, told = paired(tmp_path, recursive=True)
    assert below == {"d.png": "d.jpg", "sub/d.png": "sub/d.jpg"}
    assert len(failed) == 1
    assert told == []
    below, _, told = paired(tmp_path)
    assert below == {"d.png": "d.jpg"}
    assert told == [
        f"{tmp_path / each}: left out 1 folder (searched only when recursive)." for each in ("ours", "theirs")
    ]


def test_results_belong_to_what_they_were_made_from(tmp_path):
    """Of an output folder: whatever they are called there, and only the pictures at its top."""
    made = {"b": "in/b.jpg", "b_png": "in/b.png", "sub_d": "in/sub/d.png", "caf%E9": "in/caf\\xe9.png"}
    touch(tmp_path, *(f"ours/{name}.png" for name in made), "ours/b.npz", "ours/measured/b.png", "ours/report.html")
    touch(tmp_path, "theirs/b.jpg", "theirs/b.png", "theirs/sub/d.png", os.fsdecode(b"theirs/caf\xe9.png"))
    rows = [{"name": name, "source": source} for name, source in made.items()]
    (tmp_path / "ours" / "run.json").write_text(json.dumps({"images": rows}))
    below, failed, told = paired(tmp_path, recursive=True)
    assert below == {
        "b.png": "b.jpg",
        "b_png.png": "b.png",
        "sub_d.png": "sub/d.png",
        "caf%E9.png": os.fsdecode(b"caf\xe9.png"),
    }
    assert (failed, told) == ([], [])


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_match_in_either_form_of_an_accent(tmp_path, forms):
    ours, theirs = (unicodedata.normalize(form, "Zoé") for form in forms)
    touch(tmp_path, f"ours/{ours}.png", f"theirs/{theirs}.png")
    below, failed, _ = paired(tmp_path)
    assert len(below) == 1
    assert failed == []

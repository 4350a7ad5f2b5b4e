"""Which pictures are compared with which."""

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

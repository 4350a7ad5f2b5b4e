"""Files of scores and of classes."""

import json
from pathlib import Path

import numpy as np
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.scores import class_scores, read_scores

PICTURES = [Path("old/a.png"), Path("young/b.png"), Path("young/c.png")]


def written(folder, name, content):
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, content, allow_pickle=True)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.npy", np.array([0.5, -1.0, 2.0])),
        ("s.npy", np.array([[0.5], [-1.0], [2.0]], np.float32)),
        ("s.json", [0.5, -1, 2]),
        ("s.csv", "0.5\n-1\n2\n"),
        ("s.csv", "score\n0.5\n-1\n2e0\n"),
        ("s.txt", "\ufeff0.5\r\n-1\r\n2\r\n\r\n"),
        ("s.json", {"a.png": 0.5, "b.jpg": -1, "young/c.png": 2}),
        ("s.csv", "name,score\na,0.5\nb.png,-1\nc.png,2\n"),
        ("s.tsv", "c.png\t2\nb.png\t-1\na.png\t0.5\n"),
        ("s.csv", "c.png;2\nb.png;-1\na.png;0.5\n"),
    ],
)
def test_forms(name, content, tmp_path):
    found = read_scores(written(tmp_path, name, content), PICTURES)
    assert found.values.tolist() == [0.5, -1.0, 2.0]
    assert found.known.all()


def test_pictures_without_a_score_are_marked(tmp_path):
    found = read_scores(written(tmp_path, "s.json", {"a.png": 1.0, "c.png": None}), PICTURES)
    assert found.known.tolist() == [True, False, True]
    assert np.isnan(found.values[2])  # Named, and no number: to be told by whoever uses it.


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("s.npy", np.zeros(2), "are 2, the codes 3: give one for each"),
        ("s.npy", np.zeros((3, 2)), r"float64 \(3, 2\)"),
        ("s.npy", np.array(["a", "b", "c"]), r"<U1 \(3,\)"),
        ("s.npy", np.array([{}], object), "cannot be read"),
        ("s.json", "{", "something else"),
        ("s.json", [1, "x", 2], "something else"),
        ("s.json", {"x.png": 1}, r"name none of the pictures \(they name x.png, x, ...\)"),
        ("s.csv", "", "its lines are not alike"),
        ("s.csv", "1\n2,3\n4\n", "its lines are not alike"),
        ("s.csv", "1\nx\n4\n", "could not convert"),
        ("s.csv", "a.png,1\na.png,2\n", "two scores of a.png"),
    ],
)
def test_refusals(name, content, sentence, tmp_path):
    with pytest.raises(ArgumentError, match=sentence):
        read_scores(written(tmp_path, name, content), PICTURES)


def test_names_are_of_pictures(tmp_path):
    path = written(tmp_path, "s.json", {"a.png": 1})
    with pytest.raises(ArgumentError, match="these codes are of none: use numbers"):
        read_scores(path, [None, None])
    with pytest.raises(ArgumentError, match="cannot be read"):
        read_scores(tmp_path / "missing.csv", PICTURES)


def test_classes_of_a_file_and_of_folders(tmp_path):
    path = written(tmp_path, "l.csv", "a.png,yes\nb.png,no\n")
    found, positive = class_scores(path, "yes", PICTURES)
    assert (found.values.tolist(), found.known.tolist(), positive) == ([1, 0, 0], [True, True, False], "yes")
    found, positive = class_scores("folders", "young", PICTURES)
    assert (found.values.tolist(), positive) == ([0, 1, 1], "young")
    found, positive = class_scores(written(tmp_path, "l.json", {"a": 0, "b": 1, "c": 1}), None, PICTURES)
    assert (found.values.tolist(), positive) == ([0, 1, 1], "1")


@pytest.mark.parametrize(
    ("labels", "positive", "sources", "sentence"),
    [
        ("folders", None, PICTURES, "name the class that is to score high: there are old, young"),
        ("folders", "middle", PICTURES, "'middle' is none of the classes: there are old, young"),
        ("folders", "young", [None], "these codes are of none"),
        ("missing.csv", "a", PICTURES, "cannot be read"),
    ],
)
def test_classes_that_are_none(labels, positive, sources, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        class_scores(labels, positive, sources)

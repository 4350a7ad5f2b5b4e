"""Names of classes, as people keep them."""

import json

import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.runs.region_names import read_region_names

WANTED = {0: "background", 1: "skin", 2: "left eye"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps({"0": "background", "1": "skin", "2": "left eye"})),
        ("a.json", json.dumps({"background": 0, "skin": 1, "left eye": 2})),
        ("a.json", json.dumps(["background", "skin", "left eye"])),
        ("a.csv", "0,background\n1,skin\n2,left eye\n"),
        ("a.csv", "class;name\n0;background\n1;skin\n2;left eye\n"),
        ("a.tsv", "background\t0\nskin\t1\n\nleft eye\t2\n"),
        ("a.txt", "\ufeffbackground\nskin\nleft eye\n"),
    ],
)
def test_forms(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_region_names(tmp_path / name) == WANTED


def test_classes_without_a_name(tmp_path):
    (tmp_path / "a.json").write_text('{"0": null, "1": "skin", "3": ""}')
    assert read_region_names(tmp_path / "a.json") == {0: "", 1: "skin", 3: ""}
    (tmp_path / "a.csv").write_text("0,\n1,skin\n")
    assert read_region_names(tmp_path / "a.csv") == {0: "", 1: "skin"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", "{", "are something else"),
        ("a.json", "3", "neither names nor a list"),
        ("a.json", '{"skin": "1.5"}', "'skin' and '1.5' are no number and name of a class"),
        ("a.json", '{"1": "skin", "1": "hair"}', "'1' stands in it twice"),
        ("a.csv", "1,skin\n2\n", "its lines are not alike"),
        ("a.csv", "", "its lines are not alike"),
        ("a.csv", "1,skin\n1,hair\n", "names class 1 twice, skin and hair: leave one out"),
    ],
)
def test_something_else(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(ArgumentError, match=told):
        read_region_names(tmp_path / name)
    with pytest.raises(ArgumentError, match=r"names of regions .*gone\.csv cannot be read"):
        read_region_names(tmp_path / "gone.csv")

"""Which square of a photograph is taken for its face; the detector is replaced, it has tests of its own."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import ArgumentError, CheckpointError, GPriorError, ImageFileError
from gprior_jax.images.faces import Face
from gprior_jax.images.frames import FFHQ, Frame, Template
from gprior_jax.runs import aligning, find_items
from gprior_jax.runs.aligning import (
    Aligner,
    crop_setting,
    cropping,
    find_alignment,
    framed,
    match_faces,
    read_template,
    with_faces,
)

TEMPLATE = Template(((0.35, 0.45), (0.65, 0.45)), (0.5, 0.75))
OWN = {"eyes": [[0.35, 0.45], [0.65, 0.45]], "mouth": [0.5, 0.75]}


def face(x, y, size):
    """One with points as the template has them, in a square at a place."""
    points = np.array([(0.35, 0.45), (0.65, 0.45), (0.5, 0.6), (0.4, 0.75), (0.6, 0.75)]) * size + (x, y)
    return Face((x, y, size, size), points, 0.9)


@pytest.fixture
def item(tmp_path):
    Image.new("RGB", (200, 100), "gray").save(tmp_path / "a.png")
    return find_items([tmp_path / "a.png"])[0]


def looking(monkeypatch, *faces):
    seen = []
    monkeypatch.setattr(aligning, "find_faces", lambda image: seen.append(image.size) or list(faces))
    return seen


def test_the_largest_is_taken_and_that_is_said(monkeypatch, item):
    seen = looking(monkeypatch, face(100, 20, 60), face(10, 10, 30))
    told = []
    aligner = Aligner(TEMPLATE, tell=told.append)
    assert cropping(aligner, item) == pytest.approx(Frame(130.0, 50.0, 30.0, 0.0))
    np.testing.assert_allclose(framed(aligner, item)["frame"], (130, 50, 30, 0), atol=1e-9)
    assert seen == [(200, 100)]  # Once.
    assert told == ["a.png has 2 faces (0 at 130,50, 1 at 25,25): the largest is taken, face 0."]
    told.clear()
    assert Aligner(TEMPLATE, face=1, tell=told.append).frame(item).side == pytest.approx(30)
    assert told == []
    assert (cropping("pad", item), framed("pad", item), crop_setting("pad")) == ("pad", {}, "pad")


@pytest.mark.parametrize(
    ("faces", "number", "why"),
    [
        ((), None, r"a\.png: no face was found in it; say where it is by a box or points"),
        ((face(0, 0, 60),), 1, r"a\.png: 1 face was found in it, numbers from 0: there is no face 1"),
        ((face(50, 50, 5),), None, r"a\.png: its face is 5\.0 pixels wide"),
    ],
)
def test_photographs_without_such_a_face(monkeypatch, item, faces, number, why):
    looking(monkeypatch, *faces)
    with pytest.raises(ImageFileError, match=why):
        Aligner(TEMPLATE, face=number).frame(item)


def test_given_points(monkeypatch, item):
    seen = looking(monkeypatch)
    points = np.array([(40.0, 40.0), (60.0, 40.0), (50.0, 60.0)])
    aligner = Aligner(FFHQ, {item.source: points})
    assert aligner.frame(item) == FFHQ.frame(points)
    assert seen == []
    other = dataclasses.replace(aligner, given={item.source: points + 1})
    assert len({aligner.told(item), other.told(item), ""}) == 3
    assert with_faces([item], aligner)[0].digests() != with_faces([item], other)[0].digests()
    assert with_faces([item], "center") == [item]
    with pytest.raises(ImageFileError, match=r"a\.png is 200x100 pixels, its face was given outside of it"):
        Aligner(FFHQ, {item.source: points + 500}).frame(item)
    with pytest.raises(ImageFileError, match=r"a\.png is not among the faces that were given"):
        Aligner(FFHQ, {}).frame(item)


def test_settings_tell_one_alignment_from_another():
    found = [Aligner(FFHQ), Aligner(TEMPLATE), Aligner(TEMPLATE, face=1), Aligner(TEMPLATE, given={})]
    assert len({str(crop_setting(each)) for each in found}) == 4
    assert crop_setting(Aligner(TEMPLATE, face=0)) == crop_setting(found[1])


def test_faces_belong_to_items_by_name(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "b.jpg", "sub/c.png", "d.png"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    items = find_items([tmp_path], recursive=True)
    given = {"a.png": np.zeros(1), "b": np.ones(1), "sub/c.png": np.full(1, 2.0), "other.png": np.full(1, 3.0)}
    found = {source.name: value.item() for source, value in match_faces(given, items).items()}
    assert found == {"a.png": 0, "b.jpg": 1, "c.png": 2}
    with pytest.raises(ArgumentError, match="the faces of x, y are of no input"):
        match_faces({"x": np.zeros(1), "y": np.zeros(1)}, items)


def test_alignments_by_name(tmp_path):
    assert find_alignment("ffhq", {}, "m") == FFHQ
    assert find_alignment("auto", {"alignment": "ffhq"}, "m") == FFHQ
    assert find_alignment("auto", {"alignment": OWN}, "m") == TEMPLATE
    (tmp_path / "t.json").write_text('{"eyes": [[0.35, 0.45], [0.65, 0.45]], "mouth": [0.5, 0.75]}')
    assert find_alignment(str(tmp_path / "t.json"), {}, "m") == TEMPLATE
    for name, why in (("auto", "m does not say where faces are"), ("fhq", "align fhq: use auto, ffhq, or a JSON")):
        with pytest.raises(ArgumentError, match=why):
            find_alignment(name, {}, "m")
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(GPriorError, match=r"t\.json"):
        find_alignment(str(tmp_path / "t.json"), {}, "m")


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        "ffhqq",
        OWN | {"mouth": [0.5]},
        OWN | {"eyes": [[0.65, 0.45], [0.35, 0.45]]},
        OWN | {"mouth": ["x", 1]},
        OWN | {"mouth": [float("nan"), 1]},
    ],
)
def test_no_templates(content):
    with pytest.raises(CheckpointError, match="a is no template of faces"):
        read_template(content, "a")

"""Files of boxes and points of faces."""

import json

import numpy as np
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.images.landmarks import face_points, read_faces

FIVE = [[30, 40], [70, 42], [50, 60], [35, 80], [65, 82]]
THREE = np.array([(30.5, 40.5), (70.5, 42.5), (50.5, 81.5)])


def dlib():
    """68 points of which eyes and mouth are where they are in FIVE."""
    points = np.zeros((68, 2))
    around = np.array([(-4, 0), (-2, -2), (2, -2), (4, 0), (2, 2), (-2, 2)])
    points[36:42], points[42:48] = np.add(around, (30, 40)), np.add(around, (70, 42))
    points[48], points[54] = (35, 80), (65, 82)
    return points


@pytest.mark.parametrize("form", ["json pairs", "json flat", "csv", "csv with a head", "three", "swapped", "68"])
def test_every_form_means_the_same_face(tmp_path, form):
    path = tmp_path / ("a.csv" if "csv" in form else "a.json")
    flat = np.ravel(FIVE).tolist()
    three = [[30, 40], [70, 42], [50, 81]]
    row = ",".join(map(str, flat))
    texts = {
        "json pairs": json.dumps({"cat.jpg": FIVE}),
        "json flat": json.dumps({"cat.jpg": flat}),
        "csv": f"cat.jpg,{row}\n\n",
        "csv with a head": f'\ufefffile,{",".join("xy" * 5)}\n"cat.jpg", {row}\n',
        "three": json.dumps({"cat.jpg": three}),
        "swapped": json.dumps({"cat.jpg": [three[1], three[0], three[2]]}),
        "68": json.dumps({"cat.jpg": dlib().tolist()}),
    }
    path.write_text(texts[form], encoding="utf-8")
    found = read_faces(path)
    assert found.keys() == {"cat.jpg"}
    np.testing.assert_allclose(found["cat.jpg"], THREE)


def test_a_face_on_its_head_is_not_exchanged():
    points = 100.0 - np.array([[30, 40], [70, 42], [50, 81]])
    np.testing.assert_allclose(face_points(points.ravel(), "a"), points + 0.5)


def test_a_box_has_upright_points():
    (x0, y0), (x1, y1), (x2, y2) = face_points(np.array([10.0, 20.0, 50.0, 80.0]), "a")
    assert 10 < x0 < x2 < x1 < 60
    assert x2 == pytest.approx(35)
    assert y0 == y1
    assert 20 < y0 < y2 < 100


WRONG = {
    "{": "cannot be read as a file of faces",
    "[]": "holds no faces",
    "{}": "holds no faces",
    '{"a.jpg": [1, 2, 3]}': "a.jpg has 3 numbers: give 4 for a box",
    '{"a.jpg": [1, 2, "x", 4]}': "a.jpg has something that is no number",
    '{"a.jpg": [[1, 2], [3]]}': "a.jpg has something that is no number",
    '{"a.jpg": {"x": 1}}': "a.jpg has something that is no number",
    '{"a.jpg": [1, 2, 0, 4]}': "a.jpg is a box of no size",
    '{"a.jpg": [1, 2, NaN, 4]}': "a.jpg has numbers that are not finite",
    '{"a.jpg": [5, 5, 5, 5, 5, 5]}': "points that lie on each other or in one line",
    '{"a.jpg": [1, 1, 2, 2, 3, 3]}': "points that lie on each other or in one line",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_files(tmp_path, text):
    path = tmp_path / "faces.json"
    path.write_text(text)
    with pytest.raises(ArgumentError, match=WRONG[text]):
        read_faces(path)


def test_unreadable_files(tmp_path):
    with pytest.raises(ArgumentError, match=r"none\.json cannot be read as a file of faces: No such file"):
        read_faces(tmp_path / "none.json")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArgumentError, match="cannot be read as a file of faces"):
        read_faces(tmp_path / "a.csv")

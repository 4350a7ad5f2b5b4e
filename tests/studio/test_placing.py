"""Squares and names: what is given by hand comes through files unharmed, and names of clients are no paths."""

import json
import string

import numpy as np
import pytest
from serving.served import png

from gprior_jax.errors import ArgumentError
from gprior_jax.images.frames import FFHQ, Frame
from gprior_jax.images.landmarks import read_faces
from gprior_jax.runs.aligning import find_alignment
from gprior_jax.studio import placing
from gprior_jax.studio.orders import command_of, file_name, parse_order
from gprior_jax.studio.placing import given_faces, propose, write_square


@pytest.mark.parametrize("angle", [0, 30, 90, -135, 180])
def test_a_square_goes_through_the_files_of_the_command(tmp_path, angle):
    order = parse_order(json.dumps({"placement": {"center": [40.5, 31], "size": 50, "angle": angle}}))
    template, faces = write_square(tmp_path, "a.png", order.placing)
    points = read_faces(faces)["a.png"]
    found = find_alignment(str(template), {}, "m").frame(points)
    np.testing.assert_allclose(found, order.placing, atol=2e-3)
    assert found.side == pytest.approx(50, abs=1e-2)
    turned = (found.degrees - angle + 180) % 360 - 180
    assert turned == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("cat.jpg", "JPEG", "cat.jpg"),
        ("cat.JPEG", "JPEG", "cat.JPEG"),
        ("cat.png", "JPEG", "cat.jpg"),
        ("cat", "PNG", "cat.png"),
        ("cat.v2", "PNG", "cat.v2.png"),
        ("../../etc/passwd", "PNG", "passwd.png"),
        (r"C:\pictures\me.jpg", "JPEG", "me.jpg"),
        ("..", "PNG", "photograph.png"),
        (".hidden.png", "PNG", "hidden.png"),
        ("-rf.png", "PNG", "rf.png"),
        ("a\0b\n*?[c].png", "PNG", "a_b____c_.png"),
        ("con.png", "PNG", "photograph.png"),
        ("日本.png", "PNG", "日本.png"),
        ("x" * 300, "PNG", "x" * 80 + ".png"),
        ("\U00020000" * 90, "JPEG", "\U00020000" * 50 + ".jpg"),
    ],
)
def test_names(name, kind, wanted):
    assert file_name(name, kind) == wanted


def test_no_name_leads_elsewhere():
    draw = np.random.default_rng(0)
    letters = [*string.printable, "é", "\u202e", "\ud800"]
    for _ in range(300):
        name = file_name("".join(draw.choice(letters, draw.integers(0, 30))), "PNG")
        assert not {"/", "\\", "\0", "*", ":", "\n"} & set(name)
        assert not name.startswith((".", "-", " "))
        assert name.endswith(".png") or name.lower().endswith(".png")


def test_a_file_of_landmarks(tmp_path):
    faces = b'{"a.jpg": [10, 20, 30, 20, 20, 40], "b.jpg": [1, 2, 3, 2, 2, 4]}'
    assert given_faces(tmp_path / "l", faces, "a.jpg")[0].tolist() == [10.5, 20.5]
    assert given_faces(tmp_path / "l", b"x.jpg,10,20,30,20,20,40\n", "other.jpg")[0].tolist() == [10.5, 20.5]
    with pytest.raises(ArgumentError, match=r"has no face of c\.jpg"):
        given_faces(tmp_path / "l", faces, "c.jpg")
    assert list(tmp_path.iterdir()) == []


def test_what_is_proposed(monkeypatch):
    points = np.array([[30.0, 40.0], [70.0, 40.0], [50.0, 80.0]])
    told = propose("builtin:portraits", png(size=(100, 100)), points)
    ((x, y), size, angle) = (told["faces"][0][name] for name in ("center", "size", "angle"))
    assert (told["size"], angle, x) == ([100, 100], pytest.approx(0), pytest.approx(50))
    assert size > 100
    frame = FFHQ.frame(points)
    seen = np.stack(frame.within(*points.T), axis=1)
    np.testing.assert_allclose(seen, [*placing.OF_FFHQ.eyes, placing.OF_FFHQ.mouth], atol=0.03)
    assert placing.guides_of("builtin:portraits")["mouth"] == (0.5, 0.771)
    assert placing.guides_of("builtin:cells") is None
    monkeypatch.setattr(placing, "find_faces", lambda image: [])
    assert "no face was found" in propose("builtin:portraits", png(size=(100, 100)), None)["remark"]
    monkeypatch.setattr(placing, "alignment_of", lambda model: None)
    assert propose("m", png(), None) == {"size": [8, 8], "faces": [], "remark": None}
    assert Frame(0, 0, 1, 0).side == 2
    assert y == pytest.approx(told["faces"][0]["center"][1])


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ({"task": "invert", "seed": 3, "crop": "pad"}, {"seed": 3, "crop": "pad", "perceptual": "auto"}),
        ({"task": "invert", "perceptual": False}, {"method": "mganprior", "perceptual": "none"}),
        ({"task": "colorize", "preset": "official"}, {"preset": "official", "samples": 1}),
        ({"task": "upscale", "factor": 4, "filter": "area"}, {"factor": 4, "filter": "area"}),
        ({"task": "inpaint", "box": 3, "blend": "none"}, {"box": 3, "blend": "none", "mask": None}),
        ({"task": "denoise", "noise": "impulse", "samples": 3}, {"noise": "impulse", "samples": 3}),
        ({"task": "deblur", "blur": "motion", "length": 3.0, "angle": 20.0}, {"length": 3.0, "angle": 20.0}),
        ({"task": "deblur"}, {"sigma": 1.5, "blur": "gaussian"}),
    ],
)
def test_settings_are_flags_of_the_command(order, wanted):
    asked = parse_order(json.dumps(order)).asked
    command = command_of(asked, "builtin")
    assert type(command).__name__.lower() == asked.task
    assert {name: getattr(command, name) for name in wanted} == wanted


def test_an_inversion_without_a_method_has_the_prior_s():
    assert parse_order("{}", "w_plus").asked.method == "w_plus"
    assert parse_order('{"task": "colorize"}', "w_plus").asked.method == "mganprior"
    assert parse_order('{"method": "z"}', "w_plus").asked.method == "z"

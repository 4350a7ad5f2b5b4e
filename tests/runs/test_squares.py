"""References of an output folder's pictures: cut out as the run cut its inputs out, and photographs with results."""

import json
import math

import numpy as np
import pytest
from images.test_covering import within
from images.test_frames import slopes
from PIL import Image

from gprior_jax.images.files import load_image
from gprior_jax.images.frames import Frame
from gprior_jax.images.pasting import paste, read_original
from gprior_jax.images.placement import placed, square
from gprior_jax.runs.pairs import Pair, match
from gprior_jax.runs.record import write_record
from gprior_jax.runs.squares import cut_alike, pasted_figures, told_of
from gprior_jax.storage.atomic import sha256
from runs.records import record

SIZE, SIDE = (120, 100), 16
FRAME = Frame(62.0, 50.0, 20.0, 6.0)


@pytest.fixture
def folder(tmp_path):
    """An output folder of one photograph, ``in/a.png``, whose face was cut out; the result is brighter than it."""
    (tmp_path / "in").mkdir()
    source, out = tmp_path / "in" / "a.png", tmp_path / "out"
    Image.fromarray(slopes(*SIZE)).save(source)
    out.mkdir()
    cut = np.asarray(square(Image.fromarray(slopes(*SIZE)), SIDE, FRAME))
    Image.fromarray(cut + np.uint8(10)).save(out / "a.png")
    made = record("a")._replace(source=str(source), frame=np.array(FRAME))
    write_record(out / "a.npz", made, {"sha256": [sha256(source)]})
    settings = {"crop": {"align": "ffhq", "detector": None}}
    content = {"settings": settings, "images": [{"name": "a", "source": str(source)}]}
    (out / "run.json").write_text(json.dumps(content))
    return out


def squares(folder, references):
    """The pairs, and why others are none."""
    failed = {}
    return cut_alike(match(folder, references, failed), failed), list(failed.values())


def resized(path, *size):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(slopes(*SIZE)).resize(size, Image.Resampling.LANCZOS).save(path)
    return path.parent


def apart(pair):
    """Mean difference of a result and the square of its reference, grey levels."""
    result, reference = load_image(pair.result, SIDE), load_image(pair.reference, SIDE, pair.crop)
    return (result - reference).mean() * 127.5


def test_the_square_of_the_face(folder, tmp_path):
    (pair,), failed = squares(folder, tmp_path / "in")
    assert failed == []
    assert pair.crop == FRAME
    assert told_of(pair.crop) == {"frame": list(FRAME)}
    assert apart(pair) == pytest.approx(10, abs=1e-3)
    # By itself, too, and when the photographs have been moved.
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    assert squares(folder / "a.png", tmp_path / "elsewhere" / "a.png")[0][0].crop == FRAME


def test_photographs_of_another_size(folder, tmp_path):
    (pair,), _ = squares(folder, resized(tmp_path / "larger" / "a.png", 240, 200))
    np.testing.assert_allclose(pair.crop, np.multiply(2, FRAME))
    assert apart(pair) == pytest.approx(10, abs=1)
    # What is square already is taken to be the square of the face.
    (pair,), _ = squares(folder, resized(tmp_path / "cut" / "a.png", SIDE, SIDE))
    assert (pair.crop, told_of(pair.crop)) == ("center", {})
    (tmp_path / "in" / "a.png").unlink()
    assert squares(folder, tmp_path / "cut")[0][0].crop == "center"


def test_pictures_of_something_else(folder, tmp_path):
    other, source = resized(tmp_path / "other" / "a.png", 200, 150), tmp_path / "in" / "a.png"
    pairs, (sentence,) = squares(folder, other)
    assert pairs == []
    assert sentence == (
        f"{other / 'a.png'} is 200x150 pixels, {source}, whose face was cut out, 120x100: give that photograph, at any "
        "size, or the square of the face."
    )
    source.unlink()
    (sentence,) = squares(folder, other)[1]
    assert f"{source}, whose face was cut out, is not there to compare it with" in sentence
    (folder / "a.npz").write_bytes(b"damaged")
    assert "a.npz is no result of this program, or damaged" in squares(folder, other)[1][0]


@pytest.mark.parametrize("crop", ["center", "stretch", "pad"])
def test_other_squares(folder, tmp_path, crop):
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"settings": {"crop": crop}}))
    (pair,), _ = squares(folder, tmp_path / "in")
    assert pair.crop == crop
    assert told_of(pair.crop) == ({} if crop == "center" else {"crop": crop})


def test_folders_of_no_run(folder, tmp_path):
    (folder / "run.json").unlink()
    assert squares(folder, tmp_path / "in")[0] == [Pair(folder / "a.png", tmp_path / "in" / "a.png")]


def test_what_was_pasted(folder, tmp_path):
    (pair,), _ = squares(folder, tmp_path / "in")
    names = ["psnr", "ssim", "l1"]
    assert pasted_figures(pair, names) == {}
    (folder / "pasted").mkdir()
    original = read_original(pair.reference)
    cut = np.asarray(Image.open(pair.result))
    done = paste(original, cut, placed(SIZE, SIDE, FRAME)).samples
    Image.fromarray(done).save(folder / "pasted" / "a.png")
    difference = (done.astype(float) - slopes(*SIZE))[within(FRAME, SIZE)] / 255
    found = pasted_figures(pair, names)
    assert found == {
        "pasted_psnr": pytest.approx(-10 * math.log10(np.mean(difference**2)), abs=1e-3),
        "pasted_l1": pytest.approx(np.abs(difference).mean(), abs=1e-6),
    }
    assert 5 < 255 * found["pasted_l1"] < 10  # Less than in the square: it fades at the edge.
    assert pasted_figures(pair, ["ssim"]) == {}
    larger = pair._replace(reference=resized(tmp_path / "larger" / "a.png", 240, 200) / "a.png")
    assert pasted_figures(larger, ["l1"]) == {"pasted_l1": pytest.approx(math.nan, nan_ok=True)}

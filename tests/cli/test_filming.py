"""``--film``: films of optimisations beside the results."""

import numpy as np
import pytest
from PIL import Image

from cli.restoring import pixels, run, told
from cli.test_paste import invert, photograph

PIXELS = ["--perceptual", "none"]


@pytest.mark.parametrize("ending", ["webp", "gif", "mp4"])
def test_a_film_of_every_image(model, tmp_path, ending):
    if ending == "mp4":
        pytest.importorskip("imageio_ffmpeg")
    photograph(tmp_path / "a.png")
    out = tmp_path / "out"
    assert invert(tmp_path / "a.png", model, out, "--film", ending, "--film-frames", "3") == 0
    assert [path.name for path in (out / "films").iterdir()] == [f"a.{ending}"]
    if ending == "webp":
        with Image.open(out / "films" / "a.webp") as film:
            film.seek(film.n_frames - 1)
            np.testing.assert_array_equal(np.asarray(film.convert("RGB")), pixels(out / "a.png"))


def test_of_restorations_and_of_what_was_done_before(model, tmp_path, capsys):
    source, out = photograph(tmp_path / "a.png"), tmp_path / "out"
    assert run("denoise", source, model, out, "--sigma", 20, *PIXELS) == 0
    assert run("denoise", source, model, out, "--sigma", 20, "--film", "webp", *PIXELS) == 0
    assert "gprior: no film of a: images are filmed while they are solved, and these were" in capsys.readouterr().err
    assert not (out / "films").exists()
    again = run("denoise", source, model, tmp_path / "new", "--sigma", 20, "--film", "webp", "--samples", 2, *PIXELS)
    assert again == 0
    assert (tmp_path / "new" / "films" / "a.webp").exists()


def test_wrong_use(model, tmp_path, capsys):
    source = photograph(tmp_path / "a.png")
    words = ["--film", "webp", "--film-frames", "1"]
    assert "--film-frames 1: a film has at least 2" in told(capsys, 2, invert(source, model, tmp_path / "out", *words))
    assert not (tmp_path / "out").exists()

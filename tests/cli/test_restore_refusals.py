"""Bad input of the restoration commands: one sentence, the right exit code, and the other images restored."""

import json

import jax.numpy as jnp
import pytest
from PIL import Image

from cli.restoring import SIDE, mask, names, picture, run, told, written
from gprior_jax import operators

BAD_MASKS = {
    "another size": (lambda path: mask(path, side=20), "is a mask of 20x20 pixels: make it 16x16"),
    "hides everything": (lambda path: mask(path, (0, 0, 16, 16)), "hides every pixel at 16x16"),
    "no image": (lambda path: path.write_text("no image"), "is no image that Pillow can read"),
    "none": (lambda path: path.unlink(), "has no mask of its name"),
}


@pytest.mark.parametrize("case", BAD_MASKS)
def test_one_bad_mask_among_good_ones(inputs, masks, model, tmp_path, capsys, case):
    make, why = BAD_MASKS[case]
    own, out = tmp_path / "masks", tmp_path / "out"
    own.mkdir()
    for path in masks.iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    make(own / "b.png")
    line = told(capsys, 1, run("inpaint", inputs, model, out, "--mask", own))
    assert "b.png" in line
    assert why in line
    assert written(out) == names("a", "c")
    failed = json.loads((out / "run.json").read_text())["failed"]
    assert list(failed) == [str(inputs / "b.png")]


def test_mask_of_another_size_for_all(inputs, model, tmp_path, capsys):
    path, out = mask(tmp_path / "mask.png", side=20), tmp_path / "out"
    assert "is a mask of 20x20 pixels" in told(capsys, 1, run("inpaint", inputs, model, out, "--mask", path))
    assert written(out) == {"run.json", "history.csv", "report.html"}
    assert len(json.loads((out / "run.json").read_text())["failed"]) == 3


def test_a_drawn_mask_that_hides_one_image(inputs, model, tmp_path, capsys, monkeypatch):
    real, calls = operators.random_mask, []

    def third_hidden(key, size, missing):
        calls.append(missing)  # The first call is the check of the flags.
        return real(key, size, missing) * (jnp.zeros(()) if len(calls) == 3 else 1)

    monkeypatch.setattr("gprior_jax.runs.measurements.random_mask", third_hidden)
    out = tmp_path / "out"
    line = told(capsys, 1, run("inpaint", inputs, model, out, "--missing", 0.5))
    assert "b.png: the mask hides every pixel" in line
    assert written(out) == names("a", "c")


def test_what_is_not_small_among_small_pictures(small, model, tmp_path, capsys):
    out, own = tmp_path / "out", tmp_path / "own"
    own.mkdir()
    for path in small.iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    picture(own / "a.png", 0, 16)
    line = told(capsys, 1, run("upscale", own, model, out))
    assert "a.png is 16x16 pixels, not smaller than the prior's 16x16" in line
    assert "give a factor" in line
    assert written(out) == names("b", "c")
    # What is advised is not refused in turn.
    assert run("upscale", own / "a.png", model, tmp_path / "again", "--factor", 2) == 0
    assert written(tmp_path / "again") == names("a")


def test_damaged_ground_truth(inputs, truths, model, tmp_path, capsys):
    own, out = tmp_path / "truths", tmp_path / "out"
    own.mkdir()
    for name in "abc":
        picture(own / f"{name}.png", 5)
    (own / "b.png").write_text("no image")
    line = told(capsys, 1, run("denoise", inputs, model, out, "--sigma", 25, "--truth", own))
    assert f"{own / 'b.png'} is no image" in line
    assert "b.png is restored without metrics" in line
    assert written(out) == names("a", "b", "c")
    rows = json.loads((out / "run.json").read_text())["images"]
    assert ["psnr" in row for row in rows] == [True, False, True]


def file(kind):
    """A file to be made for a flag."""
    return {
        "even.png": lambda path: Image.new("L", (4, 4), 255).save(path),
        "oblong.png": lambda path: Image.new("L", (5, 3), 255).save(path),
        "black.png": lambda path: Image.new("L", (3, 3), 0).save(path),
        "huge.png": lambda path: Image.new("L", (33, 33), 255).save(path),
        "full.png": lambda path: mask(path, (0, 0, SIDE, SIDE)),
        "mask.png": mask,
        "nowhere": lambda path: None,
        "empty": lambda path: path.mkdir(),
        "foreign": lambda path: (path.mkdir(), picture(path / "z.png", 0)),
    }[kind]


WRONG_USE = [
    ("inpaint", [], "say once what is missing: --mask, --box, --missing or --strokes"),
    ("inpaint", ["--box", "4", "--strokes", "2"], "say once what is missing"),
    ("inpaint", ["--mask", "@mask.png", "--box", "4"], "say once what is missing"),
    ("inpaint", ["--mask", "@nowhere"], "nowhere does not exist"),
    ("inpaint", ["--mask", "@empty"], "empty holds no images"),
    ("inpaint", ["--mask", "@foreign"], "foreign holds no file of the name of any input"),
    (
        "inpaint",
        ["--mask", "@mask.png", "--threshold", "0"],
        "--threshold 0.0: use a part of white, above 0 and up to 1",
    ),
    ("inpaint", ["--mask", "@mask.png", "--threshold", "128"], "--threshold 128.0: use a part of white"),
    ("inpaint", ["--mask", "@mask.png", "--threshold", "0.3", "--soft-mask"], "leave one of them out"),
    ("inpaint", ["--box", "4", "--threshold", "0.3"], "--threshold is for --mask: leave it out"),
    ("inpaint", ["--box", "4", "--soft-mask"], "--soft-mask is for --mask: leave it out"),
    ("inpaint", ["--missing", "0.3", "--invert-mask"], "--invert-mask is for --mask: leave it out"),
    ("inpaint", ["--box", "4", "--range", "7"], "--range '7': use auto, a number of bits from 8 to 32, or LOW:HIGH"),
    ("colorize", ["--range", "1:0"], "--range '1:0': use auto"),
    ("inpaint", ["--mask", "@full.png"], "full.png hides every pixel"),
    ("inpaint", ["--box", "17"], "box 17 does not fit"),
    ("inpaint", ["--box", "16"], "the mask hides every pixel of 16x16"),
    ("inpaint", ["--box", "0"], "box 0 does not fit"),
    ("inpaint", ["--missing", "0.999999"], "the mask hides every pixel of 16x16"),
    ("inpaint", ["--missing", "1"], "missing must be a rate in [0, 1)"),
    ("inpaint", ["--missing", "nan"], "--missing nan: use a finite number"),
    ("inpaint", ["--strokes", "0"], "at least 1 stroke"),
    ("upscale", ["--factor", "3"], "--factor 3: it does not divide the prior's 16 pixels, use 2, 4, 8, 16."),
    ("upscale", ["--factor", "1"], "--factor 1: it does not divide"),
    ("upscale", ["--factor", "32"], "--factor 32: it does not divide the prior's 16 pixels, use 2, 4, 8, 16."),
    ("upscale", ["--simulate"], "--simulate needs --factor"),
    ("denoise", ["--simulate"], "--simulate needs --sigma"),
    ("denoise", ["--sigma", "nan"], "--sigma nan: use a finite number"),
    ("denoise", ["--sigma", "-5"], "sigma -5.0: use grey levels"),
    ("denoise", ["--sigma", "256"], "sigma 256.0: use grey levels"),
    ("denoise", ["--noise", "impulse", "--sigma", "25"], "leave it out with impulse noise"),
    ("denoise", ["--simulate", "--noise", "poisson", "--peak", "0"], "peak must be a positive number of photons"),
    ("denoise", ["--simulate", "--noise", "impulse", "--rate", "2"], "rate must be a rate in [0, 1]"),
    ("deblur", ["--kernel", "@even.png"], "even.png is no blur kernel (4x4 pixels)"),
    ("deblur", ["--kernel", "@oblong.png"], "oblong.png is no blur kernel (5x3 pixels)"),
    ("deblur", ["--kernel", "@black.png"], "black.png is no blur kernel"),
    ("deblur", ["--kernel", "@huge.png"], "huge.png is too large for 16x16 images: use at most 31."),
    ("deblur", ["--kernel", "@nowhere"], "nowhere does not exist"),
    ("deblur", ["--sigma", "0"], "sigma must be a positive number of pixels"),
    ("deblur", ["--sigma", "nan"], "--sigma nan: use a finite number"),
    ("deblur", ["--sigma", "inf"], "--sigma inf: use a finite number"),
    ("deblur", ["--sigma", "5.1"], "--sigma 5.1 is too much for images of 16x16: use at most 5."),
    ("deblur", ["--blur", "motion", "--length", "30"], "--length 30.0 is too much for images of 16x16"),
    ("deblur", ["--blur", "motion", "--angle", "nan"], "--angle nan: use a finite number"),
    ("colorize", ["--truth", "@nowhere"], "nowhere does not exist"),
    ("colorize", ["--truth", "@foreign"], "foreign holds no file of the name of any input"),
    ("colorize", ["--truth", "@foreign", "--simulate"], "--simulate takes the inputs themselves"),
    ("colorize", ["--perceptual-weight", "nan"], "--perceptual-weight nan: use a finite number"),
    ("colorize", ["--perceptual-weight", "-1"], "perceptual weight -1.0: use a number from 0 up"),
    ("colorize", ["--samples", "0"], "--samples 0: use at least 1"),
    ("colorize", ["--restarts", "0"], "--restarts 0: use at least 1"),
    ("colorize", ["--codes-per-call", "3"], "must divide"),
    ("colorize", ["--layer", "9"], "layers 1 to 2"),
]


@pytest.mark.parametrize(("task", "flags", "why"), WRONG_USE, ids=lambda value: None if value is None else str(value))
def test_wrong_use_is_one_sentence_and_writes_nothing(inputs, model, tmp_path, capsys, task, flags, why):
    words = []
    for flag in flags:
        path = tmp_path / flag[1:]
        if flag.startswith("@"):
            file(flag[1:])(path)
        words.append(path if flag.startswith("@") else flag)
    line = told(capsys, 2, run(task, inputs, model, tmp_path / "out", *words))
    assert why in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words", [["inpaint", "--box", "4", "--blend", "mix"], ["denoise", "--noise", "pink"], ["deblur", "--blur", "lens"]]
)
def test_unknown_choice(inputs, model, tmp_path, capsys, words):
    assert run(words[0], inputs, model, tmp_path / "out", *words[1:]) == 2
    assert words[-1] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_to_do(model, tmp_path, capsys):
    assert "nothing to colorize: name image files" in told(capsys, 2, run("colorize", [], model, tmp_path / "out"))

"""``--align``: squares of faces, turned, of every command that reads photographs; and back into them."""

import json
import sys

import numpy as np
import pytest
from images.test_covering import within
from images.test_frames import slopes
from PIL import Image

from cli.restoring import SIDE, assert_same, pixels, rows, run, stored, told
from cli.test_paste import code
from gprior_jax.cli.main import main
from gprior_jax.images.faces import Face
from gprior_jax.images.frames import Frame
from gprior_jax.images.pasting import Original, seam
from gprior_jax.images.placement import Turned, square
from gprior_jax.runs import aligning
from gprior_jax.runs.aligning import read_template

PIXELS = ["--perceptual", "none"]
SIZE = (120, 100)
OWN = {"eyes": [[0.35, 0.45], [0.65, 0.45]], "mouth": [0.5, 0.75]}
POINTS = [[50, 40], [70, 48], [52, 64]]


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "template.json"
    path.write_text(json.dumps(OWN))
    return path


@pytest.fixture
def source(tmp_path):
    Image.fromarray(slopes(*SIZE)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.fixture
def given(tmp_path, template):
    """Flags of a face that is given."""
    (tmp_path / "faces.json").write_text(json.dumps({"a.png": POINTS}))
    return ["--align", template, "--landmarks", tmp_path / "faces.json"]


FRAME = read_template(OWN, "").frame(np.array(POINTS) + 0.5)


def invert(source, model, out, *flags):
    words = ["invert", source, "--model", model, "--out", out, "--codes", "2", "--layer", "2", "--steps", "2"]
    return main([*map(str, [*words, "--batch-size", "3", "--devices", "1", *PIXELS, *flags])])


def test_the_square_of_the_face_is_inverted_and_pasted_back(model, source, given, tmp_path, capsys):
    out = tmp_path / "out"
    assert invert(source, model, out, *given, "--paste") == 0
    found = stored(out)["a"]
    np.testing.assert_allclose(found["frame"], FRAME)
    wanted = np.asarray(square(Image.fromarray(slopes(*SIZE)), SIDE, FRAME))
    np.testing.assert_array_equal(found["target"], wanted)
    before, after = slopes(*SIZE), pixels(out / "pasted" / "a.png")
    outside = ~within(FRAME, SIZE)
    np.testing.assert_array_equal(after[outside], before[outside])
    assert (after[~outside] != before[~outside]).any(axis=-1).mean() > 0.9
    row = rows(out)["a"]
    assert row["seam_before"] < row["seam_jump"] < row["seam"]
    run_json = json.loads((out / "run.json").read_text())
    assert run_json["settings"]["crop"] == {"align": OWN, "detector": None}
    assert main(["evaluate", str(out), str(source.parent), "--metrics", "psnr"]) == 0
    printed = capsys.readouterr().out
    assert "to the square of the face, as the run cut its photographs: 1 of 1\npasted: the same squares" in printed
    (row,) = json.loads((out / "evaluation.json").read_text())["images"]
    assert row["psnr"] == pytest.approx(rows(out)["a"]["psnr"], abs=0.05)  # Of 8 bits here.
    assert row["frame"] == pytest.approx([*FRAME])
    assert row["pasted_psnr"] > row["psnr"] - 3
    # Again: it is done. Of another face it is not.
    assert invert(source, model, out, *given, "--paste") == 0
    (tmp_path / "faces.json").write_text(json.dumps({"a.png": (np.array(POINTS) + 3).tolist()}))
    assert invert(source, model, out, *given) == 0
    np.testing.assert_allclose(stored(out)["a"]["frame"], FRAME + np.array([3, 3, 0, 0]))


def test_a_box(model, source, template, tmp_path):
    flags = ["--align", template, "--face-box", 40, 30, 40, 50]
    assert invert(source, model, tmp_path / "out", *flags) == 0
    (tmp_path / "boxes.csv").write_text("a.png,40,30,40,50\n")
    flags = ["--align", template, "--landmarks", tmp_path / "boxes.csv"]
    assert invert(source, model, tmp_path / "file", *flags) == 0
    assert_same(stored(tmp_path / "out"), stored(tmp_path / "file"))
    frame = Frame(*stored(tmp_path / "out")["a"]["frame"])
    assert frame.down == pytest.approx(0, abs=1e-9)
    assert frame.x == pytest.approx(60)
    assert 50 < frame.y < 60


def test_photographs_without_a_face_fail_alone(model, source, template, tmp_path, capsys, monkeypatch):
    Image.fromarray(slopes(60, 60)).save(tmp_path / "b.png")
    points = np.array([*POINTS[:2], (60, 50), (46, 62), (58, 66)], float) + 0.5
    box = (40.0, 30.0, 40.0, 50.0)
    monkeypatch.setattr(aligning, "find_faces", lambda image: [Face(box, points, 0.9)] * (image.width == SIZE[0]))
    monkeypatch.setattr("gprior_jax.cli.aligning.check_detector", lambda: None)
    out = tmp_path / "out"
    words = [*map(str, [source, tmp_path / "b.png"])]
    flags = ["--model", model, "--out", out, "--codes", 2, "--layer", 2, "--steps", 2, "--align", template, *PIXELS]
    line = told(capsys, 1, main(["invert", *words, *map(str, flags), "--batch-size", "3", "--devices", "1"]))
    assert line.startswith(f"gprior: {tmp_path / 'b.png'}: no face was found in it; say where it is")
    assert rows(out).keys() == {"a"}
    np.testing.assert_allclose(stored(out)["a"]["frame"], FRAME)


def test_restorations(model, source, given, tmp_path):
    before, outside = slopes(*SIZE), ~within(FRAME, SIZE)
    mask = np.full(SIZE[::-1], 255, np.uint8)
    mask[45:55, 52:62] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for task, flags in (
        ("colorize", PIXELS),
        ("denoise", ["--sigma", 20, *PIXELS]),
        ("inpaint", ["--mask", tmp_path / "mask.png", "--blend", "paste"]),
        ("inpaint", ["--box", 5]),
    ):
        out = tmp_path / f"{task}{flags[0]}"
        assert run(task, source, model, out, *flags, *given, "--paste") == 0
        after = pixels(out / "pasted" / "a.png")
        np.testing.assert_array_equal(after[outside], before[outside])
        changed = (after != before).any(axis=-1)
        if "--mask" in flags:
            assert not changed[mask == 255].any()
            assert changed[mask == 0].mean() > 0.9
        elif task == "denoise":
            assert changed[~outside].mean() > 0.9
        np.testing.assert_allclose(stored(out)["a"]["frame"], FRAME)


def test_small_faces_are_enlarged(model, template, tmp_path, capsys):
    Image.fromarray(slopes(40, 30)).save(tmp_path / "a.png")
    (tmp_path / "faces.json").write_text(json.dumps({"a.png": [[18, 13], [20, 13], [19, 15]]}))
    flags = ["--align", template, "--landmarks", tmp_path / "faces.json", "--paste", *PIXELS]
    line = told(capsys, 1, run("upscale", tmp_path / "a.png", model, tmp_path / "out", *flags))
    assert "its face is 6.7 pixels wide" in line
    (tmp_path / "faces.json").write_text(json.dumps({"a.png": [[17, 12], [20, 12], [18.5, 15]]}))
    assert run("upscale", tmp_path / "a.png", model, tmp_path / "out", *flags) == 0
    assert "a.png is 10x10 pixels in its square: it is resized to 8x8 first" in capsys.readouterr().err
    assert pixels(tmp_path / "out" / "pasted" / "a.png").shape == (48, 64, 3)


def test_a_ground_truth_is_cut_like_its_picture(model, source, given, tmp_path):
    (tmp_path / "truth").mkdir()
    Image.fromarray(slopes(*SIZE)).resize((240, 200), Image.Resampling.LANCZOS).save(tmp_path / "truth" / "a.png")
    flags = ["--sigma", 20, "--truth", tmp_path / "truth", *given, *PIXELS]
    assert run("denoise", source, model, tmp_path / "out", *flags) == 0
    found = stored(tmp_path / "out")["a"]
    assert np.abs(found["picture_truth"].astype(int) - found["target"]).max() <= 3


def test_edits_of_an_aligned_photograph(styled, source, given, tmp_path):
    out = tmp_path / "run"
    words = ["invert", source, "--model", styled, "--method", "w_plus", "--steps", "2", "--out", out, *PIXELS]
    assert main([*map(str, [*words, *given]), "--batch-size", "1", "--devices", "1"]) == 0
    outside = ~within(FRAME, SIZE)
    flags = ["--positive", out / "a.npz", "seed:3", "--negative", "seed:4", "--paste"]
    assert code("arithmetic", styled, *flags, "--out", tmp_path / "sum.png") == 0
    np.testing.assert_array_equal(pixels(tmp_path / "sum.png")[outside], slopes(*SIZE)[outside])
    with np.load(out / "a.npz") as arrays:
        width = arrays["w"].shape[-1]
    np.save(tmp_path / "along_w.npy", np.eye(width)[0])
    flags = [out / "a.npz", "--along", tmp_path / "along_w.npy", "--strengths", -1, 1, "--paste"]
    assert code("edit", styled, *flags, "--out", tmp_path / "edits") == 0
    for name in ("a_-1", "a_+1"):
        after = pixels(tmp_path / "edits" / "pasted" / f"{name}.png")
        np.testing.assert_array_equal(after[outside], slopes(*SIZE)[outside])
    (row,) = json.loads((tmp_path / "edits" / "edit.json").read_text())["images"]
    assert [seam.keys() for seam in row["seams"]] == [{"step", "jump", "before"}] * 2


@pytest.mark.slow
def test_attribution_of_aligned_photographs(styled, source, given, tmp_path, capsys):
    real, out = tmp_path / "real", tmp_path / "out"
    real.mkdir()
    for name in "bc":
        Image.fromarray(slopes(*SIZE)).save(real / f"{name}.png")
    (tmp_path / "faces.json").write_text(json.dumps({f"{name}.png": POINTS for name in "abc"}))
    words = ["attribute", source, "--model", styled, "--real", real, "--number", 2, "--steps", 2, "--batch-size", 2]
    words = [*map(str, [*words, "--devices", 1, "--out", out, *given, "--paste"])]
    assert main(words) == 0
    assert f"in their photographs: {out / 'pasted'}" in capsys.readouterr().out
    wanted = np.asarray(square(Image.fromarray(slopes(*SIZE)), 8, FRAME))
    for folder, name in ((out, "a"), (out / "reference" / "real", "b")):
        found = stored(folder)[name]
        np.testing.assert_allclose(found["frame"], FRAME)
        np.testing.assert_array_equal(found["target"], wanted)
        run_json = json.loads((folder / "run.json").read_text())
        assert run_json["settings"]["crop"] == {"align": OWN, "detector": None}
    # What the prior draws is not looked at for faces.
    assert json.loads((out / "reference" / "generated" / "run.json").read_text())["settings"]["crop"] == "center"
    outside, after = ~within(FRAME, SIZE), pixels(out / "pasted" / "a.png")
    np.testing.assert_array_equal(after[outside], slopes(*SIZE)[outside])
    assert (after[~outside] != slopes(*SIZE)[~outside]).any(axis=-1).mean() > 0.9
    assert rows(out)["a"]["seam"] > 0
    # The photographs of the reference need faces, too.
    (tmp_path / "faces.json").write_text(json.dumps({"a.png": POINTS}))
    line = told(capsys, 2, main([*words[: words.index("--out")], "--out", str(tmp_path / "no"), *map(str, given)]))
    assert "b.png is not among the faces that were given" in line


def test_diffusion_of_aligned_photographs(styled, source, given, tmp_path, capsys):
    """Both are cut out at their faces; the result goes back into the context."""
    Image.fromarray(np.ascontiguousarray(slopes(*SIZE)[:, ::-1])).save(tmp_path / "b.png")
    (tmp_path / "faces.json").write_text(json.dumps({"a.png": POINTS, "b.png": POINTS}))
    out = tmp_path / "out"
    flags = ["--context", tmp_path / "b.png", "--model", styled, "--steps", 2, "--batch-size", 1, "--box", 2, 2, 4, 4]
    words = ["diffuse", source, *flags, "--out", out, *given, "--paste"]
    assert main([*map(str, words)]) == 0
    assert f"in their photographs: {out / 'pasted'}; the seam bridges " in capsys.readouterr().out
    (row,) = json.loads((out / "diffuse.json").read_text())["images"]
    np.testing.assert_allclose([row["target_frame"], row["context_frame"]], [FRAME, FRAME])
    before, outside = pixels(tmp_path / "b.png"), ~within(FRAME, SIZE)
    sheet = pixels(out / "sheet.png").reshape(8, -1, 8, 3).swapaxes(0, 1)
    for cell, picture in zip(sheet[:2], (slopes(*SIZE), before), strict=True):
        np.testing.assert_array_equal(cell, np.asarray(square(Image.fromarray(picture), 8, FRAME)))
    after = pixels(out / "pasted" / "a_in_b.png")
    np.testing.assert_array_equal(after[outside], before[outside])
    assert (after[~outside] != before[~outside]).any(axis=-1).mean() > 0.9
    assert row["seam"] == pytest.approx(seam(Original(before), Original(after), Turned(FRAME, SIZE))._asdict())
    # Without --paste nothing is.
    words = [*words[:-1], "--crop", "pad"]
    assert "--crop pad is for pictures as they are" in told(capsys, 2, main([*map(str, words), "--out", "no"]))


def test_wrong_use(model, source, given, template, tmp_path, capsys):
    wrong = {
        "--face-box is for --align": ["--face-box", 1, 2, 3, 4],
        "--face is for --align": ["--face", 1],
        "--crop pad is for pictures as they are": [*given, "--crop", "pad"],
        "--face and --landmarks: say once which face is meant": [*given, "--face", 1],
        "--face -1: faces are numbered from 0": ["--align", template, "--face", -1],
        "does not say where faces are in its images": ["--align", "auto"],
        "align faces: use auto, ffhq, or a JSON file": ["--align", "faces"],
        "is a box of no size": ["--align", "ffhq", "--face-box", 1, 2, 0, 4],
        "none.json cannot be read as a file of faces": ["--align", "ffhq", "--landmarks", tmp_path / "none.json"],
    }
    for why, flags in wrong.items():
        assert why in told(capsys, 2, invert(source, model, tmp_path / "out", *flags))
    Image.fromarray(slopes(60, 60)).save(tmp_path / "b.png")
    words = ["invert", source, tmp_path / "b.png", "--model", model, "--out", tmp_path / "out"]
    words += ["--align", "ffhq", "--face-box", 1, 2, 3, 4]
    assert "--face-box is of one photograph, these are 2" in told(capsys, 2, main([*map(str, words)]))
    assert not (tmp_path / "out").exists()


def test_without_the_extra(model, source, template, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    line = told(capsys, 2, invert(source, model, tmp_path / "out", "--align", template))
    assert line == "gprior: cv2 is not installed: pip install 'gprior-jax[align]'"
    assert not (tmp_path / "out").exists()

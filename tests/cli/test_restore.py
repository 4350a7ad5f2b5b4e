"""``gprior colorize``, ``upscale``, ``inpaint``, ``denoise`` and ``deblur`` on a tiny prior."""

import json

import numpy as np
import pytest
from PIL import Image

from gprior_jax import outputs
from gprior_jax.cli.main import main

SIDE = 16
LUMA = np.array([0.299, 0.587, 0.114])


def run(task, source, model, out, *flags):
    words = [task, *map(str, source if isinstance(source, list) else [source])]
    words += ["--model", str(model), "--out", str(out), "--codes", "2", "--layer", "2", "--steps", "2"]
    return main([*words, *map(str, flags)])


def picture(path, seed, side=SIDE):
    """A noisy slope: no two are alike, and none is flat."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(40, 200, side)[:, None, None] + rng.uniform(-30, 30, (side, side, 3))
    Image.fromarray(slope.astype(np.uint8)).save(path)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def mask(path, box=(4, 4, 9, 8), side=SIDE, known=255):
    image = Image.new("L", (side, side), known)
    image.paste(255 - known, box)
    image.save(path)
    return path


def holes(path):
    return pixels(path) == 0


def stored(out):
    found = {}
    for path in sorted(out.glob("*.npz")):
        with np.load(path) as arrays:
            found[path.stem] = {name: arrays[name] for name in arrays.files if name != "about"}
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        for key, value in first[name].items():
            np.testing.assert_array_equal(value, second[name][key], err_msg=f"{name} {key}")


def rows(out):
    return {row["name"]: row for row in json.loads((out / "run.json").read_text())["images"]}


def written(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def names(*stems, folders=("", "measured/", "reconstruction/")):
    files = {f"{folder}{stem}.png" for folder in folders for stem in stems} | {f"{stem}.npz" for stem in stems}
    return files | {"run.json", "history.csv", "report.html"}


def told(capsys, code, actual):
    """The one sentence of a command that ended with this code, without the progress bars."""
    error = capsys.readouterr().err
    assert actual == code, error
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if line.startswith("gprior: ")]
    assert lines
    return lines[0]


def strict(text):
    """Parse JSON without the words that only Python takes."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Three pictures of the prior's size."""
    folder = tmp_path_factory.mktemp("inputs")
    for seed, name in enumerate("abc"):
        picture(folder / f"{name}.png", seed)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Three pictures of half that size."""
    folder = tmp_path_factory.mktemp("small")
    for seed, name in enumerate("abc"):
        picture(folder / f"{name}.png", seed, SIDE // 2)
    return folder


@pytest.fixture(scope="module")
def truths(tmp_path_factory):
    """Intact pictures of two of the three."""
    folder = tmp_path_factory.mktemp("truths")
    for seed, name in enumerate("ac"):
        picture(folder / f"{name}.png", 10 + seed)
    return folder


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """Different masks."""
    folder = tmp_path_factory.mktemp("masks")
    for name, box in (("a", (4, 4, 9, 8)), ("b", (0, 0, 8, 8)), ("c", (2, 7, 15, 12))):
        mask(folder / f"{name}.png", box)
    return folder


FLAGS = {
    "colorize": [],
    "upscale": [],
    "inpaint": ["--box", "6"],
    "denoise": ["--sigma", "25"],
    "deblur": ["--sigma", "1"],
}


@pytest.fixture(scope="module")
def done(model, inputs, small, tmp_path_factory):
    """Runs one command once: ``(folder of its inputs, output folder)``."""
    finished = {}

    def of(task):
        if task not in finished:
            source, out = small if task == "upscale" else inputs, tmp_path_factory.mktemp(task) / "out"
            assert run(task, source, model, out, *FLAGS[task]) == 0
            finished[task] = source, out
        return finished[task]

    return of


@pytest.mark.parametrize("task", FLAGS)
def test_what_is_written(done, task):
    source, out = done(task)
    assert written(out) == names("a", "b", "c")
    content = json.loads((out / "run.json").read_text())
    assert content["settings"]["task"] == task
    assert content["failed"] == {}
    for row in content["images"]:
        assert {"name", "source", "status", "step", "consistency", "loss", "pixel_mse"} <= set(row)
        assert "psnr" not in row
    record = outputs.read_record(out / "b.npz")
    assert record.image.shape == pixels(out / "b.png").shape == (SIDE, SIDE, 3)
    side = SIDE // 2 if task == "upscale" else SIDE
    assert record.target.shape == pixels(out / "measured" / "b.png").shape == (side, side, 3)
    if task in ("upscale", "denoise", "deblur"):
        np.testing.assert_array_equal(pixels(out / "measured" / "b.png"), pixels(source / "b.png"))


@pytest.mark.parametrize("task", FLAGS)
def test_a_second_run_does_nothing(done, model, capsys, task):
    source, out = done(task)
    before = {path: path.stat().st_mtime_ns for path in out.glob("**/*.[np][pn][zg]")}
    assert len(before) == 12
    assert run(task, source, model, out, *FLAGS[task]) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("task", "flags", "differing"),
    [
        ("colorize", ["--seed", "1"], "seed (0 there, 1 now)"),
        ("upscale", ["--filter", "area"], "filter ('bicubic' there, 'area' now)"),
        ("inpaint", ["--blend", "feather"], "blend ('paste' there, 'feather' now)"),
        ("denoise", ["--noise", "poisson"], "noise ('gaussian' there, 'poisson' now)"),
        ("deblur", ["--blur", "motion"], "blur ('gaussian' there, 'motion' now)"),
    ],
)
def test_other_settings_are_refused(done, model, capsys, task, flags, differing):
    source, out = done(task)
    assert differing in told(capsys, 2, run(task, source, model, out, *FLAGS[task], *flags))


def test_another_command_is_refused(done, model, capsys):
    source, out = done("colorize")
    assert "task ('colorize' there, 'denoise' now)" in told(capsys, 2, run("denoise", source, model, out))


def test_colorize_keeps_the_luma(done):
    source, out = done("colorize")
    for name in "abc":
        wanted, found = (pixels(folder / f"{name}.png") @ LUMA for folder in (source, out))
        assert np.abs(wanted - found).max() <= 1.0
        gray = pixels(out / "measured" / f"{name}.png")
        assert (gray == gray[..., :1]).all()
        assert (pixels(out / f"{name}.png") != gray).any()


def test_paste_keeps_known_pixels(done):
    source, out = done("inpaint")
    hole = np.zeros((SIDE, SIDE), bool)
    hole[5:11, 5:11] = True
    for name in "abc":
        before, after = (pixels(folder / f"{name}.png") for folder in (source, out))
        np.testing.assert_array_equal(after[~hole], before[~hole])
        assert (after[hole] != before[hole]).any()
        measured = pixels(out / "measured" / f"{name}.png")
        assert (measured[hole] == 128).all()
        np.testing.assert_array_equal(measured[~hole], before[~hole])
        assert rows(out)[name]["consistency"] is None  # Infinite, which JSON cannot say.


@pytest.mark.slow
def test_samples_and_json(inputs, model, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("inpaint", inputs, model, out, "--box", 6, "--samples", 2, "--json") == 0
    content = strict(capsys.readouterr().out)
    assert [row["name"] for row in content["images"]] == ["a", "b", "c"]
    assert [row["consistency"] for row in content["images"]] == [None, None, None]
    assert content["failed"] == {}
    strict((out / "run.json").read_text())
    folders = ("", "measured/", "reconstruction/", "mean/", "std/")
    samples = {f"samples/{name}_{i}.png" for name in "abc" for i in (1, 2)}
    assert written(out) == names("a", "b", "c", folders=folders) | samples
    np.testing.assert_array_equal(pixels(out / "samples" / "a_1.png"), pixels(out / "a.png"))
    record = outputs.read_record(out / "a.npz")
    assert record.variables["codes"].shape == (2, 2, 8)
    assert record.samples.shape == (2, SIDE, SIDE, 3)
    deviation = pixels(out / "std" / "a.png")
    assert (deviation[0] == 0).all()  # Known pixels do not differ.
    assert deviation[6:10, 6:10].any()


def test_masks_of_a_folder(inputs, masks, model, tmp_path, capsys):
    out, own = tmp_path / "out", tmp_path / "masks"
    own.mkdir()
    for path in masks.iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    assert run("inpaint", inputs, model, out, "--mask", own) == 0
    for name in "abc":
        known = ~holes(own / f"{name}.png")
        before, after = (pixels(folder / f"{name}.png") for folder in (inputs, out))
        np.testing.assert_array_equal(after[known], before[known])
        assert (after[~known] != before[~known]).any()
    # Together or alone is the same, up to the order of sums.
    for name in "abc":
        alone = tmp_path / f"alone_{name}"
        assert run("inpaint", inputs, model, alone, "--mask", own / f"{name}.png") == 0
        together = outputs.read_record(out / f"{name}.npz").image
        np.testing.assert_allclose(outputs.read_record(alone / f"{name}.npz").image, together, atol=1e-3)
    # Another mask is another result, of this image only.
    before = {name: (out / f"{name}.npz").stat().st_mtime_ns for name in "abc"}
    mask(own / "b.png", (9, 9, 14, 14))
    capsys.readouterr()
    assert run("inpaint", inputs, model, out, "--mask", own) == 0
    assert "2 of 3 images are done already" in capsys.readouterr().out
    after = {name: (out / f"{name}.npz").stat().st_mtime_ns for name in "abc"}
    assert {name for name in "abc" if before[name] != after[name]} == {"b"}
    np.testing.assert_array_equal(pixels(out / "b.png")[:8, :8], pixels(inputs / "b.png")[:8, :8])


@pytest.mark.parametrize("flags", [["--missing", "0.5"], ["--strokes", "1"]], ids=str)
def test_drawn_masks_differ_between_images(inputs, model, tmp_path, flags):
    out = tmp_path / "out"
    assert run("inpaint", inputs, model, out, *flags) == 0
    hidden = []
    for name in "abc":
        before, after, measured = (pixels(folder / f"{name}.png") for folder in (inputs, out, out / "measured"))
        hidden.append((measured == 128).all(-1))
        assert hidden[-1].any()
        np.testing.assert_array_equal(after[~hidden[-1]], before[~hidden[-1]])
    assert (hidden[0] != hidden[1]).any()


def test_inverted_mask(inputs, model, tmp_path):
    out = tmp_path / "out"
    white = mask(tmp_path / "mask.png", known=0)
    assert run("inpaint", inputs, model, out, "--mask", white, "--invert-mask") == 0
    known = pixels(white) == 0
    np.testing.assert_array_equal(pixels(out / "a.png")[known], pixels(inputs / "a.png")[known])
    assert (pixels(out / "measured" / "a.png")[~known] == 128).all()


def test_upscale_reduces_to_its_input(done):
    from gprior_jax import image as im
    from gprior_jax.operators import Downsample

    source, out = done("upscale")
    for name in "abc":
        reduced = im.to_uint8(Downsample(2, "bicubic")(im.from_uint8(pixels(out / f"{name}.png"))))
        assert np.abs(reduced.astype(int) - pixels(source / f"{name}.png")).max() <= 3
        assert rows(out)[name]["consistency"] > 40


def test_upscale_simulated(inputs, model, tmp_path):
    out = tmp_path / "out"
    assert run("upscale", inputs, model, out, "--factor", 2, "--simulate", "--no-consistent") == 0
    assert pixels(out / "measured" / "a.png").shape == (8, 8, 3)
    for name in "abc":
        assert {"psnr", "ssim", "consistency"} <= set(rows(out)[name])
    record = outputs.read_record(out / "a.npz")
    np.testing.assert_array_equal(record.pictures["truth"], pixels(inputs / "a.png"))
    difference = pixels(out / "a.png") / 255.0 - pixels(inputs / "a.png") / 255.0
    assert rows(out)["a"]["psnr"] == pytest.approx(-10 * np.log10(np.mean(difference**2)), abs=1e-3)


@pytest.mark.parametrize(
    ("task", "flags"),
    [
        ("colorize", []),
        ("denoise", ["--sigma", "25"]),
        ("denoise", ["--noise", "poisson", "--sigma", "25"]),
        ("denoise", ["--noise", "impulse"]),
        ("deblur", ["--blur", "motion", "--length", "5", "--angle", "30"]),
        ("inpaint", ["--box", "6", "--blend", "poisson"]),
    ],
    ids=str,
)
def test_simulated(inputs, model, tmp_path, task, flags):
    out = tmp_path / "out"
    assert run(task, inputs, model, out, "--simulate", *flags) == 0
    assert {"psnr", "ssim", "consistency"} <= set(rows(out)["a"])
    assert (pixels(out / "measured" / "a.png") != pixels(inputs / "a.png")).any()


def test_kernel_of_a_file(inputs, model, tmp_path, capsys):
    kernel, out = tmp_path / "kernel.png", tmp_path / "out"
    Image.new("L", (7, 7), 200).save(kernel)
    assert run("deblur", inputs, model, out, "--kernel", kernel) == 0
    assert run("deblur", inputs, model, out, "--kernel", kernel) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().out
    mask(kernel, (2, 2, 5, 5), 7, 0)
    assert run("deblur", inputs, model, out, "--kernel", kernel) == 0
    assert "done already" not in capsys.readouterr().out


def test_ground_truth_of_some(inputs, truths, model, tmp_path, capsys):
    out = tmp_path / "out"
    code = run("denoise", inputs, model, out, "--sigma", 25, "--truth", truths, "--json")
    printed = capsys.readouterr()
    assert code == 1
    lines = [line for line in printed.err.splitlines() if line.startswith("gprior: ")]
    assert lines == [f"gprior: b.png has no ground truth of this name in {truths}: it was restored without metrics."]
    content = {row["name"]: row for row in strict(printed.out)["images"]}
    for found in (content, rows(out)):
        assert set("abc") == set(found)
        assert "psnr" not in found["b"]
        for name in "ac":
            assert np.isfinite([found[name]["psnr"], found[name]["ssim"]]).all()
    strict((out / "run.json").read_text())
    assert "nan" not in (out / "report.html").read_text().split("Means:")[1][:100]
    assert "truth" not in outputs.read_record(out / "b.npz").pictures
    np.testing.assert_array_equal(outputs.read_record(out / "c.npz").pictures["truth"], pixels(truths / "c.png"))


@pytest.mark.parametrize("task", ["inpaint", "denoise"])
def test_an_interrupted_folder_ends_the_same(done, model, tmp_path, task):
    import shutil

    source, whole = done(task)
    broken = tmp_path / "broken"
    shutil.copytree(whole, broken)
    (broken / "b.npz").unlink()
    (broken / "run.json").unlink()
    (broken / "measured" / ".b.png.partial").write_text("half")
    assert run(task, source, model, broken, *FLAGS[task]) == 0
    assert_same(stored(whole), stored(broken))
    assert written(broken) == written(whole)


# Bad input.

BAD_MASKS = {
    "another size": (lambda path: mask(path, side=20), "is a mask of 20x20 pixels: make it 16x16"),
    "gray": (lambda path: Image.linear_gradient("L").resize((SIDE, SIDE)).save(path), "has gray values"),
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
    import jax.numpy as jnp

    from gprior_jax import operators

    real, calls = operators.random_mask, []

    def third_hidden(key, size, missing):
        calls.append(missing)  # The first call is the check of the flags.
        return real(key, size, missing) * (jnp.zeros(()) if len(calls) == 3 else 1)

    monkeypatch.setattr(operators, "random_mask", third_hidden)
    out = tmp_path / "out"
    line = told(capsys, 1, run("inpaint", inputs, model, out, "--missing", 0.5))
    assert "b.png: the mask hides every pixel" in line
    assert written(out) == names("a", "c")


def test_wrong_size_among_small_pictures(small, model, tmp_path, capsys):
    out, own = tmp_path / "out", tmp_path / "own"
    own.mkdir()
    for path in small.iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    picture(own / "b.png", 1, 9)
    line = told(capsys, 1, run("upscale", own, model, out))
    assert "b.png is 9x9 pixels where 8x8 are enlarged to 16x16" in line
    assert written(out) == names("a", "c")
    # Also where it is the first.
    picture(own / "a.png", 0, 16)
    line = told(capsys, 1, run("upscale", own, model, tmp_path / "again"))
    assert "a.png is 16x16 pixels" in line
    assert written(tmp_path / "again") == names("c")


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
        "gray.png": lambda path: Image.linear_gradient("L").resize((SIDE, SIDE)).save(path),
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
    ("inpaint", ["--mask", "@gray.png"], "gray.png has gray values"),
    ("inpaint", ["--mask", "@full.png"], "full.png hides every pixel"),
    ("inpaint", ["--box", "17"], "box 17 does not fit"),
    ("inpaint", ["--box", "16"], "the mask hides every pixel of 16x16"),
    ("inpaint", ["--box", "0"], "box 0 does not fit"),
    ("inpaint", ["--missing", "0.999999"], "the mask hides every pixel of 16x16"),
    ("inpaint", ["--missing", "1"], "missing must be a rate in [0, 1)"),
    ("inpaint", ["--missing", "nan"], "missing must be a rate in [0, 1)"),
    ("inpaint", ["--strokes", "0"], "at least 1 stroke"),
    ("upscale", ["--factor", "3"], "--factor 3 does not divide the prior's 16 pixels into at least 8: use 2."),
    ("upscale", ["--factor", "1"], "--factor 1 does not divide"),
    ("upscale", ["--factor", "4"], "--factor 4 does not divide the prior's 16 pixels into at least 8: use 2."),
    ("upscale", ["--simulate"], "--simulate needs --factor"),
    ("upscale", [], "a.png: an image of 16x16 pixels has no whole factor"),
    ("denoise", ["--simulate"], "--simulate needs --sigma"),
    ("denoise", ["--sigma", "nan"], "--sigma nan: use grey levels"),
    ("denoise", ["--sigma", "-5"], "--sigma -5.0: use grey levels"),
    ("denoise", ["--sigma", "256"], "--sigma 256.0: use grey levels"),
    ("denoise", ["--simulate", "--noise", "poisson", "--peak", "0"], "peak must be a positive number of photons"),
    ("denoise", ["--simulate", "--noise", "impulse", "--rate", "2"], "rate must be a rate in [0, 1]"),
    ("deblur", ["--kernel", "@even.png"], "even.png is no blur kernel (4x4 pixels)"),
    ("deblur", ["--kernel", "@oblong.png"], "oblong.png is no blur kernel (5x3 pixels)"),
    ("deblur", ["--kernel", "@black.png"], "black.png is no blur kernel"),
    ("deblur", ["--kernel", "@huge.png"], "huge.png is too large for 16x16 images: use at most 31."),
    ("deblur", ["--kernel", "@nowhere"], "nowhere does not exist"),
    ("deblur", ["--sigma", "0"], "sigma must be a positive number of pixels"),
    ("deblur", ["--sigma", "nan"], "sigma must be a positive number of pixels"),
    ("deblur", ["--sigma", "inf"], "--sigma inf is too much for images of 16x16: use at most 5."),
    ("deblur", ["--sigma", "5.1"], "--sigma 5.1 is too much for images of 16x16: use at most 5."),
    ("deblur", ["--blur", "motion", "--length", "30"], "--length 30.0 is too much for images of 16x16"),
    ("deblur", ["--blur", "motion", "--angle", "nan"], "angle must be a number of degrees"),
    ("colorize", ["--truth", "@nowhere"], "nowhere does not exist"),
    ("colorize", ["--truth", "@foreign"], "foreign holds no file of the name of any input"),
    ("colorize", ["--truth", "@foreign", "--simulate"], "--simulate takes the inputs themselves"),
    ("colorize", ["--perceptual-weight", "nan"], "perceptual weight nan: use a number from 0 up"),
    ("colorize", ["--perceptual-weight", "-1"], "perceptual weight -1.0: use a number from 0 up"),
    ("colorize", ["--samples", "0"], "--samples 0: use at least 1"),
    ("colorize", ["--restarts", "0"], "--restarts 0: use at least 1"),
    ("colorize", ["--codes-per-call", "3"], "must divide"),
    ("colorize", ["--layer", "9"], "layers 1 to 6"),
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
    with pytest.raises(SystemExit) as stop:
        run(words[0], inputs, model, tmp_path / "out", *words[1:])
    assert stop.value.code == 2
    assert words[-1] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_to_do(model, tmp_path, capsys):
    assert "nothing to colorize: name image files" in told(capsys, 2, run("colorize", [], model, tmp_path / "out"))

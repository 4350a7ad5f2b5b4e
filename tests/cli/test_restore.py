"""``gprior colorize``, ``upscale``, ``inpaint``, ``denoise`` and ``deblur`` on a tiny prior: what they write."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cli.restoring import LUMA, SIDE, assert_same, holes, mask, names, pixels, rows, run, stored, strict, told, written
from gprior_jax.runs.record import read_record

PIXELS = ["--perceptual", "none"]
FLAGS = {
    "colorize": PIXELS,
    "upscale": PIXELS,
    "inpaint": ["--box", "6"],
    "denoise": ["--sigma", "25"],
    "deblur": ["--sigma", "1", *PIXELS],
}
"""Inpainting compares features of the discriminator too, denoising does not unless told so."""


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
    record = read_record(out / "b.npz")
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
    assert "3 of 3 images are done already" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("task", "flags", "differing"),
    [
        ("colorize", ["--seed", "1"], "key ([0, 0] there, [0, 1] now)"),
        ("upscale", ["--filter", "area"], "filter (bicubic there, area now)"),
        ("inpaint", ["--blend", "feather"], "blend (paste there, feather now)"),
        ("denoise", ["--noise", "poisson"], "noise (gaussian there, poisson now)"),
        ("deblur", ["--blur", "motion"], "blur (gaussian there, motion now)"),
    ],
)
def test_other_settings_are_refused(done, model, capsys, task, flags, differing):
    source, out = done(task)
    assert differing in told(capsys, 2, run(task, source, model, out, *FLAGS[task], *flags))


@pytest.mark.parametrize(
    ("task", "flags"),
    [
        ("colorize", ["--batch-size", "2", "--devices", "1"]),
        ("upscale", ["--factor", "2"]),  # As it was found.
        ("inpaint", ["--blend", "paste"]),  # The default.
        ("denoise", ["--rate", "0.3", "--peak", "7", "--remat"]),  # Of other noise, and of none that is simulated.
        ("deblur", ["--length", "9", "--angle", "20", "--codes-per-call", "1"]),  # Of another blur.
    ],
)
def test_what_decides_nothing_is_no_other_setting(done, model, capsys, task, flags):
    source, out = done(task)
    assert run(task, source, model, out, *FLAGS[task], *flags) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err


def test_another_command_is_refused(done, model, capsys):
    source, out = done("colorize")
    assert "task (colorize there, denoise now)" in told(capsys, 2, run("denoise", source, model, out, *PIXELS))


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
    assert run("inpaint", inputs, model, out, "--box", 6, "--samples", 2, "--batch-size", 2, "--json") == 0
    content = strict(capsys.readouterr().out)
    assert [row["name"] for row in content["images"]] == ["a", "b", "c"]
    assert [row["consistency"] for row in content["images"]] == [None, None, None]
    assert content["failed"] == {}
    # Unless told otherwise, a batch is spread over the cores.
    assert strict((out / "run.json").read_text())["device"]["devices"] == 2
    folders = ("", "measured/", "reconstruction/", "mean/", "std/")
    samples = {f"samples/{name}_{i}.png" for name in "abc" for i in (1, 2)}
    assert written(out) == names("a", "b", "c", folders=folders) | samples
    np.testing.assert_array_equal(pixels(out / "samples" / "a_1.png"), pixels(out / "a.png"))
    record = read_record(out / "a.npz")
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
        together = read_record(out / f"{name}.npz").image
        np.testing.assert_allclose(read_record(alone / f"{name}.npz").image, together, atol=1e-3)
    # Another mask is another result, of this image only.
    before = {name: (out / f"{name}.npz").stat().st_mtime_ns for name in "abc"}
    mask(own / "b.png", (9, 9, 14, 14))
    capsys.readouterr()
    assert run("inpaint", inputs, model, out, "--mask", own) == 0
    assert "2 of 3 images are done already" in capsys.readouterr().err
    after = {name: (out / f"{name}.npz").stat().st_mtime_ns for name in "abc"}
    assert {name for name in "abc" if before[name] != after[name]} == {"b"}
    np.testing.assert_array_equal(pixels(out / "b.png")[:8, :8], pixels(inputs / "b.png")[:8, :8])


def test_masks_and_pictures_in_folders(inputs, masks, model, tmp_path, capsys):
    for folder, files in (("in", inputs), ("masks", masks)):
        for name, place in (("a", "a"), ("b", "sub/a"), ("c", "sub/c")):
            (tmp_path / folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(files / f"{name}.png", tmp_path / folder / f"{place}.png")
    out = tmp_path / "out"
    assert run("inpaint", tmp_path / "in", model, out, "--mask", tmp_path / "masks", "--recursive") == 0
    assert written(out) == names("a", "sub_a", "sub_c")
    for name, place in (("a", "a"), ("sub_a", "sub/a"), ("sub_c", "sub/c")):
        known = ~holes(tmp_path / "masks" / f"{place}.png")
        before, after = pixels(tmp_path / "in" / f"{place}.png"), pixels(out / f"{name}.png")
        np.testing.assert_array_equal(after[known], before[known])
        assert (after[~known] != before[~known]).any()
    # Alone it is the same image with the same mask.
    capsys.readouterr()
    alone = tmp_path / "in" / "sub" / "a.png"
    assert run("inpaint", alone, model, out, "--mask", tmp_path / "masks" / "sub" / "a.png") == 0
    assert "1 of 1 images are done already" in capsys.readouterr().err
    assert written(out) == names("a", "sub_a", "sub_c")
    assert set(rows(out)) == {"a", "sub_a", "sub_c"}


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


def test_how_much_is_missing_is_told(inputs, model, tmp_path, capsys):
    hole = mask(tmp_path / "mask.png", (4, 4, 9, 8))
    assert run("inpaint", inputs, model, tmp_path / "right", "--mask", hole) == 0
    printed = capsys.readouterr()
    assert [line for line in printed.out.splitlines() if "missing." in line] == [
        f"{name}.png: 7.81 % of it is missing." for name in "abc"
    ]
    assert "gprior: " not in printed.err
    for row in rows(tmp_path / "right").values():
        assert row["missing"] == pytest.approx(20 / 256)
        assert row["consistency"] is None  # Infinite: what was known is kept.
    assert "0.07812" in (tmp_path / "right" / "report.html").read_text()
    # The other way round it is told, and no consistency is.
    assert run("inpaint", inputs, model, tmp_path / "wrong", "--mask", hole, "--invert-mask", "--json") == 0
    printed = capsys.readouterr()
    line = next(line for line in printed.err.splitlines() if line.startswith("gprior: a.png"))
    assert "more than half of it is missing" in line
    assert line.endswith("mask.png looks inverted; leave out --invert-mask.")
    for row in strict(printed.out)["images"]:
        assert row["missing"] == pytest.approx(236 / 256)
        assert "consistency" not in row
    assert "consistency" not in (tmp_path / "wrong" / "report.html").read_text()
    white = mask(tmp_path / "white.png", known=0)
    assert run("inpaint", inputs / "a.png", model, tmp_path / "turn", "--mask", white) == 0
    assert "white.png looks inverted; --invert-mask turns it round." in capsys.readouterr().err


def test_soft_masks(inputs, model, tmp_path, capsys):
    soft = np.full((SIDE, SIDE), 255, np.uint8)
    soft[4:12, 4:12] = 153
    Image.fromarray(soft).save(tmp_path / "mask.png")
    source, results = inputs / "a.png", {}
    for name, flags in (("half", []), ("cut", ["--threshold", "0.7"]), ("soft", ["--soft-mask"])):
        flags = ["--mask", tmp_path / "mask.png", "--blend", "paste", *flags]
        assert run("inpaint", source, model, tmp_path / name, *flags) == 0
        results[name] = (
            rows(tmp_path / name)["a"]["missing"],
            pixels(tmp_path / name / "a.png"),
            capsys.readouterr().err,
        )
    assert [missing for missing, _, _ in results.values()] == pytest.approx([0.0, 0.25, 0.25 * 0.4], abs=1e-6)
    assert ["of the mask is gray" in told for _, _, told in results.values()] == [True, False, False]
    assert run("inpaint", inputs, model, tmp_path / "all", "--mask", tmp_path / "mask.png") == 0
    assert capsys.readouterr().err.count("of the mask is gray") == 1  # One mask for all is told once.
    before, plain = pixels(source).astype(float), pixels(tmp_path / "soft" / "reconstruction" / "a.png").astype(float)
    mixed = results["soft"][1][4:12, 4:12]
    np.testing.assert_allclose(mixed, (0.6 * before + 0.4 * plain)[4:12, 4:12], atol=1.1)
    np.testing.assert_array_equal(results["soft"][1][:4], before[:4])


def test_inverted_mask(inputs, model, tmp_path):
    out = tmp_path / "out"
    white = mask(tmp_path / "mask.png", known=0)
    assert run("inpaint", inputs, model, out, "--mask", white, "--invert-mask") == 0
    known = pixels(white) == 0
    np.testing.assert_array_equal(pixels(out / "a.png")[known], pixels(inputs / "a.png")[known])
    assert (pixels(out / "measured" / "a.png")[~known] == 128).all()


def test_upscale_reduces_to_its_input(done):
    from gprior_jax.images import arrays as im
    from gprior_jax.operators import Downsample

    source, out = done("upscale")
    for name in "abc":
        reduced = im.to_uint8(Downsample(2, "bicubic")(im.from_uint8(pixels(out / f"{name}.png"))))
        assert np.abs(reduced.astype(int) - pixels(source / f"{name}.png")).max() <= 3
        assert rows(out)[name]["consistency"] > 40


SMALL = {"a": (8, 8), "b": (5, 5), "c": (12, 6), "d": (1, 2), "e": (8, 8), "f": (4, 4)}


def test_a_folder_of_small_pictures_of_several_sizes(model, tmp_path, capsys):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, size in SMALL.items():
        Image.linear_gradient("L").resize(size).convert("RGB").save(source / f"{name}.png")
    assert run("upscale", source, model, out, *PIXELS) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gprior: ")]
    sides = {name: pixels(out / "measured" / f"{name}.png").shape[0] for name in SMALL}
    assert sides == {"a": 8, "b": 4, "c": 4, "d": 1, "e": 8, "f": 4}
    assert [line.split()[1] for line in sorted(told)] == ["b.png", "c.png", "d.png"]
    assert (
        "gprior: b.png is 5x5 pixels: it is resized to 4x4 first, to be enlarged 4 times to the prior's 16x16." in told
    )
    for name in SMALL:
        assert pixels(out / f"{name}.png").shape == (SIDE, SIDE, 3)
        assert rows(out)[name]["consistency"] > 35
    # As alone, up to the order of sums.
    assert run("upscale", source / "f.png", model, tmp_path / "alone", *PIXELS) == 0
    assert rows(tmp_path / "alone")["f"]["consistency"] > 35
    # And again nothing is done.
    capsys.readouterr()
    assert run("upscale", source, model, out, *PIXELS) == 0
    assert "6 of 6 images are done already" in capsys.readouterr().err


def test_small_pictures_are_cropped_as_told(model, tmp_path):
    striped = np.zeros((8, 16, 3), np.uint8)
    striped[:, :4] = 255
    Image.fromarray(striped).save(tmp_path / "a.png")
    measured = {}
    for crop in ("center", "stretch", "pad"):
        out = tmp_path / crop
        assert run("upscale", tmp_path / "a.png", model, out, "--factor", 2, "--crop", crop, *PIXELS) == 0
        measured[crop] = pixels(out / "measured" / "a.png")
        assert measured[crop].shape == (8, 8, 3)
    assert (measured["center"] == 0).all()
    assert (measured["stretch"][:, 0] > 200).all()
    assert (measured["pad"][0] == 128).all()


def test_upscale_simulated(inputs, model, tmp_path):
    out = tmp_path / "out"
    assert run("upscale", inputs, model, out, "--factor", 2, "--simulate", "--no-consistent", *PIXELS) == 0
    assert pixels(out / "measured" / "a.png").shape == (8, 8, 3)
    for name in "abc":
        assert {"psnr", "ssim", "consistency"} <= set(rows(out)[name])
    record = read_record(out / "a.npz")
    np.testing.assert_array_equal(record.pictures["truth"], pixels(inputs / "a.png"))
    difference = pixels(out / "a.png") / 255.0 - pixels(inputs / "a.png") / 255.0
    assert rows(out)["a"]["psnr"] == pytest.approx(-10 * np.log10(np.mean(difference**2)), abs=1e-3)


@pytest.mark.parametrize(
    ("task", "flags"),
    [
        ("colorize", PIXELS),
        ("denoise", ["--sigma", "25"]),
        ("denoise", ["--noise", "poisson", "--sigma", "25"]),
        ("denoise", ["--noise", "impulse"]),
        ("deblur", ["--blur", "motion", "--length", "5", "--angle", "30", *PIXELS]),
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
    assert run("deblur", inputs, model, out, "--kernel", kernel, *PIXELS) == 0
    assert run("deblur", inputs, model, out, "--kernel", kernel, *PIXELS) == 0
    assert "3 of 3 images are done already" in capsys.readouterr().err
    mask(kernel, (2, 2, 5, 5), 7, 0)
    assert run("deblur", inputs, model, out, "--kernel", kernel, *PIXELS) == 0
    assert "done already" not in capsys.readouterr().err


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
    assert "truth" not in read_record(out / "b.npz").pictures
    np.testing.assert_array_equal(read_record(out / "c.npz").pictures["truth"], pixels(truths / "c.png"))


@pytest.mark.parametrize("task", ["inpaint", "denoise"])
def test_an_interrupted_folder_ends_the_same(done, model, tmp_path, task):
    source, whole = done(task)
    broken = tmp_path / "broken"
    shutil.copytree(whole, broken)
    (broken / "b.npz").unlink()
    (broken / "run.json").unlink()
    (broken / "measured" / ".b.png.partial").write_text("half")
    assert run(task, source, model, broken, *FLAGS[task]) == 0
    assert_same(stored(whole), stored(broken))
    assert written(broken) == written(whole)

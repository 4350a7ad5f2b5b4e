"""``--paste``: results in their photographs, at these' own size, of every command that has an original."""

import json

import numpy as np
import pytest
from images.deep import random_samples, write_png
from PIL import Image

from cli.restoring import LUMA, SIDE, assert_same, pixels, rows, run, stored, told
from gprior_jax.cli.main import main
from gprior_jax.images.deep import deep_samples
from gprior_jax.images.opening import opened
from gprior_jax.images.pasting import Original, seam
from gprior_jax.images.placement import placement, square

PIXELS = ["--perceptual", "none"]
WIDE = (40, 2 * SIDE)
"""Twice the prior's side high, and wider."""


def photograph(path, size=WIDE, seed=0):
    rng = np.random.default_rng(seed)
    slope = np.linspace(40, 200, size[0])[None, :, None] + rng.uniform(-30, 30, (size[1], size[0], 3))
    Image.fromarray(slope.astype(np.uint8)).save(path)
    return path


def cut(size=WIDE):
    """Columns of a wide photograph that its square takes."""
    left = (size[0] - size[1]) // 2
    return slice(left, left + size[1])


def invert(source, model, out, *flags):
    words = ["invert", str(source), "--model", str(model), "--out", str(out), "--codes", "2", "--layer", "2"]
    return main([*words, "--steps", "2", "--batch-size", "3", "--devices", "1", *PIXELS, *flags])


def test_inversions_come_back_at_their_own_size(model, tmp_path, capsys):
    source, out = photograph(tmp_path / "a.png"), tmp_path / "out"
    assert invert(source, model, out, "--paste") == 0
    assert f"in their photographs: {out / 'pasted'}" in capsys.readouterr().out
    before, after, result = pixels(source), pixels(out / "pasted" / "a.png"), pixels(out / "a.png")
    assert after.shape == before.shape
    assert result.shape == (SIDE, SIDE, 3)
    beyond = np.ones(WIDE[0], bool)
    beyond[cut()] = False
    np.testing.assert_array_equal(after[:, beyond], before[:, beyond])
    # What is pasted is the result: cut out again it is that, but for the feathered columns.
    again = np.asarray(square(Image.fromarray(after), SIDE, "center")).astype(int)
    assert np.abs(again - result)[:, 3:-3].mean() < 6
    assert np.abs(again - np.asarray(square(Image.fromarray(before), SIDE, "center")))[:, 3:-3].mean() > 20


def test_a_second_run_pastes_what_is_missing_and_solves_nothing(model, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for seed, name in enumerate("ab"):
        photograph(folder / f"{name}.png", seed=seed)
    assert invert(folder, model, out) == 0
    assert not (out / "pasted").exists()
    before = stored(out)
    assert invert(folder, model, out, "--paste") == 0
    assert "2 of 2 images are done already" in capsys.readouterr().err
    after = stored(out)
    seams = {
        name: {key: float(found.pop(f"metric_{key}")) for key in ("seam", "seam_jump", "seam_before")}
        for name, found in after.items()
    }
    assert_same(after, before)
    for name, row in rows(out).items():
        assert {key: row[key] for key in seams[name]} == pytest.approx(seams[name])
        assert row["seam"] > 5
    assert "seam_before" in (out / "report.html").read_text()
    times = {path.name: path.stat().st_mtime_ns for path in (out / "pasted").iterdir()}
    assert times.keys() == {"a.png", "b.png"}
    (out / "pasted" / "b.png").unlink()
    assert invert(folder, model, out, "--paste") == 0
    assert (out / "pasted" / "a.png").stat().st_mtime_ns == times["a.png"]
    assert (out / "pasted" / "b.png").exists()
    capsys.readouterr()
    # Results in photographs are no inputs of the run that wrote them.
    assert "lies where results will be written" in told(capsys, 2, invert(out / "pasted", model, out, "--paste"))


@pytest.mark.parametrize("crop", ["stretch", "pad"])
def test_other_crops_cover_the_whole_photograph(model, tmp_path, crop):
    source, out = photograph(tmp_path / "a.png"), tmp_path / "out"
    assert invert(source, model, out, "--paste", "--crop", crop) == 0
    left, top, right, bottom = placement(WIDE, SIDE, crop).square
    inner = Image.fromarray(pixels(out / "a.png")[top:bottom, left:right])
    wanted = np.asarray(inner.resize(WIDE, Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(pixels(out / "pasted" / "a.png") - wanted).max() <= 1


def test_colorize_keeps_the_luma_of_every_pixel(model, tmp_path):
    source, out = tmp_path / "a.png", tmp_path / "out"
    gray = np.random.default_rng(0).integers(20, 230, WIDE[::-1], np.uint8)
    Image.fromarray(gray).save(source)
    assert run("colorize", source, model, out, "--paste", *PIXELS) == 0
    after = pixels(out / "pasted" / "a.png")
    assert after.shape == (*WIDE[::-1], 3)
    assert np.abs(after @ LUMA - gray).max() <= 1
    assert np.ptp(after[:, cut()], axis=-1).max() > 5
    np.testing.assert_array_equal(after[:, : cut().start], gray[:, : cut().start, None].repeat(3, -1))


HOLE = (12, 6, 20, 15)
"""Left, top, right, bottom in the photograph."""


@pytest.mark.parametrize("blend", ["paste", "poisson", "feather", "none"])
def test_inpaint_fills_the_holes_as_sharp_as_their_mask(model, tmp_path, blend):
    source, out, mask = photograph(tmp_path / "a.png"), tmp_path / "out", tmp_path / "mask.png"
    image = Image.new("L", WIDE, 255)
    image.paste(0, HOLE)
    image.save(mask)
    assert run("inpaint", source, model, out, "--mask", mask, "--blend", blend, "--paste") == 0
    before, after = pixels(source).astype(int), pixels(out / "pasted" / "a.png")
    hole = pixels(mask) == 0
    assert (after[hole] != before[hole]).any(axis=-1).mean() > 0.8
    changed = (after != before).any(axis=-1) & ~hole
    assert not changed[:, : cut().start].any()
    if blend in ("paste", "poisson"):
        assert not changed.any()
    elif blend == "feather":
        rows_near, columns_near = np.nonzero(changed)
        assert changed.any()  # In a band around the hole, two pixels of the prior wide.
        assert rows_near.max() < HOLE[3] + 6
        assert columns_near.max() < HOLE[2] + 6
    else:
        assert changed[:, cut()].mean() > 0.8


def test_drawn_masks_and_masks_of_the_priors_size(model, tmp_path):
    source = photograph(tmp_path / "a.png")
    mask = Image.new("L", (SIDE, SIDE), 255)
    mask.paste(0, (5, 5, 11, 11))
    mask.save(tmp_path / "mask.png")
    afters = []
    for name, flags in (("drawn", ["--box", 6]), ("file", ["--mask", tmp_path / "mask.png"])):
        assert run("inpaint", source, model, tmp_path / name, *flags, "--paste") == 0
        afters.append(pixels(tmp_path / name / "pasted" / "a.png"))
        changed = (afters[-1] != pixels(source)).any(axis=-1)
        inside = np.zeros(WIDE[::-1], bool)
        inside[10:22, cut().start + 10 : cut().start + 22] = True
        assert not (changed & ~inside).any()
        assert changed[inside].mean() > 0.9


def test_holes_outside_of_the_square_are_told(model, tmp_path, capsys):
    source, mask = photograph(tmp_path / "a.png"), tmp_path / "mask.png"
    image = Image.new("L", WIDE, 255)
    image.paste(0, (1, 4, 14, 12))
    image.save(mask)
    assert run("inpaint", source, model, tmp_path / "out", "--mask", mask, "--paste") == 0
    assert "a.png: what is missing outside of the square that was filled stays missing." in capsys.readouterr().err
    assert run("inpaint", source, model, tmp_path / "pad", "--mask", mask, "--paste", "--crop", "pad") == 0
    assert "stays missing" not in capsys.readouterr().err


def test_small_photographs_grow(model, tmp_path):
    source, out = photograph(tmp_path / "a.png", (12, 8)), tmp_path / "out"
    assert run("upscale", source, model, out, "--paste", *PIXELS) == 0
    after, result = pixels(out / "pasted" / "a.png"), pixels(out / "a.png")
    assert after.shape == (16, 24, 3)
    np.testing.assert_array_equal(after[:, 8:16], result[:, 4:12])
    with Image.open(source) as image:
        larger = np.asarray(image.resize((24, 16), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(after[:, :4] - larger[:, :4]).max() <= 1
    # Reduced by a factor first, or simulated, it keeps its size.
    photograph(tmp_path / "b.png", (50, 40))
    for name, flags in (("factor", []), ("simulated", ["--simulate"])):
        flags = ["--factor", 2, "--paste", *PIXELS, *flags]
        assert run("upscale", tmp_path / "b.png", model, tmp_path / name, *flags) == 0
        assert pixels(tmp_path / name / "pasted" / "b.png").shape == (40, 50, 3)


def test_sixteen_bits_with_alpha_and_upright(model, tmp_path):
    samples = random_samples((*WIDE[::-1], 4))
    write_png(tmp_path / "a.png", samples)
    assert run("denoise", tmp_path / "a.png", model, tmp_path / "out", "--sigma", 25, "--paste", *PIXELS) == 0
    with opened(tmp_path / "out" / "pasted" / "a.png") as (image, again):
        deep = deep_samples(image, again)
    np.testing.assert_array_equal(deep.values[:, : cut().start], samples[:, : cut().start, :3])
    np.testing.assert_array_equal(deep.alpha, samples[..., 3])
    assert (deep.values[:, cut()] != samples[:, cut(), :3]).any(axis=-1).mean() > 0.9
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels(photograph(tmp_path / "b.png"))).save(tmp_path / "b.jpg", exif=exif)
    assert invert(tmp_path / "b.jpg", model, tmp_path / "turned", "--paste") == 0
    assert pixels(tmp_path / "turned" / "pasted" / "b.png").shape == (*WIDE, 3)


def test_a_photograph_that_went_away_is_told(model, tmp_path, capsys, monkeypatch):
    source, out = photograph(tmp_path / "a.png"), tmp_path / "out"
    from gprior_jax.runs import pasting

    def gone(path, value_range):
        path.unlink()
        return real(path, value_range)

    real = pasting.read_original
    monkeypatch.setattr(pasting, "read_original", gone)
    line = told(capsys, 1, invert(source, model, out, "--paste"))
    assert line == f"gprior: {source} does not exist. Its result is not pasted."
    assert rows(out).keys() == {"a"}


def code(command, model, *words):
    return main([command, "--model", str(model), *map(str, words)])


def seam_of(before, after):
    """Measured on the pictures as they were written."""
    return seam(Original(before), Original(after), placement(WIDE, SIDE, "center"))._asdict()


def test_edits_of_a_photograph(styled, tmp_path, capsys):
    source, out = photograph(tmp_path / "a.png"), tmp_path / "run"
    words = ["invert", source, "--model", styled, "--method", "w_plus", "--steps", "2", "--out", out, *PIXELS]
    assert main([*map(str, words), "--batch-size", "1", "--devices", "1"]) == 0
    for name, command, flags in (
        ("sum", "arithmetic", ["--positive", out / "a.npz", "seed:3", "--negative", "seed:4"]),
        ("folder", "arithmetic", ["--positive", out]),
        ("mix", "mix", ["--rows", out / "a.npz", "--columns", "seed:5", "--layers", "2-"]),
    ):
        assert code(command, styled, *flags, "--out", tmp_path / f"{name}.png", "--paste") == 0
        after, before = pixels(tmp_path / f"{name}.png"), pixels(source)
        assert after.shape == before.shape
        np.testing.assert_array_equal(after[:, : cut().start], before[:, : cut().start])
        assert (after[:, cut()] != before[:, cut()]).any(axis=-1).mean() > 0.9
        seam, told_of = seam_of(before, after), capsys.readouterr().out
        assert f"; the seam bridges {seam['step']:.3g} grey levels of 255 and jumps by {seam['jump']:.3g}" in told_of
        assert code(command, styled, *flags, "--out", tmp_path / f"{name}.png", "--paste", "--json") == 0
        assert json.loads(capsys.readouterr().out)["seam"] == pytest.approx(seam)
    wrong = {
        "seed:3 is no inversion of one photograph": ["--positive", "seed:3"],
        "--scatter draws nine": ["--positive", out / "a.npz", "--scatter", 0.1],
        "--size 9: with --paste the photograph keeps its own": ["--positive", out / "a.npz", "--size", 9],
    }
    for why, flags in wrong.items():
        assert why in told(capsys, 2, code("arithmetic", styled, *flags, "--out", tmp_path / "no.png", "--paste"))
    over = code("arithmetic", styled, "--positive", out / "a.npz", "--out", source, "--paste")
    assert "a.png would be written over" in told(capsys, 2, over)
    many = ["--rows", out / "a.npz", "--columns", "seed:5,6", "--layers", "2-", "--out", tmp_path / "no.png", "--paste"]
    assert "--paste takes one row and one column: these are 1 and 2" in told(capsys, 2, code("mix", styled, *many))
    source.unlink()
    gone = code("arithmetic", styled, "--positive", out / "a.npz", "--out", tmp_path / "no.png", "--paste")
    assert "the photograph of" in told(capsys, 2, gone)
    assert not (tmp_path / "no.png").exists()

"""``gprior edit`` on tiny priors and on inversions by them."""

import json

import numpy as np
import pytest
from batteries import normal
from PIL import Image

from cli import priors
from cli.codes import BATCH, codes_of, drawn, mapped, run, same
from cli.restoring import LUMA, mask, pixels, told
from gprior_jax import editing
from gprior_jax.cli.main import main
from gprior_jax.editing import Direction
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images import arrays as im
from gprior_jax.latents import MultiCode
from gprior_jax.runs.directions_file import save_direction
from gprior_jax.runs.sources import read_points

FACTS = {"w": {"deviation": 0.5, "offset": 0.25}, "z": {"deviation": 1.0, "offset": 0.0}, "held": {}}


@pytest.fixture(scope="module")
def directions(tmp_path_factory):
    """Files of three directions; their own numbers, so that nothing is measured."""
    folder = tmp_path_factory.mktemp("directions")
    for seed, (name, facts) in enumerate(FACTS.items()):
        vector = normal(seed, 8 if name == "z" else 5)
        unit = vector / np.linalg.norm(vector)
        space = "z" if name == "z" else "w"
        save_direction(folder / f"{name}.npz", Direction(unit, space, name=name, **facts))
    return folder


def unit(name):
    seed = list(FACTS).index(name)
    vector = normal(seed, 8 if name == "z" else 5)
    return vector / np.linalg.norm(vector)


def edit(model, out, sources, along, *words):
    return run("edit", model, out, *sources, "--along", *along, *words)


def invert(source, model, out, *words):
    own = ["--steps", "2", "--batch-size", "1", "--devices", "1", "--perceptual", "none", *words]
    return main(["invert", str(source), "--model", str(model), "--out", str(out), *own])


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """Of 24x16 pixels: the square in its middle is inverted."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("photographs") / "a.png"
    Image.fromarray(rng.integers(0, 255, (16, 24, 3), np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def inverted(photograph, styled, tmp_path_factory):
    """An inversion with a w for every layer."""
    out = tmp_path_factory.mktemp("inverted") / "found"
    assert invert(photograph, styled, out, "--method", "w_plus") == 0
    return out


def test_sheet_of_codes(styled, directions, tmp_path, capsys):
    out = tmp_path / "new" / "edited"
    words = ["--strengths", -2, 0, 1.5, "--truncation", 0.7, "--json"]
    assert edit(styled, out, ["seed:1,2"], [directions / "w.npz"], *words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [image["mode"] for image in facts["images"]] == ["absolute", "absolute"]
    assert facts == json.loads((out / "edit.json").read_text()) | {"out": str(out)}
    n, styles = unit("w"), mapped("seed:1,2", truncation_psi=0.7)
    rest = styles - (styles @ n)[..., None] * n
    wanted = np.stack([rest + (0.25 + 0.5 * s) * n for s in (-2, 0, 1.5)], axis=1)
    images = drawn(priors.styled(), wanted.reshape(6, 4, 5), space="w_plus").reshape(2, 3, 8, 8, 3)
    same(out / "sheet.png", images)
    np.testing.assert_allclose(
        pixels(out / "pictures" / "seed_2_+1.5.png").astype(int), im.to_uint8(images[1, 2]), atol=1
    )
    (*_, point) = read_points(priors.styled(), str(out / "codes" / "seed_1.npz"))
    np.testing.assert_allclose(point.variables["w_plus"], wanted[0, 2], atol=1e-5)


def test_relative_edits_of_some_layers_under_a_condition(styled, directions, tmp_path):
    out = tmp_path / "edited"
    words = ["--strengths", 0, 2, "--units", "length", "--mode", "relative", "--layers", "0,2-3"]
    words += ["--condition", directions / "held.npz"]
    assert edit(styled, out, ["seed:1"], [directions / "w.npz"], *words, "--truncation", 1) == 0
    n, held = unit("w"), unit("held")
    left = n - (n @ held) * held
    wanted = np.repeat(mapped("seed:1"), 2, axis=0)
    wanted[1, [0, 2, 3]] += 2 * left / np.linalg.norm(left)
    same(out / "sheet.png", drawn(priors.styled(), wanted, space="w_plus")[None])


def test_codes_z(little, directions, tmp_path):
    out = tmp_path / "edited"
    words = ["--strengths", -1, 1, "--units", "length", "--size", 16]
    assert edit(little, out, ["seed:1"], [directions / "z.npz"], *words) == 0
    assert pixels(out / "sheet.png").shape == (16, 32, 3)
    (z,), n = codes_of(priors.plain(), "seed:1"), unit("z")
    with np.load(out / "codes" / "seed_1.npz") as arrays:
        np.testing.assert_allclose(arrays["z"], [z - (z @ n) * n + s * n for s in (-1, 1)], atol=1e-5)
        np.testing.assert_array_equal(arrays["strengths"], [-1, 1])


def test_several_directions(styled, directions, tmp_path):
    out = tmp_path / "edited"
    along = [directions / "w.npz", directions / "held.npz"]
    words = ["--strengths", 2, "--weights", 1, -0.5, "--units", "length"]
    assert edit(styled, out, ["seed:1"], along, *words, "--truncation", 1) == 0
    wanted = mapped("seed:1") + 2 * unit("w") - unit("held")
    same(out / "sheet.png", drawn(priors.styled(), wanted, space="w_plus")[None])


def test_every_code_of_an_inversion_moves(photograph, little, directions, tmp_path, capsys):
    found = tmp_path / "found"
    assert invert(photograph, little, found, "--codes", "2", "--layer", "2", "--free-codes") == 0
    out = tmp_path / "edited"
    assert edit(little, out, [found], [directions / "z.npz"], "--strengths", 0, 1, "--units", "length") == 0
    assert "fall" not in capsys.readouterr().err
    (point,) = read_points(priors.plain(), str(found))
    moved = editing.stack([point, point])
    moved["codes"] = moved["codes"] + np.array([0, 1])[:, None, None] * unit("z")
    same(out / "sheet.png", editing.render(priors.plain(), moved, MultiCode(2, 2), batch_size=BATCH)[None])


def test_large_weights_of_drawn_codes_are_told(photograph, little, directions, tmp_path, capsys):
    found = tmp_path / "found"
    assert invert(photograph, little, found, "--codes", "2", "--layer", "2") == 0
    (path,) = found.glob("*.npz")
    with np.load(path) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    for factor, warned in ((20.0, True), (0.5, False)):
        np.savez(path, **stored | {"variable_alpha": np.full_like(stored["variable_alpha"], factor)})
        out = tmp_path / f"edited{factor}"
        assert edit(little, out, [path], [directions / "z.npz"], "--strengths", 0) == 0
        assert ("invert with --free-codes for edits that hold" in capsys.readouterr().err) == warned


def test_local_edits_keep_the_photograph(inverted, photograph, styled, directions, tmp_path, capsys):
    out, where = tmp_path / "edited", mask(tmp_path / "mask.png", (2, 2, 5, 6), side=8)
    words = ["--strengths", 0, 3, "--mask", where, "--feather", 0, "--paste", "--keep", "pixel", "--json"]
    assert edit(styled, out, [inverted], [directions / "w.npz"], *words) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert image["mode"] == "relative"
    assert image["changes"]["pixel_l1"] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert image["edited"] == pytest.approx(12 / 64)
    (found,) = inverted.glob("*.npz")
    with np.load(found) as arrays:
        target = arrays["target"]
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:5] = True
    whole, edited = pixels(photograph), pixels(out / "pictures" / "a_+3.png")
    np.testing.assert_array_equal(edited[~inside], target[~inside])
    (point,) = read_points(priors.styled(), str(inverted))
    moved = point.variables["w_plus"] + 3 * 0.5 * unit("w")
    wanted = im.to_uint8(np.asarray(synthesize(priors.styled(), moved, space="w_plus")))
    np.testing.assert_allclose(edited[inside].astype(int), wanted[inside], atol=1)
    assert image["mask_seams"][1] == pytest.approx(seam(target, edited, inside))
    assert len(image["mask_seams"]) == len(image["seams"]) == 2
    pasted = pixels(out / "pasted" / "a_+3.png")
    assert pasted.shape == whole.shape
    changed = (pasted != whole).any(axis=-1)
    assert changed[6:10, 10:12].all()  # Well inside of rows 4 to 12, columns 8 to 14 of the photograph.
    assert not changed[:2].any()
    assert not changed[14:].any()
    assert not changed[:, :6].any()
    assert not changed[:, 16:].any()


def test_colours_are_pasted_in_the_light_of_the_photograph(photograph, little, directions, tmp_path):
    """At its own size, not as the prior's small square has it."""
    found, out = tmp_path / "found", tmp_path / "edited"
    words = ["--codes", "2", "--layer", "2", "--steps", "2", "--perceptual", "none", "--batch-size", "1"]
    words += ["--devices", "1", "--model", str(little), "--out", str(found)]
    assert main(["colorize", str(photograph), *words]) == 0
    own = ["--strengths", 2, "--units", "length", "--paste"]
    assert edit(little, out, [found / "a.npz"], [directions / "z.npz"], *own) == 0
    before, after = pixels(photograph).astype(float), pixels(out / "pasted" / "a_+2.png").astype(float)
    np.testing.assert_allclose(after @ LUMA, before @ LUMA, atol=1.0)
    assert np.abs(after - before)[:, 8:16].mean() > 10


def seam(before, after, inside):
    """Of a region without a feather: at pixels whose neighbour is on the other side, and between the two."""
    steps, jumps, known = {}, [], []
    for y, x in np.ndindex(inside.shape):
        for other in ((y + 1, x), (y, x + 1)):
            if max(other) < 8 and inside[y, x] != inside[other]:
                for place in filter(lambda at: inside[at], ((y, x), other)):
                    steps[place] = np.abs(after[place].astype(float) - before[place]).mean()
                jumps.append(np.abs(after[y, x].astype(float) - after[other]).mean())
                known.append(np.abs(before[y, x].astype(float) - before[other]).mean())
    return {"step": np.mean(list(steps.values())), "jump": np.mean(jumps), "before": np.mean(known)}


@pytest.mark.parametrize("blend", ["features", "both"])
def test_blends_in_features(styled, directions, tmp_path, capsys, blend):
    out, where = tmp_path / "edited", mask(tmp_path / "mask.png", (0, 0, 4, 8), side=8)
    words = ["--strengths", 0, 3, "--mask", where, "--feather", 0, "--keep", "pixel", "perceptual", "--json"]
    words += ["--blend", blend, "--layer", 1, "--mode", "relative"]
    assert edit(styled, out, ["seed:1"], [directions / "w.npz"], *words, "--truncation", 1) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    zero, moved = image["changes"]["pixel_l1"]
    assert zero == pytest.approx(0.0, abs=1e-5)
    assert (moved > 1e-3) == (blend == "features")  # Of 4x4 features some lie on the edge.
    assert image["changes"].keys() == {"pixel_l1", "perceptual"}
    assert ("mask_seams" in image) == (blend == "both")  # Features alone are blended without an edge in the picture.


def test_table_of_changes(styled, directions, tmp_path, capsys):
    words = ["--strengths", 0, 1, "--mode", "relative", "--keep", "pixel"]
    assert edit(styled, tmp_path / "edited", ["seed:1,2"], [directions / "w.npz"], *words) == 0
    first, heading, zero, one = capsys.readouterr().out.splitlines()
    assert "2x2 pictures" in first
    assert heading.split() == ["strength", "pixel_l1"]
    assert zero.split()[0] == "+0"
    assert float(zero.split()[1]) < 1e-5 < float(one.split()[1])


def test_table_of_seams(styled, directions, tmp_path, capsys):
    out, where = tmp_path / "edited", mask(tmp_path / "mask.png", (0, 0, 4, 8), side=8)
    words = ["--strengths", 0, 1, "--mode", "relative", "--mask", where]
    assert edit(styled, out, ["seed:1,2"], [directions / "w.npz"], *words) == 0
    _, heading, zero, one = capsys.readouterr().out.splitlines()
    assert heading.split() == ["strength", "seam", "seam_jump", "seam_before"]
    found = [row["mask_seams"] for row in json.loads((out / "edit.json").read_text())["images"]]
    for index, line in enumerate((zero, one)):
        wanted = [np.mean([seams[index][name] for seams in found]) for name in ("step", "jump", "before")]
        assert [float(word) for word in line.split()[1:]] == pytest.approx(wanted, rel=1e-3)
    assert float(zero.split()[1]) == 0.0 < float(one.split()[1])


def test_animation(styled, directions, tmp_path):
    out = tmp_path / "edited"
    words = ["--strengths", -1, 1, "--animation", "webp", "--frames", 4, "--fps", 10]
    assert edit(styled, out, ["seed:1"], [directions / "w.npz"], *words) == 0
    with Image.open(out / "seed_1.webp") as moving:
        assert moving.n_frames == 4
        ends = []
        for frame in (0, 2):
            moving.seek(frame)
            ends.append(np.asarray(moving.convert("RGB")))
    np.testing.assert_array_equal(ends[0], pixels(out / "pictures" / "seed_1_-1.png"))
    np.testing.assert_array_equal(ends[1], pixels(out / "pictures" / "seed_1_+1.png"))


WRONG = {
    "nothing": (["--along"], "nothing to move along"),
    "no file": (["--along", "no.npz"], "no.npz does not exist"),
    "mode": (["--weights", "2", "--mode", "absolute"], "for one direction without --weights"),
    "weights": (["--weights", "1", "2"], "2 weights for 1 directions"),
    "layers": (["--layers", "4"], "styles 0 to 3"),
    "feather alone": (["--feather", "2"], "--feather is for --mask"),
    "soft alone": (["--soft-mask"], "--soft-mask is for --mask"),
    "gray": (["--mask", "m.png", "--soft-mask", "--threshold", "0.5"], "leave one of them out"),
    "layer alone": (["--mask", "m.png", "--layer", "2"], "--layer 2 is for --blend"),
    "mask": (["--mask", "m.png"], "the mask m.png does not exist"),
    "fps": (["--animation", "gif", "--fps", "200"], "200 frames a second"),
    "frames": (["--animation", "gif", "--frames", "0"], "--frames 0"),
    "strength": (["--strengths", "nan"], "--strengths nan"),
    "paste": (["--paste"], "seed:1 is no inversion of one photograph"),
    "paste and size": (["--paste", "--size", "8"], "--size 8: with --paste"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use(styled, directions, tmp_path, capsys, name):
    words, sentence = WRONG[name]
    along = [] if words[0] == "--along" else ["--along", str(directions / "w.npz")]
    command = ["edit", "seed:1", "--model", str(styled), "--out", str(tmp_path / "x"), *along, *words]
    assert sentence in told(capsys, 2, main(command))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [(["held", "held"], "the conditions depend on each other"), (["w"], "nothing is left of the direction w")],
)
def test_wrong_conditions(styled, directions, tmp_path, capsys, condition, sentence):
    words = ["--condition", *(directions / f"{name}.npz" for name in condition)]
    assert sentence in told(capsys, 2, edit(styled, tmp_path / "x", ["seed:1"], [directions / "w.npz"], *words))
    assert not list(tmp_path.iterdir())


def test_directions_of_another_size_and_of_zeros(styled, tmp_path, capsys):
    for values, sentence in ((np.ones((1, 512)), "(1, 512)"), (np.zeros((1, 5)), "zero")):
        np.save(tmp_path / "age_w_boundary.npy", values)
        error = told(capsys, 2, edit(styled, tmp_path / "x", ["seed:1"], [tmp_path / "age_w_boundary.npy"]))
        assert sentence in error
        assert not (tmp_path / "x").exists()


def test_results_are_not_written_over(styled, directions, tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.txt").write_text("mine")
    assert "exists already" in told(capsys, 2, edit(styled, tmp_path, ["seed:1"], [directions / "w.npz"]))
    monkeypatch.chdir(tmp_path.parent)  # What is given is what is named.
    line = told(capsys, 2, edit(styled, tmp_path.name, ["seed:1"], [directions / "w.npz"]))
    assert f" {tmp_path.name} exists already: name another folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

"""Restorations: what is edited and kept of them is what is seen, and of several answers each."""

import numpy as np
import pytest
from cli.restoring import LUMA
from PIL import Image
from serving.served import png

from gprior_jax.runs.keeping import Light, read_measured
from gprior_jax.runs.record import read_about, read_record
from studio.edited import SIDE, Editing, close, kept_of, of_url, pixels, run_lines, slider
from studio.studios import SHORT, mask


@pytest.fixture(scope="module")
def plain(ask, little):
    return Editing(ask, little)


@pytest.fixture(scope="module")
def inpainted(plain):
    """An item of two answers, and its picture."""
    order = SHORT | {"name": "q.png", "task": "inpaint", "samples": 2}
    item = plain.ask.done(plain.session, order, mask=mask())
    return item, pixels(plain.ask("GET", item["images"]["result"])[1])


def test_of_a_restoration_what_is_seen_is_kept(plain, inpainted, tmp_path, monkeypatch):
    item, seen = inpainted
    kept = kept_of(plain, item["id"], {})
    np.testing.assert_array_equal(pixels(kept["png"]), seen)
    np.testing.assert_array_equal(plain.picture(item["id"]), seen)
    monkeypatch.chdir(tmp_path)
    exec(compile(kept["python"], "kept.py", "exec"), {})
    np.testing.assert_array_equal(pixels("q.png"), seen)
    run_lines(kept["command"])
    close(pixels("results/q.png"), seen)


def test_edits_of_an_inpainted_picture_keep_what_was_known(plain, inpainted, tmp_path, monkeypatch):
    """As its result does; on the page and in what commands and programs draw."""
    item, seen = inpainted
    edit = {"sliders": slider(3.0)}
    own = plain.picture(item["id"], **edit)
    known = np.ones((SIDE, SIDE), bool)
    known[2:5, 2:4] = False  # Where it is painted.
    np.testing.assert_array_equal(own[known], seen[known])
    assert (own[~known] != seen[~known]).any()
    told = {"item": item["id"], "edit": {}, "direction": "up"}
    np.testing.assert_array_equal(pixels(plain.post("strip", **told, strengths=[0, 3])[1]), np.hstack([seen, own]))
    changed = pixels(plain.post("heatmap", **told, strength=3)[1])[..., 3]
    assert changed[~known].any()
    assert not changed[known].any()

    monkeypatch.chdir(tmp_path)
    kept = kept_of(plain, item["id"], edit)
    run_lines(kept["command"])
    close(pixels("q_edited.png"), own)
    (tmp_path / "q_edited.png").unlink()
    exec(compile(kept["python"], "kept.py", "exec"), {})
    close(pixels("q_edited.png"), own)
    (tmp_path / "kept.npz").write_bytes(kept["npz"])
    plain.run("render", tmp_path / "again.png", tmp_path / "kept.npz")
    close(pixels("again.png"), own)
    words = ["--along", plain.file, "--strengths", 0, 3, "--mode", "relative", "--paste"]
    plain.run("edit", tmp_path / "edited", plain.source(item["id"]), *words)
    close(pixels(tmp_path / "edited" / "sheet.png"), np.hstack([seen, own]))
    photograph = pixels(plain.ask("GET", item["images"]["photograph"])[1])
    np.testing.assert_array_equal(pixels(tmp_path / "edited" / "pasted" / "q_+3.png")[known], photograph[known])


def test_on_the_way_to_another_filling_what_both_know_stays(plain, inpainted, tmp_path, monkeypatch):
    """And at its ends, each result; in the morph, in the ways of the page, and in what makes them again."""
    item, seen = inpainted
    painted = mask(painted=(8, 10, 14, 14))  # Pixels 4 to 6, 5 to 6 of the prior's.
    other = plain.ask.done(plain.session, SHORT | {"name": "r.png", "task": "inpaint", "seed": 1}, mask=painted)
    end = pixels(plain.ask("GET", other["images"]["result"])[1])
    both = np.ones((SIDE, SIDE), bool)
    both[2:5, 2:4] = both[5:7, 4:7] = False
    assert (seen[both] == end[both]).all()

    def morph(at):
        return plain.picture(item["id"], morph={"item": other["id"], "at": at})

    np.testing.assert_array_equal(morph(0.0), seen)
    np.testing.assert_array_equal(morph(1.0), end)
    np.testing.assert_array_equal(morph(0.5)[both], seen[both])
    assert (morph(0.5)[~both] != seen[~both]).any()

    ways = plain.post("path", item=item["id"], other=other["id"], steps=3)[1]
    for way in ("line", "geodesic"):
        first, middle, last = np.split(of_url(ways[way]["strip"]), 3, axis=1)
        np.testing.assert_array_equal(first, seen)
        np.testing.assert_array_equal(last, end)
        np.testing.assert_array_equal(middle[both], seen[both])
    close(np.split(of_url(ways["line"]["strip"]), 3, axis=1)[1], morph(0.5))
    assert ways["remark"].endswith("what both know alike stays.")

    monkeypatch.chdir(tmp_path)
    edit = {"morph": {"item": other["id"], "at": 0.3}}
    kept = kept_of(plain, item["id"], edit)
    run_lines(kept["command"])
    close(pixels("q_edited.png"), morph(0.3))
    (tmp_path / "q_edited.png").unlink()
    exec(compile(kept["python"], "kept.py", "exec"), {})
    close(pixels("q_edited.png"), morph(0.3))
    (tmp_path / "kept.npz").write_bytes(kept["npz"])
    plain.run("render", tmp_path / "again.png", tmp_path / "kept.npz")
    close(pixels("again.png"), morph(0.3))
    plain.run("morph", tmp_path / "m.png", plain.source(item["id"]), plain.source(other["id"]), "--strip", 3)
    close(pixels("m.png"), np.hstack([seen, morph(0.5), end]))


def test_codes_of_an_inpainted_picture_act_on_what_was_missing(plain, inpainted, tmp_path):
    item, seen = inpainted
    missing = np.zeros((SIDE, SIDE), bool)
    missing[2:5, 2:4] = True
    found = plain.post("explain", item=item["id"])[1]
    shown = of_url(found["territories"])
    assert (np.ptp(shown[~missing], axis=-1) == 0).all()  # In gray: no code has a say there.
    assert (np.ptp(shown[missing], axis=-1) > 0).all()
    assert "what was filled" in found["summary"]
    plain.run("explain", tmp_path / "out", plain.source(item["id"]))
    with np.load(tmp_path / "out" / "q" / "explained.npz") as arrays:
        assert not arrays["influence"][:, ~missing].any()
        assert arrays["influence"][:, missing].any()
    sheet = pixels(tmp_path / "out" / "q" / "sheet.png")[:SIDE, 2 + SIDE : 2 + 2 * SIDE]
    np.testing.assert_array_equal(sheet, seen)
    (tmp_path / "kept.npz").write_bytes(kept_of(plain, item["id"], {"sliders": slider(1.0)})["npz"])
    plain.run("explain", tmp_path / "edited", tmp_path / "kept.npz")  # It is of the same prior.


def test_edits_of_a_colourised_picture_keep_its_light(plain, tmp_path, monkeypatch):
    item = plain.ask.done(plain.session, SHORT | {"name": "gray.png", "task": "colorize"})
    seen = pixels(plain.ask("GET", item["images"]["result"])[1])
    assert "light and shade of the photograph stay" in item["edits"]
    own = plain.picture(item["id"], sliders=slider(3.0))
    np.testing.assert_allclose(own @ LUMA, seen @ LUMA, atol=2)
    assert np.abs(own - seen).max() > 5
    close(np.split(pixels(plain.post("strip", item=item["id"], direction="up", strengths=[0, 3])[1]), 2, 1)[0], seen)
    monkeypatch.chdir(tmp_path)
    kept = kept_of(plain, item["id"], {"sliders": slider(3.0)})
    run_lines(kept["command"])
    close(pixels("gray_edited.png"), own)
    exec(compile(kept["python"], "kept.py", "exec"), {})
    close(pixels("gray_edited.png"), own)
    plain.run(
        "edit", tmp_path / "e", plain.source(item["id"]), "--along", plain.file, "--strengths", 3, "--mode", "relative"
    )
    close(pixels(tmp_path / "e" / "sheet.png"), own)


def test_codes_kept_on_the_way_keep_no_more_than_is_seen(plain, tmp_path):
    """Whatever is at its ends, commands draw of them what the page shows; and what was inverted stays what it was."""
    own = {"method": "z", "steps": 2}
    fill = own | {"task": "inpaint", "blend": "poisson"}
    orders = ((fill, {"mask": mask()}), (own | {"task": "colorize"}, {}), (own, {}))
    filled, gray, inverted = (
        plain.ask.done(plain.session, order, image=png(seed), **files)["id"]
        for seed, (order, files) in enumerate(orders, 7)
    )
    for item, other, at in ((filled, inverted, 0.1), (filled, gray, 0.9), (gray, filled, 0.9), (gray, inverted, 0.9)):
        edit = {"morph": {"item": other, "at": at}}
        (tmp_path / "kept.npz").write_bytes(kept_of(plain, item, edit)["npz"])
        plain.run("render", tmp_path / "again.png", tmp_path / "kept.npz")
        shown = plain.picture(item, **edit)
        if at < 0.5:  # As if it were pasted.
            known = np.ones((SIDE, SIDE), bool)
            known[2:5, 2:4] = False
            close(pixels(tmp_path / "again.png")[known], shown[known])
        else:  # Less what the other's adds: what this one knew is not seen any more.
            assert read_measured(tmp_path / "kept.npz") is None
    edit = {"morph": {"item": filled, "at": 0.9}}
    (tmp_path / "kept.npz").write_bytes(kept_of(plain, inverted, edit)["npz"])
    before = read_record(plain.source(inverted)).target
    np.testing.assert_array_equal(read_record(tmp_path / "kept.npz").target, before)


def test_codes_kept_on_the_way_say_how_much_of_a_light_stays(plain, tmp_path):
    own = {"method": "z", "steps": 2}
    orders = (own | {"task": "colorize"}, own | {"task": "colorize"}, own)
    gray, other, inverted = (
        plain.ask.done(plain.session, order, image=png(seed))["id"] for seed, order in enumerate(orders, 7)
    )
    for item, end, at, part in ((gray, inverted, 0.2, 0.6), (gray, other, 0.3, 0.4), (gray, other, 0.8, 0.6)):
        edit = {"morph": {"item": end, "at": at}}
        content = kept_of(plain, item, edit)["npz"]
        (tmp_path / "kept.npz").write_bytes(content)
        kept = read_measured(tmp_path / "kept.npz")
        assert isinstance(kept, Light)
        assert kept.part == pytest.approx(part, abs=1 / 255)
        plain.run("render", tmp_path / "again.png", tmp_path / "kept.npz")
        close(pixels(tmp_path / "again.png"), plain.picture(item, **edit))
        assert "approximate" not in read_about(tmp_path / "kept.npz")


@pytest.mark.parametrize("blend", ["feather", "poisson"])
def test_codes_kept_on_the_way_are_exact_or_say_that_they_are_not(plain, tmp_path, blend):
    fill = {"method": "z", "steps": 2, "task": "inpaint", "blend": blend}
    item = plain.ask.done(plain.session, fill, image=png(7), mask=mask())["id"]
    other = plain.ask.done(plain.session, {"method": "z", "steps": 2}, image=png(8))["id"]
    edit = {"morph": {"item": other, "at": 0.1}}
    (tmp_path / "kept.npz").write_bytes(kept_of(plain, item, edit)["npz"])
    plain.run("render", tmp_path / "again.png", tmp_path / "kept.npz")
    again, shown = pixels(tmp_path / "again.png"), plain.picture(item, **edit)
    if blend == "feather":
        close(again, shown)
        assert "approximate" not in read_about(tmp_path / "kept.npz")
    else:
        assert np.abs(again.astype(int) - shown).max() > 1
        assert "by Poisson's equation" in read_about(tmp_path / "kept.npz")["approximate"]


def test_under_a_mask_what_was_known_of_the_photograph_stays_too(plain, tmp_path):
    """Not as the prior's small square has it: as the photograph has."""
    order = SHORT | {"name": "large.png", "task": "inpaint"}
    item = plain.ask.done(plain.session, order, image=png(3, (4 * SIDE, 4 * SIDE)), mask=mask())
    photograph = pixels(plain.ask("GET", item["images"]["photograph"])[1])
    most = np.zeros((4 * SIDE, 4 * SIDE), np.uint8)
    most[-4:] = 255  # White stays.
    Image.fromarray(most).save(tmp_path / "most.png")
    words = ["--along", plain.file, "--strengths", 3, "--mode", "relative", "--paste", "--mask", tmp_path / "most.png"]
    plain.run("edit", tmp_path / "edited", plain.source(item["id"]), *words)
    pasted = pixels(tmp_path / "edited" / "pasted" / "large_+3.png")
    changed = np.abs(pasted - photograph).max(axis=-1)
    assert np.mean(changed[12:16, 10:14] > 40) > 0.5
    changed[6:22, 6:18] = 0  # What was missing, rows 8 to 20 and columns 8 to 16, and where it meets the rest.
    assert changed.max() < 40, changed.max()  # The share is enlarged, and rings a little.


def test_of_an_earlier_inpainting_it_is_said_that_all_is_edited(plain, inpainted, tmp_path, capsys):
    item, _ = inpainted
    with np.load(plain.source(item["id"])) as stored:
        np.savez(tmp_path / "q.npz", **{name: stored[name] for name in stored.files if name != "known"})
    plain.run("render", tmp_path / "out.png", tmp_path / "q.npz")
    assert "q does not say which pixels were known" in capsys.readouterr().err
    assert item["edits"] is None


def test_answers_can_be_kept(plain, inpainted, tmp_path, monkeypatch):
    item, seen = inpainted
    answers = {each["name"]: each for each in item["answers"]}
    assert list(answers) == ["answer_1", "answer_2", "mean", "std"]
    assert answers["answer_1"]["loss"] <= answers["answer_2"]["loss"]
    assert answers["mean"]["loss"] is None
    monkeypatch.chdir(tmp_path)
    shown = dict(item["images"], answer_1=item["images"]["samples"][0], answer_2=item["images"]["samples"][1])
    for name, stem in (("answer_1", "q_1"), ("answer_2", "q_2"), ("mean", "q_mean"), ("std", "q_std")):
        kept = {}
        for kind, place in answers[name]["files"].items():
            status, content, headers = plain.ask("GET", place)
            assert status == 200
            ending = {"png": "png", "npz": "npz", "command": "txt", "python": "py"}[kind]
            assert headers["content-disposition"].endswith(f"''{stem}.{ending}")
            kept[kind] = content
        assert ("npz" in kept) == name.startswith("answer")
        wanted = pixels(plain.ask("GET", shown[name])[1])
        np.testing.assert_array_equal(pixels(kept["png"]), wanted)
        exec(compile(kept["python"], "kept.py", "exec"), {})
        np.testing.assert_array_equal(pixels(f"{stem}.png"), wanted)
        if "npz" in kept:
            (tmp_path / f"{stem}.npz").write_bytes(kept["npz"])
            plain.run("render", tmp_path / f"{stem}_again.png", tmp_path / f"{stem}.npz")
            close(pixels(f"{stem}_again.png"), wanted)
    assert (pixels("q_1.png") == seen).all()
    assert (pixels("q_2.png") != seen).any()
    run_lines(plain.ask("GET", answers["answer_2"]["files"]["command"])[1])
    close(pixels("results/samples/q_2.png"), pixels("q_2.png"))
    place = answers["mean"]["files"]["png"].rpartition("/")[0]
    for wrong, status in (("answer_3.png", 404), ("mean.npz", 422), ("x.png", 404), ("answer_1.exe", 404)):
        assert plain.ask("GET", f"{place}/{wrong}")[0] == status

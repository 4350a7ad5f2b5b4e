"""Items: what comes of photographs is what the commands make of them, and what happens on the way."""

import json
import os
import shlex
import shutil

import numpy as np
import pytest
from cli import priors
from encoders.several import CODES, LAYER, encoded_prior
from PIL import Image
from serving.served import LONG, png, until

from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.editing import Direction
from gprior_jax.editing.points import codes, render
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images.arrays import to_uint8
from gprior_jax.runs.directions_file import save_direction
from gprior_jax.runs.sources import read_points
from gprior_jax.studio.drawing import draw
from gprior_jax.studio.words import finding
from studio.studios import SHORT, mask, studio


def words(**flags):
    return [word for name, value in flags.items() for word in (f"--{name}", str(value))]


ORDERS = {
    "invert": ({"task": "invert", "seed": 4}, {}, ["--seed", "4"]),
    "turned": (
        {"placement": {"center": [9.5, 6], "size": 9, "angle": -30}},
        {},
        ["--align", "{sent}/template.json", "--landmarks", "{sent}/faces.json"],
    ),
    "colorize": (
        {"task": "colorize", "method": "z", "codes": None, "perceptual": False},
        {},
        ["--method", "z", "--perceptual", "none"],
    ),
    "upscale": ({"task": "upscale", "factor": 2}, {}, ["--factor", "2"]),
    "inpaint": (
        {"task": "inpaint", "samples": 2},
        {"mask": mask()},
        ["--mask", "{sent}/mask.png", "--invert-mask", "--samples", "2"],
    ),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_what_comes_of_a_photograph_is_what_its_command_makes_of_it(ask, little, tmp_path, kind):
    order, files, flags = ORDERS[kind]
    session = ask.begin(kind)
    item = ask.done(session, SHORT | {"name": "my cat.png"} | order, image=png(3, (16, 13)), **files)
    assert item["state"] == "done", item
    if "placement" in order:
        assert item["settings"]["placement"]["size"] == pytest.approx(order["placement"]["size"])
        assert item["settings"]["placement"]["angle"] == pytest.approx(order["placement"]["angle"])
    folder = ask.workspace.folder(session, item["id"])
    sent = ask.workspace.session(session).folder / "photographs" / item["id"]
    codes = [] if "codes" in order else ["--codes", "2"]
    command = [item["task"], str(sent / "my cat.png"), "--out", str(tmp_path / "out"), "--model", str(little)]
    assert main([*command, "--steps", "2", *codes, *(flag.format(sent=sent) for flag in flags)]) == 0
    ours, theirs = (json.loads((place / "run.json").read_text()) for place in (folder, tmp_path / "out"))
    assert ours["settings"] == theirs["settings"]
    assert {name: ours[name] for name in ("model", "method")} == {name: theirs[name] for name in ("model", "method")}
    own, other = ({p.relative_to(f).as_posix() for f in [f] for p in f.rglob("*")} for f in (folder, tmp_path / "out"))
    assert own == other
    for path in sorted(folder.rglob("*.png")):
        a, b = (np.asarray(Image.open(p), int) for p in (path, tmp_path / "out" / path.relative_to(folder)))
        assert np.abs(a - b).max() <= 1, path
    assert item["result"]["loss"] == pytest.approx(theirs["images"][0]["loss"], rel=1e-5)
    told = finding(str(little), ask.workspace.session(session), ask.workspace.session(session).find(item["id"]))
    program, *again = shlex.split(told)
    again[again.index("--out") + 1] = str(tmp_path / "out")
    assert program == "gprior"
    before = (tmp_path / "out" / "my cat.npz").stat().st_mtime_ns
    assert main(again) == 0  # Of the same settings: there is nothing to do.
    assert (tmp_path / "out" / "my cat.npz").stat().st_mtime_ns == before
    if kind == "invert":  # A result of these settings: the command has nothing to do.
        before = (folder / "my cat.npz").stat().st_mtime_ns
        assert main([*command[:3], str(folder), *command[4:], "--steps", "2", *codes, *flags]) == 0
        assert (folder / "my cat.npz").stat().st_mtime_ns == before


def test_a_result_of_before_there_was_an_encoder_is_told_so(tmp_path):
    """The method begins at the prior's encoder by itself: a stored result that did not says where it began."""
    zoo.save(encoded_prior(), tmp_path / "model")
    order = {"method": "mganprior", "steps": 2, "codes": CODES, "layer": LAYER}
    with studio(encoded_prior(), tmp_path / "s", tmp_path / "model") as ask:
        session = ask.begin()
        there, before = (ask.done(session, order | more) for more in ({}, {"start": "random"}))
        own = ask.workspace.session(session)
        del own.find(before["id"]).about["settings"]["start"]  # As it was stored when codes were always drawn.
        told = [finding(str(tmp_path / "model"), own, own.find(item["id"])) for item in (there, before)]
        folder = ask.workspace.folder(session, before["id"])
    assert ["--start" in text for text in told] == [False, True]
    _, *again = shlex.split(told[1])
    again[again.index("--out") + 1] = str(tmp_path / "out")
    assert main(again) == 0
    ours, theirs = (json.loads((place / "run.json").read_text()) for place in (folder, tmp_path / "out"))
    assert ours["settings"] == theirs["settings"]
    assert ours["images"][0]["loss"] == pytest.approx(theirs["images"][0]["loss"], rel=1e-5)


def test_pictures_of_an_item(ask):
    session = ask.begin()
    item = ask.done(session, SHORT | {"task": "inpaint", "samples": 2}, mask=mask())
    named = dict(item["images"])
    samples = named.pop("samples")
    assert set(named) == {"photograph", "placed", "measured", "result", "mean", "std"}
    assert ask("GET", named["photograph"])[1] == png()
    sides = [ask("GET", place)[2]["content-type"] for place in (*named.values(), *samples)]
    assert sides == ["image/png"] * 8
    assert ask("GET", samples[0])[1] == ask("GET", named["result"])[1]
    for wrong in ("images/run.png", "images/samples/3.png", "images/samples/0.png", "preview.png"):
        assert ask("GET", f"/studio/sessions/{session}/items/{item['id']}/{wrong}")[0] == 404


def test_commands_take_the_folder_of_an_item(ask, little, tmp_path, capsys):
    session = ask.begin()
    item = ask.done(session, SHORT)
    drawn = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 7})[1]
    save_direction(tmp_path / "d.npz", Direction(np.full(8, 8**-0.5, np.float32), "z", deviation=1.0, offset=0.0))
    for number in (item["id"], drawn["id"]):
        folder = str(ask.workspace.folder(session, number))
        edit = ["edit", folder, "--along", str(tmp_path / "d.npz"), "--strengths", "0", "--model", str(little)]
        edit += ["--mode", "relative"]
        assert main([*edit, "--out", str(tmp_path / number)]) == 0
        unmoved = next((tmp_path / number / "pictures").glob("*.png"))
        shown = np.asarray(Image.open(ask.workspace.session(session).folder / number / f"{_stem(unmoved)}.png"), int)
        assert np.abs(np.asarray(Image.open(unmoved), int) - shown).max() <= 2
        assert main(["report", folder]) == 0
    explained = str(ask.workspace.folder(session, item["id"]))
    assert main(["explain", explained, "--model", str(little), "--out", str(tmp_path / "why")]) == 0
    assert "was made with" not in capsys.readouterr().err
    assert (item["editable"], item["explainable"]) == (True, True)
    assert (drawn["editable"], drawn["explainable"], drawn["why_not"]) == (True, False, None)


def _stem(path):
    return path.stem.rpartition("_")[0]


def test_a_drawn_item_is_the_picture_of_its_seed(ask):
    session = ask.begin()
    status, item = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 7})
    assert (status, item["state"], item["task"], item["name"]) == (201, "done", "generate", "seed_7")
    point = ask.workspace.point(session, item["id"])
    (wanted,) = read_points(priors.plain(), "seed:7")
    np.testing.assert_array_equal(point.variables["z"], wanted.variables["z"])
    assert ask.workspace.point(session, item["id"]) is point


def test_a_drawn_item_of_styles_is_truncated_once(tmp_path):
    told = draw(priors.styled(), "builtin", {"seed": 7, "psi": 0.5})
    told.write(tmp_path / "out")
    (point,) = read_points(priors.styled(), str(tmp_path / "out" / "seed_7.npz"))
    drawn = read_points(priors.styled(), "seed:7")
    np.testing.assert_array_equal(point.variables["w_plus"], codes(priors.styled(), drawn, "w", 0.5)["w_plus"][0])
    rendered = render(priors.styled(), {"w_plus": point.variables["w_plus"][None]}, point.parametrization)[0]
    shown = np.asarray(Image.open(tmp_path / "out" / "seed_7.png"), int)
    assert np.abs(to_uint8(rendered).astype(int) - shown).max() <= 1
    with pytest.raises(GPriorError, match="no finite numbers"):
        draw(priors.styled(), "builtin", {"seed": 7, "psi": 1e38}).write(tmp_path / "far")
    with pytest.raises(ArgumentError, match="has classes: choose one, 0 to 2"):
        draw(priors.conditional(), "builtin", {"seed": 7})


def test_events_pictures_on_the_way_and_stopping(ask):
    session = ask.begin()
    status, item = ask.drop(session, {"steps": LONG, "codes": 2})
    assert (status, item["state"] in ("queued", "running")) == (202, True)
    place = f"/studio/sessions/{session}/items/{item['id']}"
    until(lambda: ask.item(session, item["id"])["preview"])  # Who asks is shown pictures.
    first = ask.item(session, item["id"])["preview"]
    assert ask("GET", first)[2]["content-type"] == "image/png"
    until(lambda: ask.item(session, item["id"])["preview"] != first)
    told = ask.item(session, item["id"])
    assert told["steps"] == LONG
    assert told["loss"] > 0
    stopped = ask("POST", f"{place}/stop")
    assert stopped[0] == 200
    content = ask("GET", f"{place}/events")[1].decode().strip().split("\n\n")
    assert {block.split("\n")[0] for block in content} <= {"event: progress", "event: end"}
    end = json.loads(content[-1].split("data: ")[1])
    assert (end["state"], end["result"]["stopped"], end["preview"]) == ("done", True, None)
    assert 0 < end["step"] < LONG
    assert end["result"]["step"] <= end["step"]
    assert ask("GET", end["images"]["result"])[0] == 200


def test_cancelled_removed_and_brought_back(ask):
    session = ask.begin()
    item = ask.drop(session, {"steps": LONG, "codes": 2})[1]
    place = f"/studio/sessions/{session}/items/{item['id']}"
    until(lambda: ask.item(session, item["id"])["step"])
    assert ask("DELETE", place)[1]["state"] == "cancelled"
    done = ask.done(session, SHORT)
    own = f"/studio/sessions/{session}/items/{done['id']}"
    edits = {"states": [{"sliders": []}], "at": 0}
    assert ask.send("PUT", f"{own}/edit", edits)[1]["edit"] == edits
    assert ask("DELETE", own)[0] == 200
    assert [ask(method, own)[0] for method in ("GET", "DELETE")] == [404, 404]
    assert ask("GET", done["images"]["result"])[0] == 404
    back = ask("POST", f"{own}/restore")[1]
    assert (back["id"], back["edit"], back["images"]) == (done["id"], edits, done["images"])
    assert ask("GET", done["images"]["result"])[0] == 200
    assert [each["id"] for each in ask("GET", f"/studio/sessions/{session}")[1]["items"]] == [item["id"], done["id"]]
    for wrong in (b"x" * 90_000, b'{"a": NaN}', b'"\\ud800"', b"[" * 5000):
        assert ask("PUT", f"{own}/edit", wrong)[0] == 422
    assert ask.send("PATCH", f"/studio/sessions/{session}", {"title": "\ud800 \0 <b>"})[0] == 200
    assert ask.drop(session, SHORT | {"name": "\ud800\0.png"})[0] == 202
    assert ask("GET", f"/studio/sessions/{session}")[0] == 200
    assert ask("POST", f"/studio/sessions/{session}/items/99/restore")[0] == 404


def test_two_at_once_have_what_they_have_alone(ask):
    one, other = ask.begin("one"), ask.begin("other")
    alone = ask.done(one, SHORT | {"steps": 20, "seed": 5}, image=png(5))
    items = [
        (s, ask.drop(s, SHORT | {"steps": 20, "seed": 5 + k}, image=png(5 + k))[1]) for k, s in enumerate((one, other))
    ]
    for session, item in items:
        until(lambda session=session, item=item: ask.item(session, item["id"])["state"] == "done")
    ours, theirs = (ask.workspace.folder(one, number) / "photograph.npz" for number in (alone["id"], items[0][1]["id"]))
    with np.load(ours) as a, np.load(theirs) as b:
        np.testing.assert_array_equal(a["image"], b["image"])
    assert len(ask("GET", f"/studio/sessions/{other}")[1]["items"]) == 1


def test_sessions_are_there_again(little, tmp_path):
    folder = tmp_path / "studio"
    with studio(priors.plain(), folder, little) as ask:
        session, gone = ask.begin("holidays"), ask.begin("gone")
        done = ask.done(session, SHORT)
        removed = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 1})[1]["id"]
        ask("DELETE", f"/studio/sessions/{session}/items/{removed}")
        under_way = ask.drop(session, {"steps": LONG})[1]["id"]
        until(lambda: ask.item(session, under_way)["state"] == "running")
        assert ask("DELETE", f"/studio/sessions/{gone}")[0] == 200
        assert ask("GET", f"/studio/sessions/{gone}")[0] == 404
        assert ask("POST", f"/studio/sessions/{gone}/restore")[1]["title"] == "gone"
        ask("DELETE", f"/studio/sessions/{gone}")
        with pytest.raises(Exception, match="is that of another studio"):
            studio(priors.plain(), folder, little).__enter__()
        shutil.copytree(folder / session, tmp_path / "killed")
    (folder / "not-a-session").mkdir()
    shutil.copytree(tmp_path / "killed", folder / "killed")
    with studio(priors.plain(), folder, little) as ask:
        told = ask("GET", "/studio/sessions")[1]["sessions"]
        assert {each["title"] for each in told} == {"holidays"}
        assert {each["id"] for each in told} == {session, "killed"}
        for name, state in ((session, "queued"), ("killed", "cancelled")):
            items = {item["id"]: item for item in ask("GET", f"/studio/sessions/{name}")[1]["items"]}
            assert items.keys() == {done["id"], under_way}
            assert (items[under_way]["state"], items[under_way]["again"]) == (state, state == "cancelled")
            assert items[done["id"]]["result"] == done["result"]
        assert "start it again" in items[under_way]["error"]
        assert ask.workspace.point(session, done["id"]).parametrization is not None
        assert ask("POST", f"/studio/sessions/{gone}/restore")[0] == 404
        assert not (folder / ".removed").exists()
        fresh = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 2})[1]["id"]
        assert int(fresh) > int(under_way)
    assert folder.stat().st_mode & 0o077 == 0


def test_what_is_kept_runs_anywhere(little, tmp_path, monkeypatch):
    monkeypatch.chdir(little.parent)
    (tmp_path / "elsewhere").mkdir()
    with studio(priors.plain(), os.path.relpath(tmp_path / "s"), little.name) as ask:
        session = ask.begin()
        save_direction(tmp_path / "up.npz", Direction(np.eye(priors.plain().z_dim)[0], "z", name="up", deviation=1.0))
        ask.workspace.book.add(ask.workspace.folder(session), "up.npz", (tmp_path / "up.npz").read_bytes())
        item = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 1})[1]["id"]
        edit = {"sliders": [{"direction": "up", "strength": 1.0}]}
        kept = ask.send("POST", f"/studio/sessions/{session}/files", {"item": item, "kind": "command", "edit": edit})[1]
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(shlex.split(kept.decode(), comments=True)[1:]) == 0
    assert [path.suffix for path in (tmp_path / "elsewhere").iterdir()] == [".png"]


def test_an_edit_of_what_is_removed_is_not_kept(ask):
    session = ask.workspace.session(ask.begin())
    piece = ask.workspace.draw(session, {"seed": 1})
    session.keep_edit(piece, b"[1]")
    session.remove(piece)
    with pytest.raises(GPriorError, match="was removed"):
        session.keep_edit(piece, b"[2]")
    assert session.restore(piece.id).edit == [1]
    assert (session.folder / "edits" / f"{piece.id}.json").read_text() == "[1]"

"""Edits of items: what the commands draw, without compiling while sliders move, and all of it can be kept."""

import asyncio
import io
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cli import priors
from serving.served import png
from starlette.exceptions import HTTPException

from gprior_jax import geometry, zoo
from gprior_jax.cli.main import main
from gprior_jax.compiling import jit
from gprior_jax.editing import Direction
from gprior_jax.runs.directions_file import save_direction
from gprior_jax.runs.sources import _parametrization
from gprior_jax.serving.asked import Asked
from gprior_jax.studio import direction_files, looks
from gprior_jax.studio import edits as studio_edits
from gprior_jax.studio.directions import NUM_FOUND, Directions
from gprior_jax.studio.edit_routes import Line
from studio.edited import SIDE, Editing, close, of_url, pixels, slider
from studio.studios import JSON, studio


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "styled"
    zoo.save(priors.styled(), folder)
    with studio(priors.styled(), tmp_path_factory.mktemp("studio") / "t", folder, megabytes=0.1) as asker:
        yield Editing(asker, folder)


@pytest.fixture(scope="module")
def plain(ask, little):
    return Editing(ask, little)


def test_sliders_do_what_gprior_edit_does(styled, plain, tmp_path):
    for made, item, layers in (
        (styled, styled.several, None),
        (styled, styled.first, "1-2"),
        (plain, plain.first, None),
    ):
        words = ["--along", made.file, "--strengths", 1.5, "--mode", "relative"]
        out = tmp_path / f"{made.model.name}{item}"
        made.run("edit", out, made.source(item), *words, *([] if layers is None else ["--layers", layers]))
        close(made.picture(item, sliders=slider(layers=layers)), pixels(out / "sheet.png"))


def test_mixing_and_morphing_do_what_their_commands_do(styled, tmp_path):
    first, second = styled.source(styled.first), styled.source(styled.second)
    styled.run("mix", tmp_path / "mix.png", "--rows", first, "--columns", second, "--layers", "2-")
    own = styled.picture(styled.first, mix={"item": styled.second, "layers": "2-"})
    close(own, pixels(tmp_path / "mix.png")[-SIDE:, -SIDE:])
    styled.run("morph", tmp_path / "morph.png", first, second, "--strip", 5)
    own = styled.picture(styled.first, morph={"item": styled.second, "at": 0.75})
    close(own, pixels(tmp_path / "morph.png")[:, 3 * SIDE : 4 * SIDE])


def test_nothing_is_compiled_while_sliders_move(styled):
    drawn = [styled.picture(item, sliders=slider(1.0), psi=0.9) for item in (styled.first, styled.several)]
    before = studio_edits._image._jitted._cache_size()
    for strength in (-2.0, 0.0, 0.5):
        for item, own in zip((styled.first, styled.several), drawn, strict=True):
            sliders = [*slider(strength), {"direction": "up", "strength": -strength / 3}]
            assert (styled.picture(item, sliders=sliders, psi=0.5) != own).any()
    assert studio_edits._image._jitted._cache_size() == before


def test_a_strip_is_made_of_pictures(styled):
    edit = {"sliders": slider(3.0), "psi": 0.8}
    told = {"item": styled.first, "edit": edit, "direction": "up", "strengths": [-1, 0, 2]}
    row = pixels(styled.post("strip", **told)[1])
    wanted = [styled.picture(styled.first, sliders=slider(each), psi=0.8) for each in (-1, 0, 2)]
    close(row, np.concatenate(wanted, axis=1))
    assert pixels(styled.post("strip", **told, side=16)[1]).shape == (16, 48, 3)


def test_a_map_says_where_and_how_much(styled):
    told = {"item": styled.first, "edit": {}, "direction": "up"}
    status, content, headers = styled.post("heatmap", **told, strength=2)
    assert status == 200
    before, after = (styled.picture(styled.first, sliders=slider(each)) for each in (0, 2))
    change = np.abs(after - before).mean(axis=-1) / 127.5
    alpha = pixels(content)[..., 3]
    assert alpha.shape == (SIDE, SIDE)
    assert np.corrcoef(alpha.ravel(), np.minimum(change, np.quantile(change, 0.99)).ravel())[0, 1] > 0.99
    assert float(headers["x-largest-change"]) == pytest.approx(change.max(), abs=0.01)
    assert not pixels(styled.post("heatmap", **told, strength=0)[1])[..., 3].any()


def test_what_codes_do(plain):
    status, told, _ = plain.post("explain", item=plain.several)
    assert status == 200, told
    assert sum(code["share"] for code in told["codes"]) == pytest.approx(1.0)
    shares = [code["share"] for code in told["codes"]]
    assert shares == sorted(shares, reverse=True)
    assert {code["code"] for code in told["codes"]} == {0, 1}
    assert of_url(told["territories"]).shape == of_url(told["codes"][0]["picture"]).shape == (SIDE, SIDE, 3)
    assert told["summary"].startswith(f"2 codes, composed at layer 3: code {told['codes'][0]['code']} counts most")
    assert "invert the picture with mganprior" in plain.post("explain", item=plain.first)[1]["detail"]


@pytest.mark.parametrize("kind", ["first", "several"])
def test_ways_between_items(plain, kind, monkeypatch):
    quick = jit(geometry.geodesic_step, use="once", static_argnums=2)
    monkeypatch.setattr(looks, "_step", quick)  # As many pixels are as soon drawn by what is sooner compiled.
    other = plain.second
    if kind == "several":
        other = plain.ask.done(plain.session, {"name": "q.png", "codes": 2, "steps": 2}, image=png(5))["id"]
    item = getattr(plain, kind)
    status, told, _ = plain.post("path", item=item, other=other, steps=3)
    assert status == 200, told
    line, curve = told["line"], told["geodesic"]
    assert curve["energy"] <= line["energy"]
    assert len(line["speeds"]) == len(curve["speeds"]) == 2
    assert sum(curve["speeds"]) == pytest.approx(curve["length"], rel=1e-4)
    for way in (line, curve):
        strip = of_url(way["strip"])
        assert strip.shape == (SIDE, 3 * SIDE, 3)
        close(strip[:, :SIDE], plain.picture(item))
        close(strip[:, -SIDE:], plain.picture(other))


EDITS = {
    "none": {},
    "several": {"sliders": slider(layers="0-1"), "psi": 0.7},
    "all": {"sliders": slider(), "mix": {"item": "2", "layers": "1-2"}, "morph": {"item": "2", "at": 0.3}, "psi": 0.8},
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_kept_makes_the_same_picture(styled, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    edit = EDITS[name]
    item = styled.several if name == "none" else styled.first
    kept = {}
    for kind in ("png", "npz", "command", "python", "report"):
        status, content, headers = styled.post("files", item=item, edit=edit, kind=kind)
        assert status == 200, content
        assert headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        kept[kind] = content if isinstance(content, bytes) else content.encode()
    stem = "p" if name == "none" else "seed_1_edited"
    wanted = pixels(kept["png"])
    np.testing.assert_array_equal(wanted, styled.picture(item, **edit))
    lines = [line for line in kept["command"].decode().splitlines() if not line.startswith("#")]
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0
    close(pixels(f"{stem}.png"), wanted)
    (tmp_path / f"{stem}.png").unlink()
    exec(compile(kept["python"], "kept.py", "exec"), {})
    close(pixels(f"{stem}.png"), wanted)
    (tmp_path / "kept.npz").write_bytes(kept["npz"])
    styled.run("render", tmp_path / "again.png", tmp_path / "kept.npz")
    close(pixels("again.png"), wanted)
    assert lines[0].partition(" --")[0] in kept["report"].decode()


def test_what_is_kept_names_files_from_anywhere(ask, tmp_path, monkeypatch, little):
    monkeypatch.chdir(tmp_path)
    known = Directions(ask.workspace.prior, str(little), Path("here"))
    save_direction(Path("session/directions/up.npz"), Direction(np.ones(SIDE), "z", name="up", deviation=1.0))
    known.find()
    assert known.known()["ganspace_0"].source == str(tmp_path / "here" / "ganspace_0.npz")
    assert known.known(Path("session"))["up"].source == str(tmp_path / "session" / "directions" / "up.npz")


def test_the_command_that_found_an_items_codes_is_told(styled):
    text = styled.post("files", item=styled.several, edit={}, kind="command")[1].decode()
    told = next(line for line in text.splitlines() if line.startswith("# gprior"))
    words = shlex.split(told.removeprefix("# "))
    assert words[:2] == ["gprior", "invert"]
    assert words[2].endswith("/p.png")
    flags = dict(zip(words[3::2], words[4::2], strict=True))
    assert flags.items() >= {"--codes": "2", "--steps": "2", "--model": str(styled.model)}.items()


def test_read_directions_stay_in_their_session(styled):
    (added,) = styled.added["directions"]
    assert {name: added[name] for name in ("name", "title", "kind", "space", "layers")} == {
        "name": "up",
        "title": "Up",
        "kind": "file",
        "space": "w",
        "layers": None,
    }
    status, twice, _ = styled.add(styled.file.read_bytes(), "../../up.npz")
    assert (status, twice["directions"][0]["name"]) == (201, "up_2")
    listed = styled.ask("GET", styled.at("directions"))[1]
    assert [each["name"] for each in listed["directions"]] == ["up", "up_2"]
    other = styled.ask.begin("other")
    assert styled.ask("GET", f"/studio/sessions/{other}/directions")[1]["directions"] == []
    again = Directions(priors.styled(), str(styled.model), styled.ask.workspace.path / ".directions")
    known = again.known(styled.ask.workspace.folder(styled.session))
    assert known["up"].direction.deviation == pytest.approx(added["deviation"])


def test_directions_of_other_weights_are_refused(styled, tmp_path):
    """Its shape would do: nothing else would be said, and the slider would mean nothing."""
    save_direction(tmp_path / "other.npz", styled.direction, {"model": "builtin:cells", "weights": "0" * 16})
    status, told, _ = styled.add((tmp_path / "other.npz").read_bytes(), "other.npz")
    assert status == 422
    assert told["detail"].startswith("other.npz is a direction of builtin:cells, and tiny stylegan2 has other weights")


def test_directions_that_are_none_of_the_prior_s(styled):
    buffer = io.BytesIO()
    np.save(buffer, np.ones((1, 77), np.float32))
    for content, sentence in (
        (buffer.getvalue(), "77"),
        (b"no file of arrays", "this is no file of directions: use .npy, .npz, .pt or .pkl."),
        (b"\x80\x04cos\nsystem\n.", "boundary.pkl"),
        (b"PK\x03\x04 cut off", "this is no file of directions"),
    ):
        status, told, _ = styled.add(content, "boundary.npy")
        assert status == 422
        assert sentence in told["detail"]
        assert "/" not in told["detail"].replace("and/or", "")
    assert {each["name"] for each in styled.ask("GET", styled.at("directions"))[1]["directions"]} <= {"up", "up_2"}


def test_a_file_that_unpacks_to_too_much_is_not_read(styled, monkeypatch):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(300_000, np.float32))
    monkeypatch.setattr(direction_files, "_MOST_BYTES", 1_000_000)
    status, told, _ = styled.add(buffer.getvalue(), "zeros.npz")
    assert (status, "holds 1 MB once it is unpacked" in told["detail"]) == (422, True)


def test_directions_added_at_once_have_names_of_their_own(styled):
    session = styled.ask.workspace.folder(styled.ask.begin("both"))
    content = styled.file.read_bytes()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: styled.ask.workspace.book.add(session, "up.npz", content), range(4)))
    assert sorted(name for (name,), _ in found) == ["up", "up_2", "up_3", "up_4"]
    with pytest.raises(FileNotFoundError):
        styled.ask.workspace.book.add(session.parent / "removed", "up.npz", content)
    assert not (session.parent / "removed").exists()


@pytest.mark.parametrize(
    ("what", "told", "status", "sentence"),
    [
        ("render", {"item": "99"}, 404, "no such item"),
        ("render", {}, 422, "item is missing: send it."),
        ("render", {"item": "1", "size": 1}, 422, "size '1': use at least 8."),
        ("render", {"item": "1", "more": 1}, 422, "there is no setting 'more'"),
        ("render", {"item": "1", "edit": {"psi": "x"}}, 422, "edit.psi 'x': use a number."),
        ("render", {"item": "1", "edit": {"sliders": slider(1e9)}}, 422, "use at most 100."),
        (
            "render",
            {"item": "1", "edit": {"sliders": [{"direction": "down", "strength": 1}]}},
            422,
            "no direction 'down'",
        ),
        ("render", {"item": "1", "edit": {"sliders": slider(layers="7")}}, 422, "styles 0 to 3"),
        ("render", {"item": "1", "edit": {"mix": {"item": "2", "layers": "top"}}}, 422, "use coarse, middle, fine"),
        ("render", {"item": "1", "edit": {"mix": {"item": "3"}}}, 422, "p holds the variables of MultiCode"),
        ("render", {"item": "1", "edit": {"morph": {"item": "2", "at": 2}}}, 422, "use at most 1."),
        ("strip", {"item": "1", "direction": "up", "strengths": []}, 422, "use 1 or more."),
        ("heatmap", {"item": "1", "direction": "up"}, 422, "strength is missing: send it."),
        ("path", {"item": "1", "other": "3"}, 422, "3 holds the variables of MultiCode"),
        ("files", {"item": "1", "kind": "exe"}, 422, "use 'png'"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(styled, what, told, status, sentence):
    found, content, _ = styled.post(what, **told)
    assert (found, sentence in content["detail"]) == (status, True), content


def test_of_nothing_and_of_other_sessions(styled):
    assert styled.ask("POST", styled.at("render"), "{", JSON)[:2] == (
        400,
        {"detail": "the body is no JSON: send an object."},
    )
    for what in ("render", "strip", "heatmap", "explain", "path", "files", "directions"):
        status = styled.ask("POST", f"/studio/sessions/nothing/{what}", "{}", JSON)[0]
        assert status in (404, 422)
    assert styled.ask("GET", "/studio/sessions/nothing/directions")[0] == 404


def client(gone) -> Any:
    """Whoever has asked, and may have gone since."""

    async def is_disconnected():
        return gone

    return SimpleNamespace(is_disconnected=is_disconnected)


def test_what_nobody_waits_for_is_not_begun():
    begun = []

    async def ask():
        line = Line(1)
        clients = [client(gone) for gone in (False, True, False)]
        works = [line.run(each, begun.append, number) for number, each in enumerate(clients)]
        return await asyncio.gather(*works, return_exceptions=True)

    first, second, third = asyncio.run(ask())
    assert begun == [0, 2]
    assert (first, third) == (None, None)
    assert isinstance(second, HTTPException)


def test_too_many_are_asked_to_come_again():
    async def ask():
        line = Line(0)
        works = [asyncio.create_task(line.run(client(False), int)) for _ in range(32)]
        await asyncio.sleep(0)
        try:
            await line.run(client(False), int)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    with pytest.raises(HTTPException) as error:
        asyncio.run(ask())
    assert error.value.status_code == 429


def test_programs_and_directions_are_there_beforehand(plain):
    workspace = plain.ask.workspace
    edits = studio_edits.Edits(workspace)
    edits.start().join()
    assert workspace.book.is_complete
    # A program is that of a parametrisation, as it is read again of an item by the page's own settings.
    recipe = workspace.maker.recipe(Asked(method=workspace.maker.first)).fit(edits.prior)
    read = _parametrization(Path("p.npz"), {"settings": {"recipe": recipe.summary()}})
    drawn = plain.ask.workspace.point(plain.session, plain.first).parametrization
    ready = studio_edits._image._jitted._cache_size()
    edits.draw([studio_edits._any_point(edits.prior, kind) for kind in (read, drawn)])
    assert studio_edits._image._jitted._cache_size() == ready

    wanted = [f"{kind}_{number}" for kind in ("sefa", "ganspace") for number in range(NUM_FOUND)]
    first = workspace.book.known()
    assert list(first) == wanted
    assert first["ganspace_1"].title == "GANSpace 2"
    folder = workspace.path / ".directions"
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = Directions(priors.plain(), str(plain.model), folder)
    assert list(again.known()) == wanted  # At once: a page may ask for an edit with them.
    assert not again.is_complete
    again.find()
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps
    for name, known in first.items():
        np.testing.assert_array_equal(again.known()[name].direction.vector, known.direction.vector)

"""What outlives a stop, a cancel and a full disk: nothing is lost, and what is told is so."""

import dataclasses
import errno
import shutil
import threading
import time

import jax
import pytest
from cli import priors
from serving.served import LONG, png, until

from gprior_jax import zoo
from gprior_jax.serving import lanes
from gprior_jax.studio.damaged import Damaged, read_folder
from gprior_jax.studio.making import Prepared, is_lane_of
from gprior_jax.studio.sessions import Session, UnknownItemError
from studio.studios import SHORT, mask, studio

LASTING = {"steps": LONG, "codes": 2}


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """A prior of the same shapes, and its folder."""
    plain, folder = priors.plain(), tmp_path_factory.mktemp("models") / "another"
    double = dataclasses.replace(plain, params=jax.tree.map(lambda leaf: 2 * leaf, plain.params), weights=None)
    zoo.save(double, folder)
    return double, folder


def at(session, number, what=""):
    return f"/studio/sessions/{session}/items/{number}{what}"


def begun(ask, session, order=LASTING, **files):
    """An item that has taken steps."""
    number = ask.drop(session, order, **files)[1]["id"]
    until(lambda: ask.item(session, number)["step"])
    return number


def test_what_was_under_way_goes_on_with_the_next_start(little, another, tmp_path):
    with studio(priors.plain(), tmp_path / "s", little, lanes=1) as ask:
        session = ask.begin()
        first = begun(ask, session, LASTING | {"task": "inpaint", "samples": 2}, mask=mask())
        waiting = ask.drop(session, LASTING | {"codes": 3})[1]["id"]
        reached = ask.item(session, first)["step"]
    assert list((tmp_path / "s" / ".under-way").iterdir())
    told = []
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        assert {ask.item(session, number)["state"] for number in (first, waiting)} == {"queued"}
        gone = ask.workspace.session(session).photographs(ask.workspace.session(session).find(waiting))
        shutil.rmtree(gone)
        assert ask.workspace.go_on(told.append) == 1
        until(lambda: ask.item(session, first)["step"])
        assert ask.item(session, first)["step"] >= reached > 0
        ask("POST", at(session, first, "/stop"))
        until(lambda: ask.item(session, first)["state"] == "done")
        assert len(ask.item(session, first)["images"]["samples"]) == 2
        lost = ask.item(session, waiting)
        assert (lost["state"], len(told)) == ("cancelled", 1)
        until(lambda: not list((tmp_path / "s" / ".under-way").iterdir()))
        assert ask.workspace.go_on(told.append) == 0
        other = begun(ask, session)
    with studio(another[0], tmp_path / "s", another[1]) as ask:
        assert ask.workspace.go_on(told.append) == 0
        item = ask.item(session, other)
        assert (item["state"], item["again"], f"was begun with {little}" in item["error"]) == ("cancelled", True, True)


def test_whatever_hinders_one_item_the_others_go_on(little, tmp_path):
    """A stop while items are taken up, more of them than may wait, and one that nothing can be made of."""
    told = []
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        session = ask.begin()
        numbers = [ask.drop(session, LASTING | {"seed": seed})[1]["id"] for seed in range(4)]
        early = ask.drop(session, LASTING)[1]["id"]
    states = tmp_path / "s" / ".under-way"
    gone = states / "0a1b2c-1-0123456789abcdef.state"
    gone.mkdir(parents=True, exist_ok=True)
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        ask.workspace.engine.close(0.0)
        assert ask.workspace.go_on(told.append) == 0
    with studio(priors.plain(), tmp_path / "s", little, queue=1) as ask:
        assert {ask.item(session, number)["state"] for number in numbers} == {"queued"}
        assert ask("DELETE", at(session, early))[1]["state"] == "cancelled"  # Before it goes on.
        pieces = ask.workspace.session(session).items
        pieces[numbers[0]].about["settings"] = {"task": "of a later version"}
        going = threading.Thread(target=ask.workspace.go_on, args=(told.append,))
        going.start()
        until(lambda: ask.item(session, numbers[1])["step"])
        until(lambda: pieces[numbers[2]].job)
        assert ask.item(session, numbers[3])["state"] == "queued"  # There is no room for it yet.
        ask("POST", at(session, numbers[1], "/stop"))
        going.join(30)
        assert pieces[numbers[3]].job is not None
        ask("DELETE", at(session, numbers[2]))
        until(lambda: ask.item(session, numbers[2])["state"] == "cancelled")
        assert ask.item(session, numbers[0])["state"] == "cancelled"
        assert (len(told), gone.exists()) == (1, False)
        assert ask.item(session, early)["again"]


def test_what_ended_without_a_result_begins_again(ask):
    session = ask.begin()
    number = begun(ask, session)
    ask("DELETE", at(session, number))
    assert ask.item(session, number)["again"]
    status, item = ask("POST", at(session, number, "/again"))[:2]
    assert item["state"] in ("queued", "running")
    assert (status, item["again"], item["error"]) == (202, False, None)
    until(lambda: ask.item(session, number)["step"])
    until(lambda: ask.item(session, number)["preview"])
    assert ask("POST", at(session, number, "/again"))[1]["state"] == "running"  # It is.
    ask("POST", at(session, number, "/stop"))
    until(lambda: ask.item(session, number)["state"] == "done")
    assert not ask.item(session, number)["again"]
    status, told, _ = ask("POST", at(session, number, "/again"))
    assert (status, "is done" in told["detail"]) == (422, True)


def test_what_cannot_begin_again_stays_as_it_is(ask):
    session = ask.begin()
    number = begun(ask, session)
    ask("DELETE", at(session, number))
    until(lambda: ask.workspace.session(session).find(number).about["state"] == "cancelled")
    before = ask.item(session, number)
    photograph = next((ask.workspace.folder(session) / "photographs" / number).glob("photograph*"))
    photograph.write_bytes(b"\x89PNG broken")
    assert ask("POST", at(session, number, "/again"))[0] == 422
    assert ask.item(session, number) == before


def test_nothing_begins_again_while_it_is_removed(ask):
    workspace, name = ask.workspace, ask.begin()
    session, number = workspace.session(name), begun(ask, name)
    piece = session.find(number)
    ask("DELETE", at(name, number))
    until(lambda: piece.about["state"] == "cancelled")
    removing = threading.Thread(target=workspace.discard, args=(session, number))
    with piece.lock:
        removing.start()
        time.sleep(0.2)  # It has seen that nothing is under way, and waits.
        workspace.again(session, number)
    removing.join(30)
    until(lambda: piece.about["state"] == "cancelled")
    assert number in session.items
    session.shut()  # As the session's removal begins.
    with pytest.raises(UnknownItemError, match="session was removed"):
        workspace.again(session, number)


def test_all_that_is_written_counts(ask):
    name = ask.begin()
    number = ask.send("POST", f"/studio/sessions/{name}/items", {"seed": 1})[1]["id"]
    before = ask.workspace.used()[name]
    assert ask("PUT", at(name, number, "/edit"), b'"%s"' % (b"a" * 1000), "application/json")[0] == 200
    assert ask.workspace.used()[name] == before + 1002


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_cancel_while_a_result_is_written_is_told_truly(ask, monkeypatch, when):
    write, begun_, go_on = Prepared.write, threading.Event(), threading.Event()

    def slowly(*given):
        begun_.set()
        assert go_on.wait(30)
        return write(*given)

    monkeypatch.setattr(Prepared, "write", slowly)
    session = ask.begin()
    piece = ask.workspace.session(session).find(ask.drop(session, SHORT)[1]["id"])
    place, told = at(session, piece.id), []
    if when == "before":
        with piece.lock:  # The writer waits for it.
            until(lambda: piece.job.step == 2)
            ask.workspace.discard(ask.workspace.session(session), piece.id)
    else:
        assert begun_.wait(30)
        cancel = threading.Thread(target=lambda: told.append(ask("DELETE", place)[1]["state"]))
        cancel.start()
        time.sleep(0.2)  # It has asked, and waits for what is written.
        assert told == []
        go_on.set()
        cancel.join()
        assert told == ["done"]
    go_on.set()
    wanted = "cancelled" if when == "before" else "done"
    until(lambda: piece.about["state"] == wanted)
    time.sleep(0.2)  # Whatever else there might come.
    assert ask.item(session, piece.id)["state"] == wanted
    assert (ask.workspace.folder(session, piece.id)).exists() == (wanted == "done")


def test_a_result_that_cannot_be_noted_is_not_told(ask, monkeypatch):
    """What memory calls done and the disk does not would be thrown away at the next start."""
    session, save = ask.begin(), Session.save

    def full(own):
        if any(piece.about["state"] == "done" for piece in own.items.values()):
            raise OSError(errno.ENOSPC, "No space left on device")
        save(own)

    monkeypatch.setattr(Session, "save", full)
    number = ask.drop(session, SHORT)[1]["id"]
    until(lambda: ask.item(session, number)["state"] == "failed")
    assert ask.item(session, number)["again"]
    assert not ask.workspace.folder(session, number).exists()


def test_a_folder_that_holds_enough_takes_nothing_more(little, tmp_path):
    with studio(priors.plain(), tmp_path / "s", little, gigabytes=1e-4) as ask:
        session, other = ask.begin(), ask.begin()
        done = ask.done(session, SHORT)
        removed = ask.done(session, SHORT | {"seed": 2})["id"]
        ask("DELETE", at(session, removed))
        big = ask.workspace.folder(other) / "photographs"
        big.mkdir()
        (big / "big").write_bytes(bytes(110_000))
        ask.workspace.rename(other, "Big")  # Written to.
        status, told = ask.drop(session, SHORT)
        assert (status, "let the studio keep more gigabytes" in told["detail"]) == (507, True)
        assert str(tmp_path / "s") in told["detail"]
        assert ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 1})[0] == 507
        assert ask.item(session, done["id"])["state"] == "done"
        assert ask("POST", at(session, removed, "/restore"))[0] == 200  # It would not have been enough.
        listed = ask("GET", "/studio/sessions")[1]
        assert listed["bytes"] > 110_000
        assert listed["most_bytes"] == 100_000
        ask("DELETE", f"/studio/sessions/{other}")
        again = ask.drop(session, SHORT | {"seed": 1})
        assert again[0] == 202, again
        status, told, _ = ask("POST", f"/studio/sessions/{other}/restore")
        assert (status, "where its room is needed" in told["detail"]) == (404, True)


def test_lanes_of_removed_and_of_idle_sessions_are_freed(ask, monkeypatch):
    session, other = ask.begin(), ask.begin()

    def has_lane(name):
        return any(is_lane_of(lane.key, name) for lane in ask.workspace.engine._lanes)

    for own in (session, other):
        ask.done(own, SHORT)
        assert has_lane(own)
    ask("DELETE", f"/studio/sessions/{session}")
    until(lambda: not has_lane(session))
    ask("POST", f"/studio/sessions/{session}/restore")
    assert has_lane(other)
    assert ask.done(session, SHORT)["state"] == "done"
    monkeypatch.setattr(lanes, "_IDLE_S", 0.0)
    until(lambda: not (has_lane(session) or has_lane(other)))
    assert ask.done(session, SHORT, image=png(2))["state"] == "done"


def test_a_model_is_known_by_its_weights_whatever_it_is_called(little, another, tmp_path, monkeypatch):
    monkeypatch.chdir(little.parent)
    with studio(priors.plain(), tmp_path / "s", little.name) as ask:
        session = ask.begin()
        drawn = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 7})[1]["id"]
        found = ask.done(session, SHORT)["id"]
    monkeypatch.chdir(tmp_path)
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        for number in (drawn, found):
            assert ask.item(session, number)["editable"]
            assert ask.send("POST", f"/studio/sessions/{session}/render", {"item": number})[0] == 200
    with studio(another[0], tmp_path / "s", another[1]) as ask:
        of_another = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 7})[1]["id"]
        assert ask.item(session, of_another)["editable"]
        status, told = ask.send("POST", f"/studio/sessions/{session}/render", {"item": drawn})
        assert (status, "is of little, and the studio has another prior" in told["detail"]) == (422, True)
    with studio(priors.plain(), tmp_path / "s", little) as ask:  # Each is of its own, whatever its session began with.
        assert f"is of {another[1]}" in ask.item(session, of_another)["why_not"]
        assert ask.item(session, drawn)["editable"]
    with studio(priors.plain(), tmp_path / "s", another[1]) as ask:  # A folder has got other weights since.
        status, told = ask.send("POST", f"/studio/sessions/{session}/render", {"item": of_another})
        assert (status, f"with other weights than those that {another[1]} has now" in told["detail"]) == (422, True)
        assert told["detail"] == ask.item(session, of_another)["why_not"]


@pytest.mark.parametrize(
    "text", ["[1]", '{"title": "", "created": "", "model": "", "items": {}, "next": 1e999}', "[" * 9999]
)
def test_whatever_is_in_its_file_a_session_is_damaged_and_no_more(tmp_path, text):
    (tmp_path / "session.json").write_text(text)
    assert isinstance(read_folder(tmp_path), Damaged)


def test_a_damaged_session_is_told_counted_and_removed(little, tmp_path):
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        for session in (sessions := [ask.begin("one"), ask.begin("two"), ask.begin("three")]):
            ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 1})
    broken, lost, whole = sessions
    (tmp_path / "s" / broken / "session.json").write_text('{"title": ')
    (tmp_path / "s" / lost / "session.json").unlink()
    (tmp_path / "s" / "mine").mkdir()  # A folder of somebody's own is no session.
    (tmp_path / "s" / "mine" / "notes.txt").write_text("x" * 50_000)
    with studio(priors.plain(), tmp_path / "s", little) as ask:

        def listed():
            told = ask("GET", "/studio/sessions")[1]
            sizes = {each["id"]: each["bytes"] for each in told["sessions"] + told["damaged"]}
            assert told["bytes"] == sum(sizes.values())
            return [each["id"] for each in told["sessions"]], {each["id"]: each for each in told["damaged"]}, sizes

        good, damaged, sizes = listed()
        assert (good, set(damaged)) == ([whole], {broken, lost})
        assert sizes[broken] > 1000
        assert "session.json is damaged or missing" in damaged[lost]["why"]
        assert ask("GET", f"/studio/sessions/{broken}")[0] == 404
        assert ask("DELETE", f"/studio/sessions/{broken}")[0] == 200
        assert set(listed()[1]) == {lost}
        assert not (tmp_path / "s" / broken).exists()
        assert ask("POST", f"/studio/sessions/{broken}/restore")[0] == 200
        assert set(listed()[1]) == {broken, lost}
        assert (tmp_path / "s" / broken / "session.json").read_text() == '{"title": '
    with studio(priors.plain(), tmp_path / "s", little, gigabytes=1e-6) as ask:  # No room is made of what is in them.
        assert ask.send("POST", f"/studio/sessions/{whole}/items", {"seed": 1})[0] == 507
        assert (tmp_path / "s" / lost).exists()

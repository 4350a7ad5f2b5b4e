"""What is compiled before anybody asks for it."""

import threading
import time

import numpy as np
from cli import priors
from serving.served import until

from gprior_jax.serving.asked import Asked
from gprior_jax.studio import warming
from studio.studios import studio

GRAY = np.full((8, 8, 3), 128, np.uint8)


def test_restorations_are_compiled_while_nothing_is_asked_for(little, tmp_path, monkeypatch):
    last = list[int]()
    monkeypatch.setattr(warming, "_go_last", lambda: last.append(threading.get_native_id()))
    monkeypatch.setattr(warming, "_RESTS_S", 0.3)
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        session = ask.begin()
        _, busy = ask.drop(session, {"steps": 100_000, "codes": 2})
        until(lambda: ask.item(session, busy["id"])["step"] > 0)
        ask.workspace.book.find()
        found = warming.Restorations(ask.workspace, GRAY, ["inpaint"])
        thread = found.start()
        thread.join(1.0)
        # Not while something is worked on.
        assert (found.compiled, thread.is_alive()) == ([], True)
        ask.send("POST", f"/studio/sessions/{session}/items/{busy['id']}/stop", {})
        until(lambda: found.compiled, 120.0)
        assert ([each.task for each in found.compiled], last) == (["inpaint"], [thread.native_id])
        # What is being chosen comes next, once: with the page's factor, and whatever the rest of it.
        for told, status in (({"task": "inpaint"}, 202), ({"codes": 2, "layer": 99}, 422)):
            assert ask.send("POST", "/studio/expect", told)[0] == status
        assert ask.workspace.expected == Asked(task="inpaint")
        chosen = {"task": "inpaint", "codes": 2, "layer": 1, "steps": 3, "seed": 5}
        for _ in range(2):
            assert ask.send("POST", "/studio/expect", chosen)[0] == 202
        until(lambda: len(found.compiled) > 1, 120.0)
        assert found.compiled[1:] == [Asked(task="inpaint", codes=2, layer=1, steps=3, box=2)]
        # Nothing of it is to be seen.
        assert len(ask.workspace.session(session).items) == 1
        assert [each.id for each in ask.workspace.sessions()] == [session]


def test_what_was_chosen_before_is_compiled_with_the_next_start(little, tmp_path):
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        session = ask.begin()
        for seed in (1, 2):
            ask.done(session, {"method": "z", "steps": 3, "seed": seed})
        found = warming.Restorations(ask.workspace, GRAY, ["inpaint"])
        assert [(each.task, each.steps) for each in found._planned] == [("inpaint", None), ("invert", 3)]
        assert found._new(Asked(method=ask.workspace.maker.first)) is None  # The start compiles that.


def test_restorations_are_compiled_however_much_is_chosen(little, tmp_path, monkeypatch):
    monkeypatch.setattr(warming, "_MOST_CHOSEN", 1)
    monkeypatch.setattr(warming, "_RESTS_S", 0.4)
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        ask.workspace.book.find()
        found = warming.Restorations(ask.workspace, GRAY, ["inpaint"])
        monkeypatch.setattr(found, "_planned", [*found._planned, Asked(task="denoise")])
        next_ = []
        for steps in (1, 2):
            ask.workspace.expected = Asked(steps=steps)
            next_.append(found._next())
            found._known.add(warming._kind(next_[-1]))
        assert [*next_, found._next()] == [Asked(steps=1), Asked(task="inpaint", box=2), Asked(task="denoise")]


def test_what_is_chosen_is_noticed_at_once_though_looks_are_rare(little, tmp_path, monkeypatch):
    """While nothing is to be compiled a studio rests."""
    monkeypatch.setattr(warming, "_IDLES_S", 3_600.0)
    looks = list[float]()
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        ask.workspace.book.find()
        counts = ask.workspace.engine.counts
        monkeypatch.setattr(ask.workspace.engine, "counts", lambda: looks.append(time.monotonic()) or counts())
        found = warming.Restorations(ask.workspace, GRAY, [])
        thread = found.start()
        thread.join(1.0)
        assert thread.is_alive()
        assert not looks
        chosen = {"task": "inpaint", "codes": 2, "layer": 1, "steps": 3}
        assert ask.send("POST", "/studio/expect", chosen)[0] == 202
        until(lambda: found.compiled, 120.0)
        monkeypatch.setattr(warming, "_MOST_CHOSEN", 1)  # There is nothing more to come, then.
        ask.workspace.is_chosen.set()
        thread.join(10.0)
        assert not thread.is_alive()


def test_nothing_is_begun_once_the_studio_ends(little, tmp_path):
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        ask.workspace.engine.close(0.0)
        found = warming.Restorations(ask.workspace, GRAY)
        found.start().join(10.0)
        assert not found.compiled

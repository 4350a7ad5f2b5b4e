"""What is compiled before anybody asks for it."""

import threading

import numpy as np
from cli import priors
from serving.served import until

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
        thread.join(120.0)
        assert (found.compiled, last) == (["inpaint"], [thread.native_id])
        # Nothing of it is to be seen.
        assert len(ask.workspace.session(session).items) == 1
        assert [each.id for each in ask.workspace.sessions()] == [session]


def test_nothing_is_begun_once_the_studio_ends(little, tmp_path):
    with studio(priors.plain(), tmp_path / "s", little) as ask:
        ask.workspace.engine.close(0.0)
        found = warming.Restorations(ask.workspace, GRAY)
        found.start().join(10.0)
        assert not found.compiled

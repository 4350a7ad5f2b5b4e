"""Any number of uploads at once: few are read, the others wait, and what is small does not wait for them."""

import asyncio
import json

import pytest
from serving.served import png

from gprior_jax.serving import bodies
from gprior_jax.serving.intake import BODIES
from gprior_jax.studio.app import make_studio
from studio.studios import JSON, form

PICTURE = png(0, (120, 120))


class Client:
    """Sends a body in two parts, the second when it is told to."""

    def __init__(self, path, body, kind, tells=True):
        half = len(body) // 2
        self._parts, self._go_on = [body[:half], body[half:]], asyncio.Event()
        headers = [(b"host", b"localhost"), (b"content-type", kind.encode())]
        headers += [(b"content-length", str(len(body)).encode())] if tells else []
        self._scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        self.taken, self.status = 0, None

    async def ask(self, app):
        await app(self._scope, self._receive, self._send)
        return self.status

    def go_on(self):
        self._go_on.set()

    async def _receive(self):
        if self.taken:
            await self._go_on.wait()
        if not self._parts:
            await asyncio.Event().wait()  # It stays.
        part = self._parts.pop(0)
        self.taken += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts)}

    async def _send(self, message):
        self.status = message.get("status", self.status)


@pytest.mark.parametrize("tells", [True, False], ids=["told", "untold"])
def test_few_of_many_uploads_are_read_at_once(ask, tells):
    """As many as there is room for; of whose size is not told as many as there is for the largest."""
    largest = 1e6 * ask.workspace.engine.limits.megabytes
    room = int(BODIES * largest // len(form(image=PICTURE)[0])) if tells else BODIES
    assert BODIES <= room < 20
    session = ask.begin()
    item = ask.send("POST", f"/studio/sessions/{session}/items", {"seed": 1})[1]["id"]
    assert ask.send("POST", f"/studio/sessions/{session}/render", {"item": item})[0] == 200

    async def all_at_once():
        app = make_studio(ask.workspace)
        clients = [Client("/studio/place", *form(image=PICTURE), tells) for _ in range(20)]
        asking = [asyncio.create_task(client.ask(app)) for client in clients]
        while sum(client.taken > 0 for client in clients) < room:
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)  # Whoever else would come.
        most = [sum(client.taken > 0 for client in clients)]
        small = Client(f"/studio/sessions/{session}/render", json.dumps({"item": item}).encode(), JSON)
        small.go_on()
        assert await asyncio.wait_for(small.ask(app), 30) == 200
        for client in clients:
            client.go_on()
        while not all(task.done() for task in asking):
            most.append(sum(client.taken > 0 and client.status is None for client in clients))
            await asyncio.sleep(0)
        return max(most), [task.result() for task in asking]

    most, statuses = asyncio.run(all_at_once())
    assert most == room
    assert statuses == [200] * 20


def test_what_is_small_may_not_be_large(ask, monkeypatch):
    session = ask.begin()
    monkeypatch.setattr(bodies, "SMALL", 0.01)
    body = json.dumps({"item": "1", "edit": "x" * 20_000})
    assert ask("POST", f"/studio/sessions/{session}/render", body, JSON)[0] == 413

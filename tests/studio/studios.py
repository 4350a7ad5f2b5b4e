"""What the tests of the studio share: studios of a tiny prior that listen, and what asks them."""

import contextlib
import http.client
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from serving.served import limits, png, until

from gprior_jax.keys import seeded
from gprior_jax.serving.engine import Engine
from gprior_jax.serving.listening import Listener
from gprior_jax.studio.app import make_studio
from gprior_jax.studio.making import StudioMaker
from gprior_jax.studio.owned import finish
from gprior_jax.studio.unfinished import Unfinished
from gprior_jax.studio.workspace import Workspace

JSON = "application/json"
SHORT = {"steps": 2, "codes": 2}


def form(order=None, **files):
    """A body of a form, and its type."""
    parts = []
    for name, content in files.items():
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="../../etc/passwd"\r\n'
        parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + content)
    if order is not None:
        told = order if isinstance(order, str) else json.dumps(order)
        parts.append(f'--x\r\nContent-Disposition: form-data; name="order"\r\n\r\n{told}'.encode())
    return b"\r\n".join([*parts, b"--x--\r\n"]), "multipart/form-data; boundary=x"


def mask(side=16, painted=(4, 4, 8, 10)):
    """White strokes on a transparent square."""
    left, top, right, bottom = painted
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[top:bottom, left:right] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class Asker:
    """What asks a studio."""

    def __init__(self, port, workspace):
        self.port, self.workspace = port, workspace

    def __call__(self, method, path, body=None, kind=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        own |= {"content-type": kind} if kind else {}
        with contextlib.closing(connection):
            connection.request(method, path, body, own)
            answer = connection.getresponse()
            content = answer.read()
        if answer.getheader("content-type") == JSON:
            content = json.loads(content)
        return answer.status, content, answer.headers

    def send(self, method, path, told):
        return self(method, path, json.dumps(told), JSON)[:2]

    def begin(self, title=""):
        return self.send("POST", "/studio/sessions", {"title": title})[1]["id"]

    def drop(self, session, order, image=None, **files):
        body = form(order, image=png() if image is None else image, **files)
        return self("POST", f"/studio/sessions/{session}/items", *body)[:2]

    def item(self, session, number):
        return self("GET", f"/studio/sessions/{session}/items/{number}")[1]

    def done(self, session, order, **own):
        """An item once it has ended."""
        status, item = self.drop(session, order, **own)
        assert status == 202, item
        until(lambda: self.item(session, item["id"])["state"] not in ("queued", "running"))
        return self.item(session, item["id"])


@contextlib.contextmanager
def studio(prior, folder, model, token=None, gigabytes=1.0, port=0, **own):
    """A studio that listens."""
    maker = StudioMaker(prior, seeded(0), limits(**own), 1, 1, str(model))
    engine = Engine(maker, Unfinished(Path(folder).absolute(), maker), finish)
    workspace = Workspace(engine, folder, str(model), gigabytes)
    listener = Listener(make_studio(workspace, token), "127.0.0.1", port, engine.limits)
    listener.start()
    try:
        yield Asker(int(listener.address.rpartition(":")[2]), workspace)
    finally:
        engine.close(0.0)
        listener.stop()
        workspace.close()

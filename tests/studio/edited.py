"""What the tests of edits share: a session to be edited, and pictures as numbers."""

import base64
import io
import json
import shlex

import numpy as np
from PIL import Image

from gprior_jax.cli.main import main
from gprior_jax.editing import Direction
from gprior_jax.runs.directions_file import save_direction
from studio.studios import JSON, form

SIDE = 8


def pixels(content):
    """A PNG, by its path or content, as signed numbers."""
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    return np.asarray(Image.open(file)).astype(int)


def of_url(url):
    return pixels(base64.b64decode(url.partition(",")[2]))


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, atol=1)


class Editing:
    """A session with two drawn items and one of several codes, and a direction."""

    def __init__(self, ask, model):
        self.ask, self.model = ask, model
        self.session = ask.begin("edits")
        drawn = [ask.send("POST", self.at("items"), {"seed": seed})[1]["id"] for seed in (1, 2)]
        several = ask.done(self.session, {"name": "p.png", "method": "mganprior", "codes": 2, "steps": 2})
        self.first, self.second, self.several = *drawn, several["id"]
        width = ask.workspace.prior.w_dim if ask.workspace.prior.num_styles else SIDE
        space = "w" if ask.workspace.prior.num_styles else "z"
        self.direction = Direction(np.random.default_rng(0).normal(size=width), space, name="up")
        self.file = ask.workspace.path / "up.npz"
        save_direction(self.file, self.direction)
        _, self.added, _ = self.add(self.file.read_bytes(), "up.npz")

    def at(self, what):
        return f"/studio/sessions/{self.session}/{what}"

    def add(self, content, name):
        body, kind = form(None, file=content)
        field = f'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n{name}\r\n'.encode()
        return self.ask("POST", self.at("directions"), field + body, kind)

    def post(self, what, **told):
        return self.ask("POST", self.at(what), json.dumps(told), JSON)

    def picture(self, item, **edit):
        status, content, headers = self.post("render", item=item, edit=edit)
        assert status == 200, content
        assert headers["content-type"] == "image/png"
        return pixels(content)

    def source(self, item):
        return self.ask.workspace.point(self.session, item).name

    def run(self, command, out, *words):
        assert main([command, *map(str, words), "--model", str(self.model), "--out", str(out)]) == 0


def slider(strength=1.5, **own):
    return [{"direction": "up", "strength": strength} | own]


def kept_of(plain, item, edit):
    return {
        kind: plain.post("files", item=item, edit=edit, kind=kind)[1] for kind in ("png", "npz", "command", "python")
    }


def run_lines(content):
    """Run the commands of a text."""
    for line in content.decode().splitlines():
        if not line.startswith("#"):
            assert main(shlex.split(line)[1:]) == 0

"""``gprior studio``: what it refuses, and from its beginning to its end."""

import contextlib
import http.client
import json

import pytest
from serving.served import until

from cli.restoring import told
from gprior_jax.cli import studio
from gprior_jax.cli.main import main

pytest.importorskip("fastapi", reason="the extra studio is not installed")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--host", "0.0.0.0"], "give a token, or listen on 127.0.0.1"),
        (["--port", "-1"], "--port -1: use 0 to 65535"),
        (["--folder", __file__], "is a file: name a folder for sessions"),
        (["--max-megabytes", "0"], "megabytes 0.0: use more than 0"),
        (["--keep-gigabytes", "0"], "--keep-gigabytes 0.0: use more than 0"),
    ],
)
def test_what_is_refused(little, capsys, monkeypatch, tmp_path, flags, sentence):
    monkeypatch.delenv("GPRIOR_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    assert sentence in told(capsys, 2, main(["studio", "--model", str(little), "--port", "0", *flags]))


def test_it_serves_its_page_and_keeps_sessions(little, capsys, monkeypatch, tmp_path):
    """The signal comes when the page was asked for, and a picture was drawn."""
    monkeypatch.delenv("GPRIOR_TOKEN", raising=False)
    listening = {}

    def print_json(said):
        listening.update(said)

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection(listening["address"].removeprefix("http://"), timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def signal():
        until(lambda: ask("GET", "/readyz")[0] == 200)
        assert b"studio" in ask("GET", "/")[1]
        session = json.loads(ask("POST", "/studio/sessions", "{}")[1])["id"]
        assert ask("POST", f"/studio/sessions/{session}/items", '{"seed": 1}')[0] == 201
        listening["session"] = session

    monkeypatch.setattr(studio, "print_json", print_json)
    monkeypatch.setattr(studio, "wait_for_signal", signal)
    monkeypatch.setattr(studio.webbrowser, "open", lambda address: pytest.fail("it opens a browser"))
    words = ["studio", "--model", str(little), "--port", "0", "--folder", str(tmp_path / "s"), "--json"]
    assert main(words) == 0
    assert (tmp_path / "s" / listening["session"] / "1" / "seed_1.png").is_file()
    assert "its sessions are kept." in capsys.readouterr().err

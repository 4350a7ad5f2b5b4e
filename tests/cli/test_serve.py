"""``gprior serve``: what it refuses, and how it begins and ends as a program."""

import contextlib
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from serving.served import engine, submit, until

from cli import priors
from cli.restoring import picture, pixels, told
from gprior_jax.cli.main import main
from gprior_jax.editing import Direction
from gprior_jax.runs.directions_file import save_direction

pytest.importorskip("fastapi", reason="the extra serve is not installed")

TOKEN = "a-token-that-nobody-guesses"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--host", "0.0.0.0"], "give a token, or listen on 127.0.0.1"),
        (["--host", "::"], "give a token"),
        (["--host", "0.0.0.0", "--token", "short"], "at least 16 ASCII characters"),
        (["--port", "70000"], "--port 70000: use 0 to 65535"),
        (["--grace", "-1"], "--grace -1"),
        (["--batch-size", "0"], "--batch-size 0: use at least 1"),
        (["--state", __file__], "is a file: name a folder for jobs that have not ended"),
        (["--queue", "0"], "queue 0: use more than 0"),
        (["--timeout", "nan"], "finite"),
        (["--host", "203.0.113.1", "--token", TOKEN], "cannot listen on 203.0.113.1 port"),
    ],
)
def test_what_is_refused(little, capsys, monkeypatch, flags, sentence):
    monkeypatch.delenv("GPRIOR_TOKEN", raising=False)
    said = told(capsys, 2, main(["serve", "--model", str(little), "--port", "0", *flags]))
    assert sentence in said
    assert TOKEN not in said
    assert "short" not in said.replace("too short", "")


@pytest.mark.parametrize("method", ["w", "mganprior"])
def test_what_it_has_found_is_edited(styled, tmp_path, capsys, method):
    """From a job to pictures of its codes, with no other file; of another prior they are refused."""
    with engine(prior=priors.styled(), model=str(styled)) as made:
        job = submit(made, method=method, **({} if method == "mganprior" else {"codes": None}))
        until(lambda: job.has_ended)
    (tmp_path / "codes.npz").write_bytes(job.kept.npz)
    save_direction(tmp_path / "d.npz", Direction(np.full(5, 5**-0.5, np.float32), "w", deviation=1.0, offset=0.0))
    words = ["edit", str(tmp_path / "codes.npz"), "--along", str(tmp_path / "d.npz"), "--strengths", "0", "1"]
    assert main([*words, "--model", str(styled), "--out", str(tmp_path / "edited")]) == 0
    said = capsys.readouterr()
    assert "was made with" not in said.err
    unmoved, moved = (pixels(tmp_path / "edited" / "pictures" / f"codes_+{n}.png").astype(int) for n in (0, 1))
    drawn = pixels(io.BytesIO(job.kept.png)).astype(int)
    apart, further = np.abs(unmoved - drawn), np.abs(moved - drawn)
    assert apart.max() <= 2  # Large weights of opposite signs leave their rounding.
    assert further.mean() > 3 * apart.mean()


def ask(port, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"} | headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_it_serves_until_it_is_told_to_stop(little, tmp_path):
    """A job that is under way when SIGTERM comes is finished, its client answered, and nobody hears of the token."""
    command = [sys.executable, "-m", "gprior_jax", "--no-cache", "serve", "--model", str(little), "--port", "0"]
    command += ["--json", "--max-steps", "3000", "--batch-size", "1"]
    content = picture(tmp_path / "a.png", 0, 8).read_bytes()
    pipe, errors = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, env=dict(os.environ, GPRIOR_TOKEN=TOKEN), stdout=pipe, stderr=errors, text=True
    ) as program:
        try:
            said = "".join(iter(program.stdout.readline, "}\n")) + "}"
            port = int(json.loads(said)["address"].rpartition(":")[2])
            headers = {"Content-Type": "image/png", "Connection": "close"}
            with ThreadPoolExecutor(1) as pool:
                while ask(port, "GET", "/readyz")[0] != 200:
                    time.sleep(0.05)
                answer = pool.submit(ask, port, "POST", "/v1/jobs?steps=2000&wait=50", content, **headers)
                while not re.search(rb"^gprior_running 1", ask(port, "GET", "/metrics")[1], re.MULTILINE):
                    time.sleep(0.01)
                for _ in range(2):  # As `timeout` sends it.
                    program.send_signal(signal.SIGTERM)
                status, job = answer.result(timeout=60)
            said += program.communicate(timeout=60)[0]
        finally:
            program.kill()
    assert (status, json.loads(job)["state"], json.loads(job)["step"]) == (200, "done", 2000)
    assert program.returncode == 0, said
    assert "no more jobs are taken" in said
    assert TOKEN not in said

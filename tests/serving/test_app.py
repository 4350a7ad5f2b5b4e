"""The HTTP interface, asked over sockets: what is answered to whom, whatever is sent."""

import base64
import contextlib
import http.client
import io
import json
import socket
import tempfile
import threading

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("python_multipart", reason="the extra serve is not installed")

from prometheus_client.parser import text_string_to_metric_families

from gprior_jax.serving.app import make_app
from gprior_jax.serving.jobs import State
from gprior_jax.serving.listening import Listener
from gprior_jax.serving.pictures import Sent
from serving.served import LONG, asked, engine, limits, png, submit, until

TOKEN = "a-token-that-nobody-guesses"
SETTINGS = "steps=3&codes=2"


@contextlib.contextmanager
def serving(token=None, **own):
    """A server that listens; gives its engine and what asks it."""
    with engine(**own) as made:
        listener = Listener(make_app(made, "tiny", token), "127.0.0.1", 0, made.limits)
        listener.start()
        port = int(listener.address.rpartition(":")[2])

        def ask(method, path, body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            with contextlib.closing(connection):
                connection.request(method, path, body, {n.replace("_", "-"): v for n, v in headers.items()})
                answer = connection.getresponse()
                content = answer.read()
            if answer.getheader("content-type") == "application/json":
                content = json.loads(content)
            return answer.status, content, answer.headers

        ask.port = port
        try:
            yield made, ask
        finally:
            made.close(0.0)
            listener.stop()


@pytest.fixture(scope="module")
def server():
    with serving(megabytes=0.1) as both:
        yield both


@pytest.fixture(scope="module")
def ask(server):
    return server[1]


def test_several_answers(ask):
    body, kind = form(image=png(2), task="denoise", samples=2, steps=2, codes=2)
    job = ask("POST", "/v1/jobs?wait=30", body, content_type=kind)[1]
    assert job["settings"]["samples"] == 2
    sides = [Image.open(io.BytesIO(ask("GET", place)[1])).size for place in (*job["samples"], job["mean"], job["std"])]
    assert sides == [(8, 8)] * 4
    assert ask("GET", job["samples"][0])[1] == ask("GET", job["image"])[1]
    assert ask("GET", f"{job['self']}/samples/3.png")[0] == 404
    assert ask("GET", f"{job['self']}/samples/x.png")[0] == 404
    alone = ask("POST", f"/v1/jobs?{SETTINGS}&wait=30", png(2), content_type="image/png")[1]
    assert "samples" not in alone
    assert "ask for samples" in ask("GET", f"{alone['self']}/mean.png")[1]["detail"]


def form(**fields):
    """A body of a form, and its type; files are bytes."""
    parts = []
    for name, value in fields.items():
        file = '; filename="../../etc/passwd"\r\nContent-Type: image/png' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else str(value).encode()
        parts.append(f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content)
    return b"\r\n".join([*parts, b"--x--\r\n"]), "multipart/form-data; boundary=x"


def test_a_job_from_asking_to_its_files(ask):
    status, job, headers = ask("POST", f"/v1/jobs?{SETTINGS}&seed=4", png(4), content_type="image/png")
    assert status == 202
    assert headers["location"] == job["self"] == f"/v1/jobs/{job['id']}"
    assert job["settings"] == {"task": "invert", "steps": 3, "codes": 2, "seed": 4}
    until(lambda: ask("GET", job["self"])[1]["state"] == "done")
    told = ask("GET", job["self"])[1]
    assert {"status", "step", "loss", "psnr"} <= told["result"].keys()
    assert told["step"] == told["steps"] == 3
    status, content, headers = ask("GET", told["image"])
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/png", "no-store")
    assert Image.open(io.BytesIO(content)).size == (8, 8)
    with np.load(io.BytesIO(ask("GET", told["codes"])[1])) as arrays:
        assert json.loads(str(arrays["about"]))["id"] == 4
        assert any(name.startswith("variable_") for name in arrays.files)
    assert ask("DELETE", job["self"])[0] == 200
    assert ask("GET", job["self"])[0] == 410
    assert ask("GET", "/v1/jobs/never-was")[0] == 404


def test_three_ways_to_send_the_same(ask):
    url = f"/v1/jobs?{SETTINGS}&seed=1&wait=30"
    raw = ask("POST", url, png(1), content_type="image/png", accept="image/png")
    body, kind = form(image=png(1), steps=3, codes=2, seed=1)
    formed = ask("POST", "/v1/jobs?wait=30", body, content_type=kind, accept="image/png")
    told = {"image": base64.b64encode(png(1)).decode(), "steps": 3, "codes": 2, "seed": 1}
    as_json = ask("POST", "/v1/jobs?wait=30", json.dumps(told), content_type="application/json", accept="image/png")
    assert [found[0] for found in (raw, formed, as_json)] == [200] * 3
    assert raw[1] == formed[1] == as_json[1]
    assert ask("POST", url, png(1), content_type="image/png")[1]["state"] == "done"


def test_a_mask_beside_the_picture(ask):
    mask = np.full((8, 8), 255, np.uint8)
    mask[2:5, 2:5] = 0
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    body, kind = form(image=png(2), mask=buffer.getvalue(), task="inpaint", steps=2, codes=2)
    status, content, _ = ask("POST", "/v1/jobs?wait=30", body, content_type=kind, accept="image/png")
    assert status == 200
    found, given = (np.asarray(Image.open(io.BytesIO(file))) for file in (content, png(2)))
    np.testing.assert_array_equal(found[mask > 0], given[mask > 0])


TWO = form(image=png())[0].removesuffix(b"--x--\r\n") + form(image=png(1))[0]
"""A form with two pictures of one name."""

RAW = {"content_type": "image/png"}
OBJECT = {"content_type": "application/json"}


@pytest.mark.parametrize(
    ("query", "body", "headers", "status", "told"),
    [
        ("", b"", RAW, 415, "the picture is empty"),
        ("", b"hello", RAW, 415, "no PNG or JPEG"),
        ("", b"hello", {"content_type": "text/plain"}, 415, "content type 'text/plain': use image/png"),
        ("", png(), {}, 415, "content type ''"),
        ("", bytes(200_000), RAW, 413, "send at most 0.1 MB"),
        ("", png(0, (200, 8)), RAW, 422, "too long and thin"),
        ("steps=0", png(), RAW, 422, "steps 0: use at least 1."),
        ("steps=many", png(), RAW, 422, "steps 'many': use a whole number."),
        ("steps=1.5", png(), RAW, 422, "steps '1.5': use a whole number."),
        ("task=dance", png(), RAW, 422, "task 'dance': use 'invert', 'colorize'"),
        ("method=w", png(), RAW, 422, "method 'w': use z, mganprior"),
        ("stepz=3", png(), RAW, 422, "there is no setting 'stepz': leave it out."),
        ("box=3", png(), RAW, 422, "box is for the task inpaint: leave it out."),
        ("seed=-1", png(), RAW, 422, "seed -1: use a whole number from 0 to 2147483647."),
        ("path=/etc/passwd", png(), RAW, 422, "there is no setting 'path'"),
        ("wait=-1", png(), RAW, 422, "wait is no time: use seconds, from 0 up."),
        ("wait=nan", png(), RAW, 422, "wait is no time: use seconds, from 0 up."),
        ("", b"{", OBJECT, 400, "the body is no JSON"),
        ("", b"[]", OBJECT, 400, "no JSON object"),
        ("", b"{}", OBJECT, 400, "image is no base64"),
        ("", b'{"image": "?"}', OBJECT, 400, "image is no base64"),
        ("", b'{"image": "", "mask": 7}', OBJECT, 400, "mask is no base64"),
        ("", b'{"image": "", "steps": [1]}', OBJECT, 422, "steps"),
        ("", b"[" * 90_000, OBJECT, 400, "no JSON"),
        ("seed=1", b'{"image": "", "seed": 1}', OBJECT, 422, "seed is given twice"),
        ("steps=2&steps=3", png(), RAW, 422, "steps is given twice: send it once."),
        ("", b'{"image": "", "steps": 2, "steps": 3}', OBJECT, 422, "steps is given twice: send it once."),
        ("", TWO, {"content_type": form()[1]}, 422, "image is given twice: send it once."),
        ("", b"--x\r\n", {"content_type": "multipart/form-data; boundary=x"}, 400, ""),
        ("", b"", {"content_type": "multipart/form-data"}, 400, ""),
        ("", form(photo=png())[0], {"content_type": form()[1]}, 400, "no file of the name image"),
        ("", form(image="text")[0], {"content_type": form()[1]}, 400, "no file of the name image"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(ask, query, body, headers, status, told):
    found, content, _ = ask("POST", f"/v1/jobs?{query}", body, **headers)
    assert (found, told in content["detail"]) == (status, True), content
    assert "\n" not in content["detail"]


def test_events_tell_progress_and_the_end(ask):
    job = ask("POST", "/v1/jobs?steps=400&codes=2", png(), content_type="image/png")[1]
    status, content, headers = ask("GET", job["events"])
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    told = [block.split("\n", 1) for block in content.decode().strip().split("\n\n")]
    kinds = [kind for kind, _ in told]
    assert kinds == ["event: progress"] * (len(told) - 1) + ["event: end"]
    jobs = [json.loads(data.removeprefix("data: ")) for _, data in told]
    assert [job["step"] for job in jobs] == sorted(job["step"] for job in jobs)
    assert jobs[-1]["state"] == "done"


def test_what_is_not_there_yet_and_what_is_cancelled(server):
    made, ask = server
    job = ask("POST", f"/v1/jobs?steps={LONG}&codes=2&wait=0.1", png(), content_type="image/png")[1]
    assert job["state"] in ("queued", "running")
    status, content, _ = ask("GET", f"{job['self']}/image.png")
    assert (status, "it has not ended" in content["detail"]) == (409, True)
    assert ask("DELETE", job["self"])[1]["state"] == "cancelled"
    assert "it was cancelled" in ask("GET", f"{job['self']}/codes.npz")[1]["detail"]
    until(lambda: not made.counts()["running"])


def test_a_client_that_goes_while_it_waits_cancels_its_job(server):
    made, ask = server
    picture = png()
    head = f"POST /v1/jobs?steps={LONG}&wait=50 HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    with socket.create_connection(("127.0.0.1", ask.port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture)
        until(lambda: made.counts()["running"])
    until(lambda: not made.counts()["running"])


def closed_within(connection, seconds):
    """What is still sent before the other side closes, which must be soon."""
    connection.settimeout(seconds)
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_clients_that_dawdle_are_not_waited_for(monkeypatch):
    """Over a head, a body, or the next head of one connection."""
    monkeypatch.setattr("gprior_jax.serving.listening._LOOK_S", 0.05)
    with serving(patience=0.3) as (_, ask), contextlib.ExitStack() as stack:
        places = [("127.0.0.1", ask.port)] * 3
        head, body, second = (stack.enter_context(socket.create_connection(place)) for place in places)
        head.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        of_body = b"Host: localhost\r\nContent-Type: image/png\r\nContent-Length: 9"
        body.sendall(b"POST /v1/jobs HTTP/1.1\r\n" + of_body + b"\r\n\r\na")
        second.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert second.recv(1) == b"H"
        second.sendall(b"GET /he")
        assert closed_within(head, 5) == b""
        assert b"alive" in closed_within(second, 5)
        assert b"408" in closed_within(body, 5)


def test_a_client_that_does_not_take_its_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr("gprior_jax.serving.listening._LOOK_S", 0.05)
    ended = threading.Event()

    async def much(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"80000000")]})
        await send({"type": "http.response.body", "body": bytes(40_000_000), "more_body": True})
        await send({"type": "http.response.body", "body": bytes(40_000_000)})
        ended.set()

    listener = Listener(much, "127.0.0.1", 0, limits(patience=0.3))
    listener.start()
    with socket.create_connection(("127.0.0.1", int(listener.address.rpartition(":")[2]))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ended.wait(10)
        assert len(closed_within(connection, 10)) < 80_000_000
    listener.stop()


def test_full_and_closing():
    with serving(slots=1, queue=1) as (made, ask):
        first = submit(made, steps=LONG)
        until(lambda: first.state is State.RUNNING)
        submit(made, steps=LONG)
        status, content, headers = ask("POST", f"/v1/jobs?{SETTINGS}", png(), content_type="image/png")
        assert (status, int(headers["retry-after"]) >= 1) == (429, True)
        assert content["detail"].startswith("too many jobs are waiting")
        assert ask("GET", "/readyz")[0] == 200
        made.close(0.0)
        assert ask("POST", f"/v1/jobs?{SETTINGS}", png(), content_type="image/png")[0] == 503
        assert ask("GET", "/readyz")[0] == 503
        assert ask("GET", "/healthz")[0] == 200
        assert "shut down" in ask("GET", f"/v1/jobs/{first.id}")[1]["error"]


def test_readiness_waits_for_the_first_program():
    with serving() as (made, ask):
        made.warm(asked(), made.maker.read(asked(), Sent(png())))
        assert ask("GET", "/readyz")[0] == 503
        until(lambda: ask("GET", "/readyz")[0] == 200)


def test_a_token_is_wanted_of_all_but_who_watches():
    with serving(token=TOKEN) as (_, ask):
        for path in ("/v1/models", "/metrics", "/openapi.json", "/v1/jobs/x", "/nowhere"):
            status, content, headers = ask("GET", path)
            assert (status, headers["www-authenticate"], "token" in content["detail"]) == (401, "Bearer", True)
            for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer \xff"):
                assert ask("GET", path, authorization=wrong)[0] == 401
        assert ask("GET", "/v1/models", authorization=f"Bearer {TOKEN}")[0] == 200
        assert ask("GET", "/healthz")[0] == ask("GET", "/readyz")[0] == 200


def test_pages_of_the_web_do_not_ask_through_their_readers_browser(ask):
    assert ask("GET", "/v1/models", host="evil.example")[0] == 403
    assert ask("GET", "/v1/models", origin="https://evil.example")[0] == 403
    assert ask("GET", "/v1/models", origin="http://localhost:9")[0] == 200


def test_what_is_served_and_how_it_is_asked_for(ask):
    served = ask("GET", "/v1/models")[1]["models"][0]
    assert served["tasks"] == ["invert", "colorize", "upscale", "inpaint", "denoise", "deblur"]
    assert {"z", "mganprior"} <= set(served["methods"])
    assert served["size"] == [8, 8]
    told = ask("GET", "/openapi.json")[1]
    asking = told["paths"]["/v1/jobs"]["post"]
    assert {"task", "seed", "steps", "wait"} <= {parameter["name"] for parameter in asking["parameters"]}
    assert set(asking["requestBody"]["content"]) >= {"image/png", "multipart/form-data", "application/json"}
    assert ask("GET", "/docs")[0] == ask("GET", "/../etc/passwd")[0] == 404


def test_metrics_are_prometheus(ask):
    ask("POST", f"/v1/jobs?{SETTINGS}&wait=30", png(), content_type="image/png")
    content = ask("GET", "/metrics")[1].decode()
    found = {family.name: family.samples for family in text_string_to_metric_families(content)}
    assert {"gprior_jobs", "gprior_requests", "gprior_job_seconds", "gprior_queued", "gprior_kept_bytes"} <= set(found)
    done = [s for s in found["gprior_jobs"] if s.labels == {"task": "invert", "state": "done"}]
    assert done[0].value >= 1
    routes = {sample.labels["route"] for sample in found["gprior_requests"]}
    assert "/v1/jobs" in routes
    assert routes <= {"none", "/metrics", "/v1/models", "/openapi.json", "/healthz"} | {
        r for r in routes if "{" in r or r == "/v1/jobs"
    }


def test_pictures_of_a_form_are_not_on_disk(monkeypatch):
    """Nor are large ones, which a parser of forms would put into a file."""
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: pytest.fail("it is on disk"))
    body, kind = form(image=png(size=(700, 700)), steps=1, codes=2)
    assert len(body) > 1.2e6
    with serving(megabytes=2.0) as (_, ask):
        assert ask("POST", "/v1/jobs?wait=30", body, content_type=kind)[0] == 200

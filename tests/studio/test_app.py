"""The studio's answers: what is refused in a sentence, who may ask, and what the page asks first."""

import contextlib
import errno
import http.client
import json
import threading
from pathlib import Path

import pytest
from cli import priors
from serving.served import LONG, png, until

from gprior_jax.errors import GPriorError
from gprior_jax.studio import item_routes
from gprior_jax.studio.door import cookie_of, refuse
from gprior_jax.studio.sessions import Session
from gprior_jax.summary import fingerprint
from studio.studios import JSON, form, mask, studio

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def session(ask):
    return ask.begin()


GOOD = {"steps": 2, "codes": 2}


@pytest.mark.parametrize(
    ("order", "files", "status", "told"),
    [
        (GOOD, {"image": b""}, 415, "the picture is empty"),
        (GOOD, {"image": b"hello"}, 415, "the picture is no PNG or JPEG"),
        (GOOD, {"image": b"RIFF\x00\x00\x00\x00WEBPVP8 "}, 415, "the picture is no PNG or JPEG"),
        (GOOD, {"image": b"\x00\x00\x00\x20ftypisom"}, 415, "the picture is no PNG or JPEG"),
        (GOOD, {"image": png(size=(60, 60))[:-2000]}, 422, "damaged"),
        (GOOD, {"image": png(0, (200, 8))}, 422, "the picture is 200x8 pixels: too long and thin"),
        (GOOD, {"image": png(0, (4, 4))}, 422, "too small"),
        (GOOD, {"image": bytes(150_000)}, 413, "send at most 0.1 MB"),
        (GOOD, {"photo": png()}, 400, "no file of the name image"),
        ("[]", {}, 422, "the order is no JSON object"),
        ("{", {}, 422, "the order is no JSON object"),
        ({"steps": 0}, {}, 422, "steps 0: use at least 1."),
        ({"stepz": 3}, {}, 422, "there is no setting 'stepz': leave it out."),
        ({"task": "dance"}, {}, 422, "task 'dance': use 'invert'"),
        ({"method": "w"}, {}, 422, "method 'w': use z, mganprior"),
        ({"layer": 9}, {}, 422, "layer 9"),
        ({"method": "z", "layer": 2}, {}, 422, "layer is not for method z: leave it out"),
        ({"label": 1}, {}, 422, "label"),
        ({"codes": 999}, {}, 422, "999 codes are more than this server takes"),
        ({"task": "inpaint"}, {}, 422, "say what is missing: paint over it"),
        ({"task": "inpaint"}, {"mask": mask(painted=(0, 0, 0, 0))}, 422, "nothing is painted"),
        ({"task": "inpaint"}, {"mask": mask(painted=(0, 0, 16, 16))}, 422, "everything is painted"),
        ({"task": "inpaint"}, {"mask": png(0, (16, 12))}, 422, "the mask is not square"),
        ({"task": "inpaint"}, {"mask": b"x"}, 415, "the mask is no PNG or JPEG"),
        ({"task": "invert"}, {"mask": mask()}, 422, "a mask is for the task inpaint"),
        ({"task": "upscale"}, {}, 422, "photograph.png is 8x8 pixels, not smaller"),
        ({"placement": {"center": [1, 2]}}, {}, 422, "the placement is none"),
        ({"placement": {"center": [1, 2], "size": "x"}}, {}, 422, "the placement is none"),
        ({"placement": {"center": [1, 2], "size": 1e999}}, {}, 422, "the placement is none"),
        ({"placement": {"center": [1, 10**400], "size": 9}}, {}, 422, "the placement is none"),
        ({"placement": {"center": [99, 2], "size": 9}}, {}, 422, "outside of the photograph"),
        ({"placement": {"center": [1, 2], "size": 3}}, {}, 422, "draw it larger"),
        ({"placement": {"center": [1, 2], "size": 30}}, {}, 422, "draw it smaller"),
        ({"placement": "face"}, {}, 422, "does not say where faces are"),
        ({}, {"landmarks": b"x"}, 422, "the file of landmarks"),
        ({}, {"landmarks": b'{"a.png": [1, 1, 6, 6]}'}, 422, "does not say where faces are"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence_and_leaves_nothing(ask, session, order, files, status, told):
    given = files if "image" in files or "photo" in files else {"image": png()} | files
    found, content, _ = ask("POST", f"/studio/sessions/{session}/items", *form(order, **given))
    assert (found, told in content["detail"]) == (status, True), content
    assert "\n" not in content["detail"]
    assert str(ask.workspace.path) not in content["detail"]
    assert "--" not in content["detail"]
    folder = ask.workspace.folder(session)
    assert [path.name for path in folder.iterdir() if path.name != "photographs"] == ["session.json"]
    assert list((folder / "photographs").glob("*")) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status", "told"),
    [
        ("GET", "/studio/sessions/nowhere", None, None, 404, "no such session"),
        ("GET", "/studio/sessions/..", None, None, 404, ""),
        ("DELETE", "/studio/sessions/%2e%2e", None, None, 404, ""),
        ("POST", "/studio/sessions/.removed/restore", None, None, 404, "no such session"),
        ("PATCH", "/studio/sessions/{s}", b"[", JSON, 400, "no JSON object"),
        ("PATCH", "/studio/sessions/{s}", b'{"title": " "}', JSON, 422, "the title is empty"),
        ("GET", "/studio/sessions/{s}/items/1", None, None, 404, "no such item"),
        ("POST", "/studio/sessions/{s}/items", b"x", "text/plain", 415, "content type 'text/plain'"),
        ("POST", "/studio/sessions/{s}/items", b"{}[", JSON, 400, "no JSON object"),
        ("POST", "/studio/sessions/{s}/items", b'{"seed": -1}', JSON, 422, "seed '-1': use a whole number"),
        ("POST", "/studio/sessions/{s}/items", b'{"seed": true}', JSON, 422, "seed 'True'"),
        (
            "POST",
            "/studio/sessions/{s}/items",
            b'{"psi": 1' + bytes(400).replace(b"\0", b"0") + b"}",
            JSON,
            422,
            "psi '1000",
        ),
        ("POST", "/studio/sessions/{s}/render", b'{"item": 5}', JSON, 422, "item '5': use text."),
        ("POST", "/studio/sessions/{s}/render", b"[]", JSON, 422, "the body '[]': use an object."),
        ("POST", "/studio/sessions/{s}/items", b'{"seed": 1, "psi": 0.5}', JSON, 422, "has no styles to truncate"),
        ("POST", "/studio/sessions/{s}/items", b'{"label": 3}', JSON, 422, "label"),
        ("POST", "/studio/sessions/{s}/items", b'{"what": 3}', JSON, 422, "no order for a picture"),
        ("POST", "/studio/place", form(image=b"x")[0], form()[1], 415, "no PNG or JPEG"),
        ("GET", "/page/../app.py", None, None, 404, ""),
        ("GET", "/page/%2e%2e/app.py", None, None, 404, ""),
    ],
)
def test_what_is_not_there(ask, session, method, path, body, kind, status, told):
    found, content, _ = ask(method, path.format(s=session), body, kind)
    assert (found, told in content["detail"]) == (status, True), content


def test_what_the_studio_says_of_itself(ask):
    told = ask("GET", "/studio/about")[1]
    assert (told["size"], told["channels"], told["classes"], told["styles"]) == ([8, 8], 3, 0, None)
    methods = {method["name"]: method for method in told["methods"]}
    assert methods["mganprior"]["defaults"] == {"steps": 100, "codes": 20, "layer": 3, "preset": "fast"}
    assert methods["z"]["options"] == ["steps", "preset"]
    assert told["default"]["method"] == told["default_methods"]["inpaint"] == "mganprior"
    assert told["layers"] == [1, 2, 3, 4]
    assert told["align"] is None
    assert ask("GET", "/studio/sessions")[1]["sessions"]
    assert ask("GET", "/")[2]["content-type"] == "text/html; charset=utf-8"
    assert ask("POST", "/studio/place", *form(image=png(0, (16, 12))))[1] == {
        "size": [16, 12],
        "faces": [],
        "remark": None,
    }


def test_what_tells_that_the_prior_is_another(ask):
    """Whatever it is called."""
    status, told, headers = ask("GET", "/studio/alive")
    assert (status, headers["cache-control"]) == (200, "no-store")
    assert told["weights"] == ask("GET", "/studio/about")[1]["weights"] == fingerprint(priors.plain().params)


def test_titles(ask):
    own = ask.begin("  A \n title ")
    assert ask("GET", f"/studio/sessions/{own}")[1]["title"] == "A title"
    assert ask.send("PATCH", f"/studio/sessions/{own}", {"title": "Another"})[1]["title"] == "Another"
    assert ask("DELETE", f"/studio/sessions/{own}")[1]["title"] == "Another"
    assert own not in {each["id"] for each in ask("GET", "/studio/sessions")[1]["sessions"]}
    assert ask("POST", f"/studio/sessions/{own}/restore")[1]["title"] == "Another"


def test_all_items_of_a_session_are_followed_at_once(ask):
    """One connection for all of them; who goes is watched no longer."""
    own = ask.begin()
    connection = http.client.HTTPConnection("127.0.0.1", ask.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", f"/studio/sessions/{own}/events")
        answer = connection.getresponse()
        number = ask.send("POST", f"/studio/sessions/{own}/items", {"seed": 3})[1]["id"]
        assert answer.readline() == b"event: item\n"
        assert json.loads(answer.readline()[6:])["id"] == number
        ask("DELETE", f"/studio/sessions/{own}/items/{number}")
        assert answer.readline() == b"\n"
        assert answer.readline() == b"event: gone\n"
        assert json.loads(answer.readline()[6:]) == {"id": number}
        piece = running(ask, own)
        until(lambda: piece.view.is_watched)
    until(lambda: not piece.view.is_watched)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", ask.port, timeout=60)) as connection:
        connection.request("GET", f"/studio/sessions/{own}/items/{piece.id}/events")
        until(lambda: piece.view.is_watched)
    until(lambda: not piece.view.is_watched)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", ask.port, timeout=60)) as connection:
        connection.request("GET", f"/studio/sessions/{own}/events")
        answer = connection.getresponse()
        ask("DELETE", f"/studio/sessions/{own}")
        assert answer.read()  # Until it ends.


def running(ask, session):
    """An item that is under way."""
    number = ask.drop(session, {"steps": LONG, "codes": 2})[1]["id"]
    until(lambda: ask.item(session, number)["step"])
    return ask.workspace.session(session).find(number)


def test_a_folder_that_goes_meanwhile_is_told(ask, session, monkeypatch):
    def gone(*_):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr("gprior_jax.studio.uploads.write_bytes", gone)
    assert ask.drop(session, GOOD) == (404, {"detail": "it was removed meanwhile: choose another."})


def test_a_disk_that_is_full_is_told(ask, session, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gprior_jax.studio.uploads.write_bytes", full)
    status, told = ask.drop(session, GOOD)
    assert (status, "No space left on device" in told["detail"]) == (507, True)
    assert list((ask.workspace.folder(session) / "photographs").glob("*")) == []


def test_nothing_is_loaded_from_elsewhere_and_nobody_frames_it(ask):
    headers = ask("GET", "/")[2]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_who_may_ask(little, tmp_path, ask):
    assert ask("GET", "/studio/about", host="evil.example")[0] == 403
    assert ask("GET", "/studio/about", origin="https://evil.example")[0] == 403
    with studio(priors.plain(), tmp_path / "s", little, TOKEN) as held:
        status, content, _ = held("GET", "/")
        assert (status, "?token=" in content["detail"]) == (401, True)
        assert held("GET", "/?token=wrong")[0] == held("GET", f"/studio/about?token={TOKEN}")[0] == 401
        assert held("GET", "/studio/about", authorization=f"Bearer {TOKEN}")[0] == 200
        status, _, headers = held("GET", f"/?token={TOKEN}")
        assert (status, headers["location"]) == (303, "/")
        cookie, *attributes = headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
        assert TOKEN not in cookie
        assert held("GET", "/", cookie=cookie)[0] == held("GET", "/studio/about", cookie=f"a=b; {cookie}")[0] == 200
        assert held("GET", "/studio/about", cookie=cookie + "x")[0] == 401
        own = f"http://127.0.0.1:{held.port}"
        assert held("GET", "/studio/about", cookie=cookie, origin=own)[0] == 200
        assert held("GET", "/studio/about", cookie=cookie, origin="https://evil.example")[0] == 403
        assert held("GET", "/healthz")[0] == 200


def test_a_session_that_was_removed_takes_nothing_and_comes_back(ask):
    name = ask.begin("kept")
    item = ask.done(name, GOOD)
    session, folder = ask.workspace.session(name), ask.workspace.folder(name)
    ask("DELETE", f"/studio/sessions/{name}")
    with pytest.raises(GPriorError, match="the session was removed"):  # Of a request that had found it before.
        ask.workspace.draw(session, {"seed": 1})
    assert not folder.exists()
    (folder / "2").mkdir(parents=True)  # Of one that was writing at that moment.
    status, told, _ = ask("POST", f"/studio/sessions/{name}/restore")
    assert (status, told["title"], [each["id"] for each in told["items"]]) == (200, "kept", [item["id"]])
    assert not (folder / "2").exists()
    assert ask.send("POST", f"/studio/sessions/{name}/items", {"seed": 1})[0] == 201


def test_a_session_stays_where_it_cannot_be_removed(ask, monkeypatch):
    name = ask.begin()
    with monkeypatch.context() as context:
        context.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EACCES, "Permission denied")))
        assert ask("DELETE", f"/studio/sessions/{name}")[0] == 507
    assert ask.send("POST", f"/studio/sessions/{name}/items", {"seed": 1})[0] == 201


def test_nobody_works_on_an_item_that_could_not_be_noted(ask, monkeypatch):
    name = ask.begin()
    with monkeypatch.context() as context:
        context.setattr(Session, "save", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        assert ask.drop(name, GOOD | {"steps": LONG})[0] == 507
    until(lambda: ask.workspace.engine.counts()["running"] == 0)
    assert {path.name for path in ask.workspace.folder(name).iterdir()} == {"session.json", "photographs"}


def test_landmarks_of_two_at_once(ask, monkeypatch):
    seen, both = [], threading.Barrier(2)

    def read(path, content, _):
        path.write_bytes(content)
        both.wait(10)
        seen.append(path.read_bytes())

    monkeypatch.setattr(item_routes, "given_faces", read)
    bodies = [form(image=png(), landmarks=name.encode()) for name in ("a", "b")]
    threads = [threading.Thread(target=ask, args=("POST", "/studio/place", *body)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [b"a", b"b"]


COOKIE = "{}={}".format(*cookie_of(TOKEN))


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({"cookie": f'theme={{"a":1}}; {COOKIE}'}, TOKEN, None),
        ({"cookie": f"a[b]=c; {COOKIE}"}, TOKEN, None),
        ({"cookie": COOKIE[:-1]}, TOKEN, 401),
        ({"cookie": COOKIE, "origin": "http://["}, TOKEN, 403),
        ({"cookie": COOKIE, "origin": "http://localhost:81"}, TOKEN, 403),
        ({"cookie": COOKIE, "origin": "http://localhost:80"}, TOKEN, None),
        ({"authorization": f"Bearer {TOKEN}", "origin": "http://elsewhere"}, TOKEN, None),
        ({"origin": "http://localhost:81"}, None, 403),
        ({"origin": "null"}, None, 403),
        ({"origin": "http://localhost:80"}, None, None),
    ],
)
def test_pages_of_other_servers_and_their_cookies(headers, token, status):
    found = refuse("/studio/sessions", {"host": "localhost:80"} | headers, token)
    assert (found and found[0]) == status

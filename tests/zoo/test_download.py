import errno
import hashlib
import re
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from servers import serving

from gprior_jax import errors
from gprior_jax.errors import DownloadError, GPriorError, MissingExtraError
from gprior_jax.storage.locks import hold
from gprior_jax.zoo.download import CACHE_VARIABLE, cache_folder, fetch
from gprior_jax.zoo.published import PUBLISHED, Paper, Published

CONTENT = np.random.default_rng(0).bytes(400_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """No proxy between the tests and their own server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


def entry(server, **facts):
    known = {"page": "https://example.org/models", "licence": "", "paper": Paper("", ""), "layout": "pggan_generator"}
    return Published("tiny", "a file", "g.pth", server.address, **(known | facts))


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def refused(server, folder, **facts):
    """The one sentence with which a transfer fails; nothing is under the file's name."""
    with pytest.raises(DownloadError) as caught:
        fetch(entry(server, **facts), folder)
    assert not (folder / "g.pth").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("sha256", ["", SHA256[:8], SHA256])
def test_a_file_is_fetched_once(server, tmp_path, sha256):
    seen = []
    first = fetch(entry(server, sha256=sha256), tmp_path / "new", lambda *numbers: seen.append(numbers))
    assert first == (tmp_path / "new" / "g.pth", SHA256, True)
    assert first.path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert names(first.path.parent) == ["g.pth", "g.pth.sha256"]
    assert (tmp_path / "new" / "g.pth.sha256").read_text() == f"{SHA256}  g.pth\n"
    assert fetch(entry(server, sha256=sha256), tmp_path / "new") == first._replace(transferred=False)
    assert server.requests == [""]


def test_the_cache_is_where_the_environment_says(server, tmp_path, monkeypatch):
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path / "cache"))
    assert fetch(entry(server)).path == tmp_path / "cache" / "g.pth"
    monkeypatch.delenv("GPRIOR_CACHE")
    assert cache_folder().name == "gprior-jax"


@pytest.mark.parametrize("sha256", ["", SHA256])
def test_a_file_damaged_since_is_fetched_again(server, tmp_path, sha256):
    path = fetch(entry(server, sha256=sha256), tmp_path).path
    path.write_bytes(CONTENT[:-1] + b"x")
    assert fetch(entry(server, sha256=sha256), tmp_path).transferred
    assert path.read_bytes() == CONTENT


def test_an_interrupted_transfer_goes_on(server, tmp_path):
    server.cut = 250_000
    told = refused(server, tmp_path)
    assert "run again, it goes on there" in told
    assert names(tmp_path) == [".g.pth.partial", ".g.pth.partial.json"]
    arrived = (tmp_path / ".g.pth.partial").stat().st_size
    assert 0 < arrived <= 250_000
    server.cut = None
    seen = []
    assert fetch(entry(server), tmp_path, lambda *numbers: seen.append(numbers)).sha256 == SHA256
    assert server.requests == ["", f"bytes={arrived}-"]
    assert arrived < seen[0][0] <= len(CONTENT)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert names(tmp_path) == ["g.pth", "g.pth.sha256"]


def test_ctrl_c_leaves_what_has_arrived(server, tmp_path):
    def stop(done, total):
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(entry(server), tmp_path, stop)
    assert names(tmp_path) == [".g.pth.partial", ".g.pth.partial.json"]
    assert fetch(entry(server), tmp_path).sha256 == SHA256
    assert server.requests[1].startswith("bytes=")


def test_what_arrived_whole_is_not_asked_for_again(server, tmp_path):
    server.cut = 100_000
    refused(server, tmp_path)
    (tmp_path / ".g.pth.partial").write_bytes(CONTENT)  # As if the program had ended before it renamed the file.
    assert fetch(entry(server), tmp_path).sha256 == SHA256
    assert server.requests == [""]


@pytest.mark.parametrize("change", ["content", "address", "no ranges", "no version"])
def test_a_transfer_begins_anew_where_it_cannot_go_on(server, tmp_path, change):
    server.cut, server.tag = 250_000, change != "no version"
    refused(server, tmp_path)
    server.cut, server.ranges = None, change != "no ranges"
    server.content = CONTENT[::-1] if change == "content" else CONTENT
    server.address += "?2" if change == "address" else ""
    assert fetch(entry(server), tmp_path).path.read_bytes() == server.content
    assert names(tmp_path) == ["g.pth", "g.pth.sha256"]


@pytest.mark.parametrize("content", [CONTENT[:100_000], CONTENT + b"more"])
def test_parts_of_two_versions_are_not_joined(server, tmp_path, monkeypatch, content):
    server.cut = 250_000
    refused(server, tmp_path)
    server.cut, server.content = None, content
    monkeypatch.setattr(hashlib, "md5", lambda _: hashlib.sha1())  # A server that marks both with the same tag.
    marked = (tmp_path / ".g.pth.partial.json").read_text()
    tag = hashlib.sha1().hexdigest()
    (tmp_path / ".g.pth.partial.json").write_text(re.sub(r'\\"\w+\\"', f'\\\\"{tag}\\\\"', marked))
    assert "changed since the transfer began" in refused(server, tmp_path)
    assert names(tmp_path) == []
    assert fetch(entry(server), tmp_path).path.read_bytes() == content


def test_a_server_that_tells_no_size(server, tmp_path):
    server.length = False
    assert fetch(entry(server), tmp_path).sha256 == SHA256


@pytest.mark.parametrize("expected", ["0" * 8, "0" * 64])
def test_another_file_than_published_is_removed(server, tmp_path, expected):
    told = refused(server, tmp_path, sha256=expected)
    assert SHA256 in told
    assert expected in told
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "kind"), [(b"<!DOCTYPE html><html>", "text/html; charset=utf-8"), (b"\n<html>", "application/binary")]
)
def test_a_web_page_is_refused(server, tmp_path, content, kind):
    server.content, server.type = content, kind
    told = refused(server, tmp_path)
    assert "a web page in place of g.pth" in told
    assert "https://example.org/models" in told
    assert names(tmp_path) == []


def test_a_web_page_does_not_cost_what_has_arrived(server, tmp_path):
    server.cut = 250_000
    refused(server, tmp_path)
    server.cut, server.content = None, b"<html>quota</html>"
    refused(server, tmp_path)
    assert (tmp_path / ".g.pth.partial").stat().st_size > 0
    server.content = CONTENT
    assert fetch(entry(server), tmp_path).sha256 == SHA256
    assert server.requests[-1].startswith("bytes=")


@pytest.mark.parametrize(
    ("status", "told"), [(404, "is gone (404"), (410, "is gone"), (403, "now (403"), (503, "later")]
)
def test_a_refusal_names_address_and_page(server, tmp_path, status, told):
    server.status = status
    message = refused(server, tmp_path)
    assert told in message
    assert server.address in message
    assert "download g.pth by hand from https://example.org/models and run 'gprior convert g.pth'" in message
    assert names(tmp_path) == []


def test_an_empty_answer_is_no_file(server, tmp_path):
    server.content = b""
    assert "the server stopped" in refused(server, tmp_path)


def test_without_a_connection(server, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.address = f"http://127.0.0.1:{free.getsockname()[1]}/g.pth"
    told = refused(server, tmp_path)
    assert server.address in told
    assert "could not be fetched" in told
    assert "by hand from https://example.org/models" in told
    assert names(tmp_path) == []


def test_a_full_disk_is_told_before_and_during_the_transfer(server, tmp_path, monkeypatch):
    def full(done, total):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DownloadError, match=f"no room for g.pth.*{CACHE_VARIABLE}"):
        fetch(entry(server), tmp_path, full)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "no room for g.pth" in refused(server, tmp_path)
    monkeypatch.undo()
    assert fetch(entry(server), tmp_path).sha256 == SHA256


def test_what_another_process_fetches_is_left_to_it(server, tmp_path):
    (tmp_path / ".g.pth.partial").write_bytes(b"what has arrived there")
    with hold(tmp_path / ".locks" / "g.pth"):
        assert "is being fetched by another process: run again when" in refused(server, tmp_path)
        assert (tmp_path / ".g.pth.partial").read_bytes() == b"what has arrived there"
    assert fetch(entry(server), tmp_path).sha256 == SHA256
    assert not (tmp_path / ".locks").exists()


def test_two_transfers_of_a_file_at_once_do_not_mix(server, tmp_path):
    """On a file system without locks."""

    def other(done, total):
        with (tmp_path / ".g.pth.partial").open("ab") as file:
            file.write(b"of the other")

    with pytest.raises(DownloadError, match="fetched twice at once"):
        fetch(entry(server), tmp_path, other)
    assert names(tmp_path) == []


def test_without_a_direct_address(server, tmp_path):
    server.address = ""
    with pytest.raises(
        GPriorError, match=r"\(copies exist\): see https://example.org/models .*gprior convert"
    ) as caught:
        fetch(entry(server, note="copies exist"), tmp_path)
    assert not isinstance(caught.value, DownloadError)


def test_without_pooch(server, tmp_path, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(errors.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"gprior-jax\[zoo\]"):
        fetch(entry(server), tmp_path)


def test_the_table_of_published_files():
    assert len({item.name for item in PUBLISHED}) == len(PUBLISHED)
    assert len({item.file for item in PUBLISHED}) == len(PUBLISHED)
    assert len({item.address for item in PUBLISHED if item.address}) == sum(bool(item.address) for item in PUBLISHED)
    for item in PUBLISHED:
        assert re.fullmatch(r"[a-z0-9-]+", item.name)
        assert not item.address or (item.address.startswith("https://") and Path(item.file).name == item.file)
        assert item.page.startswith("https://")
        assert re.fullmatch(r"[0-9a-f]{8,64}|", item.sha256)
        assert re.fullmatch(r"\d{4}\.\d{5}|\d{4}\.\d{4}", item.paper.arxiv)
        assert bool(item.package) == bool(item.member)
        if item.package:
            assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", item.package)
            assert not item.address
            assert len(item.sha256) == 64
        assert item.licence
        assert item.title
    assert {item.service for item in PUBLISHED} == {"", "Google Drive", "Dropbox"}


def test_layouts_are_those_of_the_converter():
    convert = pytest.importorskip("gprior_converters.convert")
    assert {item.layout for item in PUBLISHED if item.layout} <= set(convert.LAYOUTS)

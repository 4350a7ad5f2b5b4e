import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprior_jax.errors import CheckpointError, OccupiedError
from gprior_jax.storage.atomic import (
    check_free,
    new_folder,
    read_json,
    remove_leftovers,
    sha256,
    temporary_name,
    write_bytes,
    write_json,
    write_text,
)

FULL = OSError(errno.ENOSPC, "No space left on device")


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def fail_rename(monkeypatch, when):
    """Let ``Path.rename`` fail where ``when(source, target)`` says so."""
    rename = Path.rename

    def failing(self, target):
        if when(self, Path(target)):
            raise FULL
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)


def test_new_folder_appears_only_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "model"
    with new_folder(target) as folder:
        (folder / "a").write_text("1")
        assert not target.exists()
    assert names(tmp_path / "deep") == ["model"]
    assert (target / "a").read_text() == "1"
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [ValueError("bad"), FULL, KeyboardInterrupt()])
def test_new_folder_leaves_nothing_when_the_block_fails(tmp_path, error):
    def write_half():
        with new_folder(tmp_path / "model") as folder:
            (folder / "a").write_text("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert names(tmp_path) == []


def test_new_folder_takes_an_empty_folder(tmp_path):
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model") as folder:
        (folder / "a").touch()
    assert names(tmp_path / "model") == ["a"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_new_folder_refuses_what_is_there(tmp_path, kind):
    target = tmp_path / "model"
    if kind == "folder":
        target.mkdir()
        (target / "old").touch()
    else:
        target.write_text("old")
    with pytest.raises(FileExistsError, match=r"model exists already: name another folder or remove it"):  # noqa: SIM117
        with new_folder(target):
            pytest.fail("the block must not run")
    assert names(tmp_path) == ["model"]
    assert (target / "old").exists() if kind == "folder" else target.read_text() == "old"


def test_a_taken_folder_is_named_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    for attempt in (check_free, lambda path: new_folder(path).__enter__()):
        with pytest.raises(OccupiedError) as error:
            attempt("model")
        assert str(error.value) == "model exists already: name another folder or remove it first."


def test_overwrite_replaces_everything(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    with new_folder(target, overwrite=True) as folder:
        (folder / "new").touch()
        assert names(target) == ["old"]
    assert names(target) == ["new"]
    assert names(tmp_path) == ["model"]


def test_failed_overwrite_keeps_what_was_there(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError, match="No space"), new_folder(target, overwrite=True):
        raise FULL
    assert names(target) == ["old"]
    assert names(tmp_path) == ["model"]


def test_overwrite_that_fails_in_the_last_rename_restores_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("precious")
    fail_rename(monkeypatch, lambda source, to: to == target and source.name.endswith(".partial"))
    with pytest.raises(OSError, match="No space"), new_folder(target, overwrite=True) as folder:
        (folder / "new").touch()
    assert (target / "old").read_text() == "precious"
    assert names(tmp_path) == ["model"]


def test_write_bytes_replaces_whole_files(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"first")
    write_bytes(path, b"second")
    assert path.read_bytes() == b"second"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("before", [None, b"before"])
def test_write_bytes_on_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch, before):
    path = tmp_path / "a.bin"
    if before is not None:
        path.write_bytes(before)
    write = Path.write_bytes

    def half(self, content):
        write(self, content[: len(content) // 2])
        raise FULL

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"0123456789")
    assert names(tmp_path) == ([] if before is None else ["a.bin"])
    assert before is None or path.read_bytes() == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_json_round_trip(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        write_json(path, content)
        assert read_json(path) == content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "damaged, no JSON"),
        (b"\xff\xfe", "damaged, no JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "damaged, no JSON"),
    ],
)
def test_read_json_names_the_file(tmp_path, content, told):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=told) as caught:
        read_json(path, "copy it again")
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(": copy it again.")


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


WRITER = """
import sys
from gprior_jax.storage.atomic import write_bytes
for i in range(300):
    write_bytes(sys.argv[1], bytes([int(sys.argv[2])]) * 50_000)
"""


@pytest.mark.slow
def test_processes_that_write_one_file_do_not_meet(tmp_path):
    """Each of them ends well, and whoever reads meanwhile sees a whole file of one of them."""
    path = tmp_path / "a.bin"
    write_bytes(path, bytes([1]) * 50_000)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(i)], stderr=subprocess.PIPE) for i in (1, 2)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        content = path.read_bytes()
        assert len(content) == 50_000
        seen |= {*content}
        assert len({*content}) == 1
        for name in tmp_path.glob(".*"):
            remove_leftovers(name.parent)  # As another one does that begins meanwhile.
    for writer in writers:
        _, told = writer.communicate()
        assert writer.returncode == 0, told.decode()
    assert seen == {1, 2}
    assert names(tmp_path) == ["a.bin"]


def test_temporary_names_are_never_the_same():
    found = {temporary_name() for _ in range(1000)}
    assert len(found) == 1000
    assert all(name.startswith(".") and name.endswith(".partial") and len(name) < 80 for name in found)
    assert temporary_name(".mp4").endswith(".partial.mp4")


def test_a_failure_names_the_file_that_was_to_be_written(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_bytes(tmp_path / "nowhere" / "a.bin", b"")
    assert caught.value.filename == str(tmp_path / "nowhere" / "a.bin")


@pytest.mark.parametrize(
    ("failed", "told"),
    [(None, "made"), (7, "made"), ("inner/a.bin", "made/inner/a.bin"), ("/else/a.bin", "/else/a.bin")],
)
def test_a_folder_that_fails_is_named_as_it_was_given(tmp_path, monkeypatch, failed, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="No space") as caught, new_folder("made") as folder:
        raise OSError(FULL.errno, FULL.strerror, str(folder / failed) if isinstance(failed, str) else failed)
    assert caught.value.filename == told


def test_where_nothing_can_be_written_the_name_that_is_wanted_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / ".unfinished"))

    for name in ("write_bytes", "unlink"):  # Linux refuses to remove, there, even what is not there.
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(OSError, match=r"a\.bin"):
        write_bytes(tmp_path / "a.bin", b"content")
    with pytest.raises(OSError, match="made"), new_folder(tmp_path / "made"):
        pass


@pytest.mark.parametrize("length", [255, 200])
def test_a_name_may_be_as_long_as_names_are(tmp_path, length):
    write_bytes(tmp_path / ("x" * length), b"content")
    with new_folder(tmp_path / ("y" * length)) as folder:
        (folder / "a").touch()
    with new_folder(tmp_path / ("y" * length), overwrite=True) as folder:
        (folder / "b").touch()
    assert names(tmp_path) == ["x" * length, "y" * length]


def test_leftovers_are_of_nobody_who_is_at_work(tmp_path):
    ours, (machine, _, token) = temporary_name(), temporary_name()[1:].split("-")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    theirs = f".{'0' * 8}-{os.getpid()}-{token}"
    forgotten = f".{'1' * 8}-{os.getpid()}-{token}"
    kept, left = {ours, theirs, "a.png"}, {f".{machine}-{ended.pid}-{token}", forgotten, ".old.png.partial"}
    for name in kept | left:
        (tmp_path / name).touch()
    os.utime(tmp_path / forgotten, (time.time() - 2e5,) * 2)  # Of a machine that we cannot ask, long ago.
    (tmp_path / ".folder.partial").mkdir()
    remove_leftovers(tmp_path, tmp_path / "nowhere")
    assert {*names(tmp_path)} == kept | {".folder.partial"}


def test_names_that_are_no_text_are_written_as_escapes(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    write_text(tmp_path / "a.csv", f"{name},1\n")
    assert (tmp_path / "a.csv").read_bytes() == b"caf\\udce9,1\n"
    write_json(tmp_path / "a.json", {name: [name, "é"]})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {name: [name, "é"]}
    assert read_json(tmp_path / "a.json") == {name: [name, "é"]}

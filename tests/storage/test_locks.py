"""Locks between processes."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from gprior_jax.storage import locks
from gprior_jax.storage.locks import any_held, hold

HOLDER = """
import sys, time
from gprior_jax.storage.locks import hold
lock = hold(sys.argv[1])
print(lock is not None, flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds a lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "locks" / "cat")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_what_another_process_holds_is_free_when_it_is_killed(tmp_path, other):
    path = tmp_path / "locks" / "cat"
    assert hold(path) is None
    assert any_held(tmp_path / "locks")
    assert not any_held(tmp_path / "locks", but=path)
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert path.exists()
    with hold(path) as lock:
        assert lock is not None
        assert hold(path) is None
    assert not path.parent.exists()


def test_what_nobody_holds_is_swept(tmp_path):
    (tmp_path / "locks").mkdir()
    for name in "ab":
        (tmp_path / "locks" / name).touch()
    with hold(tmp_path / "locks" / "b"):
        assert any_held(tmp_path / "locks")
        assert [path.name for path in (tmp_path / "locks").iterdir()] == ["b"]
    assert not any_held(tmp_path / "locks")


def test_one_at_a_time_however_many_there_are(tmp_path):
    """The file and its folder come and go meanwhile."""
    path, inside, most = tmp_path / "locks" / "run", [], []

    def work():
        for _ in range(50):
            with hold(path, wait=True):
                inside.append(None)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 400
    assert not path.parent.exists()


@pytest.mark.parametrize("kind", ["a system", "a file system"])
def test_without_locks_work_goes_on(tmp_path, monkeypatch, kind):
    if kind == "a system":
        monkeypatch.setattr(locks, "fcntl", None)
    else:

        def refuse(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with hold(tmp_path / "locks" / "a") as one, hold(tmp_path / "locks" / "a") as two:
        assert one is not None
        assert two is not None
    assert not (tmp_path / "locks").exists()

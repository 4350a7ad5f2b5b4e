"""Programs that are kept from one command to the next."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from gprior_jax.cli import compiled
from gprior_jax.storage.atomic import temporary_name

ONE_CODE = ["invert", "--codes", "1", "--layer", "0", "--perceptual", "none", "--steps", "3", "--json"]


@pytest.fixture
def no_cache(monkeypatch):
    """JAX without a cache of its own for a test; what the test sets is undone."""
    names = [
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
        "jax_persistent_cache_enable_xla_caches",
    ]
    before = {name: jax.config.values[name] for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    ended = []
    monkeypatch.setattr(compiled.atexit, "register", lambda function, *args: ended.append((function, args)))
    yield ended
    for name, value in before.items():
        jax.config.update(name, value)


def shared_of(own: Path) -> Path:
    return own.parent


def test_a_server_hands_on_what_is_written_whole(no_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path / "cache"))
    own = compiled.keep_programs()
    assert own is not None
    for name in ("whole-1", "program-cache", "being written"):
        (own / name).write_bytes(b"compiled")
    for name in ("whole-1", "program-cache"):
        os.utime(own / name, (0, 0))
    compiled.hand_on_now()
    assert not own.exists()
    assert sorted(path.name for path in shared_of(own).iterdir()) == ["program-cache", "whole-1"]
    compiled.hand_on_now()  # There is nothing more.


def test_a_process_has_a_folder_of_its_own_that_it_hands_on(no_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path / "cache"))
    own = compiled.keep_programs()
    assert own is not None
    assert jax.config.values["jax_compilation_cache_dir"] == str(own)
    assert stat.S_IMODE(shared_of(own).stat().st_mode) & 0o022 == 0
    (own / "program-cache").write_bytes(b"compiled")
    function, args = no_cache[-1]
    function(*args)
    assert not own.exists()
    assert [path.name for path in shared_of(own).iterdir()] == ["program-cache"]
    # The next finds it, and gives back nothing new.
    jax.config.update("jax_compilation_cache_dir", None)
    second = compiled.keep_programs()
    assert second is not None
    assert second != own
    assert (second / "program-cache").read_bytes() == b"compiled"
    compiled.hand_on(second, shared_of(second))
    assert (shared_of(own) / "program-cache").read_bytes() == b"compiled"


@pytest.mark.parametrize("word", ["off", "OFF", "0", "none"])
def test_it_can_be_turned_off(no_cache, monkeypatch, word):
    monkeypatch.setenv("GPRIOR_CACHE", word)
    assert compiled.keep_programs() is None
    assert compiled.hand_on not in [function for function, _ in no_cache]


def test_a_cache_of_jax_s_own_is_left_alone(no_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    assert compiled.keep_programs() is None
    assert jax.config.values["jax_compilation_cache_dir"] == str(tmp_path / "own")


def test_where_others_can_write_nothing_is_kept(no_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path))
    shared = compiled._shared_folder()
    assert shared is not None
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    assert compiled.keep_programs() is None


def test_where_nothing_can_be_written_nothing_is_kept(no_cache, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path / "file"))
    assert compiled.keep_programs() is None


def test_what_a_killed_process_left_is_removed(no_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path))
    shared = compiled._shared_folder()
    assert shared is not None
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = shared / temporary_name().replace(f"-{os.getpid()}-", f"-{ended.stdout.strip()}-")
    (left / "inner").mkdir(parents=True)
    own = compiled.keep_programs()
    assert own is not None
    assert not left.exists()


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    for age, name in enumerate(("newest", "middle", "oldest")):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    compiled._shrink(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["middle", "newest"]
    compiled._shrink(tmp_path, 100)
    assert [path.name for path in tmp_path.iterdir()] == ["newest"]


def test_processors_have_folders_of_their_own(monkeypatch):
    here = compiled._kind()
    assert here == compiled._kind()
    monkeypatch.setattr(compiled.platform, "machine", lambda: "another")
    assert compiled._kind() != here


@pytest.mark.slow
def test_the_second_command_compiles_nothing_and_finds_the_same(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION")}
    environment |= {"GPRIOR_CACHE": str(tmp_path / "cache")}
    picture = Path(compiled.__file__).parents[1] / "data" / "photographs"
    told = []
    for turn in ("first", "second"):
        command = [sys.executable, "-m", "gprior_jax", *ONE_CODE, str(picture), "--out", str(tmp_path / turn)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        entries = {p.name for p in (tmp_path / "cache").rglob("*-cache")}
        assert entries
        assert json.loads(run.stdout)
        told.append(entries)
    assert told[0] == told[1]  # Nothing was added.
    first, second = ((tmp_path / turn / "history.csv").read_text() for turn in ("first", "second"))
    assert first == second
    assert not list((tmp_path / "cache").rglob(".*partial"))

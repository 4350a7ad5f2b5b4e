"""Memory that a process keeps: which settings it starts again with, and that a command does so once."""

import os
import subprocess
import sys

import pytest

from gprior_jax.cli import allocator

GLIBC = sys.platform == "linux" and (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")

PLUGIN = """
import dataclasses, os
from gprior_jax.cli.commands import Command, register

@dataclasses.dataclass
class Tell:
    word: str

    def run(self):
        print(self.word, os.getpid(), os.environ.get("MALLOC_ARENA_MAX"))
        return 3

register(Command("tell", Tell, "tell", keeps_memory=True))
"""


def test_settings_of_the_user_stay():
    assert allocator.changed({"GLIBC_TUNABLES": "glibc.malloc.check=3"}) is None
    assert allocator.changed({"LD_PRELOAD": "libjemalloc.so"}) is None


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(os, "confstr", lambda name: None)
    assert allocator.changed({"PATH": "/bin"}) is None


@pytest.mark.skipif(not GLIBC, reason="the settings are glibc's")
def test_what_is_added():
    assert allocator.changed({"PATH": "/bin"}) == {"PATH": "/bin", **allocator.KEEPING}


@pytest.mark.skipif(not GLIBC, reason="the settings are glibc's")
@pytest.mark.parametrize("chosen", [None, "7"])
def test_the_program_starts_again_with_the_same_words(tmp_path, chosen):
    (tmp_path / "tell.py").write_text(PLUGIN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    environment |= {"MALLOC_ARENA_MAX": chosen} if chosen else {}
    words = ["--no-cache", "--plugin", str(tmp_path / "tell.py"), "tell", "--word", "a b"]
    command = [sys.executable, "-m", "gprior_jax", *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0].split() == ["a", "b", str(process.pid), chosen or "1"]
    assert process.returncode == 3

"""Large pages: which settings a program starts again with, and that it does so once."""

import os
import subprocess
import sys

import pytest

from gprior_jax import glibc

of_glibc = pytest.mark.skipif(not glibc.is_used(), reason="the settings are glibc's")

PLUGIN = """
import dataclasses, os
from gprior_jax.cli.commands import Command, register

@dataclasses.dataclass
class Tell:
    word: str

    def run(self):
        print(self.word, os.getpid(), os.environ.get("GLIBC_TUNABLES"), os.environ.get("MALLOC_ARENA_MAX"))
        return 3

register(Command("tell", Tell, "tell"))
"""


def test_settings_of_the_user_stay():
    assert glibc.with_large_pages({"GLIBC_TUNABLES": "glibc.malloc.check=3"}) is None
    assert glibc.with_large_pages({"LD_PRELOAD": "libjemalloc.so"}) is None


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(os, "confstr", lambda name: None)
    assert glibc.with_large_pages({"PATH": "/bin"}) is None
    assert glibc.function.__wrapped__("malloc_trim") is None


@of_glibc
def test_it_asks_once_even_where_the_setting_is_taken_away(monkeypatch):
    """As the C library does for programs with privileges, and some wrappers."""
    asked = glibc.with_large_pages({"PATH": "/bin"})
    del asked["GLIBC_TUNABLES"]
    assert glibc.with_large_pages(asked) is None


@of_glibc
def test_a_program_that_cannot_start_again_goes_on(monkeypatch):
    for name in [name for name in os.environ if name.startswith(glibc._CHOOSING)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    tried, start = [], os.execve
    monkeypatch.setattr(os, "execve", lambda *words: tried.append(words) or start(*words))
    glibc.restart_with_large_pages()
    assert len(tried) == 1


@of_glibc
def test_what_is_added():
    assert glibc.with_large_pages({"PATH": "/bin"}) == {"PATH": "/bin", **glibc.LARGE_PAGES}


@of_glibc
@pytest.mark.parametrize(
    ("chosen", "seen"), [({}, ["glibc.malloc.hugetlb=1", "None"]), ({"MALLOC_ARENA_MAX": "7"}, ["None", "7"])]
)
def test_the_program_starts_again_with_the_same_words(tmp_path, chosen, seen):
    (tmp_path / "tell.py").write_text(PLUGIN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(glibc._CHOOSING)}
    words = ["--no-cache", "--plugin", str(tmp_path / "tell.py"), "tell", "--word", "a b"]
    command = [sys.executable, "-m", "gprior_jax", *words]
    with subprocess.Popen(command, env=environment | chosen, stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0].split() == ["a", "b", str(process.pid), *seen]
    assert process.returncode == 3


LARGE = r"""
import re
large = bytearray(b"x") * 100_000_000
text = open("/proc/self/smaps_rollup").read()
print(int(re.search(r"AnonHugePages: *(\d+) kB", text).group(1)))
"""


def offers_large_pages():
    try:
        with open("/sys/kernel/mm/transparent_hugepage/enabled") as file:
            return "[never]" not in file.read()
    except OSError:
        return False


@of_glibc
@pytest.mark.skipif(not offers_large_pages(), reason="this system gives no large pages")
def test_large_pieces_come_in_large_pages():
    plain = {name: value for name, value in os.environ.items() if not name.startswith(glibc._CHOOSING)}
    environment = glibc.with_large_pages(plain)
    told = subprocess.run([sys.executable, "-c", LARGE], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert int(told.stdout) > 50_000  # Of 97,656 kB; what the system gives depends on what is free in one piece.

"""Ctrl-C and SIGTERM: processes of their own, as the program answers them and no test may."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from gprior_jax import interrupts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PLUGIN = """
import dataclasses, hashlib, sys, time
from gprior_jax.cli.commands import Command, register


def ready():
    print("ready", flush=True)


@dataclasses.dataclass
class Work:
    kind: str = "sleep"

    def run(self) -> int:
        return getattr(self, self.kind)()

    def sleep(self):
        ready()
        time.sleep(60)

    def compiled(self):
        # Holds the main thread outside the interpreter, as a compilation does.
        ready()
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)

    def cleaning(self):
        try:
            ready()
            time.sleep(60)
        finally:
            print("cleaning", flush=True)
            time.sleep(60)

    def stuck(self):
        try:
            ready()
            time.sleep(60)
        finally:
            print("cleaning", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)

    def finaliser(self):
        class Slow:
            def __del__(self):
                ready()
                time.sleep(60)

        slow = Slow()
        del slow
        time.sleep(60)

    def tidying(self):
        try:
            ready()
            time.sleep(60)
        except KeyboardInterrupt:
            print("tidying", flush=True)
            time.sleep(1)
            raise KeyboardInterrupt("interrupted; all is tidy.") from None

    def saving(self):
        try:
            ready()
            time.sleep(60)
        except KeyboardInterrupt:
            print("saved", flush=True)
            raise KeyboardInterrupt("interrupted; the same command goes on from the last snapshot.") from None


register(Command("work", Work, "waits", resumes=True))
"""


def start(*words, path="", plugin=None, handler=signal.default_int_handler):
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join([str(path), os.environ.get("PYTHONPATH", ""), os.getcwd()])
    )
    flags = [] if plugin is None else ["--plugin", str(plugin)]
    command = [sys.executable, "-m", "gprior_jax", *flags, *words]
    pipe = subprocess.PIPE
    # As a terminal starts it: whoever runs the tests in the background may ignore Ctrl-C, which a child inherits.
    before = signal.signal(signal.SIGINT, handler)
    try:
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def ended(process, number=signal.SIGINT, until="ready", again=None):
    """What a process says and its exit code, when it is sent a signal once it has said a word."""
    with process:
        assert process.stdout.readline().strip() == until
        process.send_signal(number)
        if again is not None:
            assert process.stdout.readline().strip() == again
            process.send_signal(number)
        try:
            told = process.communicate(timeout=30)[1]
        finally:
            process.kill()
        assert "Traceback" not in told
        return told.strip(), process.returncode


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return path


GOES_ON = "gprior: interrupted; the same command goes on where it stopped."


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sleep", "compiled", "finaliser"])
def test_an_interrupted_command(plugin, kind):
    assert ended(start("work", "--kind", kind, plugin=plugin)) == (GOES_ON, 130)


@pytest.mark.slow
def test_terminated(plugin):
    told, code = ended(start("work", plugin=plugin), signal.SIGTERM)
    assert (told, code) == (GOES_ON.replace("interrupted", "terminated"), 143)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cleaning", "stuck"])
def test_interrupted_again_while_it_cleans_up(plugin, kind):
    assert ended(start("work", "--kind", kind, plugin=plugin), again="cleaning") == (GOES_ON, 130)


@pytest.mark.slow
def test_a_second_sigterm_at_once_is_the_same(plugin):
    """``timeout`` sends two; the work ends in order all the same."""
    told, code = ended(start("work", "--kind", "tidying", plugin=plugin), signal.SIGTERM, again="tidying")
    assert (told, code) == ("gprior: terminated; all is tidy.", 143)


@pytest.mark.slow
def test_what_the_work_says_itself(plugin):
    process = start("work", "--kind", "saving", plugin=plugin)
    assert ended(process) == ("gprior: interrupted; the same command goes on from the last snapshot.", 130)
    process = start("work", "--kind", "saving", plugin=plugin)
    told, code = ended(process, signal.SIGTERM)
    assert (told, code) == ("gprior: terminated; the same command goes on from the last snapshot.", 143)


def test_during_the_imports(tmp_path):
    """JAX takes seconds to be imported; here it takes for ever."""
    (tmp_path / "jax.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    assert ended(start("--version", path=tmp_path), until="importing") == ("gprior: interrupted.", 130)


def test_what_ignores_interrupts_goes_on_ignoring_them(tmp_path):
    """As what was started with nohup or in a script's background."""
    (tmp_path / "jax.py").write_text(
        textwrap.dedent("""
        import signal, sys
        print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN, flush=True)
        sys.exit(3)
        """)
    )
    process = start("--version", path=tmp_path, handler=signal.SIG_IGN)
    assert process.communicate(timeout=60)[0].strip() == "True"


@pytest.mark.parametrize(
    ("words", "first", "whether"),
    [
        (["python", "-m", "gprior_jax", "models"], "-m", True),
        (["python", "-m", "gprior_jax.cli.main"], "-m", True),
        (["python", "-m", "pytest"], "-m", False),
        (["python", "/usr/bin/gprior", "models"], "/usr/bin/gprior", True),
        (["python", "gprior.py"], "gprior.py", False),
        (["python"], "", False),
    ],
)
def test_only_the_program_answers_signals(monkeypatch, words, first, whether):
    monkeypatch.setattr(sys, "argv", [first])
    monkeypatch.setattr(sys, "orig_argv", words)
    assert interrupts.is_program() is whether

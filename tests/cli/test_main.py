"""``gprior`` itself: its help, and what becomes of mistakes and of faults."""

import errno
import os
import re
import subprocess
import sys

import pytest

from cli.restoring import told
from gprior_jax import errors
from gprior_jax.cli.commands import COMMANDS
from gprior_jax.cli.described import flags
from gprior_jax.cli.main import main


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told and command.summary in told for name, command in COMMANDS.items())
    assert main([]) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_every_flag(name, capsys):
    assert main([*name.split(), "--help"]) == 0
    told = capsys.readouterr().out
    assert all(flag.usage in told for flag in flags(COMMANDS[name].load()))
    assert not re.search(r"None|Literal|\bSTR\b|default: \)|``", told)  # What Python calls things is no news to a user.


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inverse"], "no command 'inverse': did you mean gprior invert?"),
        (["train"], "gprior train generator"),
        (["train", "styelgan"], "did you mean gprior train stylegan2?"),
        (["xyz"], "gprior --help lists them"),
    ],
)
def test_unknown_commands(words, told, capsys):
    assert main(words) == 2
    assert told in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_fault():
    """As with ``gprior --help | head -1``, here with a reader that has gone before the first word."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gprior_jax", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


def test_module_is_the_program():
    told = subprocess.run([sys.executable, "-m", "gprior_jax", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("gprior")


def test_words_before_the_command_come_in_any_order(capsys):
    assert main(["--no-cache", "--version"]) == 0
    assert capsys.readouterr().out.startswith("gprior ")
    assert main(["--no-cache", "--plugin"]) == 2
    assert "--plugin needs a Python file" in capsys.readouterr().err
    assert main(["--no-cache"]) == 2  # Tells how it is used.


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gprior ")


def test_module_runs_as_a_program():
    command = [sys.executable, "-m", "gprior_jax.cli.main", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("gprior ")


def raised_by(monkeypatch, error, words=("models",)):
    """Run a command in which something raises an error."""

    def fail(self):
        raise error

    monkeypatch.setattr(COMMANDS[words[0]].load(), "run", fail)
    return main(list(words))


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, TypeError, KeyError, ImportError, AssertionError])
def test_a_fault_of_ours_keeps_its_traceback(monkeypatch, capsys, kind):
    with pytest.raises(kind, match="no mistake of the user"):
        raised_by(monkeypatch, kind("no mistake of the user"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.GPriorError("do this."), 2),
        (errors.ArgumentError("do this."), 2),
        (errors.ImageFileError("do this."), 2),
        (errors.CheckpointError("do this."), 2),
        (errors.OccupiedError("do this."), 2),
        (errors.MissingExtraError("do this."), 2),
        (errors.DownloadError("do this."), 1),
    ],
)
def test_a_mistake_is_told_in_one_sentence(monkeypatch, capsys, error, code):
    assert raised_by(monkeypatch, error) == code
    assert capsys.readouterr() == ("", "gprior: do this.\n")
    monkeypatch.setenv("GPRIOR_DEBUG", "1")
    with pytest.raises(type(error)):
        raised_by(monkeypatch, error)


def test_a_disk_that_fails_is_told_with_its_file(monkeypatch, capsys):
    error = OSError(errno.ENOSPC, "No space left on device", "results/cat.npz")
    line = told(capsys, 1, raised_by(monkeypatch, error))
    assert line == (
        "gprior: results/cat.npz: No space left on device; free space or check permissions, then run again."
    )


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENAMETOOLONG, "choose a shorter name"),
        (errno.ELOOP, "name what the link was to lead to"),
        (errno.ENOTDIR, "name a folder"),
        (errno.EACCES, "free space or check permissions"),
    ],
)
def test_the_remedy_is_for_what_went_wrong(monkeypatch, capsys, number, remedy):
    error = OSError(number, os.strerror(number), "results/cat.npz")
    line = told(capsys, 1, raised_by(monkeypatch, error))
    assert line == f"gprior: results/cat.npz: {os.strerror(number)}; {remedy}, then run again."


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (["models"], KeyboardInterrupt(), "interrupted."),
        (["invert", "a.png", "--out", "x"], KeyboardInterrupt(), "interrupted; the same command goes on"),
        (["invert", "a.png", "--out", "x"], KeyboardInterrupt("after 8 images."), "after 8 images."),
    ],
)
def test_an_interruption_tells_how_to_go_on(monkeypatch, capsys, words, error, sentence):
    assert f"gprior: {sentence}" in told(capsys, 130, raised_by(monkeypatch, error, words))

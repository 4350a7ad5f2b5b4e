"""Entry point of ``gprior``: picks the command, parses its flags, and turns mistakes into one sentence and a code.

Exit codes: 0 done, 1 some images failed (named), a file could not be written or fetched, or memory did not suffice,
2 wrong use, 130 interrupted, 143 terminated. Anything that is no mistake of the user keeps its traceback.
"""

import errno
import gc
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial

from gprior_jax import interrupts
from gprior_jax._version import __version__
from gprior_jax.cli.commands import COMMANDS, HEADINGS, find_command, load_plugins
from gprior_jax.cli.memory import run_within_memory
from gprior_jax.errors import ArgumentError, DownloadError, GPriorError, OutOfMemoryError, require


def usage() -> str:
    """Text of ``gprior --help``."""
    width = max(map(len, COMMANDS)) + 2
    headings = HEADINGS | {
        name: "of plugins" for name, command in COMMANDS.items() if not isinstance(command.kind, str)
    }
    lines, heading = [], ""
    for name, command in COMMANDS.items():
        if headings.get(name, heading) != heading:
            heading = headings[name]
            lines += ["", f"{heading}:"]
        lines.append(f"  {name:<{width}}{command.summary}")
    return "\n".join(
        [
            f"gprior {__version__}: pretrained GAN generators as priors for image processing",
            "",
            "usage: gprior [--plugin FILE.py] [--no-cache] COMMAND [ARGUMENTS]",
            "",
            "gprior COMMAND --help tells all about one; --no-cache keeps no compiled programs for the next command",
            *lines,
            "",
            "exit codes: 0 done, 1 some images failed (named), 2 wrong use, 130 interrupted, 143 terminated",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``gprior``.

    Args:
        arguments: the words after ``gprior``; None takes them from ``sys.argv``, as the program: signals are answered
            as :mod:`gprior_jax.interrupts` says, and warnings of libraries are not shown (they are with
            ``GPRIOR_DEBUG=1``, or as Python's own settings say).

    Returns:
        The exit code.
    """
    if arguments is not None:
        return guarded(partial(_main, list(arguments)))
    if not (sys.warnoptions or os.environ.get("GPRIOR_DEBUG")):
        warnings.simplefilter("ignore")  # Of libraries, about what is ours to mend and no news to a user.
    gc.set_threshold(*_GARBAGE)
    code = interrupts.run(partial(guarded, partial(_main, sys.argv[1:], is_program=True)))
    gc.freeze()  # Python looks through all objects once more at its exit, for a tenth of a second or three.
    return code


_GARBAGE = (100_000, 50, 100)
"""Tracing makes many objects that stay: to look through them as often as Python does is a tenth of a short command."""


def _main(arguments: list[str], is_program: bool = False) -> int:
    """Run the command; what it compiles is kept in a process of ours, any other decides that itself."""
    keep = is_program
    plugins: list[str] = []
    while arguments[:1] in (["--plugin"], ["--no-cache"]):
        if arguments[0] == "--no-cache":
            keep, arguments = False, arguments[1:]
            continue
        if len(arguments) < 2:
            raise ArgumentError("--plugin needs a Python file.")
        plugins.append(arguments[1])
        arguments = arguments[2:]
    load_plugins(plugins)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"gprior {__version__}")
        return 0
    command, rest = find_command(arguments)
    if keep:
        importlib.import_module("gprior_jax.cli.compiled").keep_programs()
    return run_command(
        command.load(), f"gprior {command.name}", rest, _sentence(command.summary), command.resumes, command.examples
    )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def run_command(
    kind: type,
    prog: str,
    arguments: Sequence[str],
    summary: str | None = None,
    resumes: bool = False,
    examples: Sequence[str] = (),
) -> int:
    """Fill a command's dataclass from flags and run it.

    Args:
        kind: a dataclass whose fields are the flags, with a method ``run`` that gives the exit code.
        prog: what the command is called in its help.
        arguments: the words after it.
        summary: what it does, for its help; None takes the dataclass's docstring.
        resumes: whether the same command goes on where it was interrupted.
        examples: commands that its help shows.

    Returns:
        The exit code.

    Raises:
        ArgumentError: a flag is wrong, or one is missing.
    """
    tyro = require("tyro", "cli")
    if {"-h", "--help"} & set(arguments):
        told = importlib.import_module("gprior_jax.cli.help").help_text
        print(told(prog, kind, summary or inspect.cleandoc(kind.__doc__ or "").partition("\n")[0], examples))
        return 0
    words = importlib.import_module("gprior_jax.cli.words")
    if not any(word.startswith("--tyro-") for word in arguments):  # Tyro's own: completion for shells.
        words.check_words(kind, arguments)
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
    command = tyro.cli(kind, prog=prog, args=list(arguments), description=summary, config=config)
    importlib.import_module("gprior_jax.cli.checking").check_numbers(command)
    importlib.import_module("gprior_jax.inversion.devices").use_cores()  # Before any other use of JAX.
    interrupts.set_remedy("; the same command goes on where it stopped." if resumes else "")
    importlib.import_module("gprior_jax.cli.sharing").join(command)
    with importlib.import_module("gprior_jax.cli.telling").warnings_told():
        try:
            return run_within_memory(command)
        except ArgumentError as error:
            if (told := words.as_flags(kind, str(error))) == str(error):
                raise
            raise ArgumentError(told) from error


def guarded(function: Callable[[], int]) -> int:
    """The exit code of a function; a mistake of the user is told in one sentence."""
    try:
        code = function()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as error:
        # Below what is left of a bar.
        print(f"\ngprior: {interrupts.sentence(str(error))}", file=sys.stderr)
        return interrupts.exit_code()
    except GPriorError as error:
        if os.environ.get("GPRIOR_DEBUG"):
            raise
        print(f"gprior: {error}", file=sys.stderr)
        return 1 if isinstance(error, DownloadError | OutOfMemoryError) else 2
    except BrokenPipeError:
        # The reader of our output (head, less) has what it wanted: what is buffered shall not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # As of a program that SIGPIPE ends.
    except OSError as error:
        if os.environ.get("GPRIOR_DEBUG"):
            raise
        where = f"{error.filename}: " if error.filename else ""
        why = f"{where}{error.strerror or error}"
        print(f"gprior: {why}; {_REMEDIES.get(error.errno or 0, _REMEDY)}, then run again.", file=sys.stderr)
        return 1


_REMEDY = "free space or check permissions"
_REMEDIES = {
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "name what the link was to lead to",
    errno.ENOTDIR: "name a folder",
}
"""What helps when a file cannot be written, by what went wrong."""


if __name__ == "__main__":
    sys.exit(main())

"""Entry point of ``gprior``: picks the command, parses its flags, and turns mistakes into one sentence and a code.

Exit codes: 0 done, 1 some images failed (named) or a file could not be written or fetched, 2 wrong use, 130
interrupted.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from gprior_jax._version import __version__
from gprior_jax.errors import DownloadError, GPriorError, MissingExtraError, require

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "Demo", "invert the bundled photographs with the bundled prior and write a report"),
    "convert": ("convert", "Convert", "turn a published PyTorch checkpoint into a model folder"),
    "models": ("models", "Models", "list the bundled and the published priors"),
    "download": ("download", "Download", "fetch a published network, and convert it where --to is given"),
    "generate": ("generate", "Generate", "draw images from a prior"),
    "invert": ("invert", "Invert", "find the latent codes that explain photographs"),
    "colorize": ("tasks", "Colorize", "colour gray photographs"),
    "upscale": ("tasks", "Upscale", "enlarge small photographs"),
    "inpaint": ("tasks", "Inpaint", "fill missing pixels"),
    "denoise": ("tasks", "Denoise", "remove noise"),
    "deblur": ("tasks", "Deblur", "sharpen photographs that a known kernel has blurred"),
    "morph": ("morph", "Morph", "go from one picture to the next through the latent space"),
    "mix": ("mix", "Mix", "mix the styles of pictures in a grid"),
    "arithmetic": ("arithmetic", "Arithmetic", "add and subtract latent codes"),
    "train generator": ("train", "TrainGenerator", "train a PGGAN and its discriminator on a zip of images"),
    "train stylegan2": ("train", "TrainStyleGAN2", "train a StyleGAN2 and its discriminator on a zip of images"),
    "bench inversion": ("bench", "BenchInversion", "time an inversion step against the published PyTorch loop"),
    "evaluate": ("evaluate", "Evaluate", "compares results with references"),
    "ppl": ("ppl", "PPL", "perceptual path length of a prior"),
    "attribute": ("attribute", "Attribute", "say whether images were made by a generator"),
    "report": ("report", "Report", "write an output folder's report.html again"),
}
"""Commands: module and class in this package (imported when the command is called), and a summary."""


RESUMED = ("demo", "invert", "colorize", "upscale", "inpaint", "denoise", "deblur", "download")
"""Commands that go on where they were stopped; training says itself what it keeps."""


def usage() -> str:
    """Text of ``gprior --help``."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{summary}" for name, (_, _, summary) in COMMANDS.items()]
    return "\n".join(
        [
            f"gprior {__version__}: pretrained GAN generators as priors for image processing",
            "",
            "usage: gprior COMMAND [ARGUMENTS]; gprior COMMAND --help tells all about one",
            "",
            *lines,
            "",
            "exit codes: 0 done, 1 some images failed (named), 2 wrong use",
        ]
    )


def find_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Split arguments into the command's name (one or two words) and its own arguments.

    Raises:
        GPriorError: no such command.

    >>> find_command(["train", "generator", "--data", "x.zip"])
    ('train generator', ['--data', 'x.zip'])
    """
    for words in (2, 1):
        name = " ".join(arguments[:words])
        if len(arguments) >= words and name in COMMANDS:
            return name, list(arguments[words:])
    first = arguments[0]
    if inner := [name for name in COMMANDS if name.startswith(f"{first} ")]:
        raise GPriorError(f"{first} needs to know what: gprior {' or gprior '.join(inner)}.")
    raise GPriorError(f"there is no command {first!r}: use {', '.join(COMMANDS)}.")


def run_command(
    kind: type, prog: str, arguments: Sequence[str], summary: str | None = None, resumes: bool = False
) -> int:
    """Fill a command's dataclass from flags and run it; mistakes become one sentence.

    Args:
        kind: a dataclass whose fields are the flags, with a method ``run`` that gives the exit code.
        prog: what the command is called in its help.
        arguments: the words after it.
        summary: what it does, for its help; None takes the dataclass's docstring.
        resumes: whether the same command goes on where it was interrupted.

    Returns:
        The exit code; ``--help`` and wrong flags leave through ``SystemExit``.
    """
    try:
        tyro = require("tyro", "cli")
        config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
        command = tyro.cli(kind, prog=prog, args=list(arguments), description=summary, config=config)
        importlib.import_module("gprior_jax.inversion.devices").use_cores()  # Before any other use of JAX.
        return command.run()
    except Exception as error:
        if os.environ.get("GPRIOR_DEBUG"):
            raise
        return _fail(error)
    except KeyboardInterrupt as error:
        told = "interrupted; the same command goes on where it stopped." if resumes else "interrupted."
        print(f"gprior: {str(error) or told}", file=sys.stderr)
        return 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``gprior``.

    Args:
        arguments: the words after ``gprior``; None takes them from ``sys.argv``.

    Returns:
        The exit code.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"gprior {__version__}")
        return 0
    try:
        name, rest = find_command(arguments)
        module, cls, summary = COMMANDS[name]
        kind = getattr(importlib.import_module(f"gprior_jax.cli.{module}"), cls)
    except Exception as error:
        return _fail(error)
    return run_command(kind, f"gprior {name}", rest, f"{summary}.", name in RESUMED)


def _fail(error: Exception) -> int:
    """Tell a mistake in one sentence; anything else is a fault of ours and keeps its traceback."""
    if isinstance(error, DownloadError):
        print(f"gprior: {error}", file=sys.stderr)
        return 1
    if isinstance(error, GPriorError | FileExistsError | MissingExtraError | ValueError):
        print(f"gprior: {error}", file=sys.stderr)
        return 2
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        print(
            f"gprior: {where}{error.strerror or error}; free space or check permissions, then run again.",
            file=sys.stderr,
        )
        return 1
    raise error


if __name__ == "__main__":
    sys.exit(main())

"""The commands of ``gprior``, one row each, and the files that add some."""

import difflib
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from gprior_jax.cli.examples import EXAMPLES
from gprior_jax.errors import ArgumentError

PLUGINS = "gprior_jax.plugins"
"""Group of entry points: modules that installed packages want imported before a command is looked for."""


class Command(NamedTuple):
    """A command.

    Attributes:
        name: one or two words.
        kind: its class, a dataclass whose fields are the flags and whose method ``run`` gives the exit code; or where
            that is, ``"module:Class"``, to be imported when it is called.
        summary: what it does, in a line.
        resumes: whether the same command goes on where it was interrupted.
        examples: whole command lines that its help shows.
    """

    name: str
    kind: type | str
    summary: str
    resumes: bool = False
    examples: tuple[str, ...] = ()

    def load(self) -> type:
        """The class."""
        if isinstance(self.kind, type):
            return self.kind
        module, _, name = self.kind.partition(":")
        return getattr(importlib.import_module(module), name)


def _own(name: str, kind: str, summary: str, resumes: bool = False) -> Command:
    return Command(name, f"gprior_jax.cli.{kind}", summary, resumes, EXAMPLES[name])


_BUILT_IN = (
    _own("demo", "demo:Demo", "invert the bundled photographs with the bundled prior and write a report"),
    _own("convert", "convert:Convert", "turn a published checkpoint into a model folder"),
    _own("models", "models:Models", "list the bundled and the published priors"),
    _own("download", "download:Download", "fetch a published network, and convert it where --to is given", True),
    _own("push", "push:Push", "put a model folder on the Hugging Face Hub"),
    _own("generate", "generate:Generate", "draw images from a prior"),
    _own("invert", "invert:Invert", "find the latent codes that explain photographs", True),
    _own("colorize", "colorize:Colorize", "colour gray photographs", True),
    _own("upscale", "upscale:Upscale", "enlarge small photographs", True),
    _own("inpaint", "inpaint:Inpaint", "fill missing pixels", True),
    _own("denoise", "denoise:Denoise", "remove noise", True),
    _own("deblur", "deblur:Deblur", "sharpen photographs that a known kernel has blurred", True),
    _own("calibrate", "calibrate:Calibrate", "measure how wide intervals of restorations must be"),
    _own("translate", "translate:Translate", "translate pictures by a network of pix2pix or CycleGAN", True),
    _own("morph", "morph:Morph", "go from one picture to the next through the latent space"),
    _own("edit", "edit:Edit", "move codes along directions and boundaries, and draw what becomes of their pictures"),
    _own("diffuse", "diffuse:Diffuse", "put a part of pictures into others, and let what is around it follow"),
    _own("mix", "mix:Mix", "mix the styles of pictures in a grid"),
    _own("render", "render:Render", "draw one picture of a code, edited in several ways"),
    _own("arithmetic", "arithmetic:Arithmetic", "add and subtract latent codes"),
    _own("explain", "explain:Explain", "say what each code of a result of several codes does"),
    _own("directions", "directions:Directions", "say what files of directions hold, those of other programs too"),
    _own(
        "train generator", "train_generator:TrainGenerator", "train a PGGAN, DCGAN or GAN on images of your own", True
    ),
    _own(
        "train stylegan2", "train:TrainStyleGAN2", "train a StyleGAN2 and its discriminator on images of your own", True
    ),
    _own(
        "train encoder", "train_encoder:TrainEncoder", "train an encoder for a prior, from which inversions start", True
    ),
    _own(
        "train translation",
        "train_translation:TrainTranslation",
        "train pix2pix on pairs of pictures, or CycleGAN on two sets of them",
        True,
    ),
    _own(
        "train boundary",
        "train_directions:TrainBoundary",
        "find the boundary of an attribute from codes and their scores",
    ),
    _own("train directions", "train_directions:TrainDirections", "find directions of a latent space without labels"),
    _own("bench inversion", "bench:BenchInversion", "time an inversion step against the published PyTorch loop"),
    _own("evaluate", "evaluate:Evaluate", "compare results with references", True),
    _own("fid", "fid:FID", "compare what a prior draws with real images: FID and KID"),
    _own("ppl", "ppl:PPL", "perceptual path length of a prior"),
    _own("geometry", "geometry:Geometry", "measure the latent space between two codes: geodesic, spectrum, slice"),
    _own("attribute", "attribute:Attribute", "say whether images were made by a generator", True),
    _own("export", "export:Export", "write an inversion as one program that runs without this package"),
    _own("serve", "serve:Serve", "answer requests for inversions and restorations over HTTP"),
    _own("studio", "studio:Studio", "invert and edit photographs on a page in your browser"),
    _own("report", "report:Report", "write an output folder's report.html again"),
    _own("merge", "merge:Merge", "put output folders of the same settings together", True),
)

HEADINGS = {
    "demo": "start, models",
    "generate": "draw, invert, restore",
    "morph": "use codes",
    "train generator": "train",
    "bench inversion": "measure",
    "export": "serve, and keep results",
}
"""What stands above a command, and those that follow it, in the list of all."""

COMMANDS: dict[str, Command] = {command.name: command for command in _BUILT_IN}
"""Every command by its name: the built-in ones, and what :func:`register` added."""


def register(command: Command) -> None:
    """Make a command known.

    Raises:
        ArgumentError: another has the name.
    """
    if COMMANDS.get(command.name, command) != command:
        raise ArgumentError(f"there is a command {command.name!r} already: choose another name.")
    COMMANDS[command.name] = command


def find_command(arguments: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that arguments begin with, one or two words, and the rest.

    Raises:
        ArgumentError: no such command.

    >>> command, rest = find_command(["train", "generator", "--data", "x.zip"])
    >>> command.name, rest
    ('train generator', ['--data', 'x.zip'])
    """
    for words in (2, 1):
        name = " ".join(arguments[:words])
        if len(arguments) >= words and name in COMMANDS:
            return COMMANDS[name], list(arguments[words:])
    first = arguments[0]
    near = difflib.get_close_matches(" ".join(arguments[:2]), COMMANDS, n=1)
    near = near or difflib.get_close_matches(first, COMMANDS, n=1, cutoff=0.7)
    if near:
        raise ArgumentError(f"there is no command {first!r}: did you mean gprior {near[0]}?")
    if inner := [name for name in COMMANDS if name.startswith(f"{first} ")]:
        raise ArgumentError(f"{first} needs to know what: gprior {', gprior '.join(inner)}.")
    raise ArgumentError(f"there is no command {first!r}: gprior --help lists them.")


def load_plugins(files: Sequence[str]) -> None:
    """Import what adds to this package: files of the user, and modules that installed packages name.

    Such a module registers what it has: methods (:func:`gprior_jax.recipes.register`), architectures
    (:func:`gprior_jax.zoo.register`), commands (:func:`register`); parametrisations are known by being defined. The
    variable ``GPRIOR_PLUGINS`` names files as well, joined as in ``PATH``.

    Args:
        files: Python files.

    Raises:
        ArgumentError: a file does not exist.
    """
    for entry in metadata.entry_points(group=PLUGINS):
        entry.load()
    named = [name for name in os.environ.get("GPRIOR_PLUGINS", "").split(os.pathsep) if name]
    for path in map(Path, [*named, *files]):
        if not path.is_file():
            raise ArgumentError(f"the plugin {path} does not exist: name a Python file.")
        place = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]
        module_name = f"gprior_plugin_{path.stem}_{place}"
        if module_name in sys.modules:
            continue  # Named twice.
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise ArgumentError(f"the plugin {path} is no Python file: name one that ends in .py.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # Dataclasses look themselves up there.
        spec.loader.exec_module(module)

"""What the documents say is so: their Python runs, their commands parse; names, flags, files and links are there."""

import contextlib
import functools
import importlib
import io
import itertools
import operator
import re
import shlex
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import tyro
from batteries import random_params

import gprior_jax as gp
from benchmarks.experiments.__main__ import ExperimentMGANPrior
from gprior_jax import recipes, zoo
from gprior_jax.cli.commands import COMMANDS, find_command
from gprior_jax.cli.main import main, run_command
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.latents.parametrization import KINDS
from gprior_jax.nn.stack import StackLayer
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork
from gprior_jax.zoo.networks import NETWORKS

ROOT = Path(__file__).parents[1]
PATHS = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks/RESULTS.md"),
    *sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("docs/methods/*.md"), *ROOT.glob("gprior_jax/data/*/README.md")]),
]
DOCUMENTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PATHS}

FENCED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^(?: {4}\S.*\n)+", re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
SETTING = re.compile(r"[A-Z_]+=")
"""Of the environment, before a command."""

FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
EXPERIMENTS = ["python", "-m", "benchmarks.experiments"]

over_documents = pytest.mark.parametrize("name", DOCUMENTS)


def spans(name: str) -> list[str]:
    """What stands between backticks in the prose."""
    return [" ".join(span.split()) for span in SPAN.findall(FENCED.sub("", DOCUMENTS[name]))]


def command_lines(name: str) -> list[list[str]]:
    """The command lines of the indented blocks, as words; variables that a block sets are put in."""
    found: list[list[str]] = []
    for block in INDENTED.findall(FENCED.sub("", DOCUMENTS[name])):
        variables: dict[str, str] = {}
        for written in block.replace("\\\n", " ").splitlines():
            line = functools.reduce(lambda text, v: text.replace(f"${v} ", f"{variables[v]} "), variables, written)
            if setting := re.fullmatch(r'\s*(\w+)="(.*)"', line):
                variables[setting[1]] = setting[2]
                continue
            with contextlib.suppress(ValueError):  # A line of no shell.
                joined = itertools.groupby(shlex.split(line, comments=True), lambda word: word == "&&")
                parts = [list(part) for is_and, part in joined if not is_and]
                found += [list(itertools.dropwhile(SETTING.match, part)) for part in parts]
    return [words for words in found if words]


def of_gprior(words: list[str]) -> tuple[str, list[str]]:
    """The command of a ``gprior`` line, and the words behind it."""
    words = words[1:]
    while words[:1] == ["--plugin"]:
        words = words[2:]
    command, rest = find_command(words)
    return command.name, rest


@functools.cache
def flags_of(program: str) -> frozenset[str]:
    """The flags of a command by its help, or of a benchmark by its files."""
    if program.endswith(".py"):
        files = [ROOT / "benchmarks" / name for name in (Path(program).name, "common.py", "inversions.py")]
        return frozenset(flag for file in files for flag in re.findall(r'"(--[a-z][\w-]*)"', file.read_text()))
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        if program == "experiments":
            run_command(ExperimentMGANPrior, program, ["--help"])
        else:
            main([*program.split(), "--help"])
    return frozenset(re.findall(r"^\W*(--[a-z][\w-]*)", told.getvalue(), re.MULTILINE)) | {"--help"}


OF_THE_PROGRAM = {"--plugin", "--no-cache", "--version"}
"""Flags before the command."""


def flags_anywhere() -> set[str]:
    programs = [*COMMANDS, "experiments", *(path.name for path in (ROOT / "benchmarks").glob("*.py"))]
    return {*OF_THE_PROGRAM}.union(*map(flags_of, programs))


@pytest.fixture
def fresh():
    """Forgets what a document registers, now when it is called and in the end."""
    tables = (COMMANDS, recipes.METHODS, NETWORKS, KINDS)
    before = [dict(table) for table in tables]

    def forget():
        for table, content in zip(tables, before, strict=True):
            table.clear()
            table.update(content)

    yield forget
    forget()


def stand_in(module: Any, seed: int = 0) -> Prior:
    """A prior of 8 px with random weights and a discriminator of one layer."""
    layers = (StackLayer("conv", 4, 4, 2, 1, then=("leaky_relu",)), StackLayer("conv", 1, 4))
    judge = DCGANDiscriminator(layers, 8)
    return Prior(random_params(module, seed), module, critic=Critic(random_params(judge, 1), judge), name="tiny")


# As many layers as the documents name.
PLAIN = (StackLayer("dense", 4, size=4), StackLayer("conv_transpose", 4, 4, 2, 1))
PLAIN += (StackLayer("conv", 3, 1, then=("leaky_relu",)),) * 4 + (StackLayer("conv", 3, 1, then=("tanh",)),)
BUNDLED = {
    "builtin": DCGAN(PLAIN, z_dim=8),
    "builtin:portraits": StyleGAN2((6, 4), 8, 5, mapping_layers=1, architecture="plain"),
    "builtin:cells": StyleGAN2((6, 4), 8, 5, mapping_layers=1, architecture="plain", num_classes=8),
}


@pytest.fixture
def place(tmp_path, monkeypatch, fresh):
    """A folder with the files that the documents name; tiny priors under the names of the bundled ones; and two steps
    at most. Nearly all of the time is compilation.
    """
    priors = {name: stand_in(module) for name, module in BUNDLED.items()}
    load, check = zoo.load, gp.SolverConfig.__post_init__

    def few_steps(config):
        object.__setattr__(config, "num_steps", min(config.num_steps, 2))
        check(config)

    monkeypatch.setattr(gp.SolverConfig, "__post_init__", few_steps)
    for module in (gp, zoo):
        monkeypatch.setattr(module, "load", lambda name: priors.get(str(name)) or load(name))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number, name in enumerate(("a.png", "b.png", "photos/c.png")):
        gp.save_image(name, np.random.default_rng(number).uniform(-1, 1, (32, 32, 3)))
    with zipfile.ZipFile("images.zip", "w") as archive:
        for number in range(60):  # Four of them are held out.
            archive.write("a.png", f"{number:02}.png")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, text in DOCUMENTS.items() if FENCED.search(text)])
def test_python_runs(name, place, fresh, monkeypatch):
    """All blocks of a document one after the other; then the commands for a file of the user's that it states."""
    blocks = FENCED.findall(DOCUMENTS[name])
    if "lpips_vgg" in "".join(blocks):  # The smaller of the two trunks: they are read alike.
        network = LPIPSNetwork("alexnet")
        zoo.save_network(network, random_params(network, 3), "lpips_vgg")
        monkeypatch.setattr(LPIPS, "distance", jax.jit(LPIPS.distance))  # One program in place of a hundred.
    if "biggan-deep-128" in "".join(blocks):  # As many classes, of 8 px.
        deep = BigGANDeep((8, 8, 8, 4), (False, True, False), 8, 1000, 4, attention=(), num_sets=3)
        zoo.save(Prior(random_params(deep, 3), deep, deep.latent, name="tiny"), "biggan-deep-128")
    if "prior_distance" in "".join(blocks):  # A network and a number of images that take no minutes.
        critic = stand_in(BUNDLED["builtin"]).critic
        zoo.save_network(critic.module, critic.params, "lite0")
        distance = gp.metrics.prior_distance
        monkeypatch.setattr(gp.metrics, "prior_distance", lambda *args, num_samples: distance(*args, num_samples=3))
    namespace: dict = {}
    for block in blocks:
        exec(compile(block, name, "exec"), namespace)
    fresh()
    (place / "mine.py").write_text("".join(block for block in blocks if block.startswith("# mine.py")))
    for words in command_lines(name):
        if words[:2] == ["gprior", "--plugin"]:
            assert main(words[1:]) == 0, words


def test_command_lines_and_flags_are_seen():
    lines = command_lines("README.md")
    assert ["gprior", "invert", "photos/", "--out", "results"] in lines
    assert ["gprior", "morph", "us", "--out", "us.webp"] in lines
    assert {words[0] for words in command_lines("docs/experiments.md")} == {"python"}
    assert ["gprior", "train", "stylegan2"] in [
        words[:3] for words in command_lines("gprior_jax/data/builtin-cells/README.md")
    ]
    assert {"--codes", "--no-consistent", "--filter"} <= flags_of("upscale")
    assert "--fast-steps" in flags_of("benchmarks/convergence.py")
    assert "`gprior colorize $P --simulate --out colorize`".strip("`") in spans("README.md")


@over_documents
def test_no_command_hides_in_a_fence(name):
    """Commands are indented, where they are seen; fences hold Python, or lists of the site."""
    opened = re.findall(r"^```(.*)$", DOCUMENTS[name], re.MULTILINE)[::2]
    assert set(opened) <= {"python", "{toctree}"}


@over_documents
def test_command_lines_parse(name):
    """All of their flags, with values of their types, and none missing; nothing is run."""
    for words in command_lines(name):
        kind, rest = None, words[3:]
        if words[0] == "gprior" and words[1] != "--plugin":
            command, rest = of_gprior(words)
            kind = COMMANDS[command].load()
        elif words[:3] == EXPERIMENTS:
            kind = ExperimentMGANPrior
        elif words[0] == "python" and words[1].startswith("benchmarks/"):
            assert {*FLAG.findall(" ".join(words))} <= flags_of(words[1]), words
        if kind is not None:
            tyro.cli(kind, args=rest, config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes))


@over_documents
def test_flags_in_the_prose_exist(name):
    """With a command, its own; by themselves, those of any."""
    for span in spans(name):
        is_command = re.match(r"gprior \w", span)
        known = flags_of(of_gprior(span.split())[0]) | OF_THE_PROGRAM if is_command else flags_anywhere()
        assert {*FLAG.findall(span)} <= known, span


def test_every_command_is_in_the_table_of_the_readme():
    table = " ".join(line for line in DOCUMENTS["README.md"].splitlines() if line.startswith("| `gprior"))
    own = [name for name, command in COMMANDS.items() if str(command.kind).startswith("gprior_jax.cli.")]
    assert len(own) > 20
    assert [name for name in own if f"`gprior {name}" not in table and f"`{name}" not in table] == []


def resolve(name: str) -> object:
    """What a dotted name of the package stands for, whether imported yet or not."""
    parts = name.replace("gp.", "gprior_jax.", 1).split(".") if name.startswith("gp.") else name.split(".")
    for count in range(len(parts), 0, -1):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(".".join(parts[:count]))
            return operator.attrgetter(".".join(parts[count:]))(module) if count < len(parts) else module
    raise AttributeError(name)


@over_documents
def test_names_of_the_package_exist(name):
    for span in spans(name):
        for found in re.findall(r"(?<![\w.])(?:gp|gprior_jax)(?:\.[A-Za-z_]\w*)+", span):
            assert resolve(found) is not None


@over_documents
def test_files_and_links_exist(name):
    folder = (ROOT / name).parent
    for span in spans(name):
        if re.fullmatch(r"(gprior_jax|tests|benchmarks|docs|converters|notebooks)/[\w./-]*", span):
            assert (ROOT / span).exists(), span
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        assert not path or (folder / path).exists(), target
        if anchor:
            text = (folder / path).read_text() if path else DOCUMENTS[name]
            titles = [re.sub(r"[^\w -]", "", title.lower()) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
            assert anchor in [title.replace(" ", "-") for title in titles], target


def test_every_document_is_linked_from_the_readme():
    """Those of methods from their list."""
    for name in DOCUMENTS:
        folder, _, page = name.rpartition("methods/")
        listed = folder == "docs/" and f"]({page}" in DOCUMENTS["docs/methods/index.md"]
        linked = listed or f"]({name}" in DOCUMENTS["README.md"]
        assert linked or name == "README.md" or name.endswith("photographs/README.md"), name

"""The layers of the package: a file imports only from rows above its own; and what ``import gprior_jax`` costs."""

import ast
import functools
import json
import re
import statistics
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from gprior_jax.discriminators.critic import Critic
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.problem import Measurement, Problem
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.objectives import Observation

PACKAGE = Path(__file__).parents[1] / "gprior_jax"

# design.md, "Layout", from the bottom up. A name with a trailing dot stands for all files of a folder; files of one
# row may import each other only within one folder.
ROWS = (
    ("_version", "typing", "errors", "interrupts", "glibc"),
    ("checks", "keys"),
    ("summary",),
    ("storage.", "storage"),
    ("compiling.", "compiling"),
    ("images.", "images"),
    ("nn.", "nn"),
    ("discriminators.", "encoders.", "discriminators", "encoders"),
    ("generators.", "generators"),
    ("perceptual.", "perceptual"),
    ("translation.", "translation"),
    ("zoo.", "zoo"),
    ("operators.", "operators"),
    ("latents.", "latents"),
    ("objectives.", "objectives"),
    ("inversion.", "inversion"),
    ("recipes.", "recipes"),
    ("tasks.", "tasks"),
    ("editing.", "editing"),
    ("geometry.", "geometry"),
    ("differentiable.", "differentiable"),
    ("metrics.", "metrics"),
    ("runs.", "runs"),
    ("training.", "training"),
    ("serving.", "serving"),
    ("cli.", "cli"),
    ("studio.", "studio"),
    ("cli.studio",),
    ("", "__main__"),
)


def module_of(path: Path) -> str:
    """Dotted name below the package: ``nn.layers``; ``nn`` for a folder's ``__init__``; empty for the package's own."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def row_of(module: str) -> int:
    """Index into ROWS, -1 if the module is in none; a whole name goes before its folder."""
    folder = module.split(".")[0] + "."
    for wanted in (module, folder):
        for index, row in enumerate(ROWS):
            if wanted in row:
                return index
    return -1


@functools.cache
def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            # ``from package import module`` names a module; ``from module import name`` does not.
            found |= {n if n.removeprefix("gprior_jax.") in MODULES else str(node.module) for n in names}
    inside = {name for name in found if name.split(".")[0] == "gprior_jax"}
    return {name.removeprefix("gprior_jax").removeprefix(".") for name in inside}


def is_allowed(importer: str, imported: str) -> bool:
    below, above = row_of(imported), row_of(importer)
    if below != above:
        return below < above
    return importer.split(".")[0] == imported.split(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_row(module):
    assert row_of(module) >= 0, f"{module} is in no row of the layout"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module):
    upward = [name for name in imports_of(MODULES[module]) if not is_allowed(module, name)]
    assert not upward, f"{module} imports {upward} from its own row or above"


def test_the_walk_sees_imports():
    found = {"encoders.encoder", "generators.prior", "latents", "objectives", "operators", "typing"}
    assert imports_of(PACKAGE / "inversion" / "problem.py") == found
    assert {"inversion.devices", "inversion.solver"} <= imports_of(PACKAGE / "inversion" / "driver.py")
    assert not is_allowed("latents", "inversion.solver")
    assert not is_allowed("latents", "objectives")
    assert not is_allowed("storage.atomic", "images.files")
    assert not is_allowed("discriminators.critic", "generators.prior")
    assert not is_allowed("discriminators.critic", "encoders.encoder")
    assert not is_allowed("nn.layers", "")


def test_folders_have_no_circles():
    graph = {name: {i for i in imports_of(path) if i} for name, path in MODULES.items() if name}
    while free := {name for name, imported in graph.items() if not imported & graph.keys()}:
        graph = {name: imported for name, imported in graph.items() if name not in free}
    assert not graph


def test_files_are_small():
    """Issue and design: none over 400 lines, and half of them at most 150."""
    lines = {name: path.read_text(encoding="utf-8").count("\n") for name, path in MODULES.items()}
    assert [name for name, count in lines.items() if count > 400] == []
    assert statistics.median(lines.values()) <= 150


def messages_of(path: Path) -> list[str]:
    """Texts in the code of a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return [node.value for node in nodes if isinstance(node.value, str)]


FLAG = re.compile(r"(?<![\w(-])--[a-z]")


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("cli")])
def test_the_library_names_no_flag(module):
    """It speaks of arguments."""
    assert [text for text in messages_of(MODULES[module]) if FLAG.search(text)] == []


def test_flags_are_seen():
    assert any(FLAG.search(text) for text in messages_of(PACKAGE / "cli" / "flags.py"))


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (Prior, ("module", "latent", "critic", "encoder", "label")),
        (Critic, ("module",)),
        (Encoder, ("module",)),
        (Problem, ("prior", "objective", "encoder", "parametrization")),
        (Measurement, ("operator", "label")),
        (Observation, ("pixels", "operator")),
        (Recipe, ("parametrization", "terms", "solver", "encoder", "then")),
        (SolverConfig, ("optimizer",)),
    ],
)
def test_the_joints_have_types(owner, names):
    hints = typing.get_type_hints(owner)
    assert [name for name in names if hints[name] is typing.Any] == []


PROGRAM = f"""
import json, os, sys
import flax, jax, optax
before, environment, opened = dict(jax.config.values), dict(os.environ), []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith({str(PACKAGE)!r}):
        opened.append(str(arguments[0]))
sys.addaudithook(hook)
import gprior_jax
from jax._src import xla_bridge
same = before == dict(jax.config.values), environment == dict(os.environ)
modules = sorted({{name.split(".")[0] for name in sys.modules}})
print(json.dumps([opened, modules, xla_bridge.backends_are_initialized(), same]))
"""


@functools.cache
def imported() -> list:
    """What importing the package does in a process of its own: files opened, modules, whether JAX started, and whether
    its configuration and the environment are as they were.
    """
    command = [sys.executable, "-c", PROGRAM]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_import_loads_no_extra_and_no_device():
    _, modules, started, _ = imported()
    extras = {
        "torch",
        "imageio_ffmpeg",
        "tyro",
        "tqdm",
        "matplotlib",
        "orbax",
        "skimage",
        "sklearn",
        "pooch",
        "requests",
    }
    assert not {*extras, "gprior_converters"} & {*modules}
    assert not started


def test_import_reads_no_data():
    opened = imported()[0]
    assert len(opened) > 10
    assert [name for name in opened if not name.endswith((".py", ".pyc")) and ".pyc." not in name] == []


def test_import_sets_no_configuration():
    assert imported()[3] == [True, True]

"""The layers of the package: a file imports only from rows above its own; and what ``import gprior_jax`` costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gprior_jax"

# design.md, "Layout", from the bottom up. A name with a trailing dot stands for all files of a folder; files of one
# row may import each other only within one folder.
ROWS = (
    ("_version", "typing", "errors"),
    ("storage.", "storage"),
    ("images.", "images"),
    ("nn.", "nn"),
    ("generators.", "discriminators.", "encoders.", "generators", "discriminators", "encoders"),
    ("perceptual.", "perceptual"),
    ("zoo.", "zoo"),
    ("operators.", "operators"),
    ("latents.", "latents"),
    ("objectives.", "objectives"),
    ("inversion.", "inversion"),
    ("recipes.", "recipes"),
    ("tasks.", "tasks"),
    ("editing.", "editing"),
    ("geometry.", "geometry"),
    ("metrics.", "metrics"),
    ("runs.", "runs"),
    ("training.", "training"),
    ("cli.", "cli"),
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
    assert imports_of(PACKAGE / "inversion" / "problem.py") == {"generators.base", "latents", "objectives", "typing"}
    assert {"inversion.devices", "inversion.solver"} <= imports_of(PACKAGE / "inversion" / "driver.py")
    assert not is_allowed("latents", "inversion.solver")
    assert not is_allowed("latents", "objectives")
    assert not is_allowed("storage.atomic", "images.files")
    assert not is_allowed("nn.layers", "")


def test_folders_have_no_circles():
    graph = {name: {i for i in imports_of(path) if i} for name, path in MODULES.items() if name}
    while free := {name for name, imported in graph.items() if not imported & graph.keys()}:
        graph = {name: imported for name, imported in graph.items() if name not in free}
    assert not graph


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_loads_no_extra_and_no_device():
    code = """
import sys
import gprior_jax
from jax._src import xla_bridge
extras = {"torch", "imageio_ffmpeg", "tyro", "tqdm", "matplotlib", "orbax", "skimage", "pooch", "requests"}
extras |= {"gprior_converters"}
print(sorted(extras & {name.split(".")[0] for name in sys.modules}), xla_bridge.backends_are_initialized())
"""
    assert run_python(code) == "[] False"


def test_import_reads_no_data():
    code = f"""
import sys
opened = []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith({str(PACKAGE)!r}):
        opened.append(str(arguments[0]))
sys.addaudithook(hook)
import gprior_jax
print(len(opened) > 10, [name for name in opened if not name.endswith((".py", ".pyc")) and ".pyc." not in name])
"""
    assert run_python(code) == "True []"


def test_import_sets_no_configuration():
    code = """
import jax, os
before, environment = dict(jax.config.values), dict(os.environ)
import flax, optax
between = dict(jax.config.values)
import gprior_jax
print(between == dict(jax.config.values), environment == dict(os.environ))
"""
    assert run_python(code) == "True True"

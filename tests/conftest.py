"""Fixtures of the whole suite. Eight CPU devices are forced before JAX starts, for the sharding tests."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Networks are tiny and programs many: most of the suite's time is compilation, which this nearly halves.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import ast
import gc
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

# The newer code generator takes twice as long for the same programs; test_optimized.py has it. A program in parts is
# compiled by several threads, and takes a sixth more of all of them: the other cores have workers of their own.
WANTED = ("--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1")


def known(*flags: str) -> str:
    """Those that this version of XLA has; it ends a process that names another."""
    command = [sys.executable, "-c", "import jax; jax.devices()"]
    tried = subprocess.run(command, env=dict(os.environ, XLA_FLAGS=" ".join(flags)), capture_output=True)
    if tried.returncode == 0:
        return " ".join(flags)
    return " ".join(filter(None, map(known, flags))) if len(flags) > 1 else ""


# The processes that this one starts inherit what it found.
if "GPRIOR_TESTS_XLA" not in os.environ:
    os.environ["GPRIOR_TESTS_XLA"] = known(*WANTED)
EIGHT_DEVICES = "--xla_force_host_platform_device_count=8"
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), EIGHT_DEVICES, os.environ["GPRIOR_TESTS_XLA"]])

# What a worker has compiled serves its later files and the programs that its tests start. It begins empty. Each worker
# has a folder of its own: JAX writes an entry in place, and another process would read the half of it.
STARTED_FIRST = "GPRIOR_TESTS_CACHE" not in os.environ
ALL_CACHES = os.environ.setdefault(
    "GPRIOR_TESTS_CACHE", tempfile.mkdtemp(prefix="gprior-tests-") if STARTED_FIRST else ""
)
CACHE = os.path.join(ALL_CACHES, os.environ.get("PYTEST_XDIST_WORKER", "first"))
os.environ["JAX_COMPILATION_CACHE_DIR"] = CACHE
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

GOLDEN = Path(__file__).parent / "golden"
HAS_TORCH = importlib.util.find_spec("torch") is not None


def imported(path: Path) -> set[str]:
    """Names of the modules that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def needs_torch(path: Path) -> bool:
    """Whether a test file, or a helper that it imports, imports torch or what the converters convert with it."""
    names = imported(path)
    if any(name.split(".")[0] == "torch" for name in names):
        return True
    helpers = [path.parents[up] / f"{name.replace('.', '/')}.py" for name in names for up in (0, 1)]
    return any(helper.is_file() and helper != path and needs_torch(helper) for helper in helpers)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the files that need torch, where it is not installed."""
    is_test = collection_path.suffix == ".py" and Path(__file__).parent in collection_path.parents
    if HAS_TORCH or not is_test or collection_path == Path(__file__) or not needs_torch(collection_path):
        return None
    return True


def pytest_terminal_summary(terminalreporter):
    """Say once what is left out."""
    if not HAS_TORCH:
        folder = Path(__file__).parent
        left_out = [path.relative_to(folder).as_posix() for path in folder.rglob("test_*.py") if needs_torch(path)]
        told = f"{len(left_out)} files of tests need PyTorch, which is not installed, and are left out: "
        terminalreporter.write_line(told + ", ".join(sorted(left_out)))


def pytest_unconfigure():
    """Remove the compiled programs."""
    if STARTED_FIRST:
        shutil.rmtree(ALL_CACHES, ignore_errors=True)


def pytest_collection_finish():
    """What is there before the first test stays: the garbage collector need not look through it again and again.

    Nor need it look so often while programs are traced, which makes a great many of objects that stay for a while.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def _forget_programs():
    """Compiled programs of a file serve its own tests; kept for the whole suite, they take gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the numbers of the official implementations."""
    return GOLDEN


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of files that other programs wrote."""
    return GOLDEN.parent / "real"


@pytest.fixture(scope="session")
def golden_pggan() -> dict[str, np.ndarray]:
    """Arrays of golden/pggan_64.npz, NCHW."""
    with np.load(GOLDEN / "pggan_64.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def golden_weights() -> ModuleType:
    """The module golden/weights.py: reproducible numbers in place of trained weights."""
    spec = importlib.util.spec_from_file_location("golden_weights", GOLDEN / "weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def golden_prior(golden_weights, tmp_path_factory):
    """The prior of golden/pggan_64.npz, through a published checkpoint file, the converter and a model folder."""
    torch = pytest.importorskip("torch", reason="the published file is written with PyTorch, which is not installed")
    from gprior_converters.convert import convert_file

    from gprior_jax import zoo

    folder = tmp_path_factory.mktemp("golden_pggan")
    state = golden_weights.state_dict(GOLDEN / "pggan_64.layout.json")
    torch.save({key: torch.from_numpy(value.copy()) for key, value in state.items()}, folder / "pggan_64.pth")
    convert_file(folder / "pggan_64.pth", folder / "model")
    return zoo.load(folder / "model")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the development data (real weights and photographs), which is not part of the repository."""
    folder = Path(os.environ.get("GPRIOR_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "weights").is_dir():
        pytest.skip("the development data (real weights, photographs) is not beside this checkout")
    return folder

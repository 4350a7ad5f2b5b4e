"""Fixtures of the whole suite. Eight CPU devices are forced before JAX starts, for the sharding tests."""

import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Networks are tiny and programs many: most of the suite's time is compilation, which this nearly halves.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import gc
import importlib.util
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_collection_finish():
    """What is there before the first test stays: the garbage collector need not look through it again and again."""
    gc.freeze()


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
    import torch
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

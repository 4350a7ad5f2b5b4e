"""Fixtures of the whole suite. Eight CPU devices are forced before JAX starts, for the sharding tests."""

import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"


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
def shared() -> Path:
    """Folder of the development data (real weights and photographs), which is not part of the repository."""
    folder = Path(os.environ.get("GPRIOR_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "weights").is_dir():
        pytest.skip("the development data (real weights, photographs) is not beside this checkout")
    return folder

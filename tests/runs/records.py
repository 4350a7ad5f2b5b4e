"""What the tests of runs share: a record, a tiny prior, pictures in files, and what lies in an output folder."""

import functools
from pathlib import Path

import numpy as np
from batteries import random_params
from PIL import Image

from gprior_jax.errors import Status
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.runs.record import Record

SIDE = 8


def record(name: str = "cat") -> Record:
    rng = np.random.default_rng(0)
    return Record(
        name=name,
        source=f"somewhere/{name}.jpg",
        target=rng.integers(0, 255, (8, 8, 3), np.uint8),
        image=rng.normal(size=(8, 8, 3)).astype(np.float32),
        variables={"z": np.arange(4, dtype=np.float32)},
        terms={"loss": 0.5, "pixel_mse": 0.25},
        metrics={"psnr": 12.5},
        step=2,
        status=Status.CONVERGED,
        history={"loss": np.array([1.0, 0.7, 0.5], np.float32), "pixel_mse": np.array([0.9, 0.6, 0.25], np.float32)},
        pictures={"mean": np.full((8, 8, 3), 7, np.uint8)},
        samples=rng.integers(0, 255, (2, 8, 8, 3), np.uint8),
        sample_losses=np.array([0.5, 0.75], np.float32),
    )


@functools.cache
def tiny_prior(channels: int = 3) -> Prior:
    module = PGGAN((8, 8), z_dim=8, image_channels=channels)
    return Prior(random_params(module, 0), module, name="tiny pggan")


def picture(path: Path, seed: int, side: int = SIDE) -> Path:
    """A noisy slope: no two are alike, and none is flat."""
    slope = np.linspace(40, 200, side)[:, None, None]
    pixels = slope + np.random.default_rng(seed).uniform(-30, 30, (side, side, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def pictures(folder: Path, names: str = "abcde") -> list[Path]:
    folder.mkdir()
    return [picture(folder / f"{name}.png", seed) for seed, name in enumerate(names)]


def results(folder: Path) -> dict[str, bytes]:
    """What every picture and record in an output folder holds, byte for byte."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".npz"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def times(folder: Path) -> dict[str, int]:
    """When they were written."""
    return {name: (folder / name).stat().st_mtime_ns for name in results(folder)}

"""Generators that pivotal tuning has fitted to single images, as model folders."""

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import jax.numpy as jnp

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents import tuned
from gprior_jax.latents.deep_image_prior import WEIGHTS
from gprior_jax.latents.tuning import PIVOT
from gprior_jax.runs.directions_file import FOLDER, bundled_directions
from gprior_jax.runs.lineage import ANCESTORS, TUNED_FROM, line_of
from gprior_jax.runs.record import read_record

MODELS = "models"
"""Folder of the model folders in an output folder."""


def tuned_folder(record: Path) -> Path:
    """Where the model folder of a record ``OUT/cat.npz`` is: ``OUT/models/cat``."""
    return record.parent / MODELS / record.stem


def write_tuned(prior: Prior, out: str | os.PathLike, names: Iterable[str], model: str) -> list[Path]:
    """Write the tuned generators of finished images that have some; those that are there already stay.

    A folder has the generator alone: it draws the image of the record's ``w``, and of edited styles, along the
    directions that the prior comes with: they mean the same. Of several samples it is that of the best.

    Args:
        prior: the one that was tuned.
        out: the output folder.
        names: of its images.
        model: what the prior is called, for the record of where a folder comes from.

    Returns:
        The folders of all images that have one.
    """
    found: list[Path] = []
    for path in (Path(out) / f"{name}.npz" for name in names):
        folder = tuned_folder(path)
        config = folder / "config.json"
        if config.exists() and config.stat().st_mtime >= path.stat().st_mtime:
            found.append(folder)
            continue
        record = read_record(path)
        if PIVOT not in record.variables or not any(name.startswith(WEIGHTS) for name in record.variables):
            continue
        best = 0 if len(record.samples) else ...
        variables = {name: jnp.asarray(values[best]) for name, values in record.variables.items()}
        bare = dataclasses.replace(
            prior, critic=None, encoder=None, multi_encoder=None, name=f"{prior} tuned for {path.stem}"
        )
        own = tuned(bare, variables)
        provenance = zoo.inherited(model) | {TUNED_FROM: model, "tuned_for": record.source}
        provenance |= {ANCESTORS: line_of(prior, model)}
        zoo.save(own, folder, provenance=provenance, overwrite=True)
        _copy_directions(model, folder)
        found.append(folder)
    return found


def _copy_directions(model: str, folder: Path) -> None:
    """Give a folder the directions that the model has, if it is on disk."""
    with contextlib.suppress(CheckpointError):
        for name, path in bundled_directions(model).items():
            (folder / FOLDER).mkdir(exist_ok=True)
            shutil.copyfile(path, folder / FOLDER / f"{name}.npz")

"""Names of priors: the bundled one, and the published ones with where they come from.

Published weights are not ours to distribute and are never downloaded behind one's back: ``gprior models`` tells where
each is found and which command turns the file into a model folder.
"""

import os
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gprior_jax import models
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.base import Prior


class Entry(NamedTuple):
    """One known prior or perceptual network.

    Attributes:
        name: what :func:`load` takes, or the published file's name.
        title: what it is.
        source: page where the file is published; empty for what is bundled.
        licence: terms of the weights, as far as they are known.
    """

    name: str
    title: str
    source: str
    licence: str


_GENFORCE = "github.com/genforce/mganprior, README, 'Pre-trained models'"
_GENFORCE_TERMS = "weights converted from Karras et al. 2018, CC BY-NC 4.0: non-commercial"

BUNDLED = (
    Entry(
        "builtin",
        "PGGAN of painted and photographic portraits, with its discriminator",
        "",
        "CC BY 4.0, see the model card in the folder",
    ),
)
"""Priors inside the package."""

PUBLISHED = (
    Entry("pggan_celebahq1024_generator.pth", "PGGAN, CelebA-HQ faces, 1024 px", _GENFORCE, _GENFORCE_TERMS),
    Entry(
        "pggan_{bedroom,churchoutdoor,conferenceroom,...}256_generator.pth",
        "PGGAN, 30 LSUN categories, 256 px",
        _GENFORCE,
        _GENFORCE_TERMS,
    ),
    Entry("netG_epoch_*.pth", "DCGAN, your own training run", "github.com/pytorch/examples, dcgan", "yours"),
    Entry("vgg16-397923af.pth", "VGG-16, ImageNet (perceptual network)", "download.pytorch.org/models", "BSD 3-Clause"),
)
"""Checkpoint files that ``gprior convert`` reads and where they are published."""


def folder(name: str) -> Path:
    """Folder of a bundled prior.

    Raises:
        CheckpointError: no prior of that name is bundled, or its files are missing.
    """
    if name not in {entry.name for entry in BUNDLED}:
        raise CheckpointError(
            f"{name!r} is neither a model folder nor a bundled prior ({', '.join(e.name for e in BUNDLED)}): convert a "
            "checkpoint file with 'gprior convert FILE --to DIR' and name that folder."
        )
    path = Path(str(resources.files("gprior_jax"))) / "data" / name
    if not path.is_dir():
        raise CheckpointError(f"the files of {name!r} are missing from this installation: reinstall gprior-jax.")
    return path


def resolve(name_or_folder: str | os.PathLike) -> Path:
    """Folder of a prior: one that exists, else a bundled name.

    Raises:
        CheckpointError: neither.
    """
    path = Path(name_or_folder).expanduser()
    return path if path.is_dir() else folder(str(name_or_folder))


def load(name_or_folder: str | os.PathLike) -> Prior:
    """Load a prior.

    Args:
        name_or_folder: ``"builtin"``, or a model folder that ``gprior convert`` or ``gprior train`` wrote.

    Raises:
        CheckpointError: no such prior, or a damaged folder.

    >>> load("builtin").resolution
    64
    """
    return models.load(resolve(name_or_folder))

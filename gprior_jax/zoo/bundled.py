"""Names of priors: the bundled ones, and the published ones with where they come from.

Published weights are not ours to distribute and are never downloaded behind one's back: ``gprior models`` tells where
each is found, and ``gprior download`` fetches one that is asked for by name.
"""

import difflib
import os
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.generators.base import Prior
from gprior_jax.zoo import folder as folders
from gprior_jax.zoo.published import PUBLISHED as PUBLISHED
from gprior_jax.zoo.published import Published


class Entry(NamedTuple):
    """One bundled prior.

    Attributes:
        name: what :func:`load` takes; its folder in the package's data has a hyphen in place of a colon.
        title: what it is.
        source: page where it is published; empty for what is bundled.
        licence: terms of the weights.
    """

    name: str
    title: str
    source: str
    licence: str


BUNDLED = (
    Entry(
        "builtin",
        "PGGAN of painted and photographic portraits, with its discriminator",
        "",
        "CC BY 4.0, see the model card in the folder",
    ),
    Entry(
        "builtin:portraits",
        "StyleGAN2 of the same portraits, with its discriminator",
        "",
        "CC BY 4.0, see the model card in the folder",
    ),
    Entry(
        "builtin:cells",
        "StyleGAN2 of blood cells under the microscope, eight classes, with its discriminator",
        "",
        "CC BY 4.0, see the model card in the folder",
    ),
)
"""Priors inside the package."""


def bundled_folder(name: str) -> Path:
    """Folder of a bundled prior: ``data/builtin`` for ``builtin``, ``data/builtin-cells`` for ``builtin:cells``.

    Raises:
        CheckpointError: no prior of that name is bundled, or its files are missing.
    """
    if name in _published():
        raise CheckpointError(
            f"{name!r} is published, not bundled: fetch and convert it with 'gprior download {name} --to DIR' and name "
            "that folder."
        )
    if name not in _bundled():
        raise CheckpointError(
            f"{name!r} is neither a model folder nor a bundled prior ({', '.join(_bundled())}): convert a checkpoint "
            "file with 'gprior convert FILE --to DIR' and name that folder."
        )
    path = Path(str(resources.files("gprior_jax"))) / "data" / name.replace(":", "-")
    if not path.is_dir():
        raise CheckpointError(f"the files of {name!r} are missing from this installation: reinstall gprior-jax.")
    return path


def find(name: str) -> Published:
    """The published network of a name.

    Raises:
        GPriorError: there is none; the message names near ones.

    >>> find("vgg16").file
    'vgg16-397923af.pth'
    """
    known = _published()
    if name in known:
        return known[name]
    if name in _bundled():
        raise GPriorError(f"{name!r} is inside the package: there is nothing to download, use --model {name}.")
    near = difflib.get_close_matches(name, known, n=3) or [other for other in known if name in other][:3]
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise GPriorError(f"no published network is called {name!r}: {meant}'gprior models' lists them.")


def _bundled() -> dict[str, Entry]:
    return {entry.name: entry for entry in BUNDLED}


def _published() -> dict[str, Published]:
    return {entry.name: entry for entry in PUBLISHED}


def resolve(name_or_folder: str | os.PathLike) -> Path:
    """Folder of a prior: one that exists, else a bundled name.

    Raises:
        CheckpointError: neither.
    """
    path = Path(name_or_folder).expanduser()
    return path if path.is_dir() else bundled_folder(str(name_or_folder))


def load(name_or_folder: str | os.PathLike) -> Prior:
    """Load a prior.

    Args:
        name_or_folder: a bundled name (``"builtin"``, ``"builtin:portraits"``, ``"builtin:cells"``), or a model folder
            that ``gprior convert`` or ``gprior train`` wrote.

    Raises:
        CheckpointError: no such prior, or a damaged folder.

    >>> load("builtin").resolution
    64
    """
    return folders.load(resolve(name_or_folder))

"""Names of priors: the bundled ones, and the published ones with where they come from.

Published weights are not ours to distribute and are never downloaded behind one's back: ``gprior models`` tells where
each is found, and ``gprior download`` fetches one that is asked for by name.
"""

import difflib
import os
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.zoo import folder as folders
from gprior_jax.zoo import hub
from gprior_jax.zoo.published import PUBLISHED as PUBLISHED
from gprior_jax.zoo.published import Published


class Entry(NamedTuple):
    """One bundled prior or translator.

    Attributes:
        name: what :func:`load` or :func:`gprior_jax.load_translator` takes; its folder in the package's data has a
            hyphen in place of a colon.
        title: what it is.
        licence: terms of the weights.
    """

    name: str
    title: str
    licence: str = "CC BY 4.0, see the model card in the folder"


BUNDLED = (
    Entry("builtin", "PGGAN of painted and photographic portraits, with its discriminator"),
    Entry("builtin:portraits", "StyleGAN2 of the same portraits, with its discriminator"),
    Entry(
        "builtin:cells",
        "StyleGAN2 of blood cells under the microscope, eight classes, with its discriminator",
    ),
)
"""Priors inside the package."""

TRANSLATORS = (
    Entry("builtin:colors", "pix2pix, U-Net: gray portraits to colour"),
    Entry("builtin:drawings", "CycleGAN, ResNet, trained shortly: portraits to drawings, and back (--direction BtoA)"),
)
"""Translators inside the package."""


def bundled_folder(name: str) -> Path:
    """Folder of a bundled network: ``data/builtin`` for ``builtin``, ``data/builtin-cells`` for ``builtin:cells``.

    Raises:
        CheckpointError: nothing of that name is bundled, or its files are missing.

    >>> import gprior_jax as gp
    >>> bundled_folder("builtin:cells").name
    'builtin-cells'
    """
    if any(name == entry.name for entry in PUBLISHED):
        raise CheckpointError(
            f"{name!r} is published, not bundled: fetch it with 'gprior download {name}' and name its folder."
        )
    if name not in (entry.name for entry in BUNDLED + TRANSLATORS):
        priors, translators = (", ".join(entry.name for entry in entries) for entries in (BUNDLED, TRANSLATORS))
        raise CheckpointError(
            f"{name!r} is neither a model folder nor a bundled prior ({priors}) or translator ({translators}): convert "
            "a checkpoint file with 'gprior convert' and name its folder."
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
    known = {entry.name: entry for entry in PUBLISHED}
    if name in known:
        return known[name]
    if any(name == entry.name for entry in BUNDLED + TRANSLATORS):
        raise GPriorError(f"{name!r} is inside the package: there is nothing to download, load it by this name.")
    near = difflib.get_close_matches(name, known, n=3) or [other for other in known if name in other][:3]
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise GPriorError(f"no published network is called {name!r}: {meant}'gprior models' lists them.")


def resolve(name_or_folder: str | os.PathLike) -> Path:
    """Folder of a prior: one that exists, one on the Hugging Face Hub, which is fetched, else a bundled name.

    Raises:
        CheckpointError: none of them.
        DownloadError: ``hf:...`` could not be fetched.

    >>> resolve("builtin").name  # Neither a folder here nor one of the Hub.
    'builtin'
    """
    path, name = Path(os.path.expanduser(name_or_folder)), str(name_or_folder)
    if path.is_dir():
        return path
    return hub.fetch_folder(name) if name.startswith(hub.PREFIX) else bundled_folder(name)


def load(name_or_folder: str | os.PathLike) -> Prior:
    """Load a prior.

    Args:
        name_or_folder: a bundled name (``"builtin"``, ``"builtin:portraits"``, ``"builtin:cells"``), or a model folder
            that ``gprior convert`` or ``gprior train`` wrote, or ``"hf:owner/name"``, ``"hf:owner/name@revision"`` of
            one that ``gprior push`` has put on the Hugging Face Hub (extra ``hub``).

    Raises:
        CheckpointError: no such prior, or a damaged folder.
        DownloadError: it was not fetched from the Hub.

    >>> load("builtin").resolution
    64
    """
    return folders.load(resolve(name_or_folder))


INHERITED = ("truncation", "label_names", "alignment")
"""Facts in a folder's provenance that commands go by, and that hold as well for a model made from it."""


def inherited(name_or_folder: str | os.PathLike, *others: str) -> dict[str, Any]:
    """How a prior is used, as far as its folder says: what a model that is made from it says too.

    Args:
        name_or_folder: of the prior.
        others: names of other facts that hold as well for what is made of it.

    Returns:
        The best ``"truncation"``, the ``"label_names"`` of its classes, the ``"alignment"`` of its faces; nothing of a
        prior that is not on disk.

    >>> sorted(inherited("builtin:cells"))
    ['label_names', 'truncation']
    """
    try:
        told = folders.read_config(resolve(name_or_folder)).get("provenance") or {}
    except CheckpointError:
        return {}
    return {name: told[name] for name in (*INHERITED, *others) if name in told}

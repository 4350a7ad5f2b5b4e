"""Model folders: networks on disk, with their description and where they come from.

A folder holds ``config.json`` and ``params/`` (Orbax), or ``model.safetensors`` in its place, as folders on the Hub do
(:mod:`gprior_jax.zoo.hub`). ``config.json`` names the format, what the folder is (``"prior"``, ``"translator"`` or
``"network"``), the description of every network in it, and the provenance that the converter or the training run
recorded. Folders are complete or absent: they are written beside their place and renamed.
"""

import os
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.discriminators.critic import Critic
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.metric import StyleMetric
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.storage.atomic import new_folder, read_json, write_json
from gprior_jax.storage.checkpoint import load_tree, save_tree
from gprior_jax.storage.tensors import read_tensors
from gprior_jax.typing import Params
from gprior_jax.zoo.networks import abstract_params, attributes_of, build, describe

FORMAT = 1

TENSORS = "model.safetensors"
"""Name of the weights where they are one file."""

_BESIDE: dict[str, Any] = {"critic": Critic, "encoder": Encoder, "multi_encoder": Encoder}
"""Networks that a prior may have beside its generator, by the name of the field and of the role in a folder."""


def save(
    prior: Prior,
    folder: str | os.PathLike,
    *,
    provenance: dict[str, Any] | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a prior (generator, latent distribution, discriminator and encoder where there are) to a model folder.

    Args:
        prior: what to write, with the class that it is held to; prepared weights are left out.
        folder: the folder to make.
        provenance: facts about the source, JSON; kept as they are.
        dtype: floating dtype of the stored numbers (``"float16"`` halves the size); None stores them as they are.
        overwrite: replace an existing folder.

    Raises:
        FileExistsError: the folder exists and is not to be replaced.

    >>> import gprior_jax as gp, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gp.save(gp.load("builtin"), f"{folder}/mine")
    ...     gp.load(f"{folder}/mine")
    Prior(builtin: PGGAN, 64x64x3, codes of 128, 11 layers, 1,140,079 weights)
    """
    networks: dict[str, tuple[Any, Params]] = {"generator": (prior.module, prior.params)}
    for role in _BESIDE:
        beside = getattr(prior, role)
        if beside is not None:
            networks[role] = (beside.module, beside.params)
    if prior.metric is not None:
        networks["metric"] = (StyleMetric(prior.num_styles, prior.w_dim), {"blocks": prior.metric})
    settings = {"kind": "prior", "name": prior.name, "latent": attributes_of(prior.latent)}
    if prior.label is not None:
        settings["label"] = np.asarray(prior.label).tolist()
    write_networks(folder, networks, settings, provenance or {}, dtype, overwrite)


def save_network(
    module: nn.Module,
    params: Params,
    folder: str | os.PathLike,
    *,
    provenance: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write one network that is no prior (a discriminator, an encoder, a perceptual network) to a model folder.

    Args:
        module: a Linen module of a known architecture, see :func:`gprior_jax.zoo.register`.
        params: its weights, nested dicts of arrays.
        folder: the folder to make.
        provenance: facts about the source, JSON; kept as they are.
        overwrite: replace an existing folder.

    Raises:
        OccupiedError: the folder exists and is not to be replaced.

    >>> import gprior_jax as gp, tempfile
    >>> critic = gp.load("builtin").critic
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_network(critic.module, critic.params, f"{folder}/critic", provenance={"source": "builtin"})
    ...     print(read_config(f"{folder}/critic")["kind"])
    network
    """
    write_networks(folder, {"network": (module, params)}, {"kind": "network"}, provenance or {}, None, overwrite)


def write_networks(
    folder: str | os.PathLike,
    networks: dict[str, tuple[Any, Params]],
    settings: dict[str, Any],
    provenance: dict[str, Any],
    dtype: str | None,
    overwrite: bool,
) -> None:
    """Write a model folder.

    Args:
        folder: the folder to make.
        networks: modules and weights by their role.
        settings: what else ``config.json`` tells, the kind first.
        provenance: facts about the source, JSON.
        dtype: of the stored numbers; None stores them as they are.
        overwrite: replace an existing folder.
    """
    config = {"format": FORMAT} | settings
    config |= {role: describe(module) for role, (module, _) in networks.items()}
    config |= {"provenance": provenance}
    tree = {role: params for role, (_, params) in networks.items()}
    if dtype is not None:
        tree = jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
    with new_folder(folder, overwrite) as temporary:
        save_tree(temporary / "params", jax.tree.map(jnp.asarray, tree))
        write_json(temporary / "config.json", config)


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """Read and check a model folder's ``config.json``.

    Args:
        folder: a model folder.

    Returns:
        its content, with ``"kind"``, ``"format"``, and ``"provenance"`` (empty where there is none).

    Raises:
        CheckpointError: no such folder, not a model folder, or of a later format.

    >>> import gprior_jax as gp
    >>> config = read_config(gp.zoo.bundled_folder("builtin"))
    >>> config["kind"], config["generator"]["z_dim"]
    ('prior', 128)
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{folder} is no model folder (it has no config.json): give a folder that 'gprior convert' or "
            "'gprior train' wrote."
        )
    config = read_json(folder / "config.json", "copy the folder again, or convert or train the model again")
    if config.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}/config.json has format {config.get('format')!r}; this version reads {FORMAT}: upgrade "
            "gprior-jax."
        )
    config["provenance"] = config.get("provenance") or {}
    if not isinstance(config["provenance"], dict):
        raise CheckpointError(f"{folder}/config.json has a bad entry 'provenance': it is to be an object.")
    return config


def load(folder: str | os.PathLike) -> Prior:
    """Read a prior from a model folder; weights become float32.

    Raises:
        CheckpointError: not a prior's folder, damaged, or incomplete.
    """
    config = read_config(folder)
    if config.get("kind") != "prior" or "generator" not in config:
        raise CheckpointError(f"{folder} holds a {config.get('kind')}, no generator: name the folder of a prior.")
    modules = {role: build(config[role]) for role in ("generator", *_BESIDE, "metric") if role in config}
    params = read_params(folder, modules)
    beside = {role: kind(params[role], modules[role]) for role, kind in _BESIDE.items() if role in modules}
    try:
        latent = LatentDistribution(**config.get("latent", {}))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}/config.json has a bad entry 'latent': {error}") from error
    name = config.get("name") or Path(folder).name
    metric = params["metric"]["blocks"] if "metric" in modules else None
    prior = Prior(params["generator"], modules["generator"], latent, metric=metric, name=name, **beside)
    if config.get("label") is None:
        return prior
    try:
        return with_label(prior, np.asarray(config["label"], np.float32))
    except ValueError as error:
        raise CheckpointError(f"{folder}/config.json has a bad entry 'label': {error}") from error


def load_network(folder: str | os.PathLike) -> tuple[Any, Params]:
    """Read the network of a folder that :func:`save_network` wrote, or the discriminator of a prior's.

    Args:
        folder: a model folder.

    Returns:
        the Linen module, and its weights as float32.

    Raises:
        CheckpointError: not such a folder, damaged, or incomplete.

    >>> import gprior_jax as gp
    >>> module, params = load_network(gp.zoo.bundled_folder("builtin"))  # The discriminator of a prior.
    >>> type(module).__name__
    'PGGANDiscriminator'
    """
    config = read_config(folder)
    if config.get("kind") == "prior":
        critic = load(folder).critic
        if critic is None:
            raise CheckpointError(f"{folder} holds a generator without a discriminator: it has no perceptual network.")
        return critic.module, critic.params
    module = build(config.get("network", {}))
    return module, read_params(folder, {"network": module})["network"]


def read_params(folder: str | os.PathLike, modules: dict[str, Any]) -> dict[str, Params]:
    """Weights of a model folder's networks, by their role, as float32."""
    abstract, folder = {role: abstract_params(m) for role, m in modules.items()}, Path(folder)
    if (folder / TENSORS).is_file() and not (folder / "params").is_dir():
        return read_tensors(folder / TENSORS, abstract)
    return load_tree(folder / "params", abstract)

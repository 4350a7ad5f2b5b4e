"""Model folders: networks on disk, with their description and where they come from.

A folder holds ``config.json`` and ``params/`` (Orbax). ``config.json`` names the format, what the folder is
(``"prior"`` or ``"network"``), the description of every network in it, and the provenance that the converter or the
training run recorded. Folders are complete or absent: they are written beside their place and renamed.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax import checkpoint, files
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.base import Critic, LatentDistribution, Prior
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.nn.stack import StackLayer
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.lpips import LPIPSNetwork
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.typing import Params

FORMAT = 1

NETWORKS: dict[str, type[nn.Module]] = {
    "pggan_generator": PGGAN,
    "pggan_discriminator": PGGANDiscriminator,
    "stylegan_generator": StyleGAN,
    "stylegan2_generator": StyleGAN2,
    "stylegan2_discriminator": StyleGAN2Discriminator,
    "dcgan_generator": DCGAN,
    "dcgan_discriminator": DCGANDiscriminator,
    "vgg16": VGG16,
    "alexnet": AlexNet,
    "lpips": LPIPSNetwork,
}
"""Every architecture that a folder can hold, by the name in ``config.json``."""


def describe(module: nn.Module) -> dict[str, Any]:
    """The attributes of a module as JSON, with its name in :data:`NETWORKS` under ``"arch"``."""
    arch = next(name for name, kind in NETWORKS.items() if type(module) is kind)
    return {"arch": arch} | _attributes(module)


def _attributes(value: Any) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(value) if f.name not in ("parent", "name")]
    return {name: _plain(getattr(value, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return _attributes(value) if dataclasses.is_dataclass(value) else value


def build(description: dict[str, Any]) -> Any:
    """The module that :func:`describe` described.

    Raises:
        CheckpointError: an unknown architecture, or attributes that it does not have.
    """
    attributes = dict(description)
    arch = attributes.pop("arch", None)
    if arch not in NETWORKS:
        raise CheckpointError(f"architecture {arch!r} is unknown to this version: it knows {', '.join(NETWORKS)}.")
    kind = NETWORKS[arch]
    known = {f.name for f in dataclasses.fields(kind)} - {"parent", "name"}
    if unknown := sorted(attributes.keys() - known):
        raise CheckpointError(f"{arch} has no attribute {', '.join(unknown)}: it has {', '.join(sorted(known))}.")
    try:
        return kind(**{name: _frozen(value) for name, value in attributes.items()})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{arch} cannot be built from its description: {error}") from error


def _frozen(value: Any) -> Any:
    """JSON to hashable attributes: lists become tuples, objects the layers of a described stack."""
    if isinstance(value, dict):
        return StackLayer(**{name: _frozen(item) for name, item in value.items()})
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def abstract_params(module: Any) -> Params:
    """Shapes and dtypes of a network's weights, a tree of ``jax.ShapeDtypeStruct``."""
    x = jax.ShapeDtypeStruct(module.input_shape, jnp.float32)
    return jax.eval_shape(lambda x: module.init(jax.random.key(0), x, method="init_all"), x)["params"]


def save(
    prior: Prior,
    folder: str | os.PathLike,
    *,
    provenance: dict[str, Any] | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a prior (generator, latent distribution, discriminator where there is one) to a model folder.

    Args:
        prior: what to write; prepared weights are left out.
        folder: the folder to make.
        provenance: facts about the source, JSON; kept as they are.
        dtype: floating dtype of the stored numbers (``"float16"`` halves the size); None stores them as they are.
        overwrite: replace an existing folder.

    Raises:
        FileExistsError: the folder exists and is not to be replaced.
    """
    networks = {"generator": (prior.module, prior.params)}
    if prior.critic is not None:
        networks["critic"] = (prior.critic.module, prior.critic.params)
    settings = {"kind": "prior", "name": prior.name, "latent": _attributes(prior.latent)}
    _write(folder, networks, settings, provenance or {}, dtype, overwrite)


def save_network(
    module: nn.Module,
    params: Params,
    folder: str | os.PathLike,
    *,
    provenance: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write one network that is no prior (a discriminator, a perceptual network) to a model folder."""
    _write(folder, {"network": (module, params)}, {"kind": "network"}, provenance or {}, None, overwrite)


def _write(
    folder: str | os.PathLike,
    networks: dict[str, tuple[nn.Module, Params]],
    settings: dict[str, Any],
    provenance: dict[str, Any],
    dtype: str | None,
    overwrite: bool,
) -> None:
    config = {"format": FORMAT} | settings
    config |= {role: describe(module) for role, (module, _) in networks.items()}
    config |= {"provenance": provenance}
    tree = {role: params for role, (_, params) in networks.items()}
    if dtype is not None:
        tree = jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
    with files.new_folder(folder, overwrite) as temporary:
        checkpoint.save_tree(temporary / "params", jax.tree.map(jnp.asarray, tree))
        files.write_json(temporary / "config.json", config)


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """Read and check a model folder's ``config.json``.

    Raises:
        CheckpointError: no such folder, not a model folder, or of a later format.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{folder} is no model folder (it has no config.json): give a folder that 'gprior convert' or "
            "'gprior train' wrote."
        )
    config = files.read_json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}/config.json has format {config.get('format')!r}; this version reads {FORMAT}: upgrade "
            "gprior-jax."
        )
    return config


def load(folder: str | os.PathLike) -> Prior:
    """Read a prior from a model folder; weights become float32.

    Raises:
        CheckpointError: not a prior's folder, damaged, or incomplete.
    """
    config = read_config(folder)
    if config.get("kind") != "prior" or "generator" not in config:
        raise CheckpointError(f"{folder} holds a {config.get('kind')}, no generator: it serves as --perceptual only.")
    modules = {role: build(config[role]) for role in ("generator", "critic") if role in config}
    params = _read_params(folder, modules)
    critic = Critic(params["critic"], modules["critic"]) if "critic" in modules else None
    try:
        latent = LatentDistribution(**config.get("latent", {}))
    except TypeError as error:
        raise CheckpointError(f"{folder}/config.json has a bad entry 'latent': {error}") from error
    name = config.get("name") or Path(folder).name
    return Prior(params["generator"], modules["generator"], latent=latent, critic=critic, name=name)


def load_network(folder: str | os.PathLike) -> tuple[Any, Params]:
    """Read the network of a folder that :func:`save_network` wrote, or the discriminator of a prior's.

    Raises:
        CheckpointError: not such a folder, damaged, or incomplete.
    """
    config = read_config(folder)
    if config.get("kind") == "prior":
        critic = load(folder).critic
        if critic is None:
            raise CheckpointError(f"{folder} holds a generator without a discriminator: it has no perceptual network.")
        return critic.module, critic.params
    module = build(config.get("network", {}))
    return module, _read_params(folder, {"network": module})["network"]


def _read_params(folder: str | os.PathLike, modules: dict[str, Any]) -> dict[str, Params]:
    return checkpoint.load_tree(Path(folder) / "params", {role: abstract_params(m) for role, m in modules.items()})

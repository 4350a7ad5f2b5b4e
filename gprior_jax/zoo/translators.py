"""Translators on disk: model folders with a network from pictures to pictures, and maybe one back."""

import os
from typing import Any, Literal

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.translation.translator import Translator
from gprior_jax.typing import Params
from gprior_jax.zoo.bundled import resolve
from gprior_jax.zoo.folder import read_config, read_params, write_networks
from gprior_jax.zoo.networks import build

Direction = Literal["AtoB", "BtoA"]
"""Which way: a translator that was converted or trained alone goes from A to B."""

_ROLES: dict[str, str] = {"AtoB": "translator", "BtoA": "back"}


def save_translator(
    translator: Translator,
    folder: str | os.PathLike,
    *,
    back: Translator | None = None,
    provenance: dict[str, Any] | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a translator to a model folder.

    Args:
        translator: from A to B.
        folder: the folder to make.
        back: from B to A, of a CycleGAN.
        provenance: facts about the source, JSON; kept as they are.
        dtype: floating dtype of the stored numbers (``"float16"`` halves the size); None stores them as they are.
        overwrite: replace an existing folder.

    Raises:
        FileExistsError: the folder exists and is not to be replaced.

    >>> import gprior_jax as gp, tempfile
    >>> translator = gp.load_translator("builtin:colors")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gp.save_translator(translator, f"{folder}/colors", dtype="float16")
    ...     print(gp.load_translator(f"{folder}/colors").channels)
    (1, 3)
    """
    networks: dict[str, tuple[Any, Params]] = {"translator": (translator.module, translator.params)}
    if back is not None:
        networks["back"] = (back.module, back.params)
    settings = {"kind": "translator", "name": translator.name}
    write_networks(folder, networks, settings, provenance or {}, dtype, overwrite)


def load_translator(name_or_folder: str | os.PathLike, direction: str = "AtoB") -> Translator:
    """Read a translator; weights become float32.

    Args:
        name_or_folder: a bundled name, or a model folder that ``gprior convert`` or ``gprior train translation`` wrote.
        direction: which way, :data:`Direction`.

    Raises:
        CheckpointError: no such folder, no translator in it, or a damaged one.
        ArgumentError: it does not go this way.

    >>> import gprior_jax as gp
    >>> translator = gp.load_translator("builtin:colors")
    >>> translator.channels, translator.trained_size
    ((1, 3), 64)
    """
    if direction not in _ROLES:
        raise ArgumentError(f"direction {direction!r}: use 'AtoB' or 'BtoA'.")
    folder = resolve(name_or_folder)
    config = read_config(folder)
    if config.get("kind") != "translator" or "translator" not in config:
        raise CheckpointError(
            f"{name_or_folder} holds a {config.get('kind')}, no translator: name the folder of one, which 'gprior "
            "convert' makes of the files of pix2pix and CycleGAN, and 'gprior train translation' trains."
        )
    role = _ROLES[direction]
    if role not in config:
        raise ArgumentError(f"{name_or_folder} translates from A to B only: leave the direction out.")
    modules = {role: build(config[role]) for role in _ROLES.values() if role in config}
    module = modules[role]
    if not isinstance(module, TranslationNetwork):
        raise CheckpointError(f"{folder}/config.json describes {config[role].get('arch')}, which translates nothing.")
    params = read_params(folder, modules)
    side = config.get("provenance", {}).get("training", {}).get("resolution")
    return Translator(params[role], module, name=str(config.get("name") or folder.name), trained_size=side)

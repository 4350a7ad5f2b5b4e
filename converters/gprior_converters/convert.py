"""From a checkpoint file to a model folder: recognise the layout, convert, account for every tensor, write.

>>> from gprior_converters.convert import convert_file
>>> convert_file("netG_epoch_24.pth", "dcgan")  # doctest: +SKIP
Conversion(layout='dcgan_generator', ...)
"""

import datetime
import os
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import jax

from gprior_converters import biggan_deep, dcgan, lpips
from gprior_converters.conditional import convert_conditional, read_labels
from gprior_converters.described import read_architecture
from gprior_converters.known import check_classes_option, classes_of, facts_of, known
from gprior_converters.layouts import LAYOUTS as LAYOUTS
from gprior_converters.layouts import WITH_SETTINGS, UnknownLayoutError, recognise_below
from gprior_converters.layouts import recognise as recognise
from gprior_converters.reading import Networks, read_networks
from gprior_converters.selecting import Weights
from gprior_converters.standing import with_statistics
from gprior_converters.state import SETTINGS, Note, State
from gprior_jax import zoo
from gprior_jax._version import __version__
from gprior_jax.discriminators.critic import Critic
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.storage.atomic import read_json, sha256
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.translation.translator import Translator


class Converted(NamedTuple):
    """One converted network and what is known about it."""

    layout: str
    module: Any
    params: dict[str, Any]
    left_out: tuple[str, ...]
    latent: LatentDistribution


class Conversion(NamedTuple):
    """What a conversion made.

    Attributes:
        folder: the model folder.
        layout: name of the layout in :data:`LAYOUTS`, or ``"described"``.
        title: the layout, for people.
        num_tensors: tensors that were used.
        left_out: keys and entries of the file that were knowingly not used.
        notes: what the file lacked, and what is stored in its place.
        taken: names in the file of the networks that were converted, where they have names.
        module: the network (the generator, where there are two).
        has_critic: whether a discriminator was stored with the generator.
        has_encoder: whether an encoder was.
    """

    folder: Path
    layout: str
    title: str
    num_tensors: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    taken: tuple[str, ...]
    module: Any
    has_critic: bool
    has_encoder: bool


def convert_file(
    path: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    architecture: str | os.PathLike | None = None,
    discriminator: str | os.PathLike | None = None,
    encoder: str | os.PathLike | None = None,
    lpips_linear: str | os.PathLike | None = None,
    weights: Weights = "averaged",
    num_classes: int | None = None,
    batch_statistics: int | None = None,
    name: str | None = None,
    licence: str | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Convert one checkpoint file to a model folder.

    Args:
        path: ``.pth``, ``.pt``, ``.ckpt``, ``.pkl`` or ``.safetensors`` file.
        folder: the model folder to make.
        architecture: JSON file that describes a network whose layout is not known, or that overrides attributes which
            no tensor tells (``{"final_tanh": true}``).
        discriminator: checkpoint of the discriminator trained with this generator, to be stored with it as its
            perceptual network.
        encoder: checkpoint of the encoder trained for this generator (``styleganinv_*_encoder.pth``), to be stored with
            it.
        lpips_linear: the lpips package's linear weights (``vgg.pth``, ``alex.pth``, or its wheel), which make LPIPS of
            the VGG-16 or AlexNet in ``path``.
        weights: which generator of a file that has both: the running average of its weights, which draws the better
            images, or ``"raw"``, those that were trained last.
        num_classes: classes that a DCGAN-like generator takes as further numbers after its code, which no tensor tells.
        batch_statistics: compute the statistics of the generator's batch norms from so many drawn codes, in place of
            those of the file.
        name: name of the model; the file's stem unless given.
        licence: licence of the weights, recorded in the folder; a note on the layout's usual source unless given.
        overwrite: replace an existing folder.

    Returns:
        What was made.

    Raises:
        CheckpointError: nothing was written; the message says why and what to do.
        FileExistsError: the folder exists and is not to be replaced.
    """
    path = Path(path)
    remedy = "write it as docs/converting.md describes"
    described = read_json(architecture, remedy) if architecture is not None else {}
    entry = known(path)
    described |= classes_of(entry, num_classes, described)
    networks = read_networks(path, weights)
    main = _convert_main(networks, path, described)
    if lpips_linear is not None:
        main = _with_linear(main, path, lpips_linear)
    params, remarks = with_statistics(main.module, main.params, main.latent, batch_statistics, str(path))
    main = main._replace(params=params)
    left_out = (*networks.left_out, *main.left_out, *remarks)
    critic = _convert_critic(networks, path, discriminator) if _role(main) == "generator" else None
    if critic is not None:
        left_out += critic.left_out
        _check_same_images(main, critic, discriminator or path)
    elif _role(main) == "generator" and "discriminator" in networks:
        left_out += ("discriminator (of no known layout)",)
    encoding = _convert_encoder(main, encoder) if encoder is not None else None
    beside = {"discriminator_source": discriminator, "encoder_source": encoder, "linear_source": lpips_linear}
    notes = tuple(str(entry) for entry in left_out if isinstance(entry, Note))
    left_out = tuple(entry for entry in left_out if not isinstance(entry, Note))
    taken = tuple(networks.taken[role] for role in ("generator", "discriminator") if role in networks.taken)
    licence = licence or (entry.licence if entry else None)
    provenance = _provenance(path, main, licence, left_out) | _sources(beside)
    provenance |= {"taken": list(taken), "notes": list(notes)} | facts_of(entry, main.module)
    _save(main, critic, encoding, folder, name or path.stem, provenance=provenance, overwrite=overwrite)
    parts = [main, *(part for part in (critic, encoding) if part is not None)]
    return Conversion(
        folder=Path(folder),
        layout=main.layout,
        title=LAYOUTS[main.layout].title if main.layout in LAYOUTS else "described network",
        num_tensors=sum(len(jax.tree.leaves(part.params)) for part in parts),
        left_out=left_out,
        notes=notes,
        taken=taken,
        module=main.module,
        has_critic=critic is not None,
        has_encoder=encoding is not None,
    )


def _role(converted: Converted) -> str:
    return "generator" if hasattr(converted.module, "z_dim") else "other"


def _convert_main(networks: Networks, path: Path, described: dict[str, Any]) -> Converted:
    """The file's generator, or the only network it has."""
    role = next((name for name in ("generator", "") if name in networks), next(iter(networks)))
    return _convert_state(networks[role], str(path), networks.attributes.get(role, {}) | described)


def _convert_state(state: State, source: str, described: dict[str, Any]) -> Converted:
    described = dict(described)
    settings = described.pop(SETTINGS, {})
    if "layers" in described and not biggan_deep.is_config(described):
        file = "the architecture file"
        told = read_architecture(described, file)
        result = convert_conditional(told.module, read_labels(told.labels, file), told.modules, state, source)
        return Converted("described", *result, _latent(told.latent))
    layout, state = recognise_below(state, source)
    options = {key: value for key, value in described.items() if key not in ("arch", "latent")}
    if not biggan_deep.is_config(described):  # That tells them itself.
        check_classes_option(layout, options, source)
    options |= {SETTINGS: settings} if settings and layout in WITH_SETTINGS else {}
    try:
        module, params, left_out = LAYOUTS[layout].convert(state, source, options)
    except TypeError as error:
        raise CheckpointError(f"the architecture file does not fit {LAYOUTS[layout].title}: {error}") from error
    own = getattr(module, "latent", LatentDistribution())
    latent = _latent(described["latent"]) if "latent" in described else own
    return Converted(layout, module, params, left_out, latent)


def _with_linear(main: Converted, path: Path, linear: str | os.PathLike) -> Converted:
    """LPIPS, made of a converted trunk and the file of its linear weights."""
    module, params = lpips.combine(main.module, main.params, str(path), linear)
    return main._replace(layout="lpips", module=module, params=params)


def _latent(description: dict[str, Any]) -> LatentDistribution:
    try:
        return LatentDistribution(**description)
    except TypeError as error:
        raise CheckpointError(f"the architecture file has a bad entry 'latent': {error}") from error


def _convert_critic(networks: Networks, path: Path, discriminator: str | os.PathLike | None) -> Converted | None:
    """The discriminator given beside the generator, or the one in the same file; None where there is neither."""
    if discriminator is not None:
        others = read_networks(discriminator)
        role = "discriminator" if "discriminator" in others else next(iter(others))
        found = _convert_state(others[role], str(discriminator), others.attributes.get(role, {}))
        if not hasattr(found.module, "features"):
            raise CheckpointError(f"{discriminator} holds a {LAYOUTS[found.layout].title}, no discriminator.")
        return found
    if "generator" not in networks or "discriminator" not in networks:
        return None
    try:
        return _convert_state(networks["discriminator"], str(path), networks.attributes.get("discriminator", {}))
    except UnknownLayoutError:
        return None  # The generator serves without it; the report names it among what was left out.


def _convert_encoder(generator: Converted, path: str | os.PathLike) -> Converted:
    """The encoder given beside a generator."""
    if _role(generator) != "generator":
        raise CheckpointError(f"the encoder {path} belongs to a generator, and there is none: leave it out.")
    networks = read_networks(path)
    found = _convert_state(next(iter(networks.values())), str(path), {})
    if not hasattr(found.module, "code_shape"):
        raise CheckpointError(f"{path} holds a {LAYOUTS[found.layout].title}, no encoder.")
    module, encoder = generator.module, found.module
    wanted = (
        module.feature_shape(len(module.layer_names)),
        (getattr(module, "num_styles", 0), getattr(module, "w_dim", 0)),
    )
    if (encoder.input_shape, tuple(encoder.code_shape)) != wanted:
        raise CheckpointError(
            f"{path}: the encoder takes images {list(encoder.input_shape)} and gives codes "
            f"{list(encoder.code_shape)}, the generator makes images {list(wanted[0])} of styles {list(wanted[1])}; "
            "nothing was written: give the encoder that was trained for it."
        )
    return found


def _check_same_images(generator: Converted, critic: Converted, source: Any) -> None:
    size, seen = generator.module.resolution, critic.module.input_shape[0]
    if size != seen:
        raise CheckpointError(
            f"{source}: the discriminator sees {seen}-pixel images, the generator makes {size}-pixel ones; nothing was "
            "written: give the discriminator that was trained with it."
        )
    ours, theirs = generator.module.feature_shape(len(generator.module.layer_names))[-1], critic.module.input_shape[-1]
    if ours != theirs:
        raise CheckpointError(
            f"{source}: the discriminator sees images of {theirs} channels, the generator makes images of {ours}; "
            "nothing was written: give the discriminator that was trained with it."
        )


def _save(
    main: Converted,
    critic: Converted | None,
    encoder: Converted | None,
    folder: str | os.PathLike,
    name: str,
    **options: Any,
) -> None:
    """Write the model folder of a generator, with discriminator and encoder where there are, or of another network."""
    if _role(main) == "generator":
        stored = Critic(critic.params, critic.module) if critic else None
        encoding = Encoder(encoder.params, encoder.module) if encoder else None
        prior = Prior(main.params, main.module, latent=main.latent, critic=stored, encoder=encoding, name=name)
        zoo.save(prior, folder, **options)
    elif isinstance(main.module, TranslationNetwork):
        zoo.save_translator(Translator(main.params, main.module, name=name), folder, **options)
    else:
        zoo.save_network(main.module, main.params, folder, **options)


def _sources(beside: dict[str, str | os.PathLike | None]) -> dict[str, Any]:
    """The part of the provenance that tells the files given beside the main one."""
    return {k: {"file": Path(v).name, "sha256": sha256(v)} for k, v in beside.items() if v is not None}


def _provenance(path: Path, main: Converted, licence: str | None, left_out: tuple[str, ...]) -> dict[str, Any]:
    note = LAYOUTS[main.layout].licence_note if main.layout in LAYOUTS else dcgan.LICENCE_NOTE
    versions = {package: metadata.version(package) for package in ("jax", "flax", "torch", "numpy")}
    return {
        "file": path.name,
        "sha256": sha256(path),
        "layout": main.layout,
        "licence": licence or note,
        "left_out": list(left_out),
        "converted": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"gprior-jax": __version__} | versions,
    }

"""Architectures by the name that a model folder has for them, and their descriptions as JSON."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.patch import PatchGAN
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.generators.metric import StyleMetric
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.nn.stack import StackLayer
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.perceptual.lpips import LPIPSNetwork
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.translation.resnet import ResNetTranslator
from gprior_jax.translation.unet import UNetTranslator
from gprior_jax.typing import Params

NETWORKS: dict[str, type[nn.Module]] = {
    "pggan_generator": PGGAN,
    "pggan_discriminator": PGGANDiscriminator,
    "stylegan_generator": StyleGAN,
    "stylegan2_generator": StyleGAN2,
    "stylegan2_discriminator": StyleGAN2Discriminator,
    "biggan_generator": BigGAN,
    "biggan_deep_generator": BigGANDeep,
    "dcgan_generator": DCGAN,
    "dcgan_discriminator": DCGANDiscriminator,
    "patch_discriminator": PatchGAN,
    "resnet_translator": ResNetTranslator,
    "unet_translator": UNetTranslator,
    "residual_encoder": ResidualEncoder,
    "multi_code_encoder": MultiCodeEncoder,
    "style_metric": StyleMetric,
    "vgg16": VGG16,
    "alexnet": AlexNet,
    "efficientnet_lite0": EfficientNetLite0,
    "lpips": LPIPSNetwork,
}
"""Every architecture that a folder can hold, by the name in ``config.json``; :func:`register` adds one."""


def register(arch: str, kind: type[nn.Module]) -> None:
    """Make an architecture known, so that model folders can hold it; a folder can only name what is known.

    Args:
        arch: its name in ``config.json``.
        kind: a Linen module whose attributes are numbers, words and tuples, with ``input_shape`` and ``init_all``.

    Raises:
        ArgumentError: another has the name.

    >>> class Mine(nn.Module):
    ...     features: int = 4
    >>> register("mine", Mine)
    >>> NETWORKS.pop("mine").__name__
    'Mine'
    """
    if NETWORKS.get(arch, kind) is not kind:
        raise ArgumentError(f"there is an architecture {arch!r} already: choose another name.")
    NETWORKS[arch] = kind


def describe(module: nn.Module) -> dict[str, Any]:
    """The attributes of a module as JSON, with its name in :data:`NETWORKS` under ``"arch"``.

    Raises:
        ArgumentError: an architecture that is not known.
    """
    arch = next((name for name, kind in NETWORKS.items() if type(module) is kind), None)
    if arch is None:
        raise ArgumentError(
            f"{type(module).__name__} is no architecture that model folders can hold: make it known with "
            "gprior_jax.zoo.register(name, class)."
        )
    return {"arch": arch} | attributes_of(module)


def attributes_of(value: Any) -> dict[str, Any]:
    """The fields of a module or dataclass as JSON."""
    names = [f.name for f in dataclasses.fields(value) if f.name not in ("parent", "name")]
    return {name: _plain(getattr(value, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return attributes_of(value) if dataclasses.is_dataclass(value) else value


def build(description: Any) -> Any:
    """The module that :func:`describe` described.

    Raises:
        CheckpointError: an unknown architecture, or attributes that it does not have.
    """
    if not isinstance(description, dict):
        raise CheckpointError(f"a network is described by an object with its architecture, not by {description!r}.")
    attributes = dict(description)
    arch = attributes.pop("arch", None)
    if not isinstance(arch, str) or arch not in NETWORKS:
        raise CheckpointError(
            f"architecture {arch!r} is unknown to this version: it knows {', '.join(NETWORKS)}. One of your own "
            "is made known by gprior_jax.zoo.register, in a file that is imported first."
        )
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

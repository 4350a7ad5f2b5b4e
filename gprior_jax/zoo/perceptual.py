"""Perceptual networks from model folders."""

import os

from gprior_jax.discriminators.critic import Critic
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork
from gprior_jax.perceptual.network import (
    IN_DOMAIN_LAYERS,
    MGANPRIOR_LAYERS,
    PerceptualNetwork,
    alexnet,
    discriminator,
    efficientnet,
    keras_vgg16,
    vgg16,
)
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.zoo.bundled import resolve
from gprior_jax.zoo.folder import load_network
from gprior_jax.zoo.networks import describe


def load_perceptual(
    name_or_folder: str | os.PathLike, layers: tuple[str, ...] | None = None
) -> PerceptualNetwork | LPIPS:
    """Read a network that compares images: VGG-16, AlexNet, EfficientNet-Lite0, LPIPS, a discriminator, or a prior.

    Args:
        name_or_folder: a bundled name, or what ``gprior convert`` or ``gprior train`` wrote.
        layers: layers to compare; None takes the network's default.

    Raises:
        CheckpointError: no such folder, or no such network in it.
        ValueError: a layer that the network does not have, or layers of LPIPS, which is a whole distance.

    >>> network = load_perceptual("builtin")
    >>> network.layers
    ('conv_64', 'down_64', 'conv_32', 'down_32', 'conv_16', 'down_16', 'conv_8', 'down_8')
    """
    folder = resolve(name_or_folder)
    module, params = load_network(folder)
    if isinstance(module, LPIPSNetwork):
        if layers is not None:
            raise ArgumentError(
                f"{folder} holds LPIPS, a whole distance whose layers are not to be chosen: leave them out."
            )
        return LPIPS(params, module)
    if isinstance(module, AlexNet):
        return alexnet(module, params, layers)
    if isinstance(module, EfficientNetLite0):
        return efficientnet(module, params, layers)
    if isinstance(module, VGG16) and module.inputs == "keras":
        return keras_vgg16(module, params, IN_DOMAIN_LAYERS if layers is None else layers)
    if isinstance(module, VGG16):
        return vgg16(module, params, MGANPRIOR_LAYERS if layers is None else layers)
    if not all(hasattr(module, name) for name in ("features", "prepare", "layer_names")):
        raise CheckpointError(
            f"{folder} holds {describe(module)['arch']}, which has no features to compare: name a folder with VGG-16, "
            "AlexNet, EfficientNet-Lite0, LPIPS or a discriminator."
        )
    return discriminator(Critic(params, module), layers)


def load_lpips(name_or_folder: str | os.PathLike) -> LPIPS:
    """Read LPIPS from a model folder, and nothing else.

    Raises:
        CheckpointError: no such folder, or one that holds something else.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp, tempfile
    >>> module = LPIPSNetwork("alexnet")  # In place of a converted one.
    >>> params = module.init(jax.random.key(0), jnp.ones((32, 32, 3)), method="init_all")["params"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     gp.zoo.save_network(module, params, f"{folder}/lpips")
    ...     print(load_lpips(f"{folder}/lpips").module.trunk)
    alexnet
    """
    module, params = load_network(resolve(name_or_folder))
    if not isinstance(module, LPIPSNetwork):
        raise CheckpointError(
            f"{name_or_folder} holds no LPIPS but {describe(module)['arch']}: convert a trunk with the linear weights "
            "of the lpips package."
        )
    return LPIPS(params, module)

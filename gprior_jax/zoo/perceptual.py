"""Perceptual networks from model folders."""

import os

from gprior_jax.errors import CheckpointError
from gprior_jax.generators.base import Critic
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork
from gprior_jax.perceptual.network import MGANPRIOR_LAYERS, PerceptualNetwork, alexnet, discriminator, vgg16
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.zoo.folder import load_network
from gprior_jax.zoo.networks import describe


def load_perceptual(folder: str | os.PathLike, layers: tuple[str, ...] | None = None) -> PerceptualNetwork:
    """Read a perceptual network from a model folder: VGG-16, AlexNet, a discriminator, or a prior with its own.

    Args:
        folder: what ``gprior convert`` or ``gprior train`` wrote.
        layers: layers to compare; None takes the network's default.

    Raises:
        CheckpointError: no such folder, or no perceptual network in it (LPIPS is read by :func:`load_lpips`).
        ValueError: a layer that the network does not have.
    """
    module, params = load_network(folder)
    if isinstance(module, LPIPSNetwork):
        raise CheckpointError(
            f"{folder} holds LPIPS, a whole distance whose layers are not to be chosen: read it with "
            "gprior_jax.zoo.load_lpips, or name a folder of VGG-16, AlexNet or a discriminator."
        )
    if isinstance(module, AlexNet):
        return alexnet(module, params, layers)
    if isinstance(module, VGG16):
        return vgg16(module, params, layers or MGANPRIOR_LAYERS)
    return discriminator(Critic(params, module), layers)


def load_lpips(folder: str | os.PathLike) -> LPIPS:
    """Read LPIPS from a model folder.

    Args:
        folder: what ``gprior convert --lpips-linear`` wrote.

    Raises:
        CheckpointError: no such folder, or one that holds something else.
    """
    module, params = load_network(folder)
    if not isinstance(module, LPIPSNetwork):
        raise CheckpointError(
            f"{folder} holds no LPIPS but {describe(module)['arch']}: make one with 'gprior convert "
            "vgg16-397923af.pth --lpips-linear vgg.pth --to DIR'."
        )
    return LPIPS(params, module)

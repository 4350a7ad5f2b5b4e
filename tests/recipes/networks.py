"""Perceptual networks with random weights, for the tests in this folder."""

import functools

import jax
from batteries import random_params

from gprior_jax.perceptual import network
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork
from gprior_jax.perceptual.vgg import VGG16


@functools.cache
def vgg() -> network.PerceptualNetwork:
    """VGG-16 down to where Image2StyleGAN compares, as mGANprior loads it."""
    return network.vgg16(VGG16(9), random_params(VGG16(9), 2), ("relu3_3",), size=256)


@functools.cache
def lpips() -> LPIPS:
    """LPIPS with AlexNet."""
    module = LPIPSNetwork("alexnet")
    params = random_params(module, 3)
    return LPIPS(params | {"linear": jax.tree.map(abs, params["linear"])}, module)
